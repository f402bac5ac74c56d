import time

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.sparse_rows import dense_rows, row_entries


@pytest.fixture
def matrix():
    numbers = np.random.default_rng(0).random((9, 7)).astype(np.float32)
    numbers[numbers < 0.6] = 0
    numbers[3] = 0
    return sp.csr_array(numbers)


@pytest.mark.parametrize("rows", [[], [3], [0, 8, 3, 1], [5, 5, 2]])
def test_rows_are_those_that_scipy_gives(matrix, rows):
    rows = np.array(rows, dtype=np.int32)
    wanted = matrix[rows].toarray() if len(rows) else np.zeros((0, 7), np.float32)
    dense = dense_rows(matrix, rows)
    np.testing.assert_array_equal(dense, wanted)
    assert dense.dtype == np.float32
    found = row_entries(matrix, rows)
    assert len(found.owners) == len(found.columns) == len(found.values) == np.count_nonzero(wanted)
    assert np.all(np.diff(found.owners) >= 0)


def test_many_rows_cost_no_python_step_each():
    """A long history asks for as many rows as it has events: compiled code of scipy's is the measure."""
    rng = np.random.default_rng(1)
    large = sp.csr_array(sp.random_array((5_000, 500), density=0.01, rng=rng))
    rows = rng.integers(0, 5_000, 100_000)

    def seconds(read) -> float:
        start = time.process_time()
        read()
        return time.process_time() - start

    own = min(seconds(lambda: row_entries(large, rows)) for _ in range(5))
    compiled = min(seconds(lambda: large[rows]) for _ in range(5))
    assert own < 20 * compiled, (own, compiled)
