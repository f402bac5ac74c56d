"""Policies in simulated worlds: what each earns, finds and costs, against greedy in the same worlds.

python measure.py marginals DATASET --column categories     what a log says of popularity and activity
python measure.py recommender [--out FILE]                  settings of the recommender, by greedy on worlds 1-10
python measure.py tune [--out FILE]                         settings of the policies, on worlds 1-10
python measure.py report [--without-latent] [--out FILE]    worlds 11-30
python measure.py draw FILE --to FOLDER                     pictures of a report
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.evaluation.measuring import environment
from penchant.evaluation.simulation.loop import LoopConfig, Oracle, PolicyChooser, Run, run
from penchant.evaluation.simulation.marginals import marginals_of
from penchant.evaluation.simulation.measures import Measures, measure, paired, regret
from penchant.evaluation.simulation.planted import PlantedWorld, WorldConfig
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.world import Feedback
from penchant.exploration.dial import Dial, DialConfig
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Arms, Policy
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
TUNING, REPORT = range(1, 11), range(11, 31)


class AimedDial(PolicyChooser):
    """The dial as slates use it: it looks around among the best few items of interests that the user was never seen to
    have, and lets an interest go after so many tries that he left aside.
    """

    interests, items_each, patience = 8, 5, 3

    def __init__(
        self, recommender: SimulatedRecommender, config: DialConfig, *, k: int, rng: np.random.Generator
    ) -> None:
        super().__init__(recommender, Dial(config), rng=rng)
        self.config, self.k = config, k
        self.leading = recommender.catalogue.leading().toarray() > 0
        self.unknown = ~recommender.catalogue.touched()
        self.left_aside = np.zeros(self.unknown.shape)

    def policy_for(self, user: int, arms: Arms) -> Policy:
        """The dial over the best items of interests worth a try, by a draw of what is believed of them."""
        doubt = np.sqrt(self.recommender.concept_variances[user])
        drawn = self.recommender.corrections[user] + doubt * self.rng.standard_normal(len(doubt))
        drawn[~self.unknown[user] | (self.left_aside[user] >= self.patience)] = -np.inf
        tried = np.argsort(-drawn)[: self.interests]
        tried = tried[np.isfinite(drawn[tried])]
        order = np.lexsort((arms.ties, -arms.means))
        of_tried = self.leading[arms.items[order]][:, tried]
        explorable = np.zeros(len(arms), dtype=np.bool_)
        explorable[order[(of_tried & (np.cumsum(of_tried, axis=0) <= self.items_each)).any(axis=1)]] = True
        explorable[order[: self.k]] = False
        return Dial(self.config, explorable_N=explorable)

    def hear(self, round_: int, told: list[Feedback]) -> None:
        """Which interests are known by now, and which were tried in vain."""
        for feedback in told:
            shown = feedback.items >= 0
            for place in range(feedback.items.shape[1]):
                rows = np.flatnonzero(shown[:, place])
                users, items = feedback.users[rows], feedback.items[rows, place]
                taken = feedback.engaged[rows, place]
                self.unknown[users[taken]] &= ~self.leading[items[taken]]
                self.left_aside[users[~taken]] += self.leading[items[~taken]]
        super().hear(round_, told)


def world_of(settings: dict, number: int, *, latent: bool = True) -> PlantedWorld:
    """World `number`, with parameters redrawn by it."""
    config = WorldConfig.of(settings["world"])
    if not latent:
        config = config.model_copy(update={"latent": 0.0, "turn": 0.0})
    return PlantedWorld(config.redrawn(number), seed=number)


def run_of(settings: dict, name: str, number: int, *, latent: bool = True, recommender: dict | None = None) -> Run:
    """A policy of [policies] in a world; its luck is of the world's number."""
    world = world_of(settings, number, latent=latent)
    loop = LoopConfig(rounds=settings["horizon"], slate=settings["slate"])
    if name == "oracle":
        return run(world, Oracle(world), loop)
    config = SimulatedConfig.of(recommender or settings["recommender"])
    made = SimulatedRecommender(world.catalogue, config, slate=loop.slate)
    rng = numpy_rng(number, "policy")
    chosen = dict(settings["policies"][name])
    kind = chosen.pop("kind")
    if kind == "aimed_dial":
        return run(world, AimedDial(made, DialConfig.of(chosen), k=loop.slate, rng=rng), loop)
    policy = Dial(DialConfig.of(chosen)) if kind == "dial" else POLICIES.build(kind, chosen)
    return run(world, PolicyChooser(made, policy, rng=rng), loop)


def against(measures: dict[str, list[Measures]], name: str, other: str) -> dict[str, object]:
    """Paired differences over worlds: relative, but for shares."""
    ours, theirs = measures[name], measures[other]

    def relative(read) -> dict[str, object]:
        return dataclasses.asdict(paired([read(m) for m in ours], [read(m) for m in theirs]))

    told: dict[str, object] = {
        "reward": relative(lambda m: m.reward),
        "expected_reward": relative(lambda m: m.expected),
        "first_quarter": relative(lambda m: m.quarters[0]),
        "last_quarter": relative(lambda m: m.quarters[3]),
        "new_concepts": relative(lambda m: m.new_concepts),
    }
    if all(m.found_interests for m in theirs):
        told["found_interests"] = relative(lambda m: m.found_interests)
    if all(m.reward_per_explored for m in (*ours, *theirs)):
        told["reward_per_explored"] = relative(lambda m: m.reward_per_explored)
    return told


def means(measures: list[Measures]) -> dict[str, object]:
    """Over worlds."""
    table = [dataclasses.asdict(one) for one in measures]
    return {
        name: None
        if any(row[name] is None for row in table)
        else np.mean([row[name] for row in table], axis=0).tolist()
        for name in table[0]
    }


