#!/bin/sh
# Makes result.json from config.toml: NAME=FOLDER:COLUMN of imported datasets and the column of their tags. Without any,
# the bundled books. MovieLens and Amazon Beauty may not be redistributed: import your own copies first.
set -e
cd "$(dirname "$0")"
if [ $# -eq 0 ]; then
  BOOKS=$(python -c "import penchant.bundled as b; print(b.BOOKS)")
  penchant import "$BOOKS" --to "${TMPDIR:-/tmp}/books.dataset"
  set -- "books=${TMPDIR:-/tmp}/books.dataset:categories"
fi
OMP_WAIT_POLICY=PASSIVE python measure.py "$@"
