"""What came since a bundle was fitted: a dataset folder that grew or holds the new events alone, or a store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from penchant.data.dataset import Dataset, Events, Table
from penchant.data.folder import MANIFEST
from penchant.data.growth import Growth, grown
from penchant.errors import NotFoundError, SourceError
from penchant.feedback.forgetting import forgotten
from penchant.feedback.opening import open_stores
from penchant.feedback.stores import Logged
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Decision, Edit, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A bundle's dataset with what came since, and what became of everything that came."""

    growth: Growth
    repeated: int = 0
    """Events that it had already"""
    forgotten: int = 0
    """Events that their users had forgotten since: they are not learned"""
    refused: int = 0
    """Events that the model cannot take, such as of items that are not in its catalogue"""
    decisions: tuple[Decision, ...] = ()
    """How slates were decided, but for those of users who began anew since"""
    answers: tuple[Event, ...] = ()
    """All events of the log that the decisions are in, but for forgotten ones"""
    moments: Mapping[str, int] = field(default_factory=dict)
    """When new events happened (UTC microseconds), by their ids, where a log says so"""


def coming(path: Path, model: InterestModel) -> Coming:
    """What is at a path beside what a model's dataset has. `SourceError` where there is neither folder nor store."""
    if (path / MANIFEST).is_file():
        growth = grown(model.fitted.dataset, Dataset.load(path))
        return Coming(growth=growth, repeated=growth.repeated)
    if not path.is_file():
        raise SourceError(
            f"{path} is neither a dataset folder nor a store.",
            hint="Give a folder that `penchant import` made, or the store that `penchant serve` keeps.",
        )
    with open_stores(path) as stores:
        return observed(stores.log(), model, decisions=stores.decisions())


def observed(log: Iterable[Logged], model: InterestModel, *, decisions: Iterable[Decision] = ()) -> Coming:
    """The events of a log that a model takes and that were not forgotten in the same log; `model` has them afterwards.

    Events that the model's dataset has already, by their ids, are no new ones.
    """
    log = list(log)
    gone = forgotten(log)
    taken: list[Event] = []
    repeated = refused = 0
    for one in log:
        if isinstance(one.entry, Edit):
            try:
                model.take(one.entry)
            except NotFoundError:
                continue  # of a concept or an event of another bundle: it says nothing of the new events
            continue
        result = model.observe([one.entry])
        repeated, refused = repeated + result.duplicates, refused + len(result.rejected)
        if result.accepted:
            taken.append(one.entry)
    timeline = model.live.timeline
    kept = [event for event in taken if event.event_id is None or timeline.key(event.user_id, event.event_id) >= 0]
    counted = [replace(event, event_type=timeline.counted(event)) for event in kept]
    came = dataset_of(counted, like=model.fitted.dataset, now=model.live.microseconds())
    growth = grown(model.fitted.dataset, came, alone=True)
    return Coming(
        growth=growth,
        repeated=repeated,
        forgotten=len(taken) - len(kept),
        refused=refused,
        decisions=tuple(one for one in decisions if not gone.decided(one)),
        answers=tuple(one.entry for one in log if isinstance(one.entry, Event) and not gone.has(one)),
        moments={e.event_id: e.timestamp for e in kept if e.event_id is not None and e.timestamp is not None},
    )


def dataset_of(events: Sequence[Event], *, like: Dataset, now: int) -> Dataset:
    """Events as a dataset with the clock of another, in their order where that counts positions. An event without a
    time, and one dated later, happened `now` (UTC microseconds).
    """
    users = Table(tuple(dict.fromkeys(event.user_id for event in events)))
    items = Table(tuple(dict.fromkeys(event.item_id for event in events if event.item_id is not None)))
    types = tuple(dict.fromkeys(event.event_type for event in events)) or like.event_types
    rows = users.rows([event.user_id for event in events])
    timed = like.clock == "time"
    stamps = np.array(
        [now if event.timestamp is None else min(event.timestamp, now) for event in events], dtype=np.int64
    )
    order = np.lexsort((np.arange(len(events)), stamps if timed else np.zeros(len(events)), rows))
    if not timed:
        counted: Counter[str] = Counter()
        for place, event in enumerate(events):
            stamps[place] = counted[event.user_id]
            counted[event.user_id] += 1
    texts = np.array([event.text for event in events], dtype=object)
    return Dataset(
        name=like.name,
        users=users,
        items=items,
        events=Events(
            users=rows[order],
            items=np.array([-1 if e.item_id is None else items.row(e.item_id) for e in events], dtype=np.int32)[order],
            types=np.array([types.index(event.event_type) for event in events], dtype=np.int32)[order],
            timestamps=stamps[order],
            values=np.array([np.nan if event.value is None else event.value for event in events])[order],
            keys=np.asarray(order, dtype=np.int64),
            texts=texts[order] if any(event.text for event in events) else None,
        ),
        event_types=types,
        clock=like.clock,
        event_ids={place: event.event_id or f"o{place}" for place, event in enumerate(events)} if events else None,
    )
