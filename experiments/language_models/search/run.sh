#!/bin/sh
# Makes result.json: item_knn tuned on the books shipped with the package, 120 random trials against 40 of each method
# that learns, five seeds of the search.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
DATA="${TMPDIR:-/tmp}/books.dataset"
[ -d "$DATA" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
python measure.py "$DATA" --space space.toml --users 150 --seeds 0,1,2,3,4 --methods tpe,hyperopt --out result.json
