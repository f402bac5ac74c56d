"""Diversity against accuracy from result.json: a curve over weights for each reranker that makes lists more varied.

python draw.py ../../docs/images/diversity-accuracy.svg
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from penchant.plots.curves import Curve, draw_curves

HERE = Path(__file__).parent
VARIED = ("mmr", "dpp", "calibrated")


def main() -> None:
    """Draw it."""
    told = json.loads((HERE / "result.json").read_text(encoding="utf-8"))
    metrics = {one["model"]: one["metrics"] for one in told["results"]}
    of_reranker = defaultdict(list)
    for name in metrics:
        reranker, _, weight = name.partition(" ")
        if weight and reranker in VARIED:
            of_reranker[reranker].append((float(weight), name))
    curves = []
    for reranker, found in of_reranker.items():
        names = ["interest", *(name for _, name in sorted(found))]
        x = [metrics[name]["diversity@10"] for name in names]
        y = [metrics[name]["ndcg@10"] for name in names]
        curves.append(Curve(label=f"{reranker} ({', '.join(f'{weight:g}' for weight, _ in sorted(found))})", x=x, y=y))
    draw_curves(
        curves,
        Path(sys.argv[1]),
        title="What diversity costs, by reranker and weight",
        x_label="intra-list diversity@10",
        y_label="NDCG@10",
    )


if __name__ == "__main__":
    main()
