"""The graph of users and items: nodes, edges, and the matrix that passes messages along them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.links import End
from penchant.errors import UnsupportedError
from penchant.models.interactions import Signal, SignalConfig
from penchant.types import AnyArray, DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFacts:
    """How large a graph is."""

    users: int
    """User nodes with an edge."""
    items: int
    """Item nodes with an edge."""
    edges: int
    """Distinct pairs of a user and an item he touched, as undirected edges."""
    links: int
    """Further undirected edges: between friends, between related items."""
    isolated: int
    """Nodes without any edge."""
    components: int
    """Connected parts, isolated nodes not counted."""

    def __str__(self) -> str:
        links = f" and {self.links:,} links" if self.links else ""
        return (
            f"{self.users:,} users and {self.items:,} items in {self.components:,} part"
            f"{'' if self.components == 1 else 's'}, {self.edges:,} edges{links}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionGraph:
    """``G = (U, V, E)``: users, items, and an edge where a user touched an item; with friends and related items where
    they are asked for.

    Nodes are numbered users first: user u is node u, item i is node U + i. A pair whose events speak against the item
    (see `Signal`) is no edge.
    """

    edges_UI: sp.csr_array
    """Ones, float64."""
    friends_UU: sp.csr_array
    """Symmetric ones; no entries where links were not asked for."""
    related_II: sp.csr_array
    """Symmetric ones, likewise."""

    @classmethod
    def of(cls, dataset: Dataset, *, links: Sequence[str] = (), model: str = "the graph") -> Self:
        """The graph of a dataset's events, and of the relations named. Only what is in the dataset handed in is read:
        hand in the training part.

        `UnsupportedError` where relations are named and the dataset has none, `NotFoundError` for one it lacks.
        """
        signal = Signal.fit(dataset, SignalConfig(), model=model)
        friends, related = (sp.csr_array((n, n)) for n in (dataset.n_users, dataset.n_items))
        if links:
            friends, related = (linked(dataset, end, links, model=model) for end in ("user", "item"))
            if not friends.nnz and not related.nnz:
                raise UnsupportedError(
                    f"{model}: the relations {', '.join(links)} of {dataset.name!r} link neither users nor items.",
                    hint="Name relations between users or between items, or none.",
                )
        return cls(
            edges_UI=signal.matrix(dataset.histories(), dataset.n_items),
            friends_UU=friends,
            related_II=related,
        )

    @property
    def adjacency(self) -> sp.csr_array:
        """A, (U + I, U + I): symmetric, zero diagonal."""
        upper = sp.hstack([self.friends_UU, self.edges_UI], format="csr")
        lower = sp.hstack([self.edges_UI.T.tocsr(), self.related_II], format="csr")
        return sp.csr_array(sp.vstack([upper, lower], format="csr"))

    @property
    def facts(self) -> GraphFacts:
        """Counts of nodes and edges."""
        adjacency = self.adjacency
        degrees = np.diff(adjacency.indptr)
        parts, _ = sp.csgraph.connected_components(adjacency, directed=False)
        isolated = int((degrees == 0).sum())
        n_users = self.edges_UI.shape[0]
        return GraphFacts(
            users=int((degrees[:n_users] > 0).sum()),
            items=int((degrees[n_users:] > 0).sum()),
            edges=int(self.edges_UI.nnz),
            links=int(adjacency.nnz // 2 - self.edges_UI.nnz),
            isolated=isolated,
            components=int(parts) - isolated,
        )


def linked(dataset: Dataset, end: End, names: Sequence[str] | None, *, model: str) -> sp.csr_array:
    """The links between users or between items as a symmetric matrix of ones with sorted columns.

    `UnsupportedError` where the dataset has no links at all, `NotFoundError` for a relation it lacks.
    """
    if dataset.links is None:
        raise UnsupportedError(
            f"{model} needs relations, and {dataset.name!r} has none.",
            hint="Import a file of friends or related items beside the events, or use item_knn, which needs none.",
        )
    subjects, objects = dataset.links.between(end, names)
    n = dataset.n_users if end == "user" else dataset.n_items
    both: AnyArray = np.unique(
        np.concatenate([subjects.astype(np.int64) * n + objects, objects.astype(np.int64) * n + subjects])
    )
    rows, columns = np.divmod(both, max(n, 1))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    return sp.csr_array((np.ones(len(both)), columns.astype(np.int32), indptr), shape=(n, n))


def symmetric(adjacency: sp.csr_array) -> sp.csr_array:
    """``D^−½ A D^−½``: a message is divided by the roots of both ends' degrees; nodes without an edge send nothing."""
    roots = inverse_roots(np.asarray(adjacency.sum(axis=1), dtype=np.float64).ravel())
    rows = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr))
    data = adjacency.data * roots[rows] * roots[adjacency.indices]
    return sp.csr_array((data, adjacency.indices, adjacency.indptr), shape=adjacency.shape)


def inverse_roots(degrees: DoubleArray) -> DoubleArray:
    """1/√d, 0 where d is 0."""
    return np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
