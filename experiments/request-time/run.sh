#!/bin/sh
# Makes result.json. DATA is a folder that holds your copies of movielens-100k and kuairand-pure-slice, which may not be
# redistributed. Eight minutes on one core.
set -e
DATA=${1:?give the folder that holds the datasets}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
rm -f result.json
for name in movielens-100k kuairand-pure-slice; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --name "$name" --to "$WORK/$name.dataset"
  OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python measure.py "$WORK/$name.dataset"
done
OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python measure.py "$WORK/kuairand-pure-slice.dataset" 1
