"""A sweep over learning rates finds one that helps and tells those that harm."""

import copy
import math
from typing import Any

import pytest

from penchant.errors import ConfigError, TrainingError
from penchant.training.rate_sweep import SweptRate, best_rate, sweep_rates
from tests.training.trainings import Toy


def test_a_rate_too_small_does_nothing_one_too_large_destroys_and_one_between_is_taken():
    """From weights that already fit a little."""
    start = Toy()
    start.train(None, max_epochs=4, learning_rate=0.01)
    learned = copy.deepcopy(start.module.state_dict())

    def fit(rate: float):
        toy = Toy()
        toy.module.load_state_dict(learned)
        settings: dict[str, Any] = {"evaluate_start": True, "warmup_steps": 0, "evaluate_every": 1, "max_epochs": 3}
        return toy.train(None, learning_rate=rate, **settings)

    swept = sweep_rates(fit, [1e-9, 0.03, 100.0])
    assert [one.rate for one in swept] == [1e-9, 0.03, 100.0]
    assert len({one.start for one in swept}) == 1
    small, right, large = swept
    assert right.best > small.best > large.best  # type: ignore[operator]
    assert (right.degraded, large.degraded) == (False, True)
    assert best_rate(swept) == 0.03


def test_a_rate_that_breaks_off_is_told_and_not_taken():
    def fit(rate: float):
        if rate > 1:
            raise TrainingError("The training diverged at step 1: its loss is nan.")
        return Toy().train(None, learning_rate=rate, evaluate_start=True, max_epochs=2)

    swept = sweep_rates(fit, [0.05, 2.0])
    assert (swept[1].broke_off, swept[1].degraded, swept[1].best) == (True, True, None)
    assert best_rate(swept) == 0.05
    with pytest.raises(ConfigError, match=r"Every rate from 2 on"):
        best_rate(swept[1:])


def test_of_equally_good_rates_the_smallest_is_taken():
    swept = [SweptRate(rate=rate, start=0.0, best=0.5) for rate in (0.2, 0.1, 0.4)]
    assert best_rate(swept) == 0.1


def test_what_cannot_be_swept_is_refused():
    for rates in ([], [0.1, 0.0], [math.nan]):
        with pytest.raises(ConfigError, match="The rates are"):
            sweep_rates(lambda _: Toy().train(None), rates)
    with pytest.raises(ConfigError, match="before its first step"):
        sweep_rates(lambda rate: Toy().train(None, learning_rate=rate, max_epochs=1), [0.1])
