"""An encoder that needs no torch, so that a process that uses it starts quickly."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from penchant.encoders import CachedEncoder
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng
from penchant.types import FloatArray


class Counting:
    """An encoder of random but fixed vectors that remembers what it was asked."""

    folder = None

    def __init__(self, name: str = "a", dim: int = 5) -> None:
        self.name, self.licence, self.dim, self.asked = name, "", dim, list[str]()

    @property
    def identity(self) -> str:
        return self.name

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        self.asked += texts
        rows = [numpy_rng(0, self.name, repr(text)).normal(size=self.dim) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dim)


def encode_some(folder: Path, start: int) -> None:
    """What one of several processes does: overlapping runs of texts."""
    cached = CachedEncoder(Counting(), folder)
    for i in range(start, start + 60, 3):
        cached.encode([f"text {j}" for j in range(i, i + 6)])
