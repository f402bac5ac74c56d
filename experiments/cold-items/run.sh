#!/bin/sh
# Makes result-seed-2.json from config.toml, and tuned-seed-*.json with an encoder fine-tuned without the cold items'
# events. Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own with interactions
# (user_id, item_id, position) and items (item_id, title, brand, categories) as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}"
[ -d "$WORK/beauty.dataset" ] || penchant import "$DATA" --to "$WORK/beauty.dataset"
penchant evaluate "$WORK/beauty.dataset" --models "popularity,item_knn,content_based,interest 10% for new" \
  --protocol cold-items --k 5,10 --config config.toml --json result-seed-2.json
for seed in 1 2 3; do
  sed "s/^seed = .*/seed = $seed/" config.toml > "$WORK/cold-$seed.toml"
  sed "s/^split_seed = .*/split_seed = $seed/" ../language_models/cold_items/head_only.toml > "$WORK/head_only-$seed.toml"
  penchant finetune "$WORK/beauty.dataset" --to "$WORK/beauty-head_only-$seed" --config "$WORK/head_only-$seed.toml" \
    --seed "$seed" --no-resume
  penchant evaluate "$WORK/beauty.dataset" --models "content_based,interest 10% for new" --protocol cold-items --k 5,10 \
    --config "$WORK/cold-$seed.toml" --encoder "$WORK/beauty-head_only-$seed" --no-resume --json "tuned-seed-$seed.json"
done
