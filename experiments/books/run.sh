#!/bin/sh
# Makes result.json: the books shipped with the package, leave-one-out, three seeds, the defaults of every model.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
penchant import "$BOOKS" --name goodbooks --to "${TMPDIR:-/tmp}/books.dataset"
penchant evaluate "${TMPDIR:-/tmp}/books.dataset" --models random,popularity,content_based,item_knn,interest \
  --protocol leave-one-out --k 5,10 --seeds 0,1,2 --json result.json --report "${TMPDIR:-/tmp}/books.html"
