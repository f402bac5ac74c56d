#!/bin/sh
# Makes books.json (of the books shipped with the package) and movielens100k.json. DATA is a folder that holds your own copy of
# movielens-100k, which may not be redistributed.
set -e
DATA=${1:?give the folder that holds movielens-100k}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
[ -d "$WORK/movielens-100k.dataset" ] || penchant import "$DATA/movielens-100k" --to "$WORK/movielens-100k.dataset"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --to "$WORK/books.dataset"
measure() { python measure.py --data "$WORK/$1.dataset" --config config.toml --name "$2" --json "$2.json"; }
measure books books
measure movielens-100k movielens100k
