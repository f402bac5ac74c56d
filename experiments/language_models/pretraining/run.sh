#!/bin/sh
# Pre-training on the bundled books' own texts: from scratch, its worth after fine-tuning, and MiniLM on the domain.
set -eu
cd "$(dirname "$0")"
[ -d books.data ] || python -c "
from pathlib import Path
from penchant.bundled import BOOKS, LICENCE
from penchant.data.importing import ImportConfig, import_source
import_source(BOOKS, Path('books.data'), config=ImportConfig(name='goodbooks', licence=LICENCE))"
python measure.py scratch books.data --seeds "${SEEDS:-0}" --to result-scratch.json
python measure.py minilm books.data --seeds "${SEEDS:-0}" --to result-minilm.json
OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 python few_labels.py books.data 0,1,2
