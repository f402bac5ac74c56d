"""Tasks from a dataset: what users bought, liked, clicked and wrote, as texts with labels.

Nothing that came after the moment asked about is in a text. What was only shown (`IMPRESSION`) is not told either.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.events import IMPRESSION
from penchant.data.rating_targets import LIKED_SHARE, RatingTargets
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.encoders.pair_input import Texts
from penchant.encoders.rendering import words
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.behaviour_text import BehaviourTemplate, BehaviourWriter
from penchant.models.language.examples import Examples, Labels
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray

PURCHASES = frozenset({"purchase", "buy", "order", "transaction"})
CLICKS = frozenset({"click"})
LIKES = Labels(names=("not_like", "like"))


@dataclass(frozen=True, kw_only=True)
class TextRendering:
    """How items and behaviour are put into words, and how many examples are taken."""

    items: ItemTemplate = field(default_factory=ItemTemplate)
    behaviour: BehaviourTemplate = field(default_factory=BehaviourTemplate)
    at_most: int | None = None
    """Examples of a task, drawn by the seed where there are more; None: all."""
    seed: int = 0


def purchase_intent(
    dataset: Dataset,
    *,
    within: int = 3,
    at_least: int = 1,
    purchase_types: Collection[str] = PURCHASES,
    rendering: TextRendering | None = None,
) -> Examples:
    """Whether a purchase comes, read from what was done before: ``not_buy`` 0, ``buy`` 1.

    An example for each place in a user's events with `at_least` before it: buy where one of the next `within` events is
    of a purchase type. Where fewer than that are left and none of them is a purchase, nobody knows, and there is no
    example. The text is the behaviour alone.

    Raises `UnsupportedError` where no event is a purchase, or there are no texts.
    """
    if within < 1 or at_least < 0:
        raise ConfigError(
            f"within is {within} and at_least {at_least}.", hint="Look at least one event ahead, from 0 events on."
        )
    words_of = _Words(_without(dataset, IMPRESSION), rendering, task="purchase intent")
    events = words_of.dataset.events
    bought = _of_types(words_of.dataset, purchase_types, task="purchase intent")
    counts = np.concatenate([[0], np.cumsum(bought)])
    places = np.arange(len(events))
    first, end = words_of.bounds[events.users], words_of.bounds[events.users + 1]
    comes = counts[np.minimum(places + within, end)] > counts[places]
    asked = (places - first >= at_least) & (comes | (places + within <= end))
    rows = words_of.drawn(asked)
    return Examples(
        texts=[(words_of.behaviour(row), None) for row in rows],
        values=comes[rows].astype(np.float64),
        meaning=Labels(names=("not_buy", "buy")),
        users=events.users[rows].astype(np.int64),
    )


def likes(dataset: Dataset, *, share: float = LIKED_SHARE, rendering: TextRendering | None = None) -> Examples:
    """Whether the user likes an item: its rating is at or above a share of the scale; ``not_like`` 0, ``like`` 1.

    An example for each rated event: the item's text, and what the user did before, without that item. Raises
    `UnsupportedError` where there are no ratings, or no texts.
    """
    rated, targets = _rated(dataset, task="likes")
    words_of = _Words(dataset, rendering, task="likes")
    rows = words_of.drawn(rated & (dataset.events.items >= 0))
    return words_of.pairs(rows, targets.liked(dataset.events.values[rows], share=share), LIKES)


def ratings(dataset: Dataset, *, rendering: TextRendering | None = None) -> Examples:
    """The rating of an item as it is, read like `likes`."""
    rated, targets = _rated(dataset, task="ratings")
    words_of = _Words(dataset, rendering, task="ratings")
    rows = words_of.drawn(rated & (dataset.events.items >= 0))
    return words_of.pairs(rows, dataset.events.values[rows], Labels(scale=(targets.low, targets.high)))


def clicks(
    dataset: Dataset, *, click_types: Collection[str] = CLICKS, rendering: TextRendering | None = None
) -> Examples:
    """Whether the user will look at what he is shown, such as an advertisement: ``not_click`` 0, ``click`` 1.

    A click is a yes. An impression (`IMPRESSION`: it was shown) is a no, unless the user clicked the item at that time
    or later and before it was shown to him again: then the click is the example. The item's text, and what the user did
    before. Raises `UnsupportedError` where there are no clicks, no impressions, or no texts.
    """
    words_of = _Words(dataset, rendering, task="clicks")
    clicked = _of_types(dataset, click_types, task="clicks") & (dataset.events.items >= 0)
    shown = _of_types(dataset, {IMPRESSION}, task="clicks") & (dataset.events.items >= 0)
    answered = _followed(dataset, shown, clicked)
    rows = words_of.drawn(clicked | (shown & ~answered))
    return words_of.pairs(rows, clicked[rows], Labels(names=("not_click", "click")))


def answered_events(
    dataset: Dataset, event_type: str, *, names: tuple[str, str] = ("no", "yes"), rendering: TextRendering | None = None
) -> Examples:
    """Events of a type whose value says what the user answered: 1 yes, 0 no, such as whether an advertisement that was
    shown was seen.

    The item's text, and what the user did before. Raises `DataError` for a value that is missing or neither,
    `UnsupportedError` where there are no such events, or no texts.
    """
    words_of = _Words(dataset, rendering, task=event_type)
    rows = words_of.drawn(_of_types(dataset, {event_type}, task=event_type) & (dataset.events.items >= 0))
    examples = words_of.pairs(rows, dataset.events.values[rows], Labels(names=names))
    if len(examples):
        examples.check(event_type)
    return examples


def comment_sentiment(
    dataset: Dataset, *, share: float = LIKED_SHARE, rendering: TextRendering | None = None
) -> Examples:
    """Whether a comment is by somebody who liked what he rated: the comment's words, and the rating beside it.

    The text is the comment alone. Raises `UnsupportedError` where there are no ratings, or none with words.
    """
    rated, targets = _rated(dataset, task="comment sentiment")
    words_of = _Words(dataset, rendering, task="comment sentiment", needs_items=False)
    written = [] if dataset.events.texts is None else [words(text, at_most=1) for text in dataset.events.texts]
    rows = words_of.drawn(rated & np.array([bool(text) for text in written] or [False] * len(rated)))
    if not len(rows):
        raise UnsupportedError(
            f"{dataset.name!r} has no comments with a rating.",
            hint="Map the column of comments with --map text=COLUMN.",
        )
    return Examples(
        texts=[(written[row], None) for row in rows],
        values=targets.liked(dataset.events.values[rows], share=share).astype(np.float64),
        meaning=LIKES,
        users=dataset.events.users[rows].astype(np.int64),
    )


class _Words:
    """Items and behaviour of a dataset in words."""

    def __init__(
        self, dataset: Dataset, rendering: TextRendering | None, *, task: str, needs_items: bool = True
    ) -> None:
        self.dataset, self.rendering = dataset, rendering or TextRendering()
        self.items = render_items(dataset.items, template=self.rendering.items)
        if needs_items and not any(self.items):
            raise without_text(task, dataset)
        self.bounds = np.searchsorted(dataset.events.users, np.arange(dataset.n_users + 1)).astype(np.int64)
        self._writer = BehaviourWriter(
            self.items,
            event_types=dataset.event_types,
            scale=dataset.rating_scale,
            template=self.rendering.behaviour,
        )

    def drawn(self, where: BoolArray) -> IntArray:
        """The events to make examples of, in order."""
        rows = np.flatnonzero(where).astype(np.int64)
        most = self.rendering.at_most
        if most is None or len(rows) <= most:
            return rows
        return np.sort(numpy_rng(self.rendering.seed, "examples").choice(rows, size=most, replace=False))

    def behaviour(self, row: int | np.int64, *, without: int | None = None) -> str:
        """What the user of an event did before it."""
        events = self.dataset.events
        part = slice(int(self.bounds[events.users[row]]), int(row))
        texts = None if events.texts is None else events.texts[part]
        return self._writer.text(
            events.items[part], events.types[part], events.values[part], texts=texts, without=without
        )[0]

    def pairs(self, rows: IntArray, values: DoubleArray | BoolArray, meaning: Labels) -> Examples:
        """Item and behaviour of some events, each with its label."""
        items = self.dataset.events.items[rows].tolist()
        texts: list[Texts] = [
            (self.items[item], self.behaviour(row, without=item)) for row, item in zip(rows, items, strict=True)
        ]
        return Examples(
            texts=texts,
            values=np.asarray(values, dtype=np.float64),
            meaning=meaning,
            users=self.dataset.events.users[rows].astype(np.int64),
        )


def without_text(what: str, dataset: Dataset) -> UnsupportedError:
    """The error for a dataset whose items have no words."""
    return UnsupportedError(
        f"{what} reads the items' texts, and those of {dataset.name!r} have none.",
        hint="Import titles, categories or descriptions of the items, or use a model that needs no text: "
        "rating_means, biased_mf or bayesian_mf.",
    )


def _rated(dataset: Dataset, *, task: str) -> tuple[BoolArray, RatingTargets]:
    try:
        return ~np.isnan(dataset.events.values), RatingTargets.fit(dataset)
    except DataError as error:
        raise UnsupportedError(f"{task} needs ratings. {error.message}", hint=error.hint) from None


def _of_types(dataset: Dataset, types: Collection[str], *, task: str) -> BoolArray:
    """Which events are of one of the types; `UnsupportedError` where none is."""
    wanted = {name.lower() for name in types}
    codes = [code for code, name in enumerate(dataset.event_types) if name.lower() in wanted]
    found = np.isin(dataset.events.types, codes)
    if not found.any():
        there = [dataset.event_types[code] for code in np.unique(dataset.events.types)]
        raise UnsupportedError(
            f"{task} is learned from events of the type {', '.join(sorted(wanted))}, and {dataset.name!r} has none.",
            hint=f"Its event types: {', '.join(there)}.",
        )
    return found


def _followed(dataset: Dataset, shown: BoolArray, clicked: BoolArray) -> BoolArray:
    """Which of the impressions are followed by a click of the same user on the same item before the next of them."""
    rows = np.flatnonzero(shown | clicked)
    events = dataset.events
    # Within a user and an item in the order of the events; at the same time the impression is first.
    order = rows[np.lexsort((rows, clicked[rows], events.timestamps[rows], events.items[rows], events.users[rows]))]
    same = (events.users[order][1:] == events.users[order][:-1]) & (events.items[order][1:] == events.items[order][:-1])
    followed = np.zeros(len(events), dtype=np.bool_)
    followed[order[:-1]] = same & shown[order[:-1]] & clicked[order[1:]]
    return followed


def _without(dataset: Dataset, event_type: str) -> Dataset:
    codes = [code for code, name in enumerate(dataset.event_types) if name == event_type]
    return dataset.select(~np.isin(dataset.events.types, codes))
