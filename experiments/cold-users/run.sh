#!/bin/sh
# Makes books.json: the books shipped with the package, one reader in five new. Where DATA, your own folder of MovieLens-100K
# (interactions.parquet, items.parquet, users.parquet), is given, also films.json, whose users have an age, a gender and an
# occupation, and films-without-attributes.json: the same users without. Three to seven minutes each.
set -e
DATA=${1:-}
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
WORK="${TMPDIR:-/tmp}"
MODELS="popularity,rating_means,content_based,item_knn,tracker,interest"
cold() {
  penchant evaluate "$1" --protocol cold-users --k 10 --exclude-history --config config.toml --no-resume --models "$2" --json "$3"
}
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
cold "$WORK/books.dataset" "$MODELS" books.json
[ -n "$DATA" ] || exit 0
[ -d "$WORK/films.dataset" ] || penchant import "$DATA" --name movielens-100k --to "$WORK/films.dataset"
cold "$WORK/films.dataset" "$MODELS,two_tower" films.json
mkdir -p "$WORK/bare"
cp "$DATA/interactions.parquet" "$DATA/items.parquet" "$WORK/bare"
[ -d "$WORK/bare.dataset" ] || penchant import "$WORK/bare" --name movielens-100k --to "$WORK/bare.dataset"
cold "$WORK/bare.dataset" "popularity,tracker,interest" films-without-attributes.json
