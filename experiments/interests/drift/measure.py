"""Makes result.json and drift.svg: how soon PLANTED changes of interest are seen, and what is seen without one.
Items, readers and model are real; the planted users are not: their events were drawn from one concept's items
and then from another's.

    python measure.py BUNDLE [--pairs 40] [--out result.json]
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from planted import Pair, Planted, Shelves, histories_of, pairs, percentiles
from population import population
from svg import chart

import penchant
from penchant.data.histories import Histories
from penchant.interests.drift import DriftReading, read_drift
from penchant.pipeline.beliefs import recent
from penchant.pipeline.drift_fitting import CALIBRATION_USERS, shuffled_streams, streams_of, thresholds_of
from penchant.pipeline.interest_model import InterestModel, load
from penchant.records import Event
from penchant.seeding import numpy_rng

MOST_READ = 20
"""Events after a change of which the profile is read, at most."""
READERS = 500


def leads(model: InterestModel, user: Planted, name: str) -> dict[str, int | None]:
    """After how many events of the new interest the profile's first interest is on its side, and after how many the
    planted concept stands before the old one. None: not within `MOST_READ`.
    """
    data, vocabulary = model.fitted.dataset, model.fitted.vocabulary
    bears = vocabulary.activations > 0
    sides = [np.asarray(bears[np.flatnonzero(bears[:, [c]].toarray())].mean(axis=0)).ravel() for c in _both(user.pair)]
    model.observe([Event(user_id=name, item_id=data.items.ids[item]) for item in user.items])
    found: dict[str, int | None] = {"first_on_its_side": None, "before_the_old": None}
    for n in range(1, min(MOST_READ, len(user.items) - user.change) + 1):
        profile = model.interests(name, as_of=user.change + n)
        rows = [vocabulary.row(interest.concept_id) for interest in profile.interests]
        if found["first_on_its_side"] is None and rows and sides[1][rows[0]] > sides[0][rows[0]]:
            found["first_on_its_side"] = n
        old = rows.index(user.pair.old) if user.pair.old in rows else len(rows)
        if found["before_the_old"] is None and user.pair.new in rows and rows.index(user.pair.new) < old:
            found["before_the_old"] = n
        if None not in found.values():
            break
    return found


def _both(pair: Pair) -> tuple[int, int]:
    return pair.old, pair.new


def told(delays: list[int | None]) -> dict[str, float]:
    """How many there are, and after how many events; those not found count as one more than are looked at."""
    some = [delay if delay is not None else MOST_READ + 1 for delay in delays]
    return {
        "users": len(delays),
        **percentiles(some),
        "within_5": float(np.mean([delay <= 5 for delay in some])),
        "not_found": sum(delay is None for delay in delays),
    }


def noticed(users: list[Planted], readings: list[DriftReading]) -> dict[str, object]:
    """Events until an alarm, and how far the moment told is from the true one."""
    delays: list[int | None] = []
    off, kinds = [], Counter[str]()
    for user, reading in zip(users, readings, strict=True):
        rises = [c for c in reading.changes if c.direction == "up" and c.at >= user.change]
        about = [c for c in rises if user.pair.new in (c.concept, *c.also)]
        delays.append(about[0].at - user.change + 1 if about else None)
        if about:
            off.append(abs(about[0].start - user.change))
            kinds[about[0].kind] += 1
    return {
        "events_until_noticed": told(delays),
        "events_between_true_and_told_moment": percentiles(off),
        "told_as": dict(kinds),
    }


def alarms(readings: list[DriftReading], warm_up: int) -> dict[str, object]:
    """Alarms in 1,000 events in which one could be raised."""
    events = sum(max(0, len(reading.scores) - warm_up) for reading in readings)
    changes = [change for reading in readings for change in reading.changes]
    per_thousand = 1_000 / max(events, 1)
    return {
        "users": len(readings),
        "events": events,
        "users_with_an_alarm": sum(bool(reading.changes) for reading in readings),
        "alarms_in_1000_events": len(changes) * per_thousand,
        "of_which": {kind: n * per_thousand for kind, n in sorted(Counter(c.kind for c in changes).items())},
        "median_last_score": float(np.median([reading.scores[-1] for reading in readings])),
    }


def main() -> None:
    """Measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "result.json")
    options = parser.parse_args()
    model = load(options.bundle)
    live, config = model.live, model.config.drift
    fitted, rng = model.fitted, numpy_rng(options.seed, "planted drift")
    thresholds = thresholds_of(fitted.facts["drift"])
    shelves = Shelves(fitted.vocabulary.activations, live.counts, rng)
    chosen = pairs(fitted.vocabulary.activations, options.pairs, rng)

    def read(histories: Histories) -> list[DriftReading]:
        return [read_drift(s, thresholds, config) for s in streams_of(histories, live.beliefs)]

    result: dict[str, object] = {
        "penchant": penchant.__version__,
        "bundle": model.bundle,
        "concepts": len(fitted.vocabulary.concepts),
        "thresholds": fitted.facts["drift"],
        "false_alarms_asked_for_in_1000_events": config.false_alarms,
        "pairs": [[fitted.vocabulary.concepts[c].name for c in (pair.old, pair.new, pair.third)] for pair in chosen],
    }
    curves = {}
    worlds = {"abrupt": shelves.abrupt, "gradual": shelves.gradual, "returning": shelves.returning}
    for world, make in worlds.items():
        users = [make(pair) for pair in chosen]
        readings = read(histories_of(users))
        lead = [leads(model, user, f"{world}-{n}") for n, user in enumerate(users)]
        result[world] = {
            **noticed(users, readings),
            "events_until_it_leads": {
                "first_on_its_side": told([one["first_on_its_side"] for one in lead]),
                "before_the_old": told([one["before_the_old"] for one in lead]),
            },
        }
        curves[world] = np.mean(
            [r.scores[u.change - 20 : u.change + 20] for u, r in zip(users, readings, strict=True)], 0
        )
        print(world, json.dumps(result[world], indent=1))
    constant = [shelves.constant(pair) for pair in chosen]
    readings = read(histories_of(constant))
    result["planted_without_change"] = alarms(readings, config.warm_up)
    curves["no change"] = np.mean([r.scores[20:60] for r in readings if len(r.scores) >= 60], 0)

    # Readers on whom no threshold was set: the same draw as `fit_thresholds`, and the rest.
    histories = fitted.dataset.histories()
    histories = histories.keep(live.consumption(histories))
    long = np.flatnonzero(histories.lengths > config.warm_up)
    drawn = numpy_rng(model.seed, "drift thresholds").choice(long, min(CALIBRATION_USERS, len(long)), replace=False)
    others = rng.permutation(np.setdiff1d(long, drawn))[:READERS]
    some, _ = recent(histories.take(np.sort(others)))
    shuffled = shuffled_streams(some, live.beliefs, rng)
    mixed = [read_drift(stream, thresholds, config) for stream in shuffled]
    real = read(some)
    result["readers_never_calibrated_on"] = {
        "as_they_read": alarms(real, config.warm_up),
        "shuffled": alarms(mixed, config.warm_up),
        "share_of_events_with_score_above_a_half": {
            "as_they_read": float(np.mean(np.concatenate([r.scores[config.warm_up :] for r in real]) > 0.5)),
            "shuffled": float(np.mean(np.concatenate([r.scores[config.warm_up :] for r in mixed]) > 0.5)),
        },
    }
    print(json.dumps(result["readers_never_calibrated_on"], indent=1))
    result["population"] = population(model, some, rng)
    print(json.dumps(result["population"], indent=1))
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    options.out.with_name("drift.svg").write_text(chart(curves, change=20))


if __name__ == "__main__":
    main()
