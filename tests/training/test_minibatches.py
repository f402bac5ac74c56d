import numpy as np
import pytest

from penchant.training.minibatches import Minibatches


def test_every_place_comes_once_in_its_order_and_only_when_asked_for():
    made: list[list[int]] = []
    order = np.array([4, 0, 3, 1, 2])

    def make(part: np.ndarray) -> list[int]:
        made.append(part.tolist())
        return made[-1]

    batches = Minibatches(order, size=2, make=make)
    assert (len(batches), made) == (3, [])
    assert list(batches) == [[4, 0], [3, 1], [2]]
    assert made == [[4, 0], [3, 1], [2]]
    assert batches[1:] == [[3, 1], [2]]
    for place in (3, -1):
        with pytest.raises(IndexError):
            batches[place]


def test_an_empty_order_has_no_batches():
    assert list(Minibatches(np.zeros(0, dtype=np.int64), size=3, make=len)) == []
