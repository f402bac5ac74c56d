#!/bin/sh
# Makes result.json and result-larger-step.json: are edits kept to? On the books shipped with the package, or on the
# dataset folder given.
#   ./run.sh                                  # books, six epochs, as in the demo
#   ./run.sh ../../../beauty.dataset beauty   # another dataset: makes result-beauty.json
set -e
cd "$(dirname "$0")"
WORK="${TMPDIR:-/tmp}/edits"
if [ -z "$1" ]; then
  DATA="$WORK/books.dataset"
  NAME=books
  OUT=result.json
  SETTINGS="--config books.toml"
  BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
  penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
else
  DATA="$1"
  NAME="$2"
  OUT="result-$2.json"
  SETTINGS=
fi
python hold_out.py "$DATA" "$WORK/$NAME-asked.dataset"
penchant fit "$WORK/$NAME-asked.dataset" $SETTINGS --to "$WORK/$NAME.bundle"
python measure.py "$WORK/$NAME.bundle" "$DATA" --out "$OUT"
if [ "$NAME" = books ]; then
  python measure.py "$WORK/$NAME.bundle" "$DATA" --config larger_step.toml --out result-larger-step.json
fi
