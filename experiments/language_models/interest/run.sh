#!/bin/sh
# Makes frozen-*.json, tuned-*.json and bands.json: the recommenders with the embedded encoder, and with one fine-tuned on
# the same training part. Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own with
# interactions (user_id, item_id, position) and items (item_id, title, brand, categories) as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}"
SEEDS=${SEEDS:-0 1 2}
[ -d "$WORK/beauty.dataset" ] || penchant import "$DATA" --to "$WORK/beauty.dataset"
encoder="$WORK/beauty-interest-encoder"
[ -f "$encoder/fine_tuning.json" ] || penchant finetune "$WORK/beauty.dataset" --to "$encoder" --config encoder.toml --no-resume
cp "$encoder/model_card.json" encoder.card.json
ask() {  # name, seed, options of evaluate
  name=$1; seed=$2; shift 2
  [ -s "$name-$seed.json" ] && [ -d "$WORK/lists-$name-$seed" ] || penchant evaluate "$WORK/beauty.dataset" --models content_based,interest --k 10 \
    --seeds "$seed" --lists-to "$WORK/lists-$name-$seed" --checkpoints "$WORK/states-$name-$seed" --json "$name-$seed.json" "$@"
}
for seed in $SEEDS; do
  ask frozen "$seed"
  ask tuned "$seed" --encoder "$encoder"
done
python bands.py "$WORK/beauty.dataset" "$WORK" $SEEDS
