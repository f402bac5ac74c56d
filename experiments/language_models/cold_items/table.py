"""Joins the evaluations of this folder: Recall@10 of new items by each encoder, and its share of the frozen one's."""

import json
import statistics
from pathlib import Path

HERE = Path(__file__).parent
ENCODERS = ("frozen", "head_only", "lora", "full")


def recall(name: str, seed: str, history: str) -> float:
    """Of one evaluation; `history` is ``exclude`` or ``include``."""
    results = json.loads((HERE / f"{name}-{seed}.json").read_text())["results"]
    excluded = history == "exclude"
    row = next(r for r in results if r["model"] == "content_based" and r["exclude_history"] is excluded)
    return row["metrics"]["recall@10"]


def main() -> None:
    """Write table.json."""
    seeds = sorted({path.stem.rsplit("-", 1)[1] for path in HERE.glob("frozen-[0-9].json")})
    table = {}
    for name in ENCODERS:
        done = [seed for seed in seeds if (HERE / f"{name}-{seed}.json").exists()]
        if not done:
            continue
        own = {history: [recall(name, seed, history) for seed in done] for history in ("exclude", "include")}
        base = {history: [recall("frozen", seed, history) for seed in done] for history in own}
        table[name] = {
            "seeds": done,
            **{f"recall@10 {history}": values for history, values in own.items()},
            **{
                f"times frozen {history}": [a / b for a, b in zip(own[history], base[history], strict=True)]
                for history in own
            },
            "mean times frozen": statistics.mean(a / b for a, b in zip(own["exclude"], base["exclude"], strict=True)),
        }
    (HERE / "table.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
