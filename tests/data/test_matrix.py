from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Dataset, Table
from penchant.data.matrix import Cell, Method, Scope, Standardisation, interaction_matrix
from penchant.errors import ConfigError, DataError

EVENT = st.tuples(st.integers(0, 4), st.integers(-1, 5), st.sampled_from([0.0, 0.5, 1.0, 3.0, 4.5, 5.0]))


def world(events: list[tuple[int, int, float]]) -> Dataset:
    users, items, values = (np.array([event[k] for event in events]) for k in range(3))
    return Dataset.of_rows(
        name="w",
        users=Table(tuple("abcde")),
        items=Table(tuple("uvwxyz")),
        user_rows=users.astype(np.int64),
        item_rows=items.astype(np.int64),
        values=values.astype(np.float64),
    )


@settings(deadline=None)
@given(st.lists(EVENT, max_size=40))
def test_stored_entries_are_the_distinct_pairs(events: list[tuple[int, int, float]]) -> None:
    data = world(events)
    pairs = Counter((user, item) for user, item, _ in events if item >= 0)
    for cell in ("one", "count", "sum", "mean", "last"):
        matrix = interaction_matrix(data, cell=cell)
        assert matrix.shape == (5, 6)
        assert matrix.nnz == len(pairs)
    counted = interaction_matrix(data, cell="count").toarray()
    assert {pair: int(counted[pair]) for pair in pairs} == dict(pairs)


def test_cells_say_what_they_are_told_to() -> None:
    data = world([(0, 0, 2.0), (0, 0, 5.0), (0, 1, 0.0), (1, -1, 3.0)])
    expected: dict[Cell, list[float]] = {
        "one": [1, 1], "count": [2, 1], "sum": [7, 0], "mean": [3.5, 0], "last": [5, 0],
    }  # fmt: skip
    for cell, values in expected.items():
        assert interaction_matrix(data, cell=cell).data.tolist() == values
    assert interaction_matrix(data, mask=np.array([True, False, False, True])).data.tolist() == [1]


def test_a_missing_value_has_to_be_imputed_first() -> None:
    data = world([(0, 0, np.nan)])
    assert interaction_matrix(data).nnz == 1
    with pytest.raises(DataError, match="1 events have no value"):
        interaction_matrix(data, cell="mean")


@settings(deadline=None)
@given(
    st.lists(EVENT.filter(lambda event: event[1] >= 0), min_size=1, max_size=40),
    st.sampled_from(["user", "item", "all"]),
    st.sampled_from(["zscore", "centre", "minmax"]),
)
def test_standardisation_is_undone_exactly(events: list[tuple[int, int, float]], scope: Scope, method: Method) -> None:
    matrix = interaction_matrix(world(events), cell="last")
    fitted = Standardisation.fit(matrix, scope=scope, method=method)
    applied = fitted.apply(matrix)
    assert applied.nnz == matrix.nnz
    assert np.isfinite(applied.data).all()
    again = fitted.invert(applied)
    assert again.data.tolist() == matrix.data.tolist()
    assert again.indices.tolist() == matrix.indices.tolist()
    if method == "minmax":
        assert applied.data.min() >= 0
        assert applied.data.max() <= 1


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_other_values_come_back_within_rounding(values: list[float]) -> None:
    data = world([(k % 5, k % 6, value) for k, value in enumerate(values)])
    matrix = interaction_matrix(data, cell="last")
    fitted = Standardisation.fit(matrix)
    np.testing.assert_allclose(fitted.invert(fitted.apply(matrix)).data, matrix.data, rtol=1e-9, atol=1e-5)


def test_known_answers() -> None:
    matrix = interaction_matrix(world([(0, 0, 1.0), (0, 1, 3.0), (1, 0, 4.0)]), cell="last")
    fitted = Standardisation.fit(matrix)
    assert fitted.apply(matrix).data.tolist() == [-1.0, 1.0, 0.0]
    assert fitted.centre[:2].tolist() == [2.0, 4.0]
    assert fitted.centre[2] == pytest.approx(8 / 3, abs=1e-6)  # a user without ratings takes everybody's
    low_high = Standardisation.fit(matrix, scope="all", method="minmax")
    np.testing.assert_allclose(low_high.apply(matrix).data, [0, 2 / 3, 1])


def test_it_is_fitted_on_what_it_is_given_and_saved(tmp_path: Path) -> None:
    train = interaction_matrix(world([(0, 0, 1.0), (0, 1, 3.0)]), cell="last")
    test = interaction_matrix(world([(0, 2, 5.0), (1, 0, 2.0)]), cell="last")
    fitted = Standardisation.fit(train)
    assert fitted.apply(test).data.tolist() == [3.0, 0.0]
    fitted.save(tmp_path / "s.safetensors")
    again = Standardisation.load(tmp_path / "s.safetensors")
    assert again.apply(test).data.tolist() == [3.0, 0.0]
    assert (again.scope, again.on_grid) == ("user", True)


def test_wrong_settings_are_refused() -> None:
    matrix = interaction_matrix(world([(0, 0, 1.0)]))
    with pytest.raises(ConfigError, match="No standardisation"):
        Standardisation.fit(matrix, method="log")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no entries"):
        Standardisation.fit(interaction_matrix(world([])))
