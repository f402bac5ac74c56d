#!/bin/sh
# Makes result-tuning.json and result.json from a dataset folder of the bundled books:
#   penchant import "$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')" --to books.dataset
#   DATA=books.dataset sh run.sh
set -e
DATA=${DATA:?give a dataset folder of the bundled books}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
DATA=$(realpath "$DATA")
cd "$(dirname "$0")"
python measure.py --data "$DATA" --tune --streams 2 --to result-tuning.json
python measure.py --data "$DATA" --to result.json
