#!/bin/sh
# ENVIRONMENTS holds one environment for each peer: mabwiser and vowpalwabbit (see measure.py).
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
python measure.py --environments "${ENVIRONMENTS:?give the folder of the peers' environments}" "$@"
