"""Histories cut into training windows and packed into batches of like length, with little padding."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from penchant.data.histories import Histories
from penchant.models.sequential.signals import NEVER, EventSignals, signals_at
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, IntArray

NO_TARGET = -1
ASKED_TOLD = 0.5
"""Share of training windows whose states know when they are asked."""


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """B windows of at most L events. State 0 is the start, before any event; state l follows event l."""

    items_BL: Tensor
    """Item rows, oldest first, padded on the right with 0."""
    targets_BS: Tensor
    """(B, S = L + 1) what each state must predict; `NO_TARGET` where there is nothing to."""
    users_B: Tensor
    """User rows, −1 unknown."""
    signals: EventSignals | None = None
    """What events say beside their items, where that is read."""

    def to(self, device: torch.device) -> "WindowBatch":
        """The batch on another device."""
        signals = None if self.signals is None else self.signals.to(device)
        return WindowBatch(self.items_BL.to(device), self.targets_BS.to(device), self.users_B.to(device), signals)


def training_batches(
    histories: Histories,
    *,
    max_length: int,
    batch_tokens: int,
    rng: np.random.Generator,
    signals: bool = False,
    learned_N: BoolArray | None = None,
) -> list[WindowBatch]:
    """Every event of every history as a target exactly once, or those in `learned_N` alone, in batches of about
    `batch_tokens` states.

    A history of more than `max_length` + 1 events is cut where a random phase falls, so that cuts move between epochs;
    a window that does not begin at the history's beginning takes the event before it as its first input, and its start
    state predicts nothing. Windows of like length share a batch; batches come in random order.

    With `signals`, batches carry those of their events. The time a state is asked for is its target's; half of the
    windows, drawn by `rng`, keep it to themselves, so that a model learns to answer with and without it.
    """
    users, first, last = _windows(histories, max_length, rng)
    if learned_N is not None:
        before = np.concatenate([[0], np.cumsum(learned_N)])
        some = before[histories.indptr[users] + last] > before[histories.indptr[users] + first]
        users, first, last = users[some], first[some], last[some]
    lengths = last - first
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    batches = []
    start = 0
    while start < len(order):
        # Lengths only grow along `order`, so the last window of a batch is its longest.
        stop = start + 1
        while stop < len(order) and (stop - start + 1) * (lengths[order[stop]] + 1) <= batch_tokens:
            stop += 1
        chosen = order[start:stop]
        told = rng.random(len(chosen)) < ASKED_TOLD if signals else None
        batches.append(_pack(histories, users[chosen], first[chosen], last[chosen], told, learned_N))
        start = stop
    return [batches[i] for i in rng.permutation(len(batches))]


def window_epochs(
    histories: Histories, *, max_length: int, batch_tokens: int, seed: int, name: str, signals: bool = False
) -> Callable[[int], list[WindowBatch]]:
    """The `training_batches` of each epoch, cut anew by the seed, the model's name and the epoch."""

    def drawn(epoch: int) -> list[WindowBatch]:
        rng = numpy_rng(seed, name, "windows", str(epoch))
        return training_batches(histories, max_length=max_length, batch_tokens=batch_tokens, rng=rng, signals=signals)

    return drawn


@dataclass(frozen=True, slots=True)
class ReadingWindows:
    """W windows that together show every state of some histories with the events before it."""

    histories: Histories
    """(W) the events of each window, in their order"""
    first_W: IntArray
    """How many of a window's states, from its start on, an earlier window tells already"""


def reading_windows(histories: Histories, max_length: int) -> ReadingWindows:
    """Windows of at most `max_length` events that are fixed by the number of events before a state alone.

    A history of n events has n + 1 states. The first window tells those after 0 to `max_length` events; each further
    one begins half a window later and tells the states that no earlier one does. So a state has at least half a window
    before it, the same events whenever it is read, and a history costs about n / (max_length / 2) windows.
    """
    stride, lengths = max(1, max_length // 2), histories.lengths
    counts = 1 + np.maximum(-(-(lengths - max_length) // stride), 0)
    users = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = place * stride
    told = np.where(place == 0, 0, begin + max_length - stride + 1)
    windows = histories.between(users, begin, np.minimum(begin + max_length, lengths[users]))
    return ReadingWindows(windows, told - begin)


def input_batch(histories: Histories, max_length: int) -> tuple[Tensor, Tensor]:
    """The last `max_length` events of each history, (B, L) item rows padded on the right with 0, and lengths (B,)."""
    recent = histories.tail(max_length)
    lengths = recent.lengths
    items = np.zeros((len(recent), int(lengths.max(initial=0))), dtype=np.int64)
    items[np.arange(items.shape[1])[None, :] < lengths[:, None]] = recent.items
    return torch.from_numpy(items), torch.from_numpy(lengths.astype(np.int64))


def input_signals(histories: Histories, max_length: int) -> EventSignals:
    """The signals of what `input_batch` reads; the last state of each history is asked at `histories.asked_at`."""
    recent = histories.tail(max_length)
    lengths = recent.lengths
    columns = np.arange(int(lengths.max(initial=0)))
    valid = columns[None, :] < lengths[:, None]
    asked = np.full((len(recent), len(columns) + 1), NEVER, dtype=np.int64)
    if recent.asked_at is not None:
        asked[np.arange(len(recent)), lengths] = recent.asked_at
    return signals_at(recent, recent.indptr[:-1, None] + columns[None, :], valid, asked)


def _windows(histories: Histories, max_length: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """For each window its history and the half-open range of its targets within that history."""
    lengths = histories.lengths
    long = lengths > max_length + 1
    phase = np.where(long, rng.integers(1, max_length + 1, size=len(lengths)), lengths)
    counts = np.where(lengths > 0, 1 + np.where(long, -(-(lengths - phase) // max_length), 0), 0)
    users = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.where(place == 0, 0, phase[users] + (place - 1) * max_length)
    last = np.minimum(phase[users] + place * max_length, lengths[users])
    return users, first, last


def _pack(
    histories: Histories,
    users: IntArray,
    first: IntArray,
    last: IntArray,
    told: BoolArray | None,
    learned_N: BoolArray | None,
) -> WindowBatch:
    begin = np.maximum(first - 1, 0)  # the first input event
    inputs = last - 1 - begin
    offsets = histories.indptr[users] + begin
    columns = np.arange(int(inputs.max(initial=0)))
    valid = columns[None, :] < inputs[:, None]
    places = np.where(valid, offsets[:, None] + columns[None, :], 0)
    items = np.where(valid, histories.items[places], 0).astype(np.int64)
    following = np.where(valid, histories.items[np.where(valid, places + 1, 0)], NO_TARGET).astype(np.int64)
    starts = np.where(first == 0, histories.items[offsets], NO_TARGET).astype(np.int64)
    if learned_N is not None:
        following[~learned_N[np.where(valid, places + 1, 0)]] = NO_TARGET
        starts[~learned_N[offsets]] = NO_TARGET
    targets = np.concatenate([starts[:, None], following], axis=1)
    owners = histories.users[users].astype(np.int64)
    signals = None
    if told is not None:
        stamps = np.where(valid, histories.timestamps[np.where(valid, places + 1, 0)], NEVER)
        begins = np.where(first == 0, histories.timestamps[offsets], NEVER)
        asked = np.where(told[:, None], np.concatenate([begins[:, None], stamps], axis=1), NEVER)
        signals = signals_at(histories, places, valid, asked)
    return WindowBatch(torch.from_numpy(items), torch.from_numpy(targets), torch.from_numpy(owners), signals)
