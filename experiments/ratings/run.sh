#!/bin/sh
# Makes result.json from config.toml, and networks.json from networks.toml. MovieLens-100K may not be redistributed: DATA is a folder of your own with
# interactions (user_id, item_id, rating, timestamp), items (item_id, title, release_date, genres) and users (user_id, age,
# gender, occupation, zip) as Parquet or CSV.
set -e
DATA=${1:?give the folder of the raw data}
cd "$(dirname "$0")"
penchant import "$DATA" --name movielens-100k --to "${TMPDIR:-/tmp}/movielens-100k.dataset"
OMP_WAIT_POLICY=PASSIVE penchant evaluate "${TMPDIR:-/tmp}/movielens-100k.dataset" --task ratings \
  --models rating_means,rating_knn,biased_mf,svdpp,bayesian_mf \
  --protocol k-fold --seeds 0 --config config.toml --json result.json
OMP_WAIT_POLICY=PASSIVE penchant evaluate "${TMPDIR:-/tmp}/movielens-100k.dataset" --task ratings \
  --models "rating_means,rating_knn by items,rating_knn by users,factorization_machine,rating_network" \
  --protocol k-fold --seeds 0 --config networks.toml --json networks.json
