#!/bin/sh
# Makes result.json: are edits kept to? On the books shipped with the package, or on the dataset folder given.
#   ./run.sh                                  # books, six epochs, as in the demo
#   ./run.sh ../../../beauty.dataset beauty   # another dataset: makes result-beauty.json
set -e
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}/edits"
if [ -z "$1" ]; then
  DATA="$WORK/books.dataset"
  BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
  penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
  penchant fit "$DATA" --config books.toml --to "$WORK/books.bundle"
  python measure.py "$WORK/books.bundle"
else
  penchant fit "$1" --to "$WORK/$2.bundle"
  python measure.py "$WORK/$2.bundle" --out "result-$2.json"
fi
