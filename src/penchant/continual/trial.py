"""What a gate asks champion and challenger about, and what may be learned beside it."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.growth import Growth
from penchant.data.histories import Cases, Histories
from penchant.data.partition import next_item
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, IntArray


class GateConfig(Config):
    """When a challenger wins."""

    k: int = Field(default=10, ge=1)
    """Of NDCG@k."""
    margin: float = Field(default=0.0, ge=0, lt=1)
    """By how much of NDCG, beyond doubt, it has to be better on what came."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the two-sided interval whose lower end counts."""
    most_forgotten: float = Field(default=0.05, ge=0, le=1)
    """The share of the NDCG on the old period that it may lose."""
    held_out: float = Field(default=0.3, gt=0, le=1)
    """Share of the users with new events whose last new event is kept for the gate."""
    fewest_cases: int = Field(default=30, ge=2)
    """With fewer the champion stays: nothing can be told."""
    most_cases: int = Field(default=2_000, ge=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The cases of a gate, and what may be learned beside them."""

    new: Cases
    old: Cases
    learned: BoolArray
    """(N,) new item events that are to be learned"""
    replayable: BoolArray
    """(N,) old item events that may be learned again: all but the old cases' targets"""
    training: Dataset
    """Without the new cases' targets"""


def trial(growth: Growth, config: GateConfig, *, seed: int, withheld: BoolArray | None = None) -> Trial:
    """Keep the last new item event of some users for the gate, and the last old one of some for what is forgotten.

    `withheld`, (N,), are events of the dataset that are not to be learned either: answers to decisions that judge.
    """
    data = growth.dataset
    histories, new = data.histories(), growth.of_items
    rng = numpy_rng(seed, "gate")
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    last_new = _last(owners, new)
    asked = last_new[last_new > histories.indptr[owners[last_new]]]  # something comes before it
    wanted = min(config.most_cases, round(config.held_out * len(asked)))
    held = np.sort(rng.permutation(asked)[:wanted])
    last_old = _last(owners, ~new)
    before = last_old[last_old > histories.indptr[owners[last_old]]]
    probed = np.sort(rng.permutation(before)[: config.most_cases])
    of_items = np.flatnonzero(data.events.items >= 0)
    kept = np.ones(len(data.events), dtype=np.bool_)
    kept[of_items[held]] = False
    if withheld is not None:
        kept &= ~withheld
    left = kept[of_items]
    replayable = ~new
    replayable[probed] = False
    return Trial(
        new=_cases(histories, owners, held),
        old=_cases(histories, owners, probed),
        learned=new[left],
        replayable=replayable[left],
        training=data.select(kept),
    )


def _last(owners: IntArray, among: BoolArray) -> IntArray:
    """The last event of each user where `among` holds, ascending."""
    places = np.flatnonzero(among)
    ends = np.append(owners[places][1:] != owners[places][:-1], True) if len(places) else np.zeros(0, dtype=np.bool_)
    return np.asarray(places[ends])


def _cases(histories: Histories, owners: IntArray, places: IntArray) -> Cases:
    rows = owners[places]
    begin = np.zeros(len(rows), dtype=np.int64)
    return next_item(histories.between(rows, begin, places - histories.indptr[rows] + 1))
