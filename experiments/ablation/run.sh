#!/bin/sh
# Makes result.json: the books shipped with the package, leave-one-out, every part left out once, and a shuffled control.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
DATA="${TMPDIR:-/tmp}/books.dataset"
[ -d "$DATA" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
penchant evaluate "$DATA" --protocol leave-one-out --k 10 --config config.toml --json result.json --models "popularity,item_knn,\
tracker,tracker shuffled,tracker without text,tracker without ids,tracker with graph vectors,\
interest,interest without knn,interest without graph,interest without content"
