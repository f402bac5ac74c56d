#!/bin/sh
# Adds the rows of rows.json to result.json: the tracker with and without its filter. The other rows' code is not in the tree.
# DATA is a dataset folder made by `penchant import`.
set -e
DATA=${1:?give a dataset folder}
cd "$(dirname "$0")"
python measure.py rows.json --data "$DATA" --epochs 6 --against "as it is"
