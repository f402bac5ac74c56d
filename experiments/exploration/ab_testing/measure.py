"""Makes result.json and the pictures of docs/exploration/ab_testing.md. All data are generated.

python measure.py [--runs 400] [--to FOLDER]
"""

import argparse
import json
import time
from math import inf
from pathlib import Path

import numpy as np

from penchant.evaluation.ab_testing.fixed_horizon import adjusted, compare
from penchant.evaluation.ab_testing.measures import Sample
from penchant.evaluation.ab_testing.sequential import LEAST, confidence_sequence, running
from penchant.evaluation.causal.creators import CreatorGame, solve, tolerable
from penchant.evaluation.causal.effects import average_effect
from penchant.evaluation.measuring import environment
from penchant.plots.curves import Curve, draw_curves
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
USERS, SHARE, LOOKS = 2_000, 0.3, (1, 2, 5, 10, 20, 50, 100, 1_000, 1_901)


def sample(y: np.ndarray, past: np.ndarray | None = None) -> Sample:
    """A measure per user."""
    return Sample(y=y, x=np.ones_like(y), past=np.zeros_like(y) if past is None else past)


def peeking(runs: int, rng: np.random.Generator) -> dict[str, object]:
    """A against A: how often an experiment that is looked at n times, evenly spaced, is called different."""
    fixed, sequential = np.zeros(len(LOOKS)), np.zeros(len(LOOKS))
    for _ in range(runs):
        y, treated = np.less(rng.random(USERS), SHARE).astype(float), rng.random(USERS) < 0.5
        differences, deviations = running(sample(y), treated, share=0.5)
        found = confidence_sequence(differences, deviations)
        outside = (found.low > 0) | (found.high < 0)
        t = np.arange(LEAST, USERS + 1)
        z = np.abs(differences[LEAST - 1 :]) * np.sqrt(t) / deviations[LEAST - 1 :]
        for n, looks in enumerate(LOOKS):
            at = (
                np.unique(np.linspace(0, len(t) - 1, looks + 1).astype(int)[1:])
                if looks < len(t)
                else np.arange(len(t))
            )
            fixed[n] += (z[at] > 1.96).any()
            sequential[n] += outside[at].any()
    return {"looks": LOOKS, "fixed": (fixed / runs).tolist(), "anytime": (sequential / runs).tolist(), "runs": runs}


def planted(runs: int, rng: np.random.Generator) -> dict[str, float]:
    """A planted effect of 0.1 standard deviations, with a past that foretells two thirds of the variance."""
    power, with_past, covered, covered_past, reduction, early = 0, 0, 0, 0, [], []
    for _ in range(runs):
        past = rng.normal(0, np.sqrt(2 / 3), USERS)
        treated = rng.random(USERS) < 0.5
        y = past + rng.normal(0, np.sqrt(1 / 3), USERS) + 0.1 * treated
        arms = [sample(y[side], past[side]) for side in (~treated, treated)]
        plain, less = compare(*arms), adjusted(*arms)
        power += plain.interval[0] > 0
        with_past += less.interval[0] > 0
        covered += plain.interval[0] <= 0.1 <= plain.interval[1]
        covered_past += less.interval[0] <= 0.1 <= less.interval[1]
        reduction.append(less.variance_reduction)
        strong = running(sample(y + 0.2 * treated), treated, share=0.5)
        early.append(confidence_sequence(*strong, planned=USERS // 2).stopped_at or USERS)
    return {
        "power": power / runs,
        "power_with_past": with_past / runs,
        "coverage": covered / runs,
        "coverage_with_past": covered_past / runs,
        "variance_reduction": float(np.mean(reduction)),
        "median_stop_at_0.3": float(np.median(early)),
    }


def confounding(runs: int, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """An effect of 1 where what makes the treatment likelier also raises the outcome: mean estimates and coverage."""
    found = {name: [] for name in ("naive", "ipw", "dr")}
    covered = dict.fromkeys(found, 0)
    for _ in range(runs):
        x = rng.normal(0, 1, (1_000, 3))
        treated = rng.random(1_000) < 1 / (1 + np.exp(-1.2 * x[:, 0]))
        told = average_effect(treated, treated + 2 * x[:, 0] + rng.normal(0, 1, 1_000), x, rng=rng)
        for name, values in found.items():
            one = getattr(told, name)
            values.append(one.effect)
            covered[name] += one.interval[0] <= 1 <= one.interval[1]
    return {name: {"mean": float(np.mean(v)), "coverage": covered[name] / runs} for name, v in found.items()}


def creators() -> list[dict[str, object]]:
    """Platforms that believe texts less and less."""
    rows = []
    for kappa in (inf, 200.0, 50.0, 10.0, 3.0):
        game = CreatorGame(evidence=kappa)
        found = solve(game)
        rows.append(
            {
                "evidence": "infinite" if kappa == inf else kappa,
                "stuffed_at_equilibrium": sum(found.reached),
                "welfare": found.welfare,
                "honest_welfare": found.honest_welfare,
                "gain_of_stuffing": found.gain_of_stuffing,
                "tolerable_cost": tolerable(game),
            }
        )
    return rows


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--to", type=Path, default=HERE)
    options = parser.parse_args()
    start = time.process_time()
    result = {
        "data": "generated",
        "seed": 0,
        "peeking": peeking(options.runs, numpy_rng(0, "peeking")),
        "planted": planted(options.runs, numpy_rng(0, "planted")),
        "confounding": confounding(max(options.runs // 10, 10), numpy_rng(0, "confounding")),
        "creators": creators(),
    }
    result |= {"cpu_seconds": time.process_time() - start, "environment": environment()}
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    told = result["peeking"]
    draw_curves(
        [
            Curve(label="test for one look", x=np.log10(told["looks"]).tolist(), y=told["fixed"]),
            Curve(label="anytime-valid", x=np.log10(told["looks"]).tolist(), y=told["anytime"]),
        ],
        options.to / "peeking.svg",
        title="A against A, looked at again and again",
        x_label="looks, log10",
        y_label="share of experiments called different",
    )


if __name__ == "__main__":
    main()
