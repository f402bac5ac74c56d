"""A world replayed from densely rated data: users are asked only about what they truly rated, and answer as they did.

What a user did not rate cannot be shown to him, so nothing of his taste is made up; what is made up is that he would
have said the same in another order. He answers once: what he has seen is not shown again. Of each user the first
ratings are the past, the rest is the catalogue open to him.
Data must be dense for that to leave a choice (MovieLens-100K has a median of 65 ratings a user); which items were rated
at all was not by chance, and that is not corrected.
"""

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.errors import DataError, UnsupportedError
from penchant.evaluation.simulation.world import Catalogue, Feedback, Reaction, World
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray


class ReplayConfig(Config):
    """How ratings become reactions."""

    liked: float = 4.0
    """A rating from which an item counts as engaged with, in the data's unit"""
    past_share: float = Field(default=0.2, gt=0, lt=1)
    """Of each user's ratings, the first, of which the liked ones are the past that a recommender is told"""
    least: int = Field(default=50, ge=2)
    """Ratings of a user, at least; others are left out"""
    users: int | None = Field(default=None, ge=1)
    """Users drawn, at most"""
    examination: float = Field(default=0.0, ge=0)
    """η: place k is seen with probability k^−η"""
    least_liked: int = Field(default=3, ge=1)
    """Liked items that make an interest, for the judge"""


class ReplayWorld(World):
    """Users with their real ratings."""

    def __init__(self, dataset: Dataset, activations: sp.csr_array, config: ReplayConfig, *, seed: int) -> None:
        if dataset.rating_scale is None:
            raise UnsupportedError(
                f"{dataset.name} has no ratings to replay.", hint="Use `PlantedWorld` with `WorldConfig.fitted_to`."
            )
        if activations.shape[0] != len(dataset.items):
            raise DataError(
                f"Activations of {activations.shape[0]} items came for {len(dataset.items)}.", hint="Give one row each."
            )
        self.config, self.seed = config, seed
        users, items, values, past = _ratings(dataset, config, seed)
        self._n = int(users.max()) + 1
        shape = self._n, len(dataset.items)
        self._rated, self._likes = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        self._rated[users[~past], items[~past]] = True
        self._open = self._rated.copy()
        self._likes[users, items] = values >= config.liked
        told = past & (values >= config.liked)
        self.catalogue = Catalogue(
            activations=activations, n_users=self._n, history_users=users[told], history_items=items[told]
        )

    def available(self, round_: int) -> BoolArray:  # noqa: ARG002 - moves with `react`
        """What the user rated after his past and has not seen yet."""
        return self._open

    def appeal(self, round_: int) -> DoubleArray:  # noqa: ARG002 - ratings do not change
        """1 for what was liked, else 0; 0 for what is not known."""
        return (self._likes & self._rated).astype(np.float64)

    def interested(self) -> BoolArray:
        """Concepts with enough liked items among those rated, and a liked share not below the user's own."""
        leading = self.catalogue.leading()
        liked = np.asarray((leading.T @ (self._likes & self._rated).T.astype(np.float64)).T)
        rated = np.asarray((leading.T @ self._rated.T.astype(np.float64)).T)
        own = (self._likes & self._rated).sum(axis=1) / np.maximum(self._rated.sum(axis=1), 1)
        return np.asarray((liked >= self.config.least_liked) & (liked >= own[:, None] * rated))

    def react(self, round_: int, items_UK: IntArray) -> Reaction:
        """As rated, where the place is seen. `DataError` for what the user did not rate, or has seen."""
        self.check(items_UK)
        shown, rows = items_UK >= 0, np.maximum(items_UK, 0)
        if (shown & ~np.take_along_axis(self._open, rows, axis=1)).any():
            raise DataError(
                "A slate has an item that its user did not rate, or has seen.", hint="Show what is `available`."
            )
        likes = np.take_along_axis(self._likes, rows, axis=1) & shown
        seen = np.arange(1.0, items_UK.shape[1] + 1) ** -self.config.examination
        luck = numpy_rng(self.seed, "reactions", str(round_)).random(items_UK.shape)
        users, looked = np.arange(self._n), shown & (luck < seen)
        owners = np.broadcast_to(users[:, None], items_UK.shape)
        self._open[owners[looked], items_UK[looked]] = False
        return Reaction(
            feedback=Feedback(round=round_, users=users, items=items_UK, engaged=likes & looked),
            arrives=np.full(self._n, round_ + 1, dtype=np.int64),
            expected=likes * seen,
        )


def labelled(dataset: Dataset, column: str) -> sp.csr_array:
    """(I, C) 1 for each value of a column of the items, lists or single values; concepts in alphabetical order."""
    if column not in dataset.items.columns:
        raise DataError(f"The items have no column {column!r}.", hint=f"There are: {', '.join(dataset.items.columns)}.")
    rows, names = [], []
    for row, value in enumerate(dataset.items.columns[column]):
        for name in () if value is None else value if isinstance(value, list | tuple) else (value,):
            rows.append(row)
            names.append(str(name))
    if not names:
        raise DataError(f"Column {column!r} holds nothing.", hint="Name one with values.")
    _, concepts = np.unique(names, return_inverse=True)
    shape = len(dataset.items), int(concepts.max()) + 1
    entries = sp.coo_array((np.ones(len(rows)), (rows, concepts)), shape=shape).tocsr()
    entries.data[:] = 1.0
    return entries


def _ratings(dataset: Dataset, config: ReplayConfig, seed: int) -> tuple[IntArray, IntArray, DoubleArray, BoolArray]:
    """Users numbered anew, items, values, and which ratings are the past; in the order of time within a user."""
    events = dataset.events
    rated = (events.items >= 0) & np.isfinite(events.values)
    numbers = np.bincount(events.users[rated], minlength=len(dataset.users))
    kept = np.flatnonzero(numbers >= config.least)
    if not len(kept):
        raise DataError(
            f"No user of {dataset.name} has {config.least} ratings.", hint="Lower `least`, or take denser data."
        )
    if config.users is not None and len(kept) > config.users:
        kept = np.sort(numpy_rng(seed, "replayed users").choice(kept, config.users, replace=False))
    number = np.full(len(dataset.users), -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    rated &= number[events.users] >= 0
    users, items, values = number[events.users[rated]], events.items[rated].astype(np.int64), events.values[rated]
    order = np.lexsort((events.timestamps[rated], users))
    users, items, values = users[order], items[order], values[order]
    lengths = np.bincount(users)
    places = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return users, items, values, places < np.ceil(config.past_share * lengths)[users]
