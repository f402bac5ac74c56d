#!/bin/sh
# Makes result-synthetic.json, result-digits.json, result-open-bandit.json, result-coverage.json,
# result-slate-coverage.json and result-long-run.json.
#   OBP=python DATA=folder sh run.sh
# OBP: a python with obp 0.5.5 (pip install scikit-learn pandas scipy pyyaml tqdm matplotlib seaborn mypy-extensions
# pillow torch; then pip install --no-deps --ignore-requires-python obp==0.5.5 pyieoe). DATA: a folder with
# open-bandit-small, the small sample of the Open Bandit Dataset as parquet, which is not part of this repository.
set -e
OBP=${OBP:?give a python that has obp}
DATA=${DATA:?give the folder that has open-bandit-small}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
WORLDS="${TMPDIR:-/tmp}/penchant-off-policy"
cd "$(dirname "$0")"
python against_obp.py synthetic --obp "$OBP" --seeds 200 --folder "$WORLDS/synthetic" --to result-synthetic.json
python against_obp.py digits --obp "$OBP" --seeds 200 --folder "$WORLDS/digits" --to result-digits.json
python open_bandit.py --obp "$OBP" --data "$DATA/open-bandit-small" --to result-open-bandit.json
python coverage.py --seeds 1000 --to result-coverage.json
python slate_coverage.py --seeds 3000 --to result-slate-coverage.json
python long_run.py --seeds 10 --to result-long-run.json
