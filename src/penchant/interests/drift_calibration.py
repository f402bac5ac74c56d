"""Thresholds for drift: as low as may be while histories without drift raise no more than a stated number of alarms.

A user's events in a random order have his rates, and no drift but by chance: the alarms they raise are false. So the
thresholds are set on shuffled histories, and hold for any other users of the same catalogue (`tests/interests` and
`experiments/interests/drift` count the alarms of users that no threshold was set on).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penchant.interests.drift import (
    Direction,
    DriftConfig,
    Stream,
    Thresholds,
    cumulative,
    gains,
    nearness,
    page_hinkley,
    surprise_values,
)

SHARES: dict[Direction, float] = {"up": 0.5, "down": 0.25, "surprise": 0.25}
"""How the false alarms are shared out."""
LEAST_EXPECTED = 4.0
"""False alarms that the fewest-events direction must be expected to raise, for its threshold to be worth setting."""
PRECISION = 0.05
"""Nats to which a threshold is found."""


def enough(events: int, config: DriftConfig) -> bool:
    """Whether thresholds can be set on so many events past the warm-up."""
    return events * config.false_alarms / 1_000 * min(SHARES.values()) >= LEAST_EXPECTED


def past_warm_up(streams: Sequence[Stream], config: DriftConfig) -> int:
    """Events in which an alarm could be raised."""
    return sum(max(0, len(stream.touched_NK) - config.warm_up) for stream in streams)


def calibrate(streams: Sequence[Stream], config: DriftConfig) -> Thresholds:
    """The thresholds at which `streams`, which are without drift, raise `config.false_alarms` in 1,000 events.

    They are found by bisection on the alarms told. Where there are too few events to say, those of `Thresholds()`.
    """
    events = past_warm_up(streams, config)
    if not enough(events, config):
        return Thresholds()
    thresholds = Thresholds(up=np.inf, down=np.inf, surprise=np.inf, usual=0.0)
    for direction, share in SHARES.items():
        allowed = share * config.false_alarms * events / 1_000
        thresholds = _lowest(direction, allowed, streams, thresholds, config)
    near = [nearness(stream, thresholds, config)[0][config.warm_up :] for stream in streams]
    return replace(thresholds, usual=float(min(np.median(np.concatenate(near)), 0.95)))


def _lowest(
    direction: Direction, allowed: float, streams: Sequence[Stream], thresholds: Thresholds, config: DriftConfig
) -> Thresholds:
    """The lowest threshold of a direction at which it raises no more than `allowed` alarms, beside the others' own.

    What comes falsely goes again, truly: so `down` is set where `up` is at work already.
    """
    if direction == "surprise":  # has nothing to do with the concepts
        none = slice(0)
        streams = [
            replace(s, concepts=s.concepts[none], touched_NK=s.touched_NK[:, none], rates=s.rates[none])
            for s in streams
        ]
    peaks = np.array([_peak(stream, direction, config) for stream in streams])
    ups = [direction == "down" and _peak(stream, "up", config) > thresholds.up for stream in streams]
    low, high = 0.0, 2.0 * float(peaks.max(initial=1.0))
    while high - low > PRECISION:
        middle = (low + high) / 2
        alarms = int((peaks > middle).sum())  # at least: one or more of each
        if alarms <= allowed:
            tried = replace(thresholds, **{direction: middle})
            suspects = [s for s, peak, up in zip(streams, peaks, ups, strict=True) if peak > middle or up]
            told = [change for stream in suspects for change in nearness(stream, tried, config)[1]]
            alarms = sum(change.direction == direction for change in told)
        low, high = (middle, high) if alarms > allowed else (low, middle)
    return replace(thresholds, **{direction: high})


def _peak(stream: Stream, direction: Direction, config: DriftConfig) -> float:
    """The largest statistic where no alarm is raised."""
    if direction == "surprise":
        if stream.surprise is None:
            return 0.0
        path = page_hinkley(surprise_values(stream.surprise), allowance=config.allowance)
        return float(path[config.warm_up - 1 :].max(initial=0.0))
    if not stream.touched_NK.shape[1]:
        return 0.0
    up, down = gains(stream.touched_NK, config.prior_events * stream.rates, config.prior_events)
    chosen = up if direction == "up" else down
    chosen[: config.warm_up] = 0.0
    return float(cumulative(chosen).max(initial=0.0))
