"""Five rounds of new data: going on with replay and a pull back, plain fine-tuning, counting again only, full fits."""

import argparse
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from penchant.continual.gate import case_values
from penchant.data.dataset import Dataset
from penchant.data.partition import next_item_after
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.holdout import catalogue_ties
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.sequential.continuing import ContinuingConfig
from penchant.pipeline.encoding import cached_encoder, item_vectors
from penchant.seeding import numpy_rng

FIRST, HELD = 0, -1


def thinned(data: Dataset, users: int, items: int, seed: int) -> Dataset:
    """Some users and the items that most have."""
    top = np.argsort(-data.item_counts(), kind="stable")[:items]
    some = numpy_rng(seed, "users").permutation(data.n_users)[:users]
    events = data.events
    kept = np.isin(events.items, top) & np.isin(events.users, some)
    lengths = np.bincount(events.users[kept], minlength=data.n_users)
    return data.select(kept & (lengths[events.users] >= 10))


def periods(data: Dataset, config: dict, seed: int) -> np.ndarray:
    """(N,) of each event 0 for the first period, 1 … rounds for the round it comes in. Old users' later events come in
    equal parts; a new user's all in one round.
    """
    rng, rounds = numpy_rng(seed, "periods"), config["rounds"]
    lengths = data.histories().lengths
    place = np.arange(len(data.events)) - data.histories().indptr[:-1][data.events.users]
    share = (place + 0.5) / lengths[data.events.users]
    first = config["first_share"]
    later = 1 + np.minimum((share - first) / (1 - first) * rounds, rounds - 1).astype(int)
    period = np.where(share < first, FIRST, later)
    arrives = np.where(rng.random(data.n_users) < config["new_users"], rng.integers(1, rounds + 1, data.n_users), 0)
    new = arrives[data.events.users]
    return np.where(new > 0, new, period)


def asked(data: Dataset, wanted: np.ndarray):
    """Cases that ask for the last event of each user among the wanted periods, given what came before, and those
    events, which nothing is to learn from.
    """
    owners = data.events.users
    places = np.flatnonzero(wanted)
    last = places[np.append(owners[places][1:] != owners[places][:-1], True)]
    histories = data.histories()
    length = last - histories.indptr[owners[last]]
    last = last[length > 0]
    return next_item_after(histories, owners[last], length[length > 0]), last


def process_seconds(work):
    """What it made, and seconds of the processor."""
    began = time.process_time()
    made = work()
    return made, time.process_time() - began


def run(data: Dataset, config: dict, variants: dict[str, dict], *, seed: int, text, full: bool) -> dict:
    """One stream."""
    period = periods(data, config, seed)
    old_cases, held_old = asked(data, period == FIRST)
    new_cases, held_new = asked(data, period > FIRST)
    period[np.concatenate([held_old, held_new])] = HELD
    ties = catalogue_ties(data, seed)
    options = FitOptions(item_vectors=text, seed=seed)
    model_config = InterestConfig.of(config["model"])

    def until(round_: int) -> Dataset:
        return data.select((period >= FIRST) & (period <= round_))

    def measured(model: Interest) -> dict:
        told = {}
        for name, cases in (("first", old_cases), ("new", new_cases)):
            for part, asks in (("interest", model), ("tracker", model.tracker)):
                values = case_values(asks if part == "interest" else Alone(asks), cases, ties, k=10)
                low, high = bootstrap_intervals(by_user(values[:, None], cases.histories.users), seed=0)
                told[f"{name}_{part}"] = {
                    "ndcg@10": values.mean(),
                    "low": low[0],
                    "high": high[0],
                    "cases": len(values),
                }
        return told

    first, seconds = process_seconds(lambda: Interest(model_config).fit(until(0), options=options))
    rows = {"first period only": {"seconds": [seconds], **measured(first)}}
    print(seed, "first", seconds, brief(rows["first period only"]), flush=True)
    counted, seconds = process_seconds(lambda: first.continued(first.tracker, until(config["rounds"]), options=options))
    rows["counted again"] = {"seconds": [seconds], **measured(counted)}
    for name, told in variants.items():
        model, spent, course = first, [], []
        learning = ContinuingConfig.of(told)
        for round_ in range(1, config["rounds"] + 1):
            now, before = until(round_), until(round_ - 1)
            fresh = period[(period >= FIRST) & (period <= round_)] == round_

            def update(model=model, now=now, before=before, fresh=fresh, round_=round_, learning=learning):
                tracker = model.tracker.continued(
                    now,
                    learned_N=fresh,
                    replayable_N=~fresh,
                    counted_I=before.item_counts(),
                    config=learning,
                    options=replace(options, seed=seed + 100 * round_),
                )
                return model.continued(tracker, now, options=options)

            model, seconds = process_seconds(update)
            spent.append(seconds)
            values = case_values(Alone(model.tracker), old_cases, ties, k=10)
            course.append(float(values.mean()))
        rows[name] = {"seconds": spent, "first_period_by_round": course, **measured(model), "learning": told}
        print(seed, name, np.round(spent, 1), brief(rows[name]), flush=True)
    if full:
        fitted, seconds = process_seconds(lambda: Interest(model_config).fit(until(config["rounds"]), options=options))
        rows["full fit"] = {"seconds": [seconds], **measured(fitted)}
        print(seed, "full", seconds, brief(rows["full fit"]), flush=True)
    sizes = {str(r): int((period == r).sum()) for r in range(config["rounds"] + 1)}
    return {"seed": seed, "events_by_round": sizes, "rows": rows}


