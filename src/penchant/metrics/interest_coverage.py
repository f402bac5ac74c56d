"""How much of what a user turns to later his profile has told.

``share_b = Σ_{c told} h_bc / Σ_c h_bc``, h_bc ≥ 0 what concept c weighs among the held-out events of user b: 1 for each
concept that occurs, how many of the events are on it, or the information −log2 π_c that a concept on a share π_c of all
events carries where it occurs (naming what everyone has is then worth little).
"""

import numpy as np
import scipy.sparse as sp

from penchant.errors import DataError
from penchant.types import DoubleArray


def interest_coverage(told_BC: sp.csr_array, held_BC: sp.csr_array) -> DoubleArray:
    """The covered share of each user's held-out weight, (B,), between 0 and 1; NaN where nothing is held out.

    `told_BC` is above 0 where the profile tells a concept. `DataError` where the two differ in shape or a weight is
    below 0.
    """
    if told_BC.shape != held_BC.shape:
        raise DataError(f"Profiles are {told_BC.shape}, and held-out concepts are {held_BC.shape}.", hint="Align them.")
    if held_BC.nnz and held_BC.data.min() < 0:
        raise DataError("A held-out concept weighs less than 0.", hint="Weights are counts, or information in bits.")
    total = np.asarray(held_BC.sum(axis=1), dtype=np.float64).ravel()
    covered = np.asarray(held_BC.multiply(told_BC > 0).sum(axis=1), dtype=np.float64).ravel()
    shares: DoubleArray = np.divide(covered, total, out=np.full(len(total), np.nan), where=total > 0)
    return shares
