import numpy as np
import pytest

from penchant.data.features.encoding import Encoding, memberships
from tests.data.features.worlds import columns

TRAIN = columns(tags=[["b", "a"], ["a"], None], age=[10.0, None, 30.0])


def test_words_share_a_row_and_numbers_are_standardised():
    encoding = Encoding.fit({"users": TRAIN, "items": {}})
    assert encoding.names("users") == ("users.tags=a", "users.tags=b", "users.age")
    half = 1 / np.sqrt(2)
    expected = [[half, half, -1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(encoding.apply("users", TRAIN, 3).toarray(), expected)


def test_what_training_did_not_have_is_nothing():
    encoding = Encoding.fit({"users": TRAIN, "items": {}})
    new = encoding.apply("users", columns(tags=[["a", "new"], "b"], age=["old", 50.0]), 2)
    np.testing.assert_allclose(new.toarray(), [[1 / np.sqrt(2), 0.0, 0.0], [0.0, 1.0, 3.0]])
    assert encoding.apply("users", {}, 4).toarray().tolist() == [[0.0] * 3] * 4
    assert encoding.apply("items", {}, 4).shape == (4, 0)


def test_a_constant_number_is_no_division_by_zero():
    encoding = Encoding.fit({"users": columns(age=[4, 4]), "items": {}})
    assert encoding.apply("users", columns(age=[4, 5]), 2).toarray().tolist() == [[0.0], [1.0]]


def test_memberships_are_ones():
    found, words = memberships(TRAIN["tags"])
    assert words == ["a", "b"]
    assert found.toarray().tolist() == [[1, 1], [1, 0], [0, 0]]
    assert Encoding.from_json(Encoding.fit({"users": TRAIN, "items": {}}).as_json()) == Encoding.fit(
        {"users": TRAIN, "items": {}}
    )
    assert found.data.sum() == pytest.approx(3)
