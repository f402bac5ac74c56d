"""Policies in simulated worlds: what each earns, finds and costs, against greedy in the same worlds.

python measure.py marginals DATASET --column categories     what a log says of popularity and activity
python measure.py recommender [--out FILE]                  settings of the recommender, by greedy on worlds 1-10
python measure.py tune [--out FILE]                         settings of the dial, on the tuning worlds
python measure.py report [--without-latent] [--out FILE]    worlds 171-190
python measure.py draw FILE --to FOLDER                     pictures of a report
"""

import argparse
import dataclasses
import itertools
import json
import time
from collections.abc import Iterable
from pathlib import Path

import checking
import numpy as np
from batched import Batched, config_of

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.evaluation.measuring import environment
from penchant.evaluation.simulation.loop import LoopConfig, Oracle, Run, run
from penchant.evaluation.simulation.marginals import marginals_of
from penchant.evaluation.simulation.measures import Measures, found_concepts, measure, paired
from penchant.evaluation.simulation.planted import PlantedWorld, WorldConfig
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.world import Catalogue
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
ENGAGEMENTS = (1, 2, 3, 5, 8)
"""After which a concept counts as found; the measure is at 3, where the dial stops trying it"""
TUNING, REPORT = [*range(1, 11), *range(51, 71)], range(171, 191)


def world_of(settings: dict, number: int, *, latent: bool = True) -> PlantedWorld:
    """World `number`, with parameters redrawn by it."""
    config = WorldConfig.of(settings["world"])
    if not latent:
        config = config.model_copy(update={"latent": 0.0, "turn": 0.0})
    return PlantedWorld(config.redrawn(number), seed=number)


def run_of(settings: dict, name: str, number: int, world: PlantedWorld, *, recommender: dict | None = None) -> Run:
    """A policy of [policies] in world `number`, of whose number its luck is."""
    loop = LoopConfig(rounds=settings["horizon"], slate=settings["slate"])
    if name == "oracle":
        return run(world, Oracle(world), loop)
    config = SimulatedConfig.of(recommender or settings["recommender"])
    made = SimulatedRecommender(world.catalogue, config, slate=loop.slate)
    rng, policy = numpy_rng(number, "policy"), settings["policies"][name]
    return run(world, Batched(made, config_of(policy), rng=rng), loop)


def touching(one: Run, catalogue: Catalogue) -> Run:
    """The same run for a judge to whom an item is of every concept that it touches."""
    touches = catalogue.activations.toarray() > 0
    new = np.ones_like(one.new)
    np.logical_and.at(new, catalogue.history_users, ~touches[catalogue.history_items])
    return dataclasses.replace(one, leading=touches, new=new)


def check(settings: dict) -> None:
    """The batched policies against the policies themselves."""
    checking.check(settings, lambda: world_of(settings, 1))


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


def tune(settings: dict, *, kept: Path | None) -> dict[str, object]:
    """The dial under every candidate of [[tuning]] on the tuning worlds, against greedy and ε-greedy."""
    candidates = {line_of(one): {"kind": "dial", **one} for one in settings["tuning"]}
    beside = {name: settings["policies"][name] for name in ("greedy", "epsilon_greedy")}
    settings = {**settings, "policies": {**beside, **candidates}}
    done = played(settings, list(settings["policies"]), TUNING, latent=True, kept=kept)
    measures = {name: [Measures(**done[n, name]["measures"]) for n in TUNING] for name in settings["policies"]}
    return {
        "worlds": TUNING,
        "candidates": [
            {
                "settings": candidate,
                "means": means(measures[name]),
                "against_greedy": against(measures, name, "greedy"),
                "against_epsilon_greedy": against(measures, name, "epsilon_greedy"),
            }
            for name, candidate in candidates.items()
        ],
    }


def line_of(candidate: dict) -> str:
    """What a candidate says otherwise, in a line."""
    return "dial " + json.dumps(candidate, sort_keys=True)


