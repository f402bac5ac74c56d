"""The concept that an item is about first of all."""

import numpy as np
import scipy.sparse as sp

from penchant.pipeline.main_concepts import strongest_concepts


def test_the_strongest_activation_counts_and_of_equal_ones_the_first_concept():
    activations = sp.csr_array(np.array([[0.2, 0.7, 0.1], [0.0, 0.0, 0.0], [0.4, 0.0, 0.4], [0.0, 0.0, 0.1]]))
    assert strongest_concepts(activations).tolist() == [1, -1, 0, 2]


def test_an_activation_of_zero_that_is_stored_is_none():
    stored = sp.csr_array((np.array([0.0]), np.array([1]), np.array([0, 1])), shape=(1, 2))
    assert strongest_concepts(stored).tolist() == [-1]
