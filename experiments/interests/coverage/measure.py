"""Makes result.json: the share of what readers turn to later that their profiles have told.

The last 10 ratings of every reader with 30 and more are held out; the model is fitted on the rest, with the settings of
the demo. A profile tells 12 concepts. Beside it: the 12 concepts on most events of all, and the 12 on most events of
the reader himself.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from penchant.bundled import BOOKS, LICENCE
from penchant.data.dataset import Dataset
from penchant.data.importing import ImportConfig, import_source
from penchant.metrics.interest_coverage import interest_coverage
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.types import DoubleArray

HELD_OUT, LEAST, TOLD = 10, 30, 12
SETTINGS = {"nouns": ("book", "books"), "model": {"tracker": {"training": {"max_epochs": 6}}}}


def rows_of(columns: list[list[int]], n: int) -> sp.csr_array:
    """1 at the given columns of each row."""
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    places = np.concatenate([np.zeros(0, dtype=np.int64), *(np.array(row, dtype=np.int64) for row in columns)])
    return sp.csr_array((np.ones(len(places)), places, indptr), shape=(len(columns), n))


def largest(counts_BC: sp.csr_array, k: int) -> list[list[int]]:
    """The columns of each row's k largest values, of equals the first."""
    found = []
    for b in range(counts_BC.shape[0]):
        dense = counts_BC[[b]].toarray()[0]
        found.append([int(c) for c in np.argsort(-dense, kind="stable")[:k] if dense[c] > 0])
    return found


def main() -> None:
    """Fit, read the profiles, measure, write."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        import_source(BOOKS, Path(folder) / "data", config=ImportConfig(name="goodbooks", licence=LICENCE))
        dataset = Dataset.load(Path(folder) / "data")
    histories = dataset.histories()
    from_end = np.repeat(histories.indptr[1:], histories.lengths) - np.arange(len(histories.items))
    asked = histories.lengths >= LEAST
    held = (from_end <= HELD_OUT) & np.repeat(asked, histories.lengths)
    model = InterestModel(config=InterestModelConfig.of(SETTINGS), seed=0).fit(dataset.select(~held))
    vocabulary = model.fitted.vocabulary
    users = np.flatnonzero(asked)
    on: sp.csr_array = (vocabulary.bears > 0).astype(np.float64)

    def counts(mask: np.ndarray) -> sp.csr_array:
        kept = histories.keep(mask).take(users)
        ones = np.ones(len(kept.items))
        return sp.csr_array((ones, kept.items, kept.indptr), shape=(len(users), dataset.n_items)) @ on

    after, before = counts(held), counts(~held)
    place = {concept.id: c for c, concept in enumerate(vocabulary.concepts)}
    total = np.asarray(before.sum(axis=0)).ravel()
    information = -np.log2((total + 1) / (len(histories.items) - held.sum() + 2))
    popular = np.argsort(-total, kind="stable")[:TOLD].tolist()
    profiles = [model.interests(dataset.users.ids[u], limit=TOLD).interests for u in users]
    told = {
        "profile": rows_of([[place[i.concept_id] for i in profile] for profile in profiles], len(place)),
        "popular concepts": rows_of([popular] * len(users), len(place)),
        "own most frequent concepts": rows_of(largest(before, TOLD), len(place)),
    }
    weights = {
        "concepts": (after > 0).astype(np.float64),
        "events": after,
        "information": sp.csr_array((after > 0).multiply(information[None, :])),
    }

    def summary(shares: DoubleArray) -> dict[str, float]:
        shares = shares[~np.isnan(shares)]
        return {"mean": float(shares.mean()), "standard_error": float(shares.std(ddof=1) / np.sqrt(len(shares)))}

    result = {
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "readers": len(users),
        "held_out_events": HELD_OUT,
        "told": TOLD,
        "concepts": len(place),
        "concepts_held_out_per_reader": float((after > 0).sum(axis=1).mean()),
        "share_covered": {
            how: {name: summary(interest_coverage(rows, held_rows)) for name, rows in told.items()}
            for how, held_rows in weights.items()
        },
    }
    (here / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
