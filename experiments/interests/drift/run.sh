#!/bin/sh
# Makes result.json and drift.svg: planted changes of interest, read by a model of the books shipped with the package.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
HERE="${TMPDIR:-/tmp}/penchant-drift"
penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$HERE/books.dataset"
penchant fit "$HERE/books.dataset" --config config.toml --to "$HERE/books.bundle"
python measure.py "$HERE/books.bundle"
