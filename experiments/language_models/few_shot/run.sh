#!/bin/sh
# Makes result.json, zero_shot.json, views.json and curve.json. MovieLens-100K may not be redistributed: DATA is a folder that holds your copies of
# movielens-100k and goodbooks-10k-sample (interactions and items as Parquet or CSV).
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
for name in movielens-100k goodbooks-10k-sample; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --name "$name" --to "$WORK/$name.dataset"
done
export OMP_WAIT_POLICY=PASSIVE
python measure.py "$WORK/movielens-100k.dataset" "$WORK/goodbooks-10k-sample.dataset"
python zero_shot.py "$WORK/movielens-100k.dataset" "$WORK/goodbooks-10k-sample.dataset"
python views.py "$WORK/movielens-100k.dataset"
python curve.py