def recommender(settings: dict) -> dict[str, object]:
    """Greedy's reward on worlds 1-10 under settings of the recommender, so that it is not held back by them."""
    settings = {**settings, "policies": {"greedy": {"kind": "greedy"}}}
    factors = {
        "widths": [(0.4, 1.0), (0.2, 0.5), (0.8, 2.0)],
        "scales": [(10.0, 200.0), (5.0, 60.0)],
        "past_weight": [1.5, 0.5, 3.0],
        "item_width": [0.3, 1.0],
    }
    chosen = {name: values[0] for name, values in factors.items()}
    rows = []

    def reward(one: dict) -> float:
        given = {"past_weight": one["past_weight"], "item_width": one["item_width"]}
        given["belief"] = {"widths": one["widths"], "scales": one["scales"]}
        total = [
            run_of(settings, "greedy", n, world_of(settings, n), recommender=given).expected.sum() for n in TUNING[:10]
        ]
        rows.append({**one, "reward": float(np.mean(total))})
        print(rows[-1], flush=True)
        return rows[-1]["reward"]

    best = reward(chosen)
    for name, values in factors.items():  # one factor after the other
        for value in values[1:]:
            tried = {**chosen, name: value}
            if (found := reward(tried)) > best:
                best, chosen = found, tried
    return {"worlds": TUNING[:10], "grid": sorted(rows, key=lambda row: -row["reward"])}


def played(
    settings: dict, names: list[str], worlds: Iterable[int], *, latent: bool, kept: Path | None
) -> dict[tuple[int, str], dict]:
    """Every policy in every world. What is done is in `kept`, a line a world and policy, so that a run cut short goes
    on where it was.
    """
    done: dict[tuple[int, str], dict] = {}
    given = {
        name: json.dumps({**settings, "policies": settings["policies"].get(name), "tuning": None}, sort_keys=True)
        for name in names
    }
    if kept and kept.exists():
        for row in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
            if given.get(row["policy"]) == row["settings"]:
                done[row["world"], row["policy"]] = row
    for number, name in itertools.product(worlds, names):
        if (number, name) in done:
            continue
        world = world_of(settings, number, latent=latent)
        one = run_of(settings, name, number, world)
        curve = np.cumsum(one.expected.sum(axis=(1, 2))) / one.items.shape[1]
        row = {"world": number, "policy": name, "settings": given[name], "earned": curve.tolist()}
        row["measures"] = dataclasses.asdict(measure(one))
        row["new_concepts_at"] = {str(n): int(found_concepts(one, engagements=n).sum()) for n in ENGAGEMENTS}
        row["new_concepts_touched"] = int(found_concepts(touching(one, world.catalogue)).sum())
        done[number, name] = row
        print(number, name, round(row["measures"]["expected"]), flush=True)
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    return done


def report(settings: dict, *, latent: bool, kept: Path | None) -> dict[str, object]:
    """Every policy of the settings on the report worlds."""
    names = ["oracle", *settings["policies"]]
    done = played(settings, names, REPORT, latent=latent, kept=kept)
    measures = {name: [Measures(**done[number, name]["measures"]) for number in REPORT] for name in names}
    earned = {name: np.array([done[number, name]["earned"] for number in REPORT]) for name in names}
    curves = {name: earned["oracle"] - earned[name] for name in names[1:]}
    default = settings["default"]
    others = [name for name in names[1:] if name != default]
    return {
        "data": "generated",
        "latent_interests": latent,
        "worlds": list(REPORT),
        "means": {name: means(found) for name, found in measures.items()},
        "against_greedy": {name: against(measures, name, "greedy") for name in names[2:]},
        "new_concepts_at": {
            name: {
                n: dataclasses.asdict(
                    paired(
                        *([done[number, one]["new_concepts_at"][n] for number in REPORT] for one in (name, "greedy"))
                    )
                )
                for n in map(str, ENGAGEMENTS)
            }
            for name in names[2:]
        },
        "new_concepts_touched": {
            name: dataclasses.asdict(
                paired(*([done[number, one]["new_concepts_touched"] for number in REPORT] for one in (name, "greedy")))
            )
            for name in names[2:]
        },
        "default_against": {name: against(measures, default, name) for name in others},
        "regret_per_user": {
            name: {"mean": c.mean(axis=0).tolist(), "error": (c.std(axis=0, ddof=1) / len(c) ** 0.5).tolist()}
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


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["marginals", "check", "recommender", "tune", "report", "draw"])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--column", default="categories")
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
    if options.what == "check":
        check(settings)
        return
    start = time.process_time()
    kept = options.out.with_suffix(".rows.jsonl") if options.out else None
    if options.what == "recommender":
        result = recommender(settings)
    elif options.what == "tune":
        result = tune(settings, kept=kept)
    else:
        result = report(settings, latent=not options.without_latent, kept=kept)
    result |= {"settings": settings, "cpu_seconds": time.process_time() - start, "environment": environment()}
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
