#!/bin/sh
# Makes result.json: every family of models with its defaults on the books shipped with the package, leave-one-out. An hour
# and more: RESUME=--resume goes on where a stopped run left off.
set -e
cd "$(dirname "$0")"
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
DATA="${TMPDIR:-/tmp}/books.dataset"
[ -d "$DATA" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$DATA"
penchant evaluate "$DATA" --protocol leave-one-out --k 10 "${RESUME:---no-resume}" --json result.json --models "popularity,recent_popularity,\
content_based,user_knn,item_knn,graph_smoothing,ease,als,bpr,lightgcn,neumf,attentive_cf,autoencoder,two_tower,\
gru4rec,caser,sasrec,bert4rec,tracker,interest"
