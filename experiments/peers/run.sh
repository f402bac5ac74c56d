#!/bin/sh
# Makes movielens-100k.json and movielens-100k-temporal.json: other libraries and ours on one split, scored by one metric code, every one with its
# defaults (one trial), text read by ours alone. DATA is a folder of your own with interactions (user_id, item_id, rating,
# timestamp), items and users; PEERS one with the libraries' environments (`penchant compare --make-environments PEERS`).
set -e
DATA=${1:?give the folder of the raw data}
PEERS=${2:?give the folder of the environments}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}/movielens-100k.dataset"
[ -d "$WORK" ] || penchant import "$DATA" --to "$WORK"
OMP_WAIT_POLICY=PASSIVE penchant compare "$WORK" --environments "$PEERS" \
  --peers implicit,rectools,lenskit,cornac,recbole:lightgcn,recbole:bpr --models interest \
  --seeds 0 --threads 1 --minutes 20 --json movielens-100k.json
OMP_WAIT_POLICY=PASSIVE penchant compare "$WORK" --protocol temporal --environments "$PEERS" \
  --peers implicit,rectools:ease,lenskit,cornac:ease --models interest \
  --seeds 0 --threads 1 --minutes 10 --json movielens-100k-temporal.json
