#!/bin/sh
# Makes result.json: what is read in texts that were made up for the tests.
set -e
cd "$(dirname "$0")/../.."
PYTHONPATH=. python experiments/texts/measure.py
