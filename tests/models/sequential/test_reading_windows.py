from dataclasses import replace

import numpy as np
import pytest

from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.models.sequential.windows import reading_windows
from tests.models.toys import strangers
from tests.worlds import genre_world


def walks(*lengths: int):
    return strangers(*([n % 7 for n in range(length)] for length in lengths), n_items=7)


@pytest.mark.parametrize("max_length", [1, 2, 5, 8])
def test_reading_windows_tell_every_state_once_with_half_a_window_before_it(max_length):
    histories = walks(0, 1, 2, max_length, max_length + 1, max_length + 2, 3 * max_length, 40)
    windows = reading_windows(histories, max_length)
    whole = windows.histories
    assert (whole.lengths + 1 - windows.first_W).sum() == len(histories.items) + len(histories)
    assert whole.lengths.max() <= max_length
    # After each told state that has an event before it, that event: all of them in order.
    told = [key for w in range(len(whole)) for key in whole.keys[whole.of(w)][max(windows.first_W[w] - 1, 0) :]]
    assert told == histories.keys.tolist()
    for w in np.flatnonzero(windows.first_W):
        assert windows.first_W[w] >= max_length - max(1, max_length // 2) + 1


def test_a_reading_window_does_not_depend_on_what_came_later():
    whole = reading_windows(walks(40), 8)
    for n in range(1, 40):
        part = reading_windows(walks(n), 8)
        last = len(part.histories) - 1
        assert part.histories.items[part.histories.of(last)].tolist() == (
            whole.histories.items[whole.histories.of(last)][: part.histories.lengths[last]].tolist()
        )


@pytest.mark.parametrize("timed", [False, True])
def test_what_was_foreseen_is_the_users_vector_at_the_time(timed):
    world = genre_world(users=12)
    if timed:
        world = replace(world, clock="time")
    config = InterestTrackerConfig.of({"dim": 8, "max_length": 6, "training": {"max_epochs": 1}})
    model = InterestTracker(config).fit(world)
    histories = world.histories()
    found = model.vectors_along(histories)
    assert found.shape == (len(histories.items) + len(histories), 8)
    for b in range(len(histories)):
        for n in range(int(histories.lengths[b]) + 1):
            # Up to a whole window the two read the same events; beyond, the reading begins at a fixed place.
            begin = 0 if n <= 6 else -(-(n - 6) // 3) * 3
            before = histories.between(np.array([b]), np.array([begin]), np.array([n]))
            np.testing.assert_allclose(found[histories.indptr[b] + b + n], model.user_vectors(before)[0], atol=1e-5)
