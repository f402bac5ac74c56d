from itertools import pairwise

import numpy as np
import pytest

from penchant.models.sequential.windows import NO_TARGET, WindowBatch, input_batch, training_batches
from tests.models.toys import dataset_of, strangers

LENGTHS = [1, 2, 5, 6, 7, 40, 0, 3, 13]
STARTS = np.concatenate([[0], np.cumsum(LENGTHS)])
DATA = dataset_of([range(a, b) for a, b in pairwise(STARTS)], int(STARTS[-1]))
"""Every event is an item of its own, so a target says which event it is."""


def batches(*, max_length: int = 5, batch_tokens: int = 24, seed: int = 0) -> list[WindowBatch]:
    rng = np.random.default_rng(seed)
    return training_batches(DATA.histories(), max_length=max_length, batch_tokens=batch_tokens, rng=rng)


@pytest.mark.parametrize("max_length", [1, 2, 5, 50])
def test_every_event_is_a_target_exactly_once(max_length):
    targets = np.concatenate([b.targets_BS[b.targets_BS != NO_TARGET].numpy() for b in batches(max_length=max_length)])
    np.testing.assert_array_equal(np.sort(targets), np.arange(STARTS[-1]))


def test_each_state_predicts_the_event_after_its_last_input():
    for batch in batches():
        for items, targets in zip(batch.items_BL.numpy(), batch.targets_BS.numpy(), strict=True):
            asked = np.flatnonzero(targets[1:] != NO_TARGET)
            np.testing.assert_array_equal(targets[1:][asked], items[asked] + 1)
            if targets[0] != NO_TARGET:  # the start predicts a history's first event only
                assert targets[0] in STARTS


def test_batches_hold_what_they_may_and_little_padding():
    packed = batches(max_length=50, batch_tokens=24)
    for batch in packed:
        assert batch.targets_BS.numel() <= 24 or len(batch.items_BL) == 1
        assert batch.items_BL.shape[1] <= 50
        assert len(batch.users_B) == len(batch.items_BL)


def test_cuts_move_between_epochs_and_a_seed_repeats_them():
    def shape(seed: int) -> list[object]:
        return [b.targets_BS.tolist() for b in batches(seed=seed)]

    assert shape(1) == shape(1)
    assert shape(1) != shape(2)


def test_inputs_are_the_last_events_padded_on_the_right():
    items, lengths = input_batch(strangers([1, 2, 3, 4], [], [5], n_items=6), 3)
    np.testing.assert_array_equal(items, [[2, 3, 4], [0, 0, 0], [5, 0, 0]])
    np.testing.assert_array_equal(lengths, [3, 0, 1])
    assert input_batch(strangers([], n_items=6), 3)[0].shape == (1, 0)
