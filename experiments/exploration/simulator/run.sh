#!/bin/sh
# Makes the results: recommender settings on worlds 1-10, then the report worlds 91-110, with latent interests and without.
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
[ -n "$RECOMMENDER" ] && python measure.py recommender --out tuning-recommender.json
python measure.py report --out result.json
python measure.py report --without-latent --policies greedy,dial --out result-without-latent.json
for file in result.json result-without-latent.json; do
    python measure.py draw "$file" --to ../../../docs/images
done
