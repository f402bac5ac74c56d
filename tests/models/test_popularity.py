import numpy as np
import pytest

from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.popularity import Popularity, PopularityConfig, RandomOrder
from tests.models.toys import dataset_of, strangers

TOY = dataset_of([[0, 1, 1], [1, 2], [1], [3, 3, 3]], 5)


def test_popularity_is_the_share_of_users():
    scores = Popularity().fit(TOY).score(TOY.histories())
    np.testing.assert_allclose(scores[0], [0.25, 0.75, 0.25, 0.25, 0.0])
    assert (scores == scores[0]).all()


def test_popularity_can_count_every_event():
    scores = Popularity(PopularityConfig(count_repeats=True)).fit(TOY).score(TOY.histories().take([0]))
    np.testing.assert_allclose(scores[0], [0.25, 1.0, 0.25, 0.75, 0.0])


def test_chance_is_the_same_for_the_same_question_and_differs_between_seeds():
    model = RandomOrder().fit(TOY, options=FitOptions(seed=3))
    both = model.score(TOY.histories().take([0, 1]))
    np.testing.assert_array_equal(both[1:], model.score(TOY.histories().take([1])))
    assert not np.array_equal(both[0], both[1])
    assert not np.array_equal(
        both, RandomOrder().fit(TOY, options=FitOptions(seed=4)).score(TOY.histories().take([0, 1]))
    )


@pytest.mark.parametrize("model", [Popularity(), RandomOrder()])
def test_an_unfitted_model_says_so(model):
    with pytest.raises(UnsupportedError, match="not fitted"):
        model.score(strangers([0], n_items=5))
