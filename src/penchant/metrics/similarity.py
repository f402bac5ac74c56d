"""Similarity of vectors, by one interface: `SIMILARITIES` maps a name to a function of (B, D) and (I, D) to (B, I).

* cosine ``s_ui = z_u·z_i / (‖z_u‖ ‖z_i‖)``: in [−1, 1], blind to length; 0 where either vector is zero
* dot ``s_ui = z_u·z_i``
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from penchant.types import AnyArray


def dot(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """Dot products, (B, I), in the precision of the inputs."""
    products: AnyArray = left_BD @ right_ID.T
    return products


def cosine(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """Cosines, (B, I), in the precision of the inputs; a zero vector is similar to nothing, itself included."""
    cosines: AnyArray = np.clip(dot(unit(left_BD), unit(right_ID)), -1.0, 1.0)
    return cosines


def unit(vectors_ND: AnyArray) -> AnyArray:
    """The vectors at length one, (N, D); zero vectors stay zero.

    Each is divided by its largest coordinate first, so that the squares of very small or very large ones neither
    vanish nor overflow.
    """
    largest = np.abs(vectors_ND).max(axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(vectors_ND, largest, out=np.zeros_like(vectors_ND), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=-1, keepdims=True)
    units: AnyArray = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 0)
    return units


SIMILARITIES: Mapping[str, Callable[[AnyArray, AnyArray], AnyArray]] = MappingProxyType({"cosine": cosine, "dot": dot})
