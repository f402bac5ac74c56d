#!/bin/sh
# Makes result-books.json and result-changed.json, of the books shipped with the package.
set -e
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
python measure.py --data "${DATASET:-$WORK/books.dataset}" --config config.toml --json result-books.json
python changed.py --data "${DATASET:-$WORK/books.dataset}" --config config.toml --json result-changed.json
