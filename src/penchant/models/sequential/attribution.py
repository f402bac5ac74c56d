"""Which events an answer of the tracker rests on: where it looked, and along which events the answer rises.

Attention rollout (Abnar and Zuidema 2020): with Ā_l the attention of layer l, mean over heads, and the residual beside
it, ``R = ½(Ā_1 + 1) · … · ½(Ā_n + 1)`` (later layers on the left); the last state's row of R is how much of each input
it holds, were attention all that mixes. It does not depend on what is asked about.

Integrated gradients (Sundararajan, Taly and Yan 2017): for f(E) = u(E) · w, what w is the vector of,

    φ_l = (E_l − Ē) · ∫_0^1 ∂f/∂E_l ( Ē + α (E − Ē) ) dα,        Σ_l φ_l = f(E) − f(Ē)

Ē is the mean item vector in every place: as many events that say nothing. (The zero vector is no baseline here, and a
plain gradient times the event's vector says next to nothing: the encoder normalises its inputs, so f does not change
along an event's own vector.)

Caveat: both speak of the tracker's part of the score only, and neither is a cause. What an event changes is told by
leaving it out.
"""

from dataclasses import dataclass

import numpy as np
import torch

from penchant.data.histories import Histories
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import DoubleArray, FloatArray

STEPS = 64
"""Points on the path of the integral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Shares that add up to 1."""

    events_L: DoubleArray
    """(L,) the share of each event of the history; 0 for those before the tracker's window"""
    start: float
    """The share of the state before any event"""


def attention_rollout(tracker: InterestTracker, history: Histories) -> Rollout:
    """Where the last state of one user's history (B = 1) looked, through all layers."""
    rolled: DoubleArray | None = None
    for layer in range(tracker.config.layers):
        seen = tracker.attention(history, layer=layer).weights_BHSS[0].mean(axis=0).astype(np.float64)  # (S, S)
        mixed = 0.5 * (seen + np.eye(len(seen)))
        rolled = mixed if rolled is None else mixed @ rolled
    last = np.ones(1) if rolled is None else rolled[-1]
    shares = np.zeros(len(history.items))
    shares[len(shares) - (len(last) - 1) :] = last[1:]
    return Rollout(events_L=shares, start=float(last[0]))


def integrated_gradients(
    tracker: InterestTracker, history: Histories, direction_D: FloatArray, *, steps: int = STEPS
) -> tuple[DoubleArray, float]:
    """φ of each event of one user's history (B = 1) for ``u · direction``, (L,), 0 before the tracker's window; and
    f(E) − f(Ē), which they add up to but for the error of the integral.
    """
    shares = np.zeros(len(history.items))
    if not len(shares):
        return shares, 0.0
    events, read = tracker.reading(history)
    baseline = torch.from_numpy(tracker.item_vectors.mean(axis=0)).expand_as(events)
    towards = torch.from_numpy(np.asarray(direction_D, dtype=np.float32))
    # Points run evenly on √α: f turns fastest near the baseline, where the inputs have no direction of their own.
    root = (torch.arange(steps, dtype=torch.float32) + 0.5) / steps
    weights, alphas = 2 * root / steps, root**2
    points = (baseline + alphas[:, None, None] * (events - baseline)).requires_grad_()  # (steps, L', D)
    with torch.enable_grad():
        (slopes,) = torch.autograd.grad((read(points) @ towards).sum(), points)
    mean = (weights[:, None, None] * slopes).sum(dim=0)
    found = ((events[0] - baseline[0]) * mean).sum(dim=-1).double().numpy()
    shares[len(shares) - len(found) :] = found
    with torch.no_grad():
        ends = read(torch.cat([events, baseline])) @ towards
    return shares, float(ends[0] - ends[1])