class Alone:
    """A tracker asked as a model of the gate is."""

    def __init__(self, tracker):
        self.tracker, self.score = tracker, tracker.score


def brief(row: dict) -> dict:
    """Its NDCG."""
    return {name: round(float(v["ndcg@10"]), 4) for name, v in row.items() if isinstance(v, dict) and "ndcg@10" in v}


def shares(rows: dict) -> dict:
    """What the targets ask for."""
    first, full = rows["first period only"], rows.get("full fit")
    told = {}
    for name, row in rows.items():
        loss = {p: 1 - row[f"first_{p}"]["ndcg@10"] / first[f"first_{p}"]["ndcg@10"] for p in ("interest", "tracker")}
        told[name] = {"first_period_loss": loss}
        if full is not None:
            told[name]["new_period_against_full"] = {
                p: row[f"new_{p}"]["ndcg@10"] / full[f"new_{p}"]["ndcg@10"] - 1 for p in ("interest", "tracker")
            }
            told[name]["time_share_of_full_per_update"] = max(row["seconds"]) / full["seconds"][0]
    return told


def main() -> None:
    """Run the stream and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--tune", action="store_true", help="Try settings on the users of the tuning seed.")
    asked_for = parser.parse_args()
    config = tomllib.loads((Path(__file__).parent / "config.toml").read_text())
    seed = config["tuning_seed" if asked_for.tune else "seed"]
    whole = Dataset.load(asked_for.data)
    data = thinned(whole, config["users"], config["items"], seed)
    text = item_vectors(data.items, cached_encoder(None))
    variants = {"replay and pull": config["learning"], "plain fine-tuning": config["plain"]}
    if asked_for.tune:
        variants = {
            f"lr {rate:g} replay {replay:g} anchor {anchor:g}": {
                "epochs": 3, "learning_rate": rate, "replay": replay, "anchor": anchor
            }
            for rate, replay, anchor in GRID
        }  # fmt: skip
    result = run(data, config, variants, seed=seed, text=text, full=not asked_for.tune)
    told = {
        "dataset": {
            "name": whole.name,
            "fingerprint": whole.fingerprint,
            "users": int((data.histories().lengths > 0).sum()),
            "items": int((data.item_counts() > 0).sum()),
            "events": len(data.events),
        },
        "config": config,
        **result,
        "shares": shares(result["rows"]),
        "machine": environment(),
    }
    asked_for.to.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


GRID = ((3e-3, 1.0, 0.01), (3e-3, 0.5, 0.001), (3e-3, 0.0, 0.0))

if __name__ == "__main__":
    main()
