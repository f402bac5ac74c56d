import numpy as np

from penchant.models.new_items import TEMPERATURE, Inheritance

TEXT = np.array([[1, 0], [0, 1], [-1, -1], [0.9, 0.1], [0, 0]], dtype=np.float32)
COUNTS = np.array([5, 5, 5, 0, 0])


def test_a_new_item_lies_among_those_that_read_like_it():
    made = Inheritance.of(TEXT, COUNTS, k=2)
    assert made is not None
    assert made.rows_R.tolist() == [3]  # item 4 has no text
    assert sorted(made.neighbours_RK[0].tolist()) == [0, 1]
    vectors = np.array([[3, 4], [1, 0], [0, 1], [7, 7], [9, 9]], dtype=np.float32)
    placed = made.apply(vectors)
    x = TEXT[:4] - TEXT[:4].mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    a = np.exp(x[3] @ x[:2].T / TEMPERATURE)
    shares = a / a.sum()
    expected = shares @ vectors[:2]
    expected *= shares @ np.array([5.0, 1.0]) / np.linalg.norm(expected)  # as long as they are
    np.testing.assert_allclose(placed[3], expected, rtol=1e-4)
    np.testing.assert_array_equal(np.delete(placed, 3, axis=0), np.delete(vectors, 3, axis=0))


def test_nothing_is_inherited_where_nobody_needs_or_can_give():
    assert Inheritance.of(None, COUNTS, k=2) is None
    assert Inheritance.of(TEXT, COUNTS, k=0) is None
    assert Inheritance.of(TEXT, COUNTS + 1, k=2) is None
    assert Inheritance.of(TEXT, COUNTS * 0, k=2) is None


def test_more_neighbours_than_there_are():
    made = Inheritance.of(TEXT, COUNTS, k=99)
    assert made is not None
    assert made.neighbours_RK.shape == (1, 3)
    np.testing.assert_allclose(made.weights_RK.sum(axis=1), 1.0, rtol=1e-6)
