"""Training events per second of three sequence models of equal size, in one run: ours, RecTools' and RecBole's SASRec.

    python benchmarks/train_sequence.py --environments DIR [--dataset DIR] [--users N] [--threads 2] [--epochs 4]
        [--out benchmarks/results/train_sequence.json]

DIR holds the libraries' environments (`penchant compare --make-environments DIR --peers rectools,recbole`). Without a
dataset, the bundled books are imported. `--users` takes that many users of it, evenly spaced: a rate is the same
measure on fewer events, and RecBole's epochs are long. Each model runs in a process of its own, one after the other, on
the same leave-one-out training part, without text, times or ratings.

Equal: 64 dimensions, 2 layers, 2 heads, the last 50 events, dropout 0.2, Adam at 1e-3, float32, cross entropy over
all items, about 2,048 predicted events a step. Ours is timed once more with what it does on large catalogues, a
sampled softmax. An event counts where its loss is computed: RecTools reads only the last 50 of a user's events, RecBole
each event as a row with its own history. The figure is the fastest epoch after the first, by the clock and by processor
time: on a machine shared with others the second is the one to compare.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.splitting import splits
from penchant.evaluation.measuring import environment
from penchant.evaluation.peers.catalogue import PEERS
from penchant.evaluation.peers.child import run_child
from penchant.evaluation.peers.contestant import Conditions, Fault, peer_algorithm, run
from penchant.evaluation.peers.exchange import write_split
from penchant.interfaces import FitOptions
from penchant.progress import Progress

OUT = Path(__file__).parent / "results" / "train_sequence.json"
STEP = 2048
"""Events predicted in one step, about."""
LEARNING_RATE = 1e-3
OURS, SAMPLED = "penchant tracker", "penchant tracker, sampled softmax"
SIZE = {"dim": 64, "layers": 2, "heads": 2, "max_length": 50, "dropout": 0.2, "attention_dropout": 0.2}


class EpochClock(Progress):
    """Notes the clock and the processor time whenever a training epoch is reported."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def note(self, text: str) -> None:
        if ": epoch " in text:
            self.marks.append((time.perf_counter(), time.process_time()))


def train_ours(request: dict[str, Any]) -> None:
    """In a process of its own: fit the tracker without validation, write the epochs' seconds."""
    from penchant.models.catalogue import RECOMMENDERS

    split = next(iter(splits(Dataset.load(request["dataset"]), "leave-one-out")))
    clock = EpochClock()
    nobody = split.validation.take(slice(0))  # nothing decides when to stop: the epochs are counted
    tracker = RECOMMENDERS.build("tracker", request["settings"])
    begun = time.perf_counter(), time.process_time()
    tracker.fit(split.train, options=FitOptions(validation=nobody, progress=clock))
    spans = list(pairwise([begun, *clock.marks]))
    facts = {
        "epoch_seconds": [after[0] - before[0] for before, after in spans],
        "epoch_cpu_seconds": [after[1] - before[1] for before, after in spans],
        "targets_per_epoch": len(split.train.histories().items),
    }
    Path(request["out"]).write_text(json.dumps(facts))


