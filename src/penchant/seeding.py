"""Randomness that is handed in: every generator comes from a seed and the names of its use."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from penchant.types import AnyArray

if TYPE_CHECKING:
    import torch


def stable_hash(text: str, *, seed: int = 0) -> int:
    """64-bit hash of a text, equal on every machine and in every process (unlike `hash`)."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=seed.to_bytes(8, "little", signed=True))
    return int.from_bytes(digest.digest(), "little")


def derive(seed: int, *names: str) -> int:
    """A 63-bit seed for one named use, independent of the seeds of other names."""
    return stable_hash("\x1f".join(names), seed=seed) >> 1


def numpy_rng(seed: int, *names: str) -> np.random.Generator:
    """A numpy generator for one named use of a seed."""
    return np.random.default_rng(derive(seed, *names))


def torch_rng(seed: int, *names: str) -> "torch.Generator":
    """A torch CPU generator for one named use of a seed."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *names))


def tie_breaks(ids: Sequence[str], *, seed: int = 0) -> AnyArray:
    """For each id its place, (I,) int32, in a seeded random order of all ids.

    Sorting by (−score, tie break) orders equal scores by a hash of the item id, so that neither file order nor
    popularity decides a tie, and a constant scorer has the hit rate K / candidates.
    """
    hashes = np.fromiter((stable_hash(i, seed=seed) for i in ids), dtype=np.uint64, count=len(ids))
    order = np.argsort(hashes, kind="stable")
    places = np.empty(len(ids), dtype=np.int32)
    places[order] = np.arange(len(ids), dtype=np.int32)
    return places
