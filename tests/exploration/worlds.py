"""Candidates whose true scores are known, and what is believed of them."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.interfaces import Arms


def arms_of(means: Any, variances: Any = None, *, ties: Any = None) -> Arms:
    """Candidates without concepts: each is unsure by its own variance alone."""
    n = len(means)
    return Arms(
        items=np.arange(n, dtype=np.int32),
        means=np.asarray(means, dtype=np.float64),
        loadings=sp.csr_array((n, 0), dtype=np.float64),
        concept_variances=np.zeros(0),
        item_variances=np.zeros(n) if variances is None else np.asarray(variances, dtype=np.float64),
        ties=np.arange(n, dtype=np.int32) if ties is None else np.asarray(ties, dtype=np.int32),
    )


def random_arms(n: int, *, concepts: int = 6, seed: int = 0, scale: float = 1.0) -> Arms:
    """Candidates of shared concepts; means rounded, so that some are equal."""
    rng = np.random.default_rng(seed)
    loadings = rng.random((n, concepts)) * (rng.random((n, concepts)) < 0.4)
    return Arms(
        items=np.arange(n, dtype=np.int32),
        means=np.round(rng.normal(size=n) * scale, 1),
        loadings=sp.csr_array(loadings),
        concept_variances=rng.random(concepts) * 0.3,
        item_variances=rng.random(n) * 0.1,
        ties=rng.permutation(n).astype(np.int32),
    )
