#!/bin/sh
# Makes frozen-*, head_only-*, lora-* and full-*.json and table.json: encoders fine-tuned without the cold items' events, and how they place those items.
# Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own with interactions (user_id, item_id,
# position) and items (item_id, title, brand, categories) as Parquet or CSV. Seed 0 was used for development.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}"
[ -d "$WORK/beauty.dataset" ] || penchant import "$DATA" --to "$WORK/beauty.dataset"
for seed in ${SEEDS:-1 2 3}; do
  sed "s/^seed = .*/seed = $seed/" protocol.toml > "$WORK/protocol-$seed.toml"
  ask() {  # name, options of evaluate
    name=$1; shift
    [ -s "$name-$seed.json" ] || penchant evaluate "$WORK/beauty.dataset" --models content_based --protocol cold-items \
      --k 10 --config "$WORK/protocol-$seed.toml" --json "$name-$seed.json" "$@"
  }
  ask frozen
  for method in ${METHODS:-head_only lora full}; do
    sed "s/^split_seed = .*/split_seed = $seed/" "$method.toml" > "$WORK/$method-$seed.toml"
    encoder="$WORK/beauty-$method-$seed"
    [ -f "$encoder/fine_tuning.json" ] || penchant finetune "$WORK/beauty.dataset" --to "$encoder" \
      --config "$WORK/$method-$seed.toml" --seed "$seed" --checkpoints "$encoder.states" --no-resume
    cp "$encoder/model_card.json" "$method-$seed.card.json"
    ask "$method" --encoder "$encoder"
  done
done
python table.py
