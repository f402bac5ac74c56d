#!/bin/sh
# Makes books.json (of the books shipped with the package), goodbooks.json, beauty.json, movielens.json and lastfm.json. DATA is a folder that holds your own copies of
# goodbooks-10k-sample, amazon-beauty-2014, movielens-1m and lastfm-hetrec2011; none but the first may be redistributed.
set -e
DATA=${1:?give the folder that holds the four datasets}
cd "$(dirname "$0")"
WORK=${TMPDIR:-/tmp}
python lastfm.py "$DATA/lastfm-hetrec2011" "$WORK/lastfm-tags" --ahead 10
[ -d "$WORK/lastfm-tags.dataset" ] || penchant import "$WORK/lastfm-tags" --to "$WORK/lastfm-tags.dataset"
for name in goodbooks-10k-sample amazon-beauty-2014 movielens-1m; do
  [ -d "$WORK/$name.dataset" ] || penchant import "$DATA/$name" --to "$WORK/$name.dataset"
done
measure() { python measure.py --data "$WORK/$1.dataset" --config config.toml --name "$2" --ahead "$3" --json "$2.json"; }
BOOKS=$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')
[ -d "$WORK/books.dataset" ] || penchant import "$BOOKS" --name goodbooks --licence "CC BY-SA 4.0" --to "$WORK/books.dataset"
measure books books 10
measure goodbooks-10k-sample goodbooks 10
measure amazon-beauty-2014 beauty 3
measure movielens-1m movielens 10
measure lastfm-tags lastfm 10
