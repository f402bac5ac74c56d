"""Makes bands.json: NDCG@10 by how often an item was met in training, each seed's lists with both encoders; and how
much of a list that may hold a user's own past is that past.

python bands.py DATASET FOLDER-OF-LISTS SEED…
"""

import json
import sys
from pathlib import Path

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.metrics.lists import read_lists
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
BANDS = {"all": (0, None), "fewer than 10 events": (0, 10), "10 events and more": (10, None)}
MODELS = ("content_based", "interest")
DRAWS = 2000


def found(folder: Path, model: str, seed: str, targets: dict[str, str]) -> np.ndarray:
    """NDCG@10 of each user's one target in the list with the history left out: ``1 / log2(place + 1)``, or 0."""
    lists = read_lists(folder / f"{model}.seed-{seed}.history-excluded.jsonl").items
    values = []
    for user, target in targets.items():
        first = list(lists[user][:10])
        values.append(1 / np.log2(first.index(target) + 2) if target in first else 0.0)
    return np.array(values)


def taken(folder: Path, model: str, seed: str, past: dict[str, set[str]]) -> float:
    """Of the ten places of a list with the history included, the mean number that hold what the user had taken."""
    lists = read_lists(folder / f"{model}.seed-{seed}.history-included.jsonl").items
    return float(np.mean([len(past[user] & set(items[:10])) for user, items in lists.items()]))


def main() -> None:
    """Both models, all seeds, each band: the means, and the tuned encoder's gain with its interval."""
    data, work, seeds = consumption(Dataset.load(Path(sys.argv[1]))), Path(sys.argv[2]), sys.argv[3:]
    parts = split(data, "leave-one-out")
    counts = parts.train.item_counts()
    histories, ids = parts.test.histories, np.array(data.items.ids)
    of_each = np.split(ids[histories.items], histories.indptr[1:-1])
    past = {data.users.ids[row]: set(items) for row, items in zip(histories.users, of_each, strict=True)}
    truth = read_lists(work / f"lists-frozen-{seeds[0]}" / "truth.jsonl").items
    targets = {user: items[0] for user, items in truth.items()}
    row_of = {id_: row for row, id_ in enumerate(data.items.ids)}
    met = np.array([counts[row_of[target]] for target in targets.values()])
    rows, repeated = [], []
    told = {"seeds": seeds, "targets_taken_before": sum(targets[user] in past[user] for user in targets)}
    for model in MODELS:
        repeated.append(
            {"model": model}
            | {
                name: [taken(work / f"lists-{name}-{seed}", model, seed, past) for seed in seeds]
                for name in ("frozen", "tuned")
            }
        )
        values = {
            name: np.stack([found(work / f"lists-{name}-{seed}", model, seed, targets) for seed in seeds])
            for name in ("frozen", "tuned")
        }
        for band, (floor, ceiling) in BANDS.items():
            inside = (met >= floor) & (met < ceiling if ceiling else True)
            frozen, tuned = values["frozen"][:, inside], values["tuned"][:, inside]
            # Users are drawn anew, each with all his seeds.
            drawn = numpy_rng(0, "users").integers(inside.sum(), size=(DRAWS, int(inside.sum())))
            before, after = frozen.mean(axis=0), tuned.mean(axis=0)
            gains = after[drawn].mean(axis=1) / before[drawn].mean(axis=1) - 1
            row = {"model": model, "band": band, "cases": int(inside.sum())}
            row |= {"frozen": frozen.mean(axis=1).tolist(), "tuned": tuned.mean(axis=1).tolist()}
            row |= {
                "gain": after.mean() / before.mean() - 1,
                "gain_interval": np.quantile(gains, (0.025, 0.975)).tolist(),
            }
            rows.append(row)
    (HERE / "bands.json").write_text(
        json.dumps(told | {"rows": rows, "taken_before_of_ten": repeated}, indent=1) + "\n"
    )
    for row in rows:
        print(row["model"], row["band"], row["cases"], f"{row['gain']:+.1%}", row["gain_interval"])


if __name__ == "__main__":
    main()
