"""Five rounds of new data: going on with replay and a pull back, plain fine-tuning, counting again only, full fits."""

import argparse
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from penchant.continual.challenger import challenger
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
FULL, BEGAN = "full fit", "first period only"
RESAMPLES = 2_000


def users_of(data: Dataset, config: dict, *, tune: bool) -> np.ndarray:
    """The tuning users, or all others; in the order in which streams take them."""
    lengths = np.bincount(data.events.users, minlength=data.n_users)
    users = numpy_rng(config["seed"], "users").permutation(np.flatnonzero(lengths >= config["least_events"]))
    return users[: config["tuning_users"]] if tune else users[config["tuning_users"] :]


def periods(data: Dataset, config: dict) -> np.ndarray:
    """(N,) of each event 0 for the first period, 1 … rounds for the round it comes in. Old users' later events come in
    equal parts; a new user's all in one round.
    """
    rng, rounds = numpy_rng(config["seed"], "periods"), config["rounds"]
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


def run(data: Dataset, config: dict, variants: dict[str, dict], text: np.ndarray) -> dict[str, dict]:
    """One stream: of each way its seconds, its weights, and the NDCG@10 of each case."""
    period = periods(data, config)
    old_cases, held_old = asked(data, period == FIRST)
    new_cases, held_new = asked(data, period > FIRST)
    period[np.concatenate([held_old, held_new])] = HELD
    ties = catalogue_ties(data, config["seed"])
    options = FitOptions(item_vectors=text, seed=config["seed"])
    model_config = InterestConfig.of(config["model"])

    def until(round_: int) -> Dataset:
        return data.select((period >= FIRST) & (period <= round_))

    def measured(name: str, model: Interest, seconds: list[float]) -> dict:
        told = {"seconds": seconds, "weights": {name: list(w) for name, w in model.blend.weights.items()}}
        for of, cases in (("first", old_cases), ("new", new_cases)):
            for part, asks in (("interest", model), ("tracker", Alone(model.tracker))):
                told[f"{of}_{part}"] = case_values(asks, cases, ties, k=10)
        means = {key: round(float(v.mean()), 4) for key, v in told.items() if isinstance(v, np.ndarray)}
        print(name, np.round(seconds, 1), means, told["weights"], flush=True)
        return told

    first, seconds = process_seconds(lambda: Interest(model_config).fit(until(0), options=options))
    rows = {BEGAN: measured(BEGAN, first, [seconds])}
    counted, seconds = process_seconds(lambda: first.continued(first.tracker, until(config["rounds"]), options=options))
    rows["counted again"] = measured("counted again", counted, [seconds])
    for name, told in variants.items():
        model, spent = first, []
        for round_ in range(1, config["rounds"] + 1):
            now, before = until(round_), until(round_ - 1)
            fresh = period[(period >= FIRST) & (period <= round_)] == round_

            def update(model=model, now=now, before=before, fresh=fresh, round_=round_, told=told):
                return challenger(
                    model,
                    before,
                    now,
                    learned_N=fresh,
                    replayable_N=~fresh,
                    config=ContinuingConfig.of(told["learning"]),
                    blend_cases=told["blend_cases"],
                    options=replace(options, seed=config["seed"] + 100 * round_),
                )

            model, seconds = process_seconds(update)
            spent.append(seconds)
        rows[name] = measured(name, model, spent)
    fitted, seconds = process_seconds(lambda: Interest(model_config).fit(until(config["rounds"]), options=options))
    rows[FULL] = measured(FULL, fitted, [seconds])
    return rows


class Alone:
    """A tracker asked as a model of the gate is."""

    def __init__(self, tracker):
        self.tracker, self.score = tracker, tracker.score


def pooled(streams: list[dict[str, dict]]) -> dict[str, dict]:
    """All streams' cases together: means with 95 % intervals, and what the targets ask for, with paired ones."""
    told: dict[str, dict] = {}
    for name in streams[0]:
        row: dict = {"seconds": [s[name]["seconds"] for s in streams], "weights": [s[name]["weights"] for s in streams]}
        for key, values in joined(streams, name).items():
            (low,), (high,) = bootstrap_intervals(by_user(values[:, None], np.arange(len(values))), seed=0)
            row[key] = {"ndcg@10": values.mean(), "low": low, "high": high, "cases": len(values)}
        if name not in {BEGAN, FULL}:
            for part in ("interest", "tracker"):
                lost = relative(joined(streams, name), joined(streams, BEGAN), f"first_{part}")
                row[f"first_period_{part}"] = {"loss": -lost["value"], "low": -lost["high"], "high": -lost["low"]}
                row[f"new_period_against_full_{part}"] = relative(
                    joined(streams, name), joined(streams, FULL), f"new_{part}"
                )
            shares = [max(s[name]["seconds"]) / s[FULL]["seconds"][0] for s in streams]
            row["time_share_of_full_per_update"] = {"mean": float(np.mean(shares)), "most": max(shares)}
        told[name] = row
    return told


def joined(streams: list[dict[str, dict]], name: str) -> dict[str, np.ndarray]:
    """The values of one way over all streams."""
    keys = [key for key, value in streams[0][name].items() if isinstance(value, np.ndarray)]
    return {key: np.concatenate([s[name][key] for s in streams]) for key in keys}


def relative(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], key: str) -> dict[str, float]:
    """The ratio ours / theirs, less 1, with a 95 % interval; users are drawn again, each with both values."""
    a, b = ours[key], theirs[key]
    draws = numpy_rng(0, "relative").integers(len(a), size=(RESAMPLES, len(a)))
    low, high = np.quantile(a[draws].mean(axis=1) / b[draws].mean(axis=1) - 1, [0.025, 0.975])
    return {"value": float(a.mean() / b.mean() - 1), "low": float(low), "high": float(high)}


def main() -> None:
    """Run the streams and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--tune", action="store_true", help="Try settings on the tuning users.")
    parser.add_argument("--streams", type=int, default=1, help="Into how many streams the users are divided.")
    asked_for = parser.parse_args()
    config = tomllib.loads((Path(__file__).parent / "config.toml").read_text())
    whole = Dataset.load(asked_for.data)
    text = item_vectors(whole.items, cached_encoder(None))
    users = users_of(whole, config, tune=asked_for.tune)
    variants = config["tuned" if asked_for.tune else "ways"]
    streams = []
    for some in np.array_split(users, asked_for.streams):
        streams.append(run(whole.select(np.isin(whole.events.users, some)), config, variants, text))
    told = {
        "dataset": {"name": whole.name, "fingerprint": whole.fingerprint, "items": whole.n_items},
        "users": len(users),
        "events": int(np.isin(whole.events.users, users).sum()),
        "streams": asked_for.streams,
        "config": config,
        "rows": pooled(streams),
        "machine": environment(),
    }
    asked_for.to.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


if __name__ == "__main__":
    main()
