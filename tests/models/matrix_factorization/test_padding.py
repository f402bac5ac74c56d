import numpy as np
import scipy.sparse as sp

from penchant.models.matrix_factorization.padding import Block, blocks


def rebuilt(parts: list[Block], shape: tuple[int, int]) -> np.ndarray:
    dense = np.zeros(shape)
    for part in parts:
        for row, columns, data, there in zip(part.rows, part.columns_BL, part.data_BL, part.there_BL, strict=True):
            dense[row, columns[there]] = data[there]
            assert not data[~there].any()
    return dense


def test_the_blocks_hold_every_entry_once_and_no_more_cells_than_asked():
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((40, 25)) < rng.random((40, 1)), rng.random((40, 25)), 0.0)
    dense[7] = 0
    matrix, used = sp.csr_array(dense), np.count_nonzero(dense.any(axis=1))
    for cells in (1, 30, 100, 10_000):
        parts = list(blocks(matrix, cells=cells))
        np.testing.assert_array_equal(rebuilt(parts, dense.shape), dense)
        assert sum(len(p.rows) for p in parts) == used  # a row without entries is in none
        assert all(p.columns_BL.size <= cells or len(p.rows) == 1 for p in parts)
        assert sum(int(p.there_BL.sum()) for p in parts) == matrix.nnz
    (whole,) = blocks(matrix, cells=10_000)
    np.testing.assert_array_equal(rebuilt(list(whole.split(15)), dense.shape), dense)
    assert [len(p.rows) for p in whole.split(15)] == [15, 15, used - 30]
    assert len(list(whole.split(0))) == used < 40


def test_a_matrix_without_entries_has_no_blocks():
    assert list(blocks(sp.csr_array((3, 4)), cells=10)) == []
