#!/bin/sh
# Makes the results: what was tried of the dial on the tuning worlds (TUNE=1) and of the recommender (RECOMMENDER=1), then the
# report worlds 171-190, with latent interests and without.
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
[ -n "$RECOMMENDER" ] && python measure.py recommender --out tuning-recommender.json
[ -n "$TUNE" ] && python measure.py tune --out tuning-dial.json
python measure.py report --out result.json
python measure.py report --without-latent --policies greedy,dial --out result-without-latent.json
for file in result.json result-without-latent.json; do
    python measure.py draw "$file" --to ../../../docs/images
done
