#!/bin/sh
# Policies on MovieLens-100K's ratings, replayed. DATASET: a prepared dataset of it (`penchant import`).
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
python measure.py --data "${DATASET:?a prepared dataset of MovieLens-100K}" --json result.json
