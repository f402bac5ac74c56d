from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.encoders.batching import SMALL, batches, equal_lengths, spread
from penchant.training import precision

LENGTHS = st.lists(st.integers(1, 128), max_size=300).map(lambda values: np.array(values, dtype=np.int64))


@given(lengths=LENGTHS, budget=st.integers(1, 3000), workers=st.integers(1, 8))
def test_every_text_is_in_one_batch_and_longest_come_first(lengths, budget, workers):
    parts = batches(lengths, budget=budget, workers=workers)
    order = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    assert sorted(order) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) <= 0).all()
    for part in parts:
        assert lengths[part].sum() <= max(budget, SMALL) + 128


@given(LENGTHS)
def test_runs_of_equal_length(lengths):
    ordered = sorted(lengths.tolist())
    runs = [ordered[run] for run in equal_lengths(ordered)]
    assert list(chain.from_iterable(runs)) == ordered
    assert all(len(set(run)) == 1 for run in runs)
    assert len(runs) == len(set(ordered))


def test_workers_get_equal_shares():
    parts = batches(np.full(100, 30), budget=1024, workers=4)
    assert len(parts) == 4


@pytest.mark.parametrize("workers", [1, 3])
def test_spread_does_each_part_once_without_autograd(workers: int):
    parts = [np.array([i, i + 1]) for i in range(7)]
    done = list(spread(lambda part: (int(part.sum()), torch.is_inference_mode_enabled()), parts, workers=workers))
    assert sorted((int(part[0]), result) for part, result in done) == [(i, (2 * i + 1, True)) for i in range(7)]


def test_an_error_in_a_worker_is_raised_and_threads_are_restored():
    before = torch.get_num_threads()
    parts = [np.array([i]) for i in range(6)]
    with pytest.raises(ZeroDivisionError):
        list(spread(lambda part: 1 // int(part[0]), parts, workers=2))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"), [(1.0, 100.0, "float32"), (1.0, 0.9, "float32"), (1.0, 0.4, "bfloat16")]
)
def test_precision_is_what_a_trial_finds_faster(
    monkeypatch: pytest.MonkeyPatch, float32: float, bfloat16: float, chosen: str
):
    took = {"float32": float32, "bfloat16": bfloat16}
    tried: list[int] = []

    def seconds(name: precision.Precision, *, rows: int = 512, repeats: int = 5) -> float:
        tried.append(rows)
        return took[name]

    monkeypatch.setattr(precision, "seconds", seconds)
    precision.fastest_precision.cache_clear()
    try:
        assert precision.fastest_precision() == chosen
        count = len(tried)
        assert precision.fastest_precision() == chosen
        assert len(tried) == count
        assert (512 in tried) == (bfloat16 < 3)
    finally:
        precision.fastest_precision.cache_clear()


def test_a_trial_takes_time_and_leaves_threads_as_they_were():
    before = torch.get_num_threads()
    assert 0 <= precision.seconds("float32", rows=4, repeats=1) < 60
    assert torch.get_num_threads() == before
