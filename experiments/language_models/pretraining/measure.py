"""What pre-training on a catalogue's own texts gives: losses on texts held out, and the next item found by its text."""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penchant.cli.screen import reporter
from penchant.data.dataset import Dataset
from penchant.interfaces import FitOptions
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder

FRESH = {"tokenizer": {"vocabulary": 4_000}, "architecture": {"size": "tiny", "max_length": 64}}
TASKS = {
    "which half belongs": {"next_sentence": {"max_examples": 1_000}},
    "few item pairs": {"item_item": {"max_examples": 1_000}},
}
FEW_STEPS = {"max_epochs": 3, "patience": 3, "warmup_steps": 10, "learning_rate": 3e-4}


def main() -> None:
    """Run one part and write what came of it after every step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["scratch", "minilm"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seeds", default="0")
    asked = parser.parse_args()
    dataset = Dataset.load(asked.data)
    result: dict[str, Any] = {
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint, "items": dataset.n_items},
        "protocol": "pairs from the training part of leave-one-out; a tenth of texts and of users held out",
        "runs": [],
    }

    def run(name: str, to: Path, seed: int, settings: Mapping[str, Any]) -> None:
        begun = time.process_time()
        options = FitOptions(seed=seed, progress=reporter())
        report = pretrain_encoder(dataset, to, PretrainingConfig.of(settings), options=options)
        told = {"run": name, "seed": seed, "cpu_seconds": round(time.process_time() - begun, 1), **asdict(report)}
        del told["encoder"]
        told["start"] = Path(report.start).name
        result["runs"].append({**told, "settings": {k: v for k, v in settings.items() if k != "start"}})
        asked.to.write_text(json.dumps(result, indent=1) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        seeds = [int(seed) for seed in asked.seeds.split(",")]
        (scratch if asked.part == "scratch" else minilm)(run, Path(folder), seeds)


def scratch(run: Any, folder: Path, seeds: list[int]) -> None:
    """A small BERT and a small GPT from nothing; then two tasks of few examples, from it and from a random start."""
    for seed in seeds:
        words = {"objectives": {"mlm": {}}, "training": {"max_epochs": 8, "patience": 8}}
        run("mlm from scratch", folder / f"mlm-{seed}", seed, {"start": "scratch", **FRESH, **words})
        for task, objectives in TASKS.items():
            few = {**FRESH, "max_length": 64, "objectives": objectives, "training": FEW_STEPS}
            run(f"{task}, random start", folder / f"random-{seed}", seed, {"start": "scratch", **few})
            run(f"{task}, after mlm", folder / f"after-{seed}", seed, {"start": str(folder / f"mlm-{seed}"), **few})
    gpt = {**FRESH, "architecture": {**FRESH["architecture"], "kind": "gpt"}}
    words = {"objectives": {"clm": {}}, "training": {"max_epochs": 4, "patience": 4}}
    run("clm from scratch", folder / "clm", seeds[0], {"start": "scratch", **gpt, **words})


def minilm(run: Any, folder: Path, seeds: list[int]) -> None:
    """MiniLM's masked words: with its head alone trained, and with all of it; then few item pairs from either."""
    words = {"mlm": {"max_examples": 640}}
    common = {"max_length": 48, "objectives": words}
    steps = {"max_epochs": 2, "warmup_steps": 5, "learning_rate": 3e-4}
    run("mlm, head alone", folder / "head", seeds[0], {**common, "method": "head_only", "training": steps})
    steps = {**steps, "learning_rate": 1e-4}
    run("mlm, all of it", folder / "all", seeds[0], {**common, "training": steps})
    few = {
        "max_length": 48,
        "objectives": {"item_item": {"max_examples": 480}},
        "training": {"max_epochs": 1, "warmup_steps": 5, "learning_rate": 3e-5},
    }
    run("few pairs, MiniLM", folder / "pairs", seeds[0], few)
    run("few pairs, after mlm", folder / "mlm-pairs", seeds[0], {"start": str(folder / "all"), **few})


if __name__ == "__main__":
    main()
