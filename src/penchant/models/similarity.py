"""How near two sets of vectors are: cosine and dot product behind one function."""

from typing import Literal

import numpy as np

from penchant.errors import ConfigError
from penchant.types import FloatArray

Similarity = Literal["cosine", "dot"]


def similarity(left_BD: FloatArray, right_ID: FloatArray, *, kind: Similarity = "cosine") -> FloatArray:
    """Similarity of each left vector with each right vector, (B, I).

    * ``dot``: ``s_bi = x_b · y_i``
    * ``cosine``: ``s_bi = x_b · y_i / (‖x_b‖ ‖y_i‖)``, in [−1, 1]; 0 where either vector is zero.

    `ConfigError` where the vectors differ in length or `kind` is neither.
    """
    if left_BD.shape[-1] != right_ID.shape[-1]:
        raise ConfigError(
            f"Vectors of {left_BD.shape[-1]} and {right_ID.shape[-1]} numbers cannot be compared.",
            hint="Encode both with the same encoder.",
        )
    if kind == "dot":
        return np.asarray(left_BD @ right_ID.T, dtype=np.float32)
    if kind == "cosine":
        return np.asarray(np.clip(unit(left_BD) @ unit(right_ID).T, -1.0, 1.0), dtype=np.float32)
    raise ConfigError(f"No similarity is called {kind!r}.", hint="There are: cosine, dot.")


def unit(vectors_ND: FloatArray) -> FloatArray:
    """Vectors divided by their length, (N, D) float32; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors_ND.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(vectors_ND / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)
