#!/bin/sh
# Makes result.json from config.toml. MovieLens-1M may not be redistributed: DATA is a folder of your own with interactions
# (user_id, item_id, position), items (item_id, title, genres, year, description) and users as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}/movielens-1m.dataset"
[ -d "$WORK" ] || penchant import "$DATA" --to "$WORK"
OMP_WAIT_POLICY=PASSIVE penchant evaluate "$WORK" --models popularity,item_knn,interest \
  --protocol leave-one-out --k 5,10 --seeds 0,1,2 --config config.toml --json result.json
