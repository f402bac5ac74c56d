"""How the cost of fitting and of making lists grows with the data: 1, 3 and 10 times a real data set.

    python benchmarks/growth.py [--dataset DIR] [--factors 1,3,10] [--models popularity,item_knn,tracker,interest]
        [--threads 1] [--out benchmarks/results/growth.json] [--measured FILE]

Without a dataset, the bundled books are imported. Growth is synthetic: every user comes several times, each copy under
a new id and with a jittered history (one event in ten is left out, one in ten doubled by an item that followed the same
item for somebody else, one in five replaced by such an item), so that users, events and pairs of items grow and the
catalogue does not. Training runs one epoch. Each fit is a process of its own; seconds are processor time, peak memory
is the process's. A cost that grows linearly has the exponent 1 in ``cost ~ size^exponent`` and is a straight line in
the plot that is drawn beside the result; the line ``cost = a + b · size`` of least relative error is in the result with
how far it is from each point. `--measured` draws and sums up what was measured before, and measures nothing.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.splitting import SplitConfig, splits
from penchant.evaluation.drawing import Line, lines
from penchant.evaluation.measuring import environment
from penchant.evaluation.peers.contestant import Conditions, Fault, our_model, run
from penchant.evaluation.peers.exchange import write_split
from penchant.seeding import numpy_rng

OUT = Path(__file__).parent / "results" / "growth.json"
LEFT_OUT, DOUBLED, REPLACED = 0.1, 0.1, 0.2
ONE_EPOCH = {"max_epochs": 1}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "tracker": {"training": ONE_EPOCH},
    "interest": {"tracker": {"training": ONE_EPOCH}},
}
COLOURS = ("#2f6fb5", "#d9822b", "#2a9d6f", "#b8408f", "#7a5fc4", "#8a8f2a", "#c2443b", "#4a8f9a")


def grown(data: Dataset, factor: int, *, seed: int = 0) -> Dataset:
    """The data set with each user `factor` times; the first copy is the user himself, unchanged."""
    histories = data.histories()
    owners = np.repeat(np.arange(data.n_users), histories.lengths)
    # Who comes after an item, over all users: a random one of these is an item like it.
    followed = np.flatnonzero(owners[1:] == owners[:-1])
    order = np.argsort(histories.items[followed], kind="stable")
    after = histories.items[1:][followed][order]
    cuts = np.searchsorted(histories.items[followed][order], np.arange(data.n_items + 1))

    users, items, times = [owners], [histories.items], [histories.timestamps]
    for copy in range(1, factor):
        rng = numpy_rng(seed, "growth", str(copy))
        kept = np.repeat(np.arange(len(owners)), rng.choice([0, 1, 2], size=len(owners), p=[LEFT_OUT, 0.8, DOUBLED]))
        found = histories.items[kept].copy()
        n = np.diff(cuts)[found]
        again = np.concatenate([[False], kept[1:] == kept[:-1]])
        moved = (again | (rng.random(len(kept)) < REPLACED)) & (n > 0)
        found[moved] = after[cuts[found[moved]] + (rng.random(int(moved.sum())) * n[moved]).astype(np.int64)]
        users.append(owners[kept] + copy * data.n_users)
        items.append(found)
        times.append(histories.timestamps[kept])
    ids = tuple(id_ if copy == 0 else f"{id_}~{copy}" for copy in range(factor) for id_ in data.users.ids)
    return Dataset.of_rows(
        name=f"{data.name} × {factor}",
        users=Table(ids),
        items=Table(data.items.ids),
        user_rows=np.concatenate(users),
        item_rows=np.concatenate(items),
        timestamps=np.concatenate(times),
        clock=data.clock,
    )


def measured(data: Dataset, factor: int, models: Sequence[str], work: Path, *, threads: int) -> list[dict[str, Any]]:
    """What each model costs on the grown data."""
    whole = grown(data, factor)
    folder = whole.save(work / f"data-{factor}")
    split = next(iter(splits(whole, "leave-one-out")))
    write_split(split, work / f"split-{factor}")
    conditions = Conditions(split=work / f"split-{factor}", k=10, threads=threads, limit_seconds=4 * 3600)
    request = {
        "dataset": str(folder),
        "protocol": "leave-one-out",
        "split_config": SplitConfig().model_dump(),
        "split_hash": split.hash,
        "vectors": None,
    }
    found = []
    for model in models:
        contestant = our_model(model, SETTINGS.get(model, {}), request)
        answer = run(
            contestant, contestant.settings, work / f"{model}-{factor}", seed=0, ask=("test",), conditions=conditions
        )
        if isinstance(answer, Fault):
            raise SystemExit(f"{model}: {answer.message}\n{answer.last_lines}")
        point = {
            "model": model,
            "factor": factor,
            "users": whole.n_users,
            "events": len(split.train.events),
            "lists": len(split.test),
            "fit_cpu_seconds": round(answer.outcome.facts["fit_cpu_seconds"], 3),
            "fit_seconds": round(answer.outcome.fit_seconds, 3),
            "list_cpu_seconds": round(answer.outcome.facts["score_cpu_seconds"], 3),
            "list_seconds": round(answer.outcome.score_seconds, 3),
            "peak_rss_mb": None if answer.peak_rss_mb is None else round(answer.peak_rss_mb, 1),
        }
        print(json.dumps(point), flush=True)
        found.append(point)
    return found


def exponent(points: Sequence[Mapping[str, Any]], size: str, cost: str) -> float:
    """The slope of log cost over log size, by least squares."""
    slope = np.polyfit(np.log([p[size] for p in points]), np.log([max(p[cost], 1e-3) for p in points]), 1)[0]
    return round(float(slope), 3)


def straight(points: Sequence[Mapping[str, Any]], size: str, cost: str) -> dict[str, float]:
    """``cost = a + b · size`` with the least squares of relative errors, a in seconds and b in seconds per million; the
    largest relative error; how many times the cost and the size grew from the first point to the last.
    """
    sizes = np.array([float(p[size]) for p in points])
    costs = np.array([max(float(p[cost]), 1e-3) for p in points])
    design = np.column_stack([np.ones(len(sizes)), sizes / 1e6]) / costs[:, None]
    a, b = np.linalg.lstsq(design, np.ones(len(costs)), rcond=None)[0]
    return {
        "a": round(float(a), 3),
        "b_per_million": round(float(b), 3),
        "largest_relative_error": round(float(np.abs(design @ [a, b] - 1).max()), 3),
        "cost_grew": round(float(costs[-1] / costs[0]), 2),
        "size_grew": round(float(sizes[-1] / sizes[0]), 2),
    }


def plot(points: Sequence[Mapping[str, Any]], models: Sequence[str]) -> str:
    """Fit over events and lists over users, side by side: one SVG that stands alone.

    Sizes and costs are told as times those of the smallest data, so that models of any cost share a plot, and a cost
    that grows linearly lies on the grey line.
    """
    parts: list[str] = []
    for size, cost, x_label, y_label in (
        ("events", "fit_cpu_seconds", "training events, times the smallest", "processor time of a fit, times"),
        ("lists", "list_cpu_seconds", "users asked, times the smallest", "processor time of all lists, times"),
    ):
        drawn = []
        for n, model in enumerate(models):
            of = sorted((p for p in points if p["model"] == model), key=lambda p: float(p[size]))
            sizes, costs = ([p[name] / max(of[0][name], 1e-3) for p in of] for name in (size, cost))
            drawn.append(Line(model, sizes, costs, series=n))
        largest = max(x for line in drawn for x in line.x)
        drawn.append(Line("linear", [0.0, largest], [0.0, largest], series=len(models)))
        chart = lines(drawn, title=y_label, x_label=x_label, y_label=y_label, points=True)
        place = f'<svg x="{10 + 500 * len(parts)}" y="30" width="480" height="300" '
        parts.append(chart.replace("<svg ", place, 1))
    legend = "".join(
        f'<circle class="series-{n}" cx="{30 + 130 * n}" cy="16" r="5"/>'
        f'<text x="{42 + 130 * n}" y="20">{escape(model)}</text>'
        for n, model in enumerate([*models, "linear"])
    )
    colours = [*COLOURS[: len(models)], "#bbbbbb"]
    style = "".join(f".series-{n}{{color:{colour}}}" for n, colour in enumerate(colours))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 340" font-family="sans-serif" font-size="12">'
        f"<style>{style}.line{{fill:none;stroke:currentColor;stroke-width:2.2}}circle{{fill:currentColor}}"
        ".grid{stroke:#ddd}text{fill:#444}</style>"
        f'<rect width="1000" height="340" fill="#fff"/>{legend}{"".join(parts)}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--factors", default="1,3,10")
    parser.add_argument("--models", default="popularity,item_knn,tracker,interest")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--measured", type=Path, help="a result file whose points are taken as they are")
    options = parser.parse_args()
    if options.measured is not None:
        measured_before = json.loads(options.measured.read_text())
        write({**measured_before, **summary(measured_before["points"])}, options.out)
        return
    load, models = [round(one, 2) for one in os.getloadavg()], options.models.split(",")
    with tempfile.TemporaryDirectory() as name:
        data = Dataset.load(options.dataset or bundled(Path(name) / "books"))
        points = [
            point
            for factor in map(int, options.factors.split(","))
            for point in measured(data, factor, models, Path(name), threads=options.threads)
        ]
    result = {
        "benchmark": "growth",
        "dataset": data.name,
        "items": data.n_items,
        "points": points,
        **summary(points),
        "threads": options.threads,
        "load_before": load,
        "load_after": [round(one, 2) for one in os.getloadavg()],
        "environment": environment(),
    }
    write(result, options.out)


def models_of(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """In the order they were measured in."""
    return list(dict.fromkeys(point["model"] for point in points))


def summary(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Exponents and straight lines of each model."""
    costs = {"fit over events": ("events", "fit_cpu_seconds"), "lists over users": ("lists", "list_cpu_seconds")}
    of = {model: [p for p in points if p["model"] == model] for model in models_of(points)}
    return {
        "exponents": {m: {word: exponent(some, *names) for word, names in costs.items()} for m, some in of.items()},
        "lines": {m: {word: straight(some, *names) for word, names in costs.items()} for m, some in of.items()},
    }


def write(result: Mapping[str, Any], out: Path) -> None:
    """The result, and the plot beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    out.with_suffix(".svg").write_text(plot(result["points"], models_of(result["points"])))
    print(json.dumps({name: result[name] for name in ("exponents", "lines")}, indent=2))


def bundled(folder: Path) -> Path:
    """The books that are shipped, imported."""
    from penchant.bundled import BOOKS
    from penchant.data.importing import import_source

    import_source(BOOKS, folder)
    return folder


if __name__ == "__main__":
    main()
