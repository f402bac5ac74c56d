"""Texts of one length side by side: batches without padding, spread over single-threaded workers."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import pairwise
from typing import TypeVar

import numpy as np

from penchant.types import IntArray

T = TypeVar("T")

SMALL = 256
"""Tokens below which splitting a batch costs more than a second core gains."""


def batches(lengths: IntArray, *, budget: int, workers: int) -> list[IntArray]:
    """Places of texts, longest first, cut into batches of about `budget` tokens (at least one text each).

    `lengths` (n,) are token counts. The number of batches is a multiple of `workers` where there are enough texts, so
    that all finish together. Longest first: the last batches to finish are small ones.
    """
    order = np.argsort(-lengths, kind="stable").astype(np.int64)
    total = int(lengths.sum())
    if total <= SMALL:
        return [order] if len(order) else []
    size = total / (workers * np.ceil(total / (budget * workers)))
    starts = np.concatenate([[0], np.cumsum(lengths[order])[:-1]])  # tokens before each text
    return np.split(order, np.flatnonzero(np.diff((starts // max(size, SMALL)).astype(np.int64))) + 1)


def equal_lengths(lengths: Sequence[int]) -> Iterator[slice]:
    """The runs of equal length in sorted `lengths`."""
    edges = [0, *(np.flatnonzero(np.diff(np.asarray(lengths))) + 1).tolist(), len(lengths)]
    return (slice(a, b) for a, b in pairwise(edges) if b > a)


def spread(work: Callable[[IntArray], T], parts: Sequence[IntArray], *, workers: int) -> Iterator[tuple[IntArray, T]]:
    """``(part, work(part))`` for each part, as they finish.

    Several workers of one thread each rather than one batch at a time on all threads: nothing waits at the end of
    every matrix product, which matters most on a machine that others use too. A single part, and all of them with no
    workers, as for a GPU, run in the caller's thread with the caller's number of threads.
    """
    import torch

    def quietly(part: IntArray) -> tuple[IntArray, T]:
        with torch.inference_mode():
            return part, work(part)

    if len(parts) <= 1 or not workers:
        yield from map(quietly, parts)
        return
    outer = torch.get_num_threads()
    pool = ThreadPoolExecutor(
        min(workers, len(parts)), thread_name_prefix="encoder", initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        for future in as_completed([pool.submit(quietly, part) for part in parts]):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(outer)  # a worker's setting is also the default of threads started later
