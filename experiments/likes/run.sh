#!/bin/sh
# Makes result.json. MovieLens-100K may not be redistributed: DATA is a folder that holds your copy of movielens-100k
# (interactions, items and users as Parquet or CSV). About two minutes on one core.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
[ -d "$WORK/movielens-100k.dataset" ] || penchant import "$DATA" --name movielens-100k --to "$WORK/movielens-100k.dataset"
OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python measure.py "$WORK/movielens-100k.dataset"
