"""The covered share by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.errors import DataError
from penchant.metrics.interest_coverage import interest_coverage


def test_shares_by_hand():
    told = sp.csr_array(np.array([[1.0, 1, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]]))
    held = sp.csr_array(np.array([[3.0, 0, 1, 0], [2, 0, 0, 6], [0, 0, 0, 0]]))
    shares = interest_coverage(told, held)
    assert shares[:2] == pytest.approx([0.75, 0.75])
    assert np.isnan(shares[2])


def test_more_told_never_covers_less():
    rng = np.random.default_rng(0)
    held = sp.csr_array(rng.random((50, 12)) * (rng.random((50, 12)) < 0.4))
    told = rng.random((50, 12)) < 0.3
    more = told | (rng.random((50, 12)) < 0.3)
    few, many = (interest_coverage(sp.csr_array(one.astype(float)), held) for one in (told, more))
    known = ~np.isnan(few)
    assert (many[known] >= few[known]).all()
    assert interest_coverage(sp.csr_array(np.ones((50, 12))), held)[known] == pytest.approx(np.ones(int(known.sum())))


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="Profiles are"):
        interest_coverage(sp.csr_array((2, 3)), sp.csr_array((2, 4)))
    with pytest.raises(DataError, match="less than 0"):
        interest_coverage(sp.csr_array((1, 2)), sp.csr_array(np.array([[-1.0, 0]])))
