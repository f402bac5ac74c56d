import numpy as np
import pytest

from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.holdout import check_vectors, held_out, sampled, validation_ndcg
from tests.models.toys import dataset_of

DATA = dataset_of([[0, 1, 2], [3], [4, 0]], 5)


def test_the_last_event_of_users_with_two_is_held_out():
    training, cases = held_out(DATA, FitOptions())
    np.testing.assert_array_equal(training.histories().lengths, [2, 1, 1])
    np.testing.assert_array_equal(cases.histories.items, [0, 1, 4])
    np.testing.assert_array_equal(cases.target_items, [2, 0])
    np.testing.assert_array_equal(cases.histories.users, [0, 2])


def test_all_events_of_a_run_on_the_last_item_are_held_out():
    training, cases = held_out(dataset_of([[0, 1, 1, 1], [2, 2], [3, 4, 3]], 5), FitOptions())
    np.testing.assert_array_equal(training.histories().items, [0, 2, 2, 3, 4])
    np.testing.assert_array_equal(cases.histories.items, [0, 3, 4])
    np.testing.assert_array_equal(cases.target_items, [1, 3])


def test_given_cases_leave_the_dataset_whole():
    given = held_out(DATA, FitOptions())[1]
    training, cases = held_out(DATA, FitOptions(validation=given))
    assert training is DATA
    assert cases is given


def test_no_events_at_all():
    with pytest.raises(DataError, match="no item events"):
        held_out(dataset_of([[], []], 2), FitOptions())


def test_sampling_is_seeded_and_keeps_the_order():
    cases = held_out(dataset_of([[0, 1]] * 30, 2), FitOptions())[1]
    few = sampled(cases, 7, seed=1)
    assert len(few) == 7
    assert (np.diff(few.histories.users) > 0).all()
    np.testing.assert_array_equal(few.histories.users, sampled(cases, 7, seed=1).histories.users)
    assert sampled(cases, 30, seed=1) is cases


def test_the_value_is_ndcg_at_ten_of_a_full_ranking_without_the_history():
    cases = held_out(DATA, FitOptions())[1]
    scores = np.array([[9, 8, 1, 3, 2], [0, 0.5, 0, 0, 0]], dtype=np.float32)
    ties = np.array([4, 3, 2, 1, 0], dtype=np.int32)
    # User 0: 0 and 1 are history; 3 and 4 beat the target 2. User 2: 4 is history; 1, and by ties 3 and 2, beat 0.
    expected = (1 / np.log2(2 + 2) + 1 / np.log2(3 + 2)) / 2
    assert validation_ndcg(lambda histories: scores[: len(histories)], cases, ties=ties) == pytest.approx(expected)


@pytest.mark.parametrize("vectors", [np.zeros((4, 2)), np.zeros(5), np.full((5, 1), np.inf)])
def test_vectors_must_fit(vectors):
    with pytest.raises(DataError):
        check_vectors(DATA, FitOptions(item_vectors=vectors))
