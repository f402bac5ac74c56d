#!/bin/sh
# Makes result-seed-2.json from config.toml. Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own
# with interactions (user_id, item_id, position) and items (item_id, title, brand, categories) as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}/beauty.dataset"
[ -d "$WORK" ] || penchant import "$DATA" --to "$WORK"
penchant evaluate "$WORK" --models "popularity,item_knn,content_based,interest 10% for new" \
  --protocol cold-items --k 5,10 --config config.toml --json result-seed-2.json
