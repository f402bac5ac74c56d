from itertools import pairwise

import pytest

from penchant.training.schedules import FLOOR, rate


def test_the_numbers_in_the_docstring():
    rates = [rate(step, total=10, warmup=2, schedule="linear") for step in (0, 1, 6)]
    assert rates == pytest.approx([0.5, 1.0, 0.525])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_falling_schedules_end_at_the_floor_and_never_rise_after_the_warmup(schedule):
    rates = [rate(step, total=50, warmup=5, schedule=schedule) for step in range(51)]
    assert rates[-1] == pytest.approx(FLOOR)
    assert all(later <= earlier for earlier, later in pairwise(rates[4:]))


def test_constant_stays_at_the_peak_past_the_end():
    assert {rate(step, total=3, warmup=0, schedule="constant") for step in range(9)} == {1.0}


def test_a_training_shorter_than_its_warmup():
    assert 0 < rate(3, total=4, warmup=100, schedule="cosine") < 1
