#!/bin/sh
# Makes result.json from config.toml: NAME is beauty or another name for the dataset imported at DATASET. RANKING is where
# the fitted ranking is kept, or lies already. Amazon Beauty and MovieLens may not be redistributed: import your own copies.
set -e
NAME=${1:?name the dataset}
DATASET=${2:?give the folder of an imported dataset}
RANKING=${3:?give a folder for the fitted ranking}
cd "$(dirname "$0")"
OMP_WAIT_POLICY=PASSIVE python measure.py "$NAME" "$DATASET" --ranking "$RANKING"
