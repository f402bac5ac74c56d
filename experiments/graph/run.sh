#!/bin/sh
# Makes books.json, music.json and video.json, the same graph models on three domains, with and without the graph, and
# how alike the items of a list are (diversity is one minus that) and how much of a list stays after one more event.
# DATA is a folder with goodbooks-10k-sample, lastfm-hetrec2011 (with social) and kuairand-pure-slice, none of them ours
# to redistribute but the first. Last.fm's events have no order: its rows are split at random, five-fold.
set -e
DATA=${1:?give the folder that holds the three datasets}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
for name in goodbooks-10k-sample lastfm-hetrec2011 kuairand-pure-slice; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --to "$WORK/$name.dataset"
done
MODELS=popularity,item_knn,graph_smoothing,bpr,lightgcn
penchant evaluate "$WORK/lastfm-hetrec2011.dataset" --models $MODELS,social,lightgcn-friends --k 10 --stability --no-text \
  --protocol k-fold --exclude-history --config music.toml --json music.json
penchant evaluate "$WORK/kuairand-pure-slice.dataset" --models $MODELS --k 10 --stability --no-text \
  --exclude-history --sample-users 5000 --config config.toml --json video.json
penchant evaluate "$WORK/goodbooks-10k-sample.dataset" --models $MODELS --k 10 --stability --no-text \
  --exclude-history --config config.toml --json books.json
# What the default makes of events without order, and item neighbours that must read the order.
penchant evaluate "$WORK/lastfm-hetrec2011.dataset" --models item_knn,interest --k 10 --no-text \
  --protocol k-fold --exclude-history --json music-interest.json
penchant evaluate "$WORK/lastfm-hetrec2011.dataset" --models popularity,item_knn,by-order --k 10 --no-text \
  --protocol k-fold --exclude-history --config order.toml --json music-order.json
penchant evaluate "$WORK/kuairand-pure-slice.dataset" --models popularity,item_knn,by-order --k 10 --no-text \
  --exclude-history --sample-users 5000 --config order.toml --json video-order.json
