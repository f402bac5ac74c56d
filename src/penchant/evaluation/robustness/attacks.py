"""Profiles made up to push an item: what an attacker who knows little, something or the charts would inject."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset, Events, Table
from penchant.data.rating_targets import RatingTargets
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, RowArray

AttackKind = Literal["random", "average", "bandwagon"]
ATTACKS: tuple[AttackKind, ...] = get_args(AttackKind)
PREFIX = "injected-"


class AttackConfig(Config):
    """Settings of an attack."""

    kind: AttackKind = "average"
    share: float = Field(default=0.03, gt=0, le=1)
    """Made-up users for each real one."""
    filler: int | None = Field(default=None, ge=1)
    """Items of a profile beside the target; None: as many as half of the real users have at most."""
    popular: int = Field(default=10, ge=1)
    """Of these, in a ``bandwagon``, how many are drawn from as many times two of the most popular."""


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """A dataset with profiles added."""

    dataset: Dataset
    """Users keep their rows; those made up come after them."""
    injected: BoolArray
    """(U,) which users are made up"""
    target: int
    """The row of the item that is pushed"""


def inject(dataset: Dataset, target: int, config: AttackConfig | None = None, *, seed: int = 0) -> Attacked:
    """Add profiles that push the item of the row `target`.

    ========= ===============================================================================================
    random    filler items drawn evenly; their ratings from the normal of all ratings
    average   the same items; each rated from the normal of its own ratings, so that a profile looks like many
    bandwagon part of the filler is popular and gets the highest rating, the rest is as in ``random``
    ========= ===============================================================================================

    Lam and Riedl (2004), Mobasher et al. (2007). The target gets the highest rating and stands anywhere in the profile.
    Ratings are brought to the nearest level there is. Where values are no ratings an event says only that it happened:
    ``random`` and ``bandwagon`` then choose items alone. Moments are drawn from the dataset's own.

    Raises `DataError` for a target that is not in the catalogue or where there are no item events, `UnsupportedError`
    for ``average`` without ratings, `ConfigError` for a profile longer than the catalogue.
    """
    config = config or AttackConfig()
    lengths = dataset.histories().lengths
    if not 0 <= target < dataset.n_items or not lengths.any():
        raise DataError(
            f"The item row {target} of {dataset.name!r} cannot be pushed: it has {dataset.n_items} items and "
            f"{int(lengths.sum())} events on them.",
            hint="Give the row of an item of the catalogue.",
        )
    filler = config.filler or max(int(np.median(lengths[lengths > 0])), 1)
    if filler >= dataset.n_items:
        raise ConfigError(
            f"A profile of {filler} items and the target is longer than the catalogue of {dataset.n_items}.",
            hint="Lower filler.",
        )
    if config.kind == "average" and dataset.rating_scale is None:
        raise UnsupportedError(
            f"An average attack imitates ratings, and {dataset.name!r} has none.", hint="Use random or bandwagon."
        )
    rng, count = numpy_rng(seed, "attack", config.kind, str(target)), max(round(config.share * dataset.n_users), 1)
    made = [_profile(dataset, target, filler, config, rng) for _ in range(count)]
    items, values = (np.concatenate([profile[part] for profile in made]) for part in (0, 1))
    return _with(dataset, items.astype(np.int32), values, count, target, rng)


def _profile(
    dataset: Dataset, target: int, filler: int, config: AttackConfig, rng: np.random.Generator
) -> tuple[RowArray, DoubleArray]:
    """Items and ratings of one made-up user, in order."""
    counts = dataset.item_counts()
    others = np.setdiff1d(np.arange(dataset.n_items), [target])
    liked = np.zeros(0, dtype=np.int64)
    if config.kind == "bandwagon":
        charts = others[np.argsort(-counts[others], kind="stable")][: 2 * config.popular]
        liked = rng.choice(charts, size=min(config.popular, filler, len(charts)), replace=False)
    rest = rng.choice(np.setdiff1d(others, liked), size=filler - len(liked), replace=False)
    items = np.concatenate([[target], liked, rest])
    values = np.full(len(items), np.nan)
    if dataset.rating_scale is not None:
        high, known = dataset.rating_scale[1], ~np.isnan(dataset.events.values)
        values[: 1 + len(liked)] = high
        values[1 + len(liked) :] = _ratings(dataset, rest, known, config.kind, rng)
    order = rng.permutation(len(items))
    return items[order].astype(np.int32), values[order]


def _ratings(
    dataset: Dataset, items: RowArray, known: BoolArray, kind: AttackKind, rng: np.random.Generator
) -> DoubleArray:
    """Ratings like those of all items, or each like its own item's, at the nearest level."""
    ratings, of = dataset.events.values[known], dataset.events.items[known]
    means, spreads = np.full(len(items), ratings.mean()), np.full(len(items), ratings.std())
    if kind == "average":
        for n, item in enumerate(items.tolist()):
            own = ratings[of == item]
            if len(own):
                means[n], spreads[n] = own.mean(), own.std()
    levels = np.asarray(RatingTargets.fit(dataset).levels)
    drawn = rng.normal(means, spreads)
    nearest: DoubleArray = levels[np.abs(drawn[:, None] - levels[None, :]).argmin(axis=1)]
    return nearest


def _with(
    dataset: Dataset, items: RowArray, values: DoubleArray, count: int, target: int, rng: np.random.Generator
) -> Attacked:
    """The dataset with `count` users of equally long profiles after its own."""
    events, length = dataset.events, len(items) // count
    taken, number = set(dataset.users.ids), 0
    ids: list[str] = []
    while len(ids) < count:
        if f"{PREFIX}{number}" not in taken:
            ids.append(f"{PREFIX}{number}")
        number += 1
    if dataset.clock == "position":
        stamps = np.tile(np.arange(length), count)
    else:
        stamps = np.sort(rng.choice(events.timestamps, size=(count, length)), axis=1).ravel()
    own = events.types[events.items >= 0]
    kind = int(np.bincount(own).argmax())
    n = len(items)
    added = Events(
        users=np.repeat(np.arange(count) + dataset.n_users, length).astype(np.int32),
        items=items,
        types=np.full(n, kind, dtype=np.int32),
        timestamps=stamps.astype(np.int64),
        values=values,
        keys=int(events.keys.max(initial=-1)) + 1 + np.arange(n, dtype=np.int64),
        texts=None if events.texts is None else np.full(n, None, dtype=object),
        platforms=None if events.platforms is None else np.full(n, None, dtype=object),
        generated=None if events.generated is None else np.zeros(n, dtype=np.bool_),
    )
    columns = {name: np.append(column, np.full(count, None)) for name, column in dataset.users.columns.items()}
    whole = replace(
        dataset,
        users=Table((*dataset.users.ids, *ids), columns),
        events=_joined(events, added),
    )
    return Attacked(dataset=whole, injected=np.arange(whole.n_users) >= dataset.n_users, target=target)


def _joined(first: Events, second: Events) -> Events:
    """The events of both, the second's users after the first's."""

    def both(name: str) -> Any:
        parts = (getattr(first, name), getattr(second, name))
        return None if parts[0] is None else np.concatenate(parts)

    names = ("users", "items", "types", "timestamps", "values", "keys", "texts", "platforms", "generated")
    return Events(**{name: both(name) for name in names})
