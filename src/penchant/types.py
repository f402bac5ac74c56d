"""Array types and the shape letters used in every docstring.

==== =================== ==== ==================== ==== =====================
B    batch (users asked)  I    items                C    concepts
L    sequence length      U    users                K    list length
D    embedding size       N    events               A    arms
H    attention heads      Q    codebook levels      V    codebook or vocabulary size
==== =================== ==== ==================== ==== =====================

A subscript is a shape: ``scores_BI`` is an array of B rows and I columns.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
DoubleArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
RowArray: TypeAlias = NDArray[np.int32]
BoolArray: TypeAlias = NDArray[np.bool_]
ObjectArray: TypeAlias = NDArray[np.object_]
AnyArray: TypeAlias = NDArray[Any]

MICROSECONDS_PER_DAY = 86_400_000_000
