#!/bin/sh
# Makes result.json from config.toml. Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own
# with interactions (user_id, item_id, position) and items (item_id, title, brand, categories) as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
penchant import "$DATA" --to "${TMPDIR:-/tmp}/beauty.dataset"
OMP_WAIT_POLICY=PASSIVE penchant evaluate "${TMPDIR:-/tmp}/beauty.dataset" \
  --models popularity,content_based,item_knn,interest \
  --protocol leave-one-out --k 5,10 --seeds 0,1,2 --config config.toml --json result.json
