#!/bin/sh
# Makes result-books.json from the bundled books, and result-beauty.json where a folder of that data is given.
# Amazon Beauty (2014, 5-core) may not be redistributed: DATA is a folder of your own with interactions (user_id, item_id,
# position) and items (item_id, title, brand, categories) as Parquet or CSV.
set -e
DATA=$1
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
python measure.py books "$WORK/books.dataset"
[ -n "$DATA" ] || exit 0
[ -d "$WORK/beauty.dataset" ] || penchant import "$DATA" --to "$WORK/beauty.dataset"
python measure.py beauty "$WORK/beauty.dataset"