def tune(settings: dict, options) -> dict[str, object]:
    """Every candidate of the policies on the tuning worlds."""
    candidates = {
        "greedy": {"kind": "greedy"},
        **{f"aimed {e} T {t}": {"kind": "aimed_dial", "share": e, "temperature": t} for e, t in options.grid},
    }
    settings = {**settings, "policies": candidates}
    found: dict[str, list[Measures]] = {}
    rows = {}
    for name in candidates:
        found[name] = [measure(run_of(settings, name, number)) for number in TUNING]
        if name != "greedy":
            rows[name] = {"means": means(found[name]), "against greedy": against(found, name, "greedy")}
            told = rows[name]["against greedy"]
            print(name, {k: round(100 * v["mean"], 2) for k, v in told.items()}, flush=True)
    return {"worlds": list(TUNING), "candidates": rows}


def recommender(settings: dict) -> dict[str, object]:
    """Greedy's reward on the tuning worlds under settings of the recommender: the baseline is not held back."""
    settings = {**settings, "policies": {"greedy": {"kind": "greedy"}}}
    factors = {
        "widths": [(0.2, 0.5), (0.1, 0.3), (0.4, 1.0)],
        "scales": [(10.0, 200.0), (5.0, 60.0)],
        "past_weight": [0.5, 1.5],
        "item_width": [0.3, 1.0],
    }
    chosen = {name: values[0] for name, values in factors.items()}
    rows = []

    def reward(one: dict) -> float:
        given = {"past_weight": one["past_weight"], "item_width": one["item_width"]}
        given["belief"] = {"widths": one["widths"], "scales": one["scales"]}
        total = [run_of(settings, "greedy", n, recommender=given).expected.sum() for n in TUNING]
        rows.append({**one, "reward": float(np.mean(total))})
        print(rows[-1], flush=True)
        return rows[-1]["reward"]

    best = reward(chosen)
    for name, values in factors.items():  # one factor after the other
        for value in values[1:]:
            tried = {**chosen, name: value}
            if (found := reward(tried)) > best:
                best, chosen = found, tried
    return {"worlds": list(TUNING), "grid": sorted(rows, key=lambda row: -row["reward"])}


def report(settings: dict, *, latent: bool) -> dict[str, object]:
    """Every policy of the settings on the report worlds."""
    names = ["oracle", *settings["policies"]]
    measures: dict[str, list[Measures]] = {name: [] for name in names}
    curves: dict[str, list[list[float]]] = {name: [] for name in names[1:]}
    for number in REPORT:
        best = None
        for name in names:
            one = run_of(settings, name, number, latent=latent)
            measures[name].append(measure(one))
            if best is None:
                best = one
            else:
                curves[name].append((regret(one, best) / one.items.shape[1]).tolist())
        print(number, {name: round(found[-1].expected) for name, found in measures.items()}, flush=True)
    default = settings["default"]
    others = [name for name in names[1:] if name != default]
    return {
        "data": "generated",
        "latent_interests": latent,
        "worlds": list(REPORT),
        "means": {name: means(found) for name, found in measures.items()},
        "against_greedy": {name: against(measures, name, "greedy") for name in names[2:]},
        "default_against": {name: against(measures, default, name) for name in others},
        "regret_per_user": {
            name: {"mean": np.mean(c, axis=0).tolist(), "error": (np.std(c, axis=0, ddof=1) / len(c) ** 0.5).tolist()}
            for name, c in curves.items()
        },
    }


def draw(result: dict, folder: Path) -> None:
    """Regret curves with bands."""
    from penchant.plots.curves import Curve, draw_curves

    rounds = list(range(1, len(next(iter(result["regret_per_user"].values()))["mean"]) + 1))
    curves = [
        Curve(
            label=name,
            x=rounds,
            y=told["mean"],
            low=[m - 1.96 * e for m, e in zip(told["mean"], told["error"], strict=True)],
            high=[m + 1.96 * e for m, e in zip(told["mean"], told["error"], strict=True)],
        )
        for name, told in result["regret_per_user"].items()
    ]
    kind = "with" if result["latent_interests"] else "without"
    draw_curves(
        curves,
        folder / f"regret-{kind}-latent.svg",
        title=f"Regret in 20 worlds {kind} latent interests",
        x_label="rounds",
        y_label="engagements a user is behind the oracle",
    )


def pairs(text: str) -> list[tuple[float, float]]:
    """Share and temperature of each candidate."""
    return [(float(a), float(b)) for a, b in (part.split(":") for part in text.split(","))]


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["marginals", "recommender", "tune", "report", "draw"])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--column", default="categories")
    parser.add_argument("--grid", type=pairs, default="0.1:0.3,0.2:0.3", help="share:temperature,…")
    parser.add_argument("--without-latent", action="store_true")
    parser.add_argument("--policies", help="Only these of the settings, with commas between them.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--to", type=Path, default=HERE)
    options = parser.parse_args()
    settings = read_toml(HERE / "config.toml")
    if options.policies:
        settings["policies"] = {name: settings["policies"][name] for name in options.policies.split(",")}
    if options.what == "draw":
        draw(json.loads(options.source.read_text(encoding="utf-8")), options.to)
        return
    if options.what == "marginals":
        print(marginals_of(Dataset.load(options.source), columns=[options.column]))
        return
    start = time.process_time()
    if options.what == "recommender":
        result = recommender(settings)
    elif options.what == "tune":
        result = tune(settings, options)
    else:
        result = report(settings, latent=not options.without_latent)
    result |= {"settings": settings, "cpu_seconds": time.process_time() - start, "environment": environment()}
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
