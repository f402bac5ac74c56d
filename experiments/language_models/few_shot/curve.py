"""Makes curve.json, films.svg and books.svg of result.json: AUC by number of labels, and how many labels save how many.

python curve.py. Nothing is measured anew.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from penchant.plots.curves import Curve, draw_curves

HERE = Path(__file__).parent
PICTURES = {"movielens-100k": "films.svg", "goodbooks-10k-sample": "books.svg"}
SHOWN = ("assumed prior", "nothing assumed", "item mean of the examples", "popularity", "history similarity")


def labels_for(wanted: float, curve: dict[int, float]) -> float | None:
    """The fewest labels with which the curve is at `wanted`, between two of its points by the logarithm of the number;
    None where it never is.
    """
    points = sorted(curve.items())
    if points[0][1] >= wanted:
        return float(points[0][0])
    for (k, low), (more, high) in pairwise(points):
        if low < wanted <= high:
            return float(k * (more / k) ** ((wanted - low) / (high - low)))
    return None


def main() -> None:
    """Both catalogues."""
    found = json.loads((HERE / "result.json").read_text(encoding="utf-8"))["catalogues"]
    out: dict[str, Any] = {}
    for name, told in found.items():
        by_k = {int(k): row["auc"] for k, row in told["few_shot"].items()}
        means = {one: {k: row[one]["mean"] for k, row in by_k.items()} for one in SHOWN}
        halves = {one: {k: row[one]["half_width"] for k, row in by_k.items()} for one in SHOWN}
        curves = [
            Curve(
                label=one,
                x=np.log2(list(means[one])).tolist(),
                y=list(means[one].values()),
                low=[means[one][k] - halves[one][k] for k in means[one]],
                high=[means[one][k] + halves[one][k] for k in means[one]],
            )
            for one in SHOWN
        ]
        draw_curves(
            curves,
            HERE / PICTURES[name],
            title=f"Likes told from few labels, {name}",
            x_label="labels, as a power of 2",
            y_label="AUC",
        )
        out[name] = {
            "fingerprint": told["fingerprint"],
            "labels_that_nothing_assumed_needs_for_what_the_assumed_prior_has": {
                str(k): labels_for(value, means["nothing assumed"]) for k, value in means["assumed prior"].items()
            },
        }
        print(name, out[name])
    (HERE / "curve.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
