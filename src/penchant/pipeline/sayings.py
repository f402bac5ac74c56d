"""What users write, placed among what they do: searches, reviews and comments, concept by concept."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Histories
from penchant.data.polarity import polarity
from penchant.interests.text.evidence import TextEvidence, TextWeights, evidence
from penchant.interests.text.gazetteer import Gazetteer
from penchant.interests.text.reading import TextReader, TextReading
from penchant.progress import SILENT, Progress
from penchant.records import Event
from penchant.types import BoolArray, DoubleArray, IntArray

OPINIONS = frozenset({"comment", "review", "post", "message", "note", "question", "answer", "feedback", "text"})
"""Types of events whose text is somebody's own words even where it is about no item; else it is what he looked for."""

DAMNED = "dislike"
"""What an opinion of an item counts as that speaks against it and comes without a rating."""
DAMNING = -0.3
"""Polarity of a text from which on it does: one plain word of blame is at −0.5"""

BLOCK = 500
"""Between one and two blocks of a user's last texts are read, or all where there are fewer, as of his events."""
REMEMBERED = 2_000_000
"""Characters of texts whose readings are kept."""


def is_search(event_type: str, item: int) -> bool:
    """Whether an event's text was typed to find something."""
    return item < 0 and event_type not in OPINIONS


def damning(event: Event, reader: TextReader) -> bool:
    """Whether an event is somebody's opinion that speaks against its item. A rating beside it says so itself."""
    if event.item_id is None or event.event_type not in OPINIONS or event.value is not None or not event.text:
        return False
    return reader.read([event.text])[0].polarity <= DAMNING


