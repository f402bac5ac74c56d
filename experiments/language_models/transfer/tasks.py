"""Makes tasks.json: two tasks on films by one language model, against a model for each; and with augmented texts.

python tasks.py FILMS.dataset
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.encoders import load_encoder
from penchant.encoders.item_text import render_items
from penchant.evaluation.measuring import environment
from penchant.metrics.probabilities import brier_score
from penchant.metrics.roc import roc_auc
from penchant.models.language.behaviour_text import BehaviourTemplate
from penchant.models.language.examples import Examples, Labels
from penchant.models.language.multi_task import MultiTask, MultiTaskConfig
from penchant.models.language.task_data import LIKES, TextRendering, ratings
from penchant.seeding import numpy_rng
from penchant.training.augmentation.text import TextAugmentationConfig, augmented_texts

HERE = Path(__file__).parent
DRAWS = 2000


def examples(data: Dataset, settings: dict[str, Any], seed: int) -> dict[str, Examples]:
    """``like``: 4 and 5 against 1 and 2. ``take``: a film that was taken, or one drawn by popularity that never was."""
    rendering = TextRendering(
        behaviour=BehaviourTemplate(last_events=settings["last_events"], item_words=settings["item_words"]),
        at_most=8000,
        seed=seed,
    )
    rated = ratings(data, rendering=rendering)
    told = np.flatnonzero(rated.values != 3)
    like = rated.take(told)
    like = replace(like, values=(like.values >= 4).astype(np.float64), meaning=LIKES)
    rng, titles = numpy_rng(seed, "not taken"), render_items(data.items)
    had = [set(data.histories().items[data.histories().of(u)].tolist()) for u in range(data.n_users)]
    drawn = rng.choice(data.n_items, size=(len(rated), 50), p=data.item_counts() / data.item_counts().sum())
    taken = np.arange(len(rated)) % 2 == 0
    texts = list(rated.texts)
    for row in np.flatnonzero(~taken).tolist():
        other = next((item for item in drawn[row].tolist() if item not in had[rated.users[row]]), None)
        texts[row] = (titles[int(drawn[row][0]) if other is None else other], texts[row][1])
    take = replace(rated, texts=texts, values=taken.astype(np.float64), meaning=Labels(names=("not_take", "take")))
    return {"like": like, "take": take}


def parts(task: Examples, settings: dict[str, Any], seed: int) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test: no user is in two of them."""
    rest, test = task.divided(0.4, seed=seed)
    training, validation = rest.divided(0.2, seed=seed + 1)
    sizes = (settings["per_task"], settings["validation"], settings["test"])
    rng = numpy_rng(seed, "examples of the parts")
    a, b, c = (
        one.take(rng.permutation(len(one))[:size])
        for one, size in zip((training, validation, test), sizes, strict=True)
    )
    return a, b, c


def augmented(task: Examples, seed: int) -> Examples:
    """With a second copy of each example, its behaviour with words left out, of the same sense; labels stay."""
    reads = load_encoder(settings={"precision": "float32", "max_length": 64}).encode
    config = TextAugmentationConfig(changes=("word_drop",))
    more = augmented_texts([str(b) for _, b in task.texts], reads, config=config, seed=seed)
    rows = np.array(more.sources)
    texts = [(task.texts[row][0], text) for row, text in zip(rows.tolist(), more.texts, strict=True)]
    return replace(task, texts=texts, values=task.values[rows], users=task.users[rows])


def main() -> None:
    """Every row, in turn."""
    settings = read_toml(HERE / "config.toml")
    own, seed = settings["tasks"], settings["seed"]
    data = Dataset.load(Path(sys.argv[1]))
    found = {name: parts(task, own, seed) for name, task in examples(data, own, seed).items()}
    training = {name: part[0] for name, part in found.items()}
    more = {name: augmented(task, seed) for name, task in training.items()}
    # An epoch draws equally many examples from either: a gain is not of more steps.
    plans: list[tuple[str, str, dict[str, Examples]]] = [
        ("like alone", "equal", {"like": training["like"]}),
        ("take alone", "equal", {"take": training["take"]}),
        ("both, equal", "equal", training),
        ("both, by uncertainty", "uncertainty", training),
        ("both, equal, augmented", "equal", more),
    ]
    scores: dict[str, dict[str, Any]] = {}
    rows = []
    for name, weighting, tasks in plans:
        config = MultiTaskConfig.of(
            {
                "weighting": weighting,
                "max_examples": own["per_task"],
                "language_model": {
                    "max_length": own["max_length"],
                    "method": {"name": "top_layers", "layers": own["layers"]},
                },
                "training": {
                    "learning_rate": own["learning_rate"],
                    "weight_decay": 0.01,
                    "warmup_steps": 20,
                    "max_epochs": own["epochs"],
                    "evaluate_every": 1,
                },
            }
        )
        busy = time.process_time()
        model = MultiTask(config).fit(tasks, validation={task: found[task][1] for task in tasks}, seed=seed)
        row: dict[str, Any] = {
            "model": name,
            "examples": {task: len(one) for task, one in tasks.items()},
            "best_epoch": None if model.record is None else model.record.best_epoch,
            "weights": model.weights(),
            "test": {},
        }
        scores[name] = {}
        for task in tasks:
            test = found[task][2]
            scores[name][task] = model.probabilities(task, test.texts)
            row["test"][task] = {
                "auc": roc_auc(test.values == 1, scores[name][task]),
                "brier": brier_score(scores[name][task], test.values),
            }
            base = "both, equal" if tasks is more else f"{task} alone"
            if name != base:
                row["test"][task]["above"] = base
                row["test"][task] |= gained(test, scores[name][task], scores[base][task], seed)
        row["processor_seconds"] = round(time.process_time() - busy, 1)
        rows.append(row)
        print(row, flush=True)
    yes = {task: float(part[2].values.mean()) for task, part in found.items()}
    result = {"settings": settings, "share_of_yes": yes, "environment": environment(), "results": rows}
    (HERE / "tasks.json").write_text(json.dumps(result, indent=1) + "\n")


def gained(test: Examples, scores: Any, base: Any, seed: int) -> dict[str, Any]:
    """AUC above the other model's, with the 95 % interval, examples drawn anew."""
    rng, yes = numpy_rng(seed, "bootstrap"), test.values == 1
    gains = []
    for _ in range(DRAWS):
        rows = rng.integers(len(yes), size=len(yes))
        if 0 < yes[rows].sum() < len(rows):
            gains.append(roc_auc(yes[rows], scores[rows]) - roc_auc(yes[rows], base[rows]))
    return {
        "auc_gain": roc_auc(yes, scores) - roc_auc(yes, base),
        "interval": np.quantile(gains, (0.025, 0.975)).tolist(),
    }


if __name__ == "__main__":
    main()
