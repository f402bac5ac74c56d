"""Our Page-Hinkley test beside river's: the same alarms at the same events."""

import numpy as np
import pytest
from river.drift import PageHinkley

from penchant.interests.drift import DriftConfig, Stream, Thresholds, page_hinkley, read_drift


def rivers(values: np.ndarray, config: DriftConfig, threshold: float) -> list[int]:
    detector = PageHinkley(
        min_instances=config.warm_up, delta=config.allowance, threshold=threshold, alpha=1.0, mode="up"
    )
    found = []
    for n, value in enumerate(values):
        detector.update(float(value))
        if detector.drift_detected:
            found.append(n)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [3.0, 9.0])
def test_alarms_are_rivers(seed, threshold):
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.normal(0, 2, 6), 50)
    values = np.clip(levels + rng.normal(0, 1, 300), -6, 6)
    config = DriftConfig()
    stream = Stream(
        concepts=np.zeros(0, dtype=np.int64),
        touched_NK=np.zeros((300, 0), dtype=bool),
        rates=np.zeros(0),
        surprise=values,
    )
    changes = read_drift(stream, Thresholds(surprise=threshold), config).changes
    wanted = rivers(values, config, threshold)
    assert [change.at for change in changes] == wanted
    assert wanted or threshold > 3


def test_the_statistic_is_rivers_up_to_the_first_alarm():
    values = np.random.default_rng(0).normal(size=100)
    detector = PageHinkley(min_instances=1, delta=0.1, threshold=np.inf, alpha=1.0, mode="up")
    theirs = []
    for value in values:
        detector.update(float(value))
        theirs.append(detector._sum_increase - detector._min_increase)
    assert page_hinkley(values, allowance=0.1) == pytest.approx(theirs)
