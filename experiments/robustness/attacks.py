"""Makes attacks.json: what made-up profiles do to an item's place, before and after a defence.

python attacks.py BOOKS.dataset
"""

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.evaluation.robustness.attacks import AttackConfig, inject
from penchant.evaluation.robustness.detection import Detected, DetectorConfig, detect, without
from penchant.evaluation.robustness.standing import standing
from penchant.models.catalogue import RECOMMENDERS
from penchant.models.holdout import catalogue_ties, sampled, validation_ndcg
from penchant.seeding import numpy_rng
from penchant.types import BoolArray

HERE = Path(__file__).parent


def caught(found: Detected, injected: BoolArray) -> dict[str, Any]:
    """How good the detector was."""
    hits = int((found.injected & injected).sum())
    return {
        "suspects_made_up": int((found.suspects & injected).sum()),
        "held_made_up": int(found.injected.sum()),
        "precision": hits / max(int(found.injected.sum()), 1),
        "recall": hits / max(int(injected.sum()), 1),
    }


def measured(name: str, data: Dataset, parts: Split, targets: list[int]) -> dict[str, Any]:
    """A model fitted on `data`: where the targets stand with the real users, and how good it is."""
    model = RECOMMENDERS.build(name, {}).fit(data)
    where = [standing(model, parts.test.histories, target, item_ids=data.items.ids) for target in targets]
    return {
        "hit_ratio@10": float(np.mean([one.hit_ratio for one in where])),
        "mean_rank": float(np.mean([one.mean_rank for one in where])),
        "ndcg@10": validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, 0)),
        "standing": [asdict(one) for one in where],
    }


def main() -> None:
    """Every attack on every model."""
    settings = read_toml(HERE / "config.toml")
    parts = split(consumption(Dataset.load(Path(sys.argv[1]))), "leave-one-out")
    train, seed = parts.train, settings["seed"]
    parts = replace(parts, test=sampled(parts.test, settings["asked"], seed))
    low, high = settings["target_events"]
    few = np.flatnonzero((train.item_counts() >= low) & (train.item_counts() <= high))
    targets = numpy_rng(seed, "targets").choice(few, size=settings["targets"], replace=False).tolist()
    rows: list[dict[str, Any]] = []
    clean = {name: measured(name, train, parts, targets) for name in settings["models"]}
    rows += [{"attack": "none", "defence": "none", "model": name, **found} for name, found in clean.items()]
    detection: list[dict[str, Any]] = []
    for method in settings["detectors"]:
        config = DetectorConfig(method=method, share=settings["suspects"])
        before = time.process_time()
        found = detect(train, config)
        detection.append({"attack": "none", "detector": method, **caught(found, np.zeros(train.n_users, dtype=bool))})
        kept = without(train, found.injected)
        for name in settings["models"]:
            rows.append({"attack": "none", "defence": method, "model": name, **measured(name, kept, parts, targets)})
        detection[-1]["processor_seconds"] = round(time.process_time() - before, 2)
        print(detection[-1], flush=True)
    for kind in settings["attacks"]:
        found_rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for target in targets:
            attacked = inject(train, target, AttackConfig(kind=kind, share=settings["share"]), seed=seed)
            versions = {"none": attacked.dataset}
            for method in settings["detectors"]:
                found = detect(attacked.dataset, DetectorConfig(method=method, share=settings["suspects"]))
                detection.append(
                    {
                        "attack": kind,
                        "detector": method,
                        "target": train.items.ids[target],
                        "made_up": int(attacked.injected.sum()),
                        **caught(found, attacked.injected),
                    }
                )
                versions[method] = without(attacked.dataset, found.injected)
                print(detection[-1], flush=True)
            for defence, data in versions.items():
                for name in settings["models"]:
                    found_rows.setdefault((defence, name), []).append(measured(name, data, parts, [target]))
        for (defence, name), each in found_rows.items():
            means = {
                key: float(np.mean([one[key] for one in each])) for key in ("hit_ratio@10", "mean_rank", "ndcg@10")
            }
            where = [one["standing"][0] for one in each]
            rows.append({"attack": kind, "defence": defence, "model": name, **means, "standing": where})
            print({key: value for key, value in rows[-1].items() if key != "standing"}, flush=True)
    events = [int(train.item_counts()[target]) for target in targets]
    titles = [
        {"item": train.items.ids[t], "title": train.title(t), "events": n} for t, n in zip(targets, events, strict=True)
    ]
    result = {"settings": settings, "targets": titles, "detection": detection, "results": rows}
    (HERE / "attacks.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
