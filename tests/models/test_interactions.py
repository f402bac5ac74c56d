import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.interactions import Signal, SignalConfig, csr_arrays, csr_of, faded, fades
from tests.models.toys import dataset_of, strangers

TYPES = ("view", "purchase", "dislike")
EVENTS = [(0, 0, 0, 3.0), (0, 0, 1, 5.0), (0, 1, 0, np.nan), (1, 2, 2, 1.0), (1, 2, 0, 2.0), (1, 0, 2, 1.0)]
"""User, item, type, value: user 0 views and buys 0 and views 1; user 1 dislikes and views 2, and dislikes 0."""


def shop(*, rated: bool = False) -> Dataset:
    users, items, types, values = (np.array(column) for column in zip(*EVENTS, strict=True))
    return Dataset.of_rows(
        name="shop",
        users=Table(("a", "b")),
        items=Table(("i", "j", "k")),
        user_rows=users,
        item_rows=items,
        types=types,
        values=values,
        event_types=TYPES,
        rating_scale=(1.0, 5.0) if rated else None,
    )


def matrix(data: Dataset, *, with_against: bool = False, **settings: object) -> np.ndarray:
    signal = Signal.fit(data, SignalConfig.of(settings), model="a model")
    return signal.matrix(data.histories(), data.n_items, with_against=with_against).toarray()


def test_a_touch_is_one_whatever_the_number_of_events():
    np.testing.assert_array_equal(matrix(shop()), [[1, 1, 0], [0, 0, 0]])


def test_items_beyond_the_catalogue_are_refused():
    """They would be written into the next user's row."""
    signal = Signal.fit(shop(), SignalConfig(), model="a model")
    with pytest.raises(DataError, match="item row 2, and the model was fitted with 2 items"):
        signal.matrix(shop().histories(), 2)


def test_counts_add_the_weights_of_the_events():
    found = matrix(shop(), values="count", type_weights={"purchase": 4.0, "view": 0.5})
    np.testing.assert_array_equal(found, [[4.5, 0.5, 0], [0, 0, 0]])
    heavier = matrix(shop(), values="count", type_weights={"view": 3.0})
    np.testing.assert_array_equal(heavier, [[4.0, 3.0, 0], [0, 0, 2.0]])  # a view of 3 and a dislike of −1


def test_what_speaks_against_an_item_is_negative_where_it_is_asked_for():
    np.testing.assert_array_equal(matrix(shop(), with_against=True), [[1, 1, 0], [-1, 0, 0]])
    found = matrix(shop(), with_against=True, values="count", type_weights={"dislike": -3.0})
    np.testing.assert_array_equal(found, [[2, 1, 0], [-3, 0, -2]])


def test_values_are_the_last_rating_or_the_sum_of_quantities():
    mean = np.mean([3, 5, 1, 2, 1])  # what the missing value counts as
    np.testing.assert_allclose(matrix(shop(rated=True), values="value"), np.array([[5, mean, 0], [0, 0, 0]]))
    np.testing.assert_allclose(matrix(shop(), values="value"), np.array([[8, mean, 0], [0, 0, 0]]))


def test_events_by_themselves():
    data = shop()
    touch = Signal.fit(data, SignalConfig(), model="m").of_events(data.histories())
    np.testing.assert_array_equal(touch, [1, 1, 1, 0, 1, 0])
    count = Signal.fit(data, SignalConfig(values="count", type_weights={"purchase": 4}), model="m")
    np.testing.assert_array_equal(count.of_events(data.histories()), [1, 4, 1, 0, 1, 0])


def test_a_type_that_came_after_training_weighs_one():
    signal = Signal.fit(shop(), SignalConfig(values="count"), model="m")
    later = strangers([2, 2], n_items=3)
    later.types[:] = 7
    np.testing.assert_array_equal(signal.matrix(later, 3).toarray(), [[0, 0, 2]])


def test_what_is_not_there_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"m: 'shop' has no events of the type click") as caught:
        Signal.fit(shop(), SignalConfig(type_weights={"click": 2.0}), model="m")
    assert "view, purchase, dislike" in caught.value.hint
    with pytest.raises(UnsupportedError, match="'toy' has no values"):
        Signal.fit(dataset_of([[0, 1]], 2), SignalConfig(values="value"), model="m")


def test_a_saved_signal_is_the_same():
    signal = Signal.fit(shop(rated=True), SignalConfig(values="value", type_weights={"view": 2.0}), model="m")
    again = Signal.of_facts(signal.facts())
    assert again.facts() == signal.facts()
    one, other = (s.matrix(shop().histories(), 3).toarray() for s in (signal, again))
    np.testing.assert_array_equal(one, other)


def test_fades_count_the_events_after():
    np.testing.assert_allclose(fades(strangers([0, 1, 2], [3], n_items=4), 0.5), np.array([0.25, 0.5, 1, 1]))


def test_rows_fade_from_the_last_event_on_an_item():
    histories = strangers([0, 1, 0, 2], [], [1], n_items=3)
    signal = Signal.fit(dataset_of([[0]], 3), SignalConfig(values="count"), model="m")
    rows = signal.matrix(histories, 3)
    expected = np.array([[2 * 0.5, 0.25, 1], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(faded(rows, histories, 0.5).toarray(), expected)
    assert faded(rows, histories, 1.0) is rows


def test_sparse_rows_come_back_from_their_arrays():
    rows = Signal.fit(shop(), SignalConfig(), model="m").matrix(shop().histories(), 3)
    again = csr_of(csr_arrays(rows, "x"), "x", (2, 3))
    np.testing.assert_array_equal(again.toarray(), rows.toarray())
