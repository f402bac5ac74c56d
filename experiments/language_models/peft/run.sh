#!/bin/sh
# Makes result.json: every fine-tuning method on the bundled books, one process each, one thread.
set -e
cd "$(dirname "$0")"
OMP_NUM_THREADS=1 python measure.py
