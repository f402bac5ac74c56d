#!/bin/sh
# Makes books.json (of the books shipped with the package), goodbooks.json, beauty.json and movielens.json. DATA is a
# folder that holds your own copies of goodbooks-10k-sample, amazon-beauty-2014 and movielens-1m; none but the first may
# be redistributed.
set -e
DATA=${1:?give the folder that holds the three datasets}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
for name in goodbooks-10k-sample amazon-beauty-2014 movielens-1m; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --to "$WORK/$name.dataset"
done
measure() { python measure.py --data "$WORK/$1.dataset" --config config.toml --name "$2" --json "$2.json"; }
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
measure books books
measure goodbooks-10k-sample goodbooks
measure amazon-beauty-2014 beauty
measure movielens-1m movielens
