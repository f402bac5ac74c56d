"""Learning rates over the steps of a training."""

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]

FLOOR = 0.05
"""The falling schedules end at this share of the peak."""


def rate(step: int, *, total: int, warmup: int, schedule: Schedule) -> float:
    """The share of the peak learning rate at a step (0-based) of `total`, in (0, 1].

    Rises as ``(step + 1) / warmup`` for `warmup` steps, then with progress ``p = (step − warmup) / (total − warmup)``:

    * ``constant``: 1
    * ``linear``: ``1 − (1 − FLOOR) p``
    * ``cosine``: ``FLOOR + (1 − FLOOR) (1 + cos(π p)) / 2`` (Loshchilov and Hutter 2017)

    Worked: total 10, warmup 2: steps 0 and 1 give 0.5 and 1; ``linear`` at step 6 gives 1 − 0.95 · 0.5 = 0.525.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1.0)
    if schedule == "linear":
        return 1.0 - (1.0 - FLOOR) * progress
    if schedule == "cosine":
        return FLOOR + (1.0 - FLOOR) * (1.0 + math.cos(math.pi * progress)) / 2.0
    return 1.0
