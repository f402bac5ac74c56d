"""Which number format this machine multiplies faster in, found by trying."""

import time
from functools import lru_cache
from typing import Literal

Precision = Literal["float32", "bfloat16"]

GAIN = 1.25
"""bfloat16 is taken where it is at least this many times as fast: below, rounding is not worth it, and timing noise
could make the choice differ between runs."""


@lru_cache(maxsize=1)
def fastest_precision() -> Precision:
    """The format for matrix products on this CPU; tried once a process, in at most a few tenths of a second.

    CPU flags do not tell: with AMX bfloat16 is two to three times as fast as float32, without its instructions a
    hundred times slower, and a virtual machine may show either. A small product is tried first, so that a machine
    without bfloat16 loses no time on a large one.
    """
    if seconds("bfloat16", rows=32, repeats=2) > 4 * seconds("float32", rows=32, repeats=2):
        return "float32"
    return "bfloat16" if seconds("float32") > GAIN * seconds("bfloat16") else "float32"


def seconds(precision: Precision, *, rows: int = 512, repeats: int = 7) -> float:
    """Least time of one (rows, 384) × (384, 1536) product, the largest of a small encoder's layer, in seconds."""
    import torch

    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    inputs, weights, bias = torch.ones(rows, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype), torch.ones(1536)
    bias = bias.to(dtype)
    least = float("inf")
    with torch.inference_mode():
        for _ in range(repeats):
            start = time.perf_counter()
            torch.addmm(bias, inputs, weights)
            least = min(least, time.perf_counter() - start)
    return least
