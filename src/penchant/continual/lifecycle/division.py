"""The past that is learned from, and what is kept for later."""

from dataclasses import replace

import numpy as np

from penchant.continual.lifecycle.settings import DataConfig
from penchant.data.dataset import Dataset, Table
from penchant.data.links import ENDS
from penchant.data.partition import before_item_event
from penchant.errors import DataError, ProtocolError
from penchant.seeding import numpy_rng


def divided(dataset: Dataset, config: DataConfig) -> tuple[Dataset, Dataset]:
    """Past and later events, of the same users and items.

    By ``position`` a user of n ≥ 2 events on items keeps the last ``max(1, ⌊share · n⌋)`` for later, and searches and
    other events without an item that come between them; by ``time`` what happens from the moment on when 1 − share of
    all item events are over. Raises `ProtocolError` where there is no time, `DataError` where a part is empty.
    """
    histories = dataset.histories()
    if config.later == "time":
        if dataset.clock != "time":
            raise ProtocolError(
                f"{dataset.name!r} has positions only: no moment divides its users' events.",
                hint='Set later = "position" under [data].',
            )
        times = np.sort(histories.timestamps)
        moment = times[min(len(times) - 1, int(len(times) * (1 - config.later_share)))] if len(times) else 0
        past = dataset.events.timestamps < moment
    else:
        users = np.flatnonzero(histories.lengths >= 2)
        kept = np.maximum(1, np.floor(config.later_share * histories.lengths[users])).astype(np.int64)
        past = before_item_event(dataset, users, histories.indptr[users + 1] - kept)
    parts = dataset.select(past), dataset.select(~past)
    if not all(len(part.events) for part in parts):
        raise DataError(
            f"{dataset.name!r} has {len(dataset.events)} events: nothing can be learned from some and asked of others.",
            hint="Take more data, or another later_share.",
        )
    return parts


def sampled(dataset: Dataset, n: int | None, *, seed: int) -> Dataset:
    """A seeded sample of n of the users with two events on items, and nobody else; all where n is None. Links are kept
    where they are of items alone.
    """
    if n is None:
        return dataset
    able = np.flatnonzero(dataset.histories().lengths >= 2)
    kept = np.sort(numpy_rng(seed, "users of the run").permutation(able)[:n])
    row = np.full(dataset.n_users, -1, dtype=np.int32)
    row[kept] = np.arange(len(kept))
    events = dataset.events.where(row[dataset.events.users] >= 0)
    users = Table(
        tuple(dataset.users.ids[user] for user in kept.tolist()),
        {name: values[kept] for name, values in dataset.users.columns.items()},
    )
    links, user = dataset.links, ENDS.index("user")
    if links is not None and ((links.subject_kinds == user) | (links.object_kinds == user)).any():
        links = None
    return replace(dataset, users=users, events=replace(events, users=row[events.users]), links=links)
