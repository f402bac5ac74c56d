#!/bin/sh
# Makes result.json: encoders of several sizes on the books that come with the package.
set -e
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python measure.py "$WORK/books.dataset"
