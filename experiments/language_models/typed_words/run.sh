#!/bin/sh
# Makes result.json from the bundled books.
set -e
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
python measure.py "$WORK/books.dataset"