class Written(NamedTuple):
    """A text of a user."""

    key: int
    """Which event it came with"""
    timestamp: int
    text: str
    search: bool
    """Whether it was typed to find something"""
    of_item: bool
    """Whether it came with an item"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sayings:
    """What the texts of B users say, an entry for each concept of a text, oldest first, packed like `Histories`."""

    indptr: IntArray
    """(B+1,)"""
    places: IntArray
    """(S,) how many of the user's item events that say anything came before, that of the text itself included"""
    timestamps: IntArray
    """(S,)"""
    concepts: IntArray
    """(S,)"""
    activations: DoubleArray
    """(S,)"""
    labels: DoubleArray
    """(S,) y"""
    weights: DoubleArray
    """(S,) ω"""
    keys: IntArray
    """(S,) the event that the text came with"""

    @property
    def owners(self) -> IntArray:
        """(S,) whose each is."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    @classmethod
    def none(cls, n: int) -> "Sayings":
        """`n` users who wrote nothing."""
        return cls.of([[]] * n, [[]] * n)

    @classmethod
    def of(
        cls, texts: Sequence[Sequence[tuple[Written, int]]], found: Sequence[Sequence[list[TextEvidence]]]
    ) -> "Sayings":
        """From each user's texts with their places, and what each text says."""
        rows = [
            (place, written, one)
            for mine, said in zip(texts, found, strict=True)
            for (written, place), ones in zip(mine, said, strict=True)
            for one in ones
        ]
        counts = [sum(map(len, said)) for said in found]
        return cls(
            indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            places=np.array([place for place, _, _ in rows], dtype=np.int64),
            timestamps=np.array([written.timestamp for _, written, _ in rows], dtype=np.int64),
            concepts=np.array([one.concepts[0] for _, _, one in rows], dtype=np.int64),
            activations=np.array([one.activations[0] for _, _, one in rows], dtype=np.float64),
            labels=np.array([one.label for _, _, one in rows], dtype=np.float64),
            weights=np.array([one.weight for _, _, one in rows], dtype=np.float64),
            keys=np.array([written.key for _, written, _ in rows], dtype=np.int64),
        )

    def take(self, users: IntArray) -> "Sayings":
        """Those of some of the users, in the order given."""
        lengths = np.diff(self.indptr)[users]
        rows = np.repeat(self.indptr[users] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        return Sayings(
            indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            places=self.places[rows],
            timestamps=self.timestamps[rows],
            concepts=self.concepts[rows],
            activations=self.activations[rows],
            labels=self.labels[rows],
            weights=self.weights[rows],
            keys=self.keys[rows],
        )


class RememberingReader(TextReader):
    """Knows what it read lately: all that a user wrote is asked for again whenever he does something."""

    def __init__(self, gazetteer: Gazetteer, *, remembered: int = REMEMBERED) -> None:
        super().__init__(gazetteer)
        self.remembered = remembered
        self.held = 0
        """Characters of the texts kept"""
        self._kept: dict[tuple[str, bool], TextReading] = {}

    def read(
        self, texts: Sequence[Any], *, searches: Sequence[bool] | BoolArray | bool = False, progress: Progress = SILENT
    ) -> list[TextReading]:
        """See `TextReader`."""
        flags = [searches] * len(texts) if isinstance(searches, bool) else [bool(one) for one in searches]
        if len(flags) != len(texts) or not all(isinstance(text, str) for text in texts):
            return super().read(texts, searches=flags, progress=progress)
        asked = list(zip(texts, flags, strict=True))
        found = {key: self._kept.pop(key) for key in dict.fromkeys(asked) if key in self._kept}
        new = [key for key in dict.fromkeys(asked) if key not in found]
        self.held -= sum(len(text) for text, _ in found)
        read = super().read([text for text, _ in new], searches=[search for _, search in new], progress=progress)
        found |= dict(zip(new, read, strict=True))
        self._kept |= found  # those asked for last go last
        self.held += sum(len(text) for text, _ in found)
        while self.held > self.remembered:
            oldest = next(iter(self._kept))
            self.held -= len(oldest[0])
            del self._kept[oldest]
        return [found[key] for key in asked]


def text_reader(vocabulary: Vocabulary, items: Table) -> TextReader:
    """Reads texts of a catalogue: its concepts, makers and titles by name."""
    return RememberingReader(Gazetteer.of(vocabulary, items))


def read_sayings(
    texts: Sequence[Sequence[Written]], stamps: Sequence[IntArray], reader: TextReader, weights: TextWeights
) -> Sayings:
    """What B users' last texts say, those of one moment in the order given; `stamps` are the timestamps of each one's
    item events that say anything, rising.
    """
    rising = [sorted(mine, key=lambda one: one.timestamp) for mine in texts]
    recent = [mine[max(len(mine) // BLOCK - 1, 0) * BLOCK :] for mine in rising]
    flat = [written for mine in recent for written in mine]
    if not flat:
        return Sayings.none(len(texts))
    readings = reader.read([one.text for one in flat], searches=[one.search for one in flat])
    said = iter([evidence(reading, weights) for reading in readings])
    placed, found = [], []
    for mine, events in zip(recent, stamps, strict=True):
        places = np.searchsorted(events, np.array([one.timestamp for one in mine], dtype=np.int64), side="right")
        placed.append(list(zip(mine, places.tolist(), strict=True)))
        found.append([next(said) for _ in mine])
    return Sayings.of(placed, found)


def written_in(data: Dataset, rows: slice | IntArray) -> list[Written]:
    """The texts of some rows of a dataset's events."""
    events = data.events
    if events.texts is None:
        return []
    return [
        Written(int(key), int(stamp), str(text), is_search(data.event_types[kind], int(item)), int(item) >= 0)
        for key, stamp, text, item, kind in zip(
            events.keys[rows],
            events.timestamps[rows],
            events.texts[rows],
            events.items[rows],
            events.types[rows],
            strict=True,
        )
        if isinstance(text, str) and text
    ]


def sayings_of(data: Dataset, raw: Histories, reader: TextReader, weights: TextWeights) -> Sayings | None:
    """What all users of a dataset wrote (U), whose item events are `raw`; None where nobody wrote anything."""
    if data.events.texts is None or not any(data.events.texts):
        return None
    spans = np.searchsorted(data.events.users, np.arange(data.n_users + 1))
    texts = [written_in(data, slice(int(a), int(b))) for a, b in pairwise(spans)]
    said = raw.keep(polarity(raw, data) != 0)
    return read_sayings(texts, [said.timestamps[said.of(b)] for b in range(len(said))], reader, weights)
