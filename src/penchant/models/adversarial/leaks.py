"""Whether generated rows give away the users whose rows a generator has learned from."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.errors import DataError
from penchant.metrics.roc import roc_auc
from penchant.models.adversarial.rows import Rows
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """Generated rows beside learned ones (members) and as many held-out ones, which the generator never saw."""

    rows: int
    """Generated rows that were looked at"""
    copied_members: float
    """Share of them whose items behind the condition all stand in one member's row"""
    copied_held_out: float
    """The same among the held-out rows: what chance alone copies"""
    distance_ratio: float
    """Mean Jaccard distance to the nearest member over that to the nearest held-out row; below 1: nearer to members"""
    nearer_to_members: float
    """Share of generated rows that are nearer to a member than to a held-out row, ties counting one half"""
    membership_auc: float
    """How well the distance to the nearest generated row tells members from held-out users; ½ is chance"""

    @property
    def leaks(self) -> bool:
        """Whether one of them is far from what chance gives: 0.1 above it."""
        return (
            self.copied_members > self.copied_held_out + 0.1
            or self.nearer_to_members > 0.6
            or self.membership_auc > 0.6
        )


def leak_report(made: Rows, members: Rows, held_out: Rows, *, n_items: int) -> LeakReport:
    """Compare generated rows with the members and held-out users, as many of each.

    The conditions of the generated rows are to come from both alike: what a row repeats of its condition does not
    count, but what it goes on with depends on it. Distances are Jaccard's, between the generated items of a row and the
    items of an observed one. `DataError` for sides of different size.
    """
    if len(members) != len(held_out) or not len(members) or not len(made):
        raise DataError(
            f"{len(members)} members and {len(held_out)} held-out rows came, with {len(made)} generated ones.",
            hint="Give as many rows of each, and at least one.",
        )
    new = row_matrix(made, n_items=n_items, behind=True)
    sides = [row_matrix(rows, n_items=n_items) for rows in (members, held_out)]
    (to_members, copied_members), (to_held_out, copied_held_out) = (_nearest(new, side) for side in sides)
    nearest_made = np.concatenate([_nearest(side, new)[0] for side in sides])
    labels = np.repeat([True, False], len(members))
    ratio = float(to_members.mean() / to_held_out.mean()) if to_held_out.mean() > 0 else 1.0
    return LeakReport(
        rows=len(made),
        copied_members=float(copied_members.mean()),
        copied_held_out=float(copied_held_out.mean()),
        distance_ratio=ratio,
        nearer_to_members=float(((to_members < to_held_out) + 0.5 * (to_members == to_held_out)).mean()),
        membership_auc=roc_auc(labels, -nearest_made),
    )


def row_matrix(rows: Rows, *, n_items: int, behind: bool = False) -> sp.csr_array:
    """Rows as sets, (B, I), ones; `behind`: only what stands behind the condition."""
    there = rows.items >= 0
    if behind:
        there &= np.arange(rows.items.shape[1])[None, :] >= rows.given[:, None]
    owner: IntArray = np.nonzero(there)[0]
    matrix = sp.csr_array((np.ones(len(owner)), (owner, rows.items[there])), shape=(len(rows), n_items))
    matrix.data[:] = 1.0  # an item that stands twice in a row is there once
    return matrix


def _nearest(rows: sp.csr_array, others: sp.csr_array) -> tuple[DoubleArray, DoubleArray]:
    """For each row: Jaccard distance to the nearest of the others, and whether one of them has all of its items."""
    shared = (rows @ others.T).toarray()
    sizes, theirs = rows.sum(axis=1), others.sum(axis=1)
    union = sizes[:, None] + theirs[None, :] - shared
    distance = 1.0 - np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return distance.min(axis=1), (shared.max(axis=1) >= np.maximum(sizes, 1)).astype(np.float64)
