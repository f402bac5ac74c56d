#!/bin/sh
# Makes result.json: the books shipped with the package, leave-one-out, three seeds, the settings of the demo.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "${TMPDIR:-/tmp}/books.dataset"
penchant evaluate "${TMPDIR:-/tmp}/books.dataset" --models random,popularity,content_based,item_knn,interest \
  --protocol leave-one-out --k 5,10 --seeds 0,1,2 --config config.toml --json result.json
