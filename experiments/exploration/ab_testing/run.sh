#!/bin/sh
# Makes result.json and peeking.svg.
set -e
cd "$(dirname "$0")"
OMP_NUM_THREADS=1 python measure.py --to ../../../docs/images
