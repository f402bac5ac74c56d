#!/bin/sh
# Makes the result files: other libraries and ours on one split, scored by one metric code, text read by ours alone;
# every one with its defaults (one trial) but where --trials says otherwise. DATA is a folder that holds your copies of movielens-100k, movielens-1m
# and goodbooks-10k-sample (interactions, items and users as Parquet or CSV); PEERS one with the libraries' environments (`penchant compare --make-environments PEERS`).
set -e
DATA=${1:?give the folder of the raw data}
PEERS=${2:?give the folder of the environments}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
for name in movielens-100k movielens-1m goodbooks-10k-sample; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --to "$WORK/$name.dataset"
done
export OMP_WAIT_POLICY=PASSIVE
penchant compare "$WORK/movielens-100k.dataset" --environments "$PEERS" \
  --peers implicit,rectools,lenskit,cornac,recbole:lightgcn,recbole:bpr --models interest \
  --seeds 0 --threads 1 --minutes 20 --json movielens-100k.json
penchant compare "$WORK/movielens-100k.dataset" --environments "$PEERS" \
  --peers recbole:sasrec --models interest --seeds 0 --threads 1 --minutes 20 --json movielens-100k-sasrec.json
penchant compare "$WORK/movielens-100k.dataset" --environments "$PEERS" \
  --peers implicit,rectools:ease,lenskit,cornac,recbole:bpr,recbole:lightgcn --models interest \
  --trials 5 --seeds 0,1,2 --threads 1 --minutes 15 --json movielens-100k-trials.json
penchant compare "$WORK/movielens-100k.dataset" --protocol temporal --environments "$PEERS" \
  --peers implicit,rectools:ease,lenskit,cornac:ease --models interest \
  --seeds 0 --threads 1 --minutes 10 --json movielens-100k-temporal.json
penchant compare "$WORK/goodbooks-10k-sample.dataset" --environments "$PEERS" \
  --peers implicit:bm25,lenskit:item_knn,lenskit:ease,cornac:ease,rectools:sasrec --models interest \
  --seeds 0 --threads 1 --minutes 24 --json goodbooks.json
penchant compare "$WORK/goodbooks-10k-sample.dataset" --environments "$PEERS" \
  --peers implicit,rectools:ease,lenskit:als,cornac:bpr,cornac:hpf,recbole:bpr --models item_knn \
  --seeds 0 --threads 1 --minutes 10 --json goodbooks-others.json
penchant compare "$WORK/goodbooks-10k-sample.dataset" --environments "$PEERS" \
  --peers lenskit:ease --models interest --seeds 0,1,2 --threads 1 --minutes 20 --json goodbooks-seeds.json
penchant compare "$WORK/movielens-1m.dataset" --environments "$PEERS" \
  --peers rectools:sasrec --models interest --config ../movielens-1m/config.toml \
  --seeds 0 --threads 1 --minutes 130 --json movielens-1m.json