def ours(settings: dict[str, Any], dataset: Path, work: Path, *, threads: int) -> dict[str, Any]:
    """Start `train_ours` in a process with so many threads."""
    work.mkdir()
    out = work / "facts.json"
    request = work / "request.json"
    request.write_text(json.dumps({"dataset": str(dataset), "settings": settings, "out": str(out)}))
    variables = {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    ended = run_child(
        [sys.executable, __file__, "--ours", str(request)],
        folder=work,
        log=work / "log.txt",
        environment=variables,
        limit_seconds=7200,
    )
    if ended.code:
        raise SystemExit(ended.last_lines)
    facts: dict[str, Any] = json.loads(out.read_text())
    return {**facts, "peak_rss_mb": ended.peak_rss_mb}


def rates(facts: dict[str, Any]) -> dict[str, Any]:
    """Events per second of the fastest epoch after the first."""
    wall, cpu = min(facts["epoch_seconds"][1:]), min(facts["epoch_cpu_seconds"][1:])
    return {
        "events_per_second": round(facts["targets_per_epoch"] / wall),
        "events_per_cpu_second": round(facts["targets_per_epoch"] / cpu),
        "events_per_epoch": facts["targets_per_epoch"],
        "epoch_seconds": [round(seconds, 2) for seconds in facts["epoch_seconds"]],
        "epoch_cpu_seconds": [round(seconds, 2) for seconds in facts["epoch_cpu_seconds"]],
        "peak_rss_mb": None if facts["peak_rss_mb"] is None else round(facts["peak_rss_mb"], 1),
    }


def bundled(folder: Path) -> Path:
    """The books that are shipped, imported."""
    from penchant.bundled import BOOKS
    from penchant.data.importing import import_source

    import_source(BOOKS, folder)
    return folder


def thinned(dataset: Path, users: int, folder: Path) -> Path:
    """The dataset with the events of so many of its users alone, evenly spaced."""
    whole = Dataset.load(dataset)
    kept = np.zeros(whole.n_users, dtype=np.bool_)
    kept[np.linspace(0, whole.n_users - 1, min(users, whole.n_users)).round().astype(np.int64)] = True
    return whole.select(kept[whole.events.users]).save(folder)


def peers(split: Split, work: Path, environments: Path, *, threads: int, epochs: int) -> dict[str, dict[str, Any]]:
    """RecTools' and RecBole's SASRec."""
    plain = work / "split"
    write_split(split, plain)
    for name in ("validation.jsonl", "validation-truth.jsonl"):
        (plain / name).write_text("")
    (plain / "test.jsonl").write_text((plain / "test.jsonl").read_text().splitlines(keepends=True)[0])
    conditions = Conditions(split=plain, k=10, threads=threads, limit_seconds=4 * 3600)
    lengths = split.train.histories().lengths
    events_per_sequence = float((lengths.clip(max=SIZE["max_length"] + 1) - 1)[lengths > 1].mean())
    found = {}
    for peer, settings in {
        "rectools": {
            "n_factors": SIZE["dim"],
            "n_blocks": SIZE["layers"],
            "n_heads": SIZE["heads"],
            "session_max_len": SIZE["max_length"],
            "dropout_rate": SIZE["dropout"],
            "batch_size": max(1, round(STEP / events_per_sequence)),
            "lr": LEARNING_RATE,
        },
        "recbole": {
            "hidden_size": SIZE["dim"],
            "n_layers": SIZE["layers"],
            "n_heads": SIZE["heads"],
            "MAX_ITEM_LIST_LENGTH": SIZE["max_length"],
            "hidden_dropout_prob": SIZE["dropout"],
            "attn_dropout_prob": SIZE["attention_dropout"],
            "train_batch_size": STEP,
            "learning_rate": LEARNING_RATE,
        },
    }.items():
        contestant = peer_algorithm(PEERS[peer], "sasrec", {}, environments)
        counted = {**settings, "epochs": epochs}
        answer = run(contestant, counted, work / peer, seed=0, ask=("test",), conditions=conditions)
        if isinstance(answer, Fault):
            raise SystemExit(f"{peer}: {answer.message}\n{answer.last_lines}")
        name = f"{peer} {answer.outcome.version} SASRec"
        found[name] = {**answer.outcome.facts, "peak_rss_mb": answer.peak_rss_mb}
    return found


def measured(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """All models, one after the other."""
    load = [round(one, 2) for one in os.getloadavg()]
    dataset = (options.dataset or bundled(work / "books")).absolute()
    if options.users:
        dataset = thinned(dataset, options.users, work / "thinned")
    split = next(iter(splits(Dataset.load(dataset), "leave-one-out")))
    training = {
        "max_epochs": options.epochs,
        "learning_rate": LEARNING_RATE,
        "warmup_steps": 0,
        "schedule": "constant",
    }
    signals = {"types": "off", "values": "off", "time": "off"}
    tracker = {**SIZE, "batch_tokens": STEP, "signals": signals, "training": training}
    facts = {
        OURS: ours({**tracker, "full_softmax_items": 10**9}, dataset, work / "full", threads=options.threads),
        SAMPLED: ours({**tracker, "full_softmax_items": 0}, dataset, work / "sampled", threads=options.threads),
        **peers(split, work, options.environments, threads=options.threads, epochs=options.epochs),
    }
    found = {model: rates(one) for model, one in facts.items()}
    first = found[OURS]
    return {
        "benchmark": "train_sequence",
        "dataset": split.train.name,
        "items_with_events": int((split.train.item_counts() > 0).sum()),
        "users_with_events": int((split.train.histories().lengths > 0).sum()),
        "training_events": len(split.train.events),
        "equal": {**SIZE, "events_per_step": STEP, "learning_rate": LEARNING_RATE, "loss": "cross entropy, all items"},
        "models": found,
        "ours_is_so_many_times_as_fast": {
            model: {
                "by_the_clock": round(first["events_per_second"] / one["events_per_second"], 2),
                "by_processor_time": round(first["events_per_cpu_second"] / one["events_per_cpu_second"], 2),
            }
            for model, one in found.items()
            if model not in {OURS, SAMPLED}
        },
        "threads": options.threads,
        "load_before": load,
        "load_after": [round(one, 2) for one in os.getloadavg()],
        "environment": environment(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--users", type=int, help="so many of the dataset's users; all where it is not given")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.ours:
        train_ours(json.loads(options.ours.read_text()))
        return
    if options.environments is None:
        parser.error("--environments is needed")
    with tempfile.TemporaryDirectory() as name:
        result = measured(options, Path(name))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
