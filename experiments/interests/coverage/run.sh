#!/bin/sh
# Makes result.json: the bundled books, the settings of the demo, one fit (some minutes).
set -e
cd "$(dirname "$0")"
python measure.py
