#!/bin/sh
# Makes result.json: the books shipped with the package, leave-one-out; one fit, its lists reranked in ten ways.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
DATA="${TMPDIR:-/tmp}/books.dataset"
[ -d "$DATA" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
penchant evaluate "$DATA" --protocol leave-one-out --k 10 --exclude-history --config config.toml --json result.json \
  --models "interest,mmr 0.1,mmr 0.3,mmr 0.6,dpp 0.05,dpp 0.2,calibrated 0.3,calibrated 0.8,novelty 0.1,novelty 0.3,popularity_debias 0.5"
python draw.py ../../docs/images/diversity-accuracy.svg
