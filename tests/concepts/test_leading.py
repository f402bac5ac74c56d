import numpy as np
import scipy.sparse as sp

from penchant.concepts.leading import leading_of


def test_what_has_half_of_the_largest_activation_leads_an_item():
    activations = sp.csr_array(np.array([[1.0, 0.5, 0.49], [0.0, 0.0, 0.0], [0.0, 0.2, 0.0], [0.3, 0.3, 0.3]]))
    expected = [[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 1, 1]]
    np.testing.assert_array_equal(leading_of(activations).toarray(), expected)


def test_what_is_stored_as_nothing_leads_nothing():
    stored = sp.csr_array((np.array([0.0, 2.0]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    np.testing.assert_array_equal(leading_of(stored).toarray(), [[0, 0], [0, 1]])
