"""What an evaluation of ratings refuses before anything is fitted."""

import pytest

from penchant.errors import DataError
from penchant.evaluation.rating_evaluation import evaluate_ratings
from tests.evaluation.worlds import make_world


def test_data_without_ratings_name_the_models_asked_for_and_those_that_need_none():
    with pytest.raises(DataError, match=r"not ratings, and svdpp, rating_means cannot learn without") as caught:
        evaluate_ratings(make_world(), ["svdpp", "rating_means"])
    for part in ("popularity, item_knn and interest need no ratings", "--map value=COLUMN", "without --task"):
        assert part in caught.value.hint
