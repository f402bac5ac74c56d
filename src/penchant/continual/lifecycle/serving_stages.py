"""The second half of the loop: explore → rank → feedback → update. Each stage gives what it tells, as JSON can hold."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from penchant.artifacts import write_json
from penchant.continual.coming import observed
from penchant.continual.lifecycle.ranking import orders_compared
from penchant.continual.lifecycle.work import BUNDLE, LATER, PAST, STORE, ReplayClock, Work
from penchant.continual.updating import update as updated
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.errors import DataError
from penchant.feedback.attribution import MICROSECONDS, AttributionConfig, attribute
from penchant.feedback.opening import open_stores
from penchant.pipeline.exploring import Exploration
from penchant.pipeline.interest_model import load
from penchant.records import Event
from penchant.seeding import numpy_rng

PLANS, BEST = "users.json", "best.json"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE = timedelta(seconds=1)
"""How long before the first of his later events a user is asked, where events have times."""
AT_ONCE = 5_000
"""Events written together"""


def explore(work: Work) -> dict[str, Any]:
    """For each user asked: how much of his slate is for finding out, and the interests worth a try."""
    config, clock = work.config.explore, ReplayClock(work.now())
    model = load(work.made("profile", BUNDLE), now=clock)
    plans: dict[str, dict[str, Any]] = {}
    asked = _asked(work, work.dataset(PAST), work.dataset(LATER))
    with work.progress.task("Looking around", total=len(asked)) as advance:
        for user_id, moment in asked.items():
            clock.at = moment
            slate = model.recommend(user_id, 1, explain=False, explore=config.dial)
            found = model.discover(user_id, config.interests, explore=config.dial.model_dump()).interests
            plans[user_id] = {
                "share": slate.exploration_share,
                "interests": [{"concept_id": one.concept_id, "concept": one.concept, "why": one.text} for one in found],
            }
            advance(1)
    write_json(work.place / PLANS, plans)
    shares = [plan["share"] for plan in plans.values()]
    return {
        "users": len(plans),
        "share": float(np.mean(shares)),
        "least_share": min(shares),
        "most_share": max(shares),
        "interests": len({one["concept_id"] for plan in plans.values() for one in plan["interests"]}),
    }


def rank(work: Work) -> dict[str, Any]:
    """Hold the order against other models', on all users who come back; then serve those asked, and keep how each slate
    was decided. The slate of what is held best alone is kept beside it.
    """
    config, clock = work.config.rank, ReplayClock(work.now())
    model = load(work.made("profile", BUNDLE), now=clock)
    past, later = work.dataset(PAST), work.dataset(LATER)
    compared = orders_compared(model.fitted.model, past, later, config, seed=work.config.seed, progress=work.progress)
    plans = orjson.loads(work.made("explore", PLANS).read_bytes()) if "explore" in work.told else {}
    dial = work.config.explore.dial
    asked, best, places, explored = _asked(work, past, later), {}, 0, 0
    with (
        open_stores(work.place / STORE) as stores,
        work.progress.task("Serving slates", total=len(asked)) as advance,
    ):
        for user_id, moment in asked.items():
            clock.at = moment
            share = plans[user_id]["share"] if user_id in plans else 0.0
            greedy = model.recommend(user_id, config.k, explain=False, explore=0.0)
            wish = Exploration.of({**dial.model_dump(), "share": share})
            served = model.decide(user_id, config.k, explain=False, explore=wish)
            stores.add_slate(served.slate, served.decision)
            best[user_id] = [item.item_id for item in greedy.items]
            places += len(served.slate.items)
            explored += sum(item.explored for item in served.slate.items)
            advance(1)
    write_json(work.place / BEST, best)
    return {**compared, "slates": len(best), "places": places, "explored": explored}


def feedback(work: Work) -> dict[str, Any]:
    """Replay what users did later into the log, and join it to the slates it answers.

    An event answers its user's slate where that has its item. Where events have times they keep them; positions follow
    the slate a second apart, so that they lie within any window.
    """
    later = work.dataset(LATER)
    shutil.copyfile(work.made("rank", STORE), work.place / STORE)
    best: Mapping[str, list[str]] = orjson.loads(work.made("rank", BEST).read_bytes())
    config = _attribution(work, later)
    with open_stores(work.place / STORE) as stores:
        slates = {one.user_id: one for one in stores.decisions()}
        shown = {user_id: {slot.item_id for slot in one.slots} for user_id, one in slates.items()}
        moments = {user_id: one.decided_at for user_id, one in slates.items()}
        now = int((work.now() - EPOCH) / timedelta(microseconds=1))
        events = list(_replayed(later, moments, now, {u: (slates[u].slate_id, shown[u]) for u in slates}))
        for start in range(0, len(events), AT_ONCE):
            stores.add_events(events[start : start + AT_ONCE])
        rewarded, report = attribute(stores.decisions(), events, config)
    taken = [
        (slot.explored, reward > 0)
        for one in rewarded
        for slot, reward in zip(one.decision.slots, one.rewards, strict=True)
    ]
    latest = {user_id: at + config.window_seconds * MICROSECONDS for user_id, at in moments.items()}
    wanted = {
        (event.user_id, event.item_id)
        for event in events
        if config.rewards.get(event.event_type, 0) > 0 and (event.timestamp or 0) <= latest.get(event.user_id, 0)
    }
    kept = {one.decision.user_id for one in rewarded}
    held_best = [(user_id, item) in wanted for user_id, items in best.items() if user_id in kept for item in items]
    return {
        "decisions": report.decisions_kept,
        "events": report.events,
        "answers": report.events_attributed,
        "events_left_out": dict(report.events_left_out),
        "held_best": {"places": len(held_best), "taken": sum(held_best)},
        "served": {"places": len(taken), "taken": sum(hit for _, hit in taken)},
        "explored": {"places": sum(e for e, _ in taken), "taken": sum(e and hit for e, hit in taken)},
    }


def update(work: Work) -> dict[str, Any]:
    """Let the model learn from the log, and write the new version where it is surely better."""
    champion = load(work.made("profile", BUNDLE), now=work.now)
    shutil.copyfile(work.made("feedback", STORE), work.place / STORE)
    try:
        with open_stores(work.place / STORE) as stores:
            came = observed(stores.log(), champion, decisions=stores.decisions())
    finally:
        (work.place / STORE).unlink()
    found = updated(
        champion,
        came,
        work.config.update,
        encoder=work.encoder(),
        seed=work.config.seed,
        progress=work.progress,
    )
    if found.model is not None:
        found.model.save(work.place / BUNDLE)
    reason = "nothing new to learn" if found.verdict is None else found.verdict.reason
    stands = work.place if found.model is not None else work.folder.place("profile")
    return {**found.told, "wins": found.model is not None, "reason": reason, "stands": f"{stands.name}/{BUNDLE}"}


def _asked(work: Work, past: Dataset, later: Dataset) -> dict[str, datetime]:
    """Who is asked, and when: a seeded sample of those with a past who come back. `DataError` where there is nobody."""
    known, comes = consumption(past).histories(), consumption(later).histories()
    users = np.flatnonzero((known.lengths > 0) & (comes.lengths > 0))
    if not len(users):
        raise DataError(
            "Nobody with a past comes back later: there is no user to ask.",
            hint="Set another later_share under [data].",
        )
    rng = numpy_rng(work.config.seed, "asked")
    chosen = np.sort(rng.permutation(users)[: work.config.explore.users]).tolist()
    if later.clock == "position":
        return dict.fromkeys((later.users.ids[user] for user in chosen), work.now())
    first = comes.timestamps[comes.indptr[:-1][chosen]]
    moments = [EPOCH + timedelta(microseconds=int(stamp)) - BEFORE for stamp in first]
    return {later.users.ids[user]: at for user, at in zip(chosen, moments, strict=True)}


def _attribution(work: Work, later: Dataset) -> AttributionConfig:
    config = work.config.feedback.attribution
    if "rewards" in config.model_fields_set:
        return config
    read = consumption(later).events
    types = sorted({later.event_types[code] for code in np.unique(read.types[read.items >= 0]).tolist()})
    return config.model_copy(update={"rewards": dict.fromkeys(types, 1.0)})


def _replayed(
    later: Dataset, moments: Mapping[str, int], now: int, slates: Mapping[str, tuple[str, set[str]]]
) -> Iterator[Event]:
    """The later events, each user's in order."""
    events, counted, last = later.events, 0, -1
    for n in range(len(events)):
        user, row = int(events.users[n]), int(events.items[n])
        counted, last = (counted + 1 if user == last else 1), user
        user_id, item_id = later.users.ids[user], None if row < 0 else later.items.ids[row]
        slate_id, shown = slates.get(user_id, (None, set[str]()))
        value = float(events.values[n])
        stamp = int(events.timestamps[n])
        if later.clock == "position":
            stamp = moments.get(user_id, now) + counted * MICROSECONDS
        yield Event(
            user_id=user_id,
            item_id=item_id,
            event_type=later.event_types[events.types[n]],
            timestamp=stamp,
            value=None if np.isnan(value) else value,
            text=None if events.texts is None or not events.texts[n] else str(events.texts[n]),
            event_id=f"later-{n}",
            slate_id=slate_id if item_id in shown else None,
        )
