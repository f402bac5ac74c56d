#!/bin/sh
# Makes result.json from config.toml: NAME of the dataset imported at DATASET, and where its fitted tracker is kept or lies.
# MovieLens may not be redistributed: import your own copy.
set -e
NAME=${1:?name the dataset}
DATASET=${2:?give the folder of an imported dataset}
TRACKER=${3:?give a folder for the fitted tracker}
cd "$(dirname "$0")"
OMP_WAIT_POLICY=PASSIVE python measure.py "$NAME" "$DATASET" --tracker "$TRACKER"
