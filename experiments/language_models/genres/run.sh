#!/bin/sh
# Makes domains.json, augmented.json and further.json. MovieLens-100K may not be redistributed: DATA is a folder that holds
# your copy of movielens-100k (interactions and items as Parquet or CSV). The books come with the package.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
[ -d "$WORK/movielens-100k.dataset" ] ||
  penchant import "$DATA/movielens-100k" --name movielens-100k --to "$WORK/movielens-100k.dataset"
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1
python domains.py "$WORK/books.dataset" "$WORK/movielens-100k.dataset"
for part in augmented further; do python $part.py "$WORK/books.dataset"; done
