"""Is a hidden tag's own name among the nearest three of its concept? Used by measure.py."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.concepts.kinship import ItemTexts
from penchant.concepts.naming import NamingConfig, fitting, mutual

AT_ONCE = {"a fifth at a time": 5, "half at a time": 2}
DRAWS = 10
OFF = 1e6
"""A shrinkage or ridge under which its step does nothing; a temperature at which the softmax is e to the mean."""


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def foretold(
    names: np.ndarray, centroids: np.ndarray, learn: np.ndarray, *, start: np.ndarray | None = None
) -> np.ndarray:
    """Where a name's items lie, told by those of names that read like it: kernel ridge regression, λ = 1."""
    kernel = names @ names.T
    begin = np.zeros_like(centroids) if start is None else start
    told = np.linalg.solve(kernel[np.ix_(learn, learn)] + np.eye(len(learn)), (centroids - begin)[learn])
    return unit(begin + kernel[:, learn] @ told)


class Names:
    """T names of tags, and where their items lie."""

    def __init__(self, true: np.ndarray, texts: np.ndarray, behaviour: np.ndarray, names: np.ndarray) -> None:
        self.members = sp.csr_array(true.astype(np.float64))
        self.texts, self.vectors = texts, names
        self.by_text = ItemTexts(texts).centroids(self.members)
        self.by_behaviour = ItemTexts(unit(behaviour)).centroids(self.members)
        self.centred = unit(names - names.mean(axis=0))

    def likenesses(self, hidden: np.ndarray, open_: np.ndarray) -> dict[str, np.ndarray]:
        """(T, hidden) each, larger where a name is nearer to a hidden tag's concept."""
        by_text = foretold(self.centred, self.by_text, open_, start=self.centred) @ self.by_text[hidden].T
        by_behaviour = foretold(self.centred, self.by_behaviour, open_) @ self.by_behaviour[hidden].T
        order = np.concatenate([open_, hidden])
        back = np.argsort(order)

        def product(**settings: float) -> np.ndarray:
            known, sought = self.members[:, open_], self.members[:, hidden]
            return fitting(self.texts, self.vectors[order], known, sought, NamingConfig(**settings))[back]

        return {
            "language model alone": self.centred @ self.by_text[hidden].T,
            "moved, texts": by_text,
            "moved, texts and behaviour": by_text + by_behaviour,
            "penchant.concepts.naming": product(),
            "... all directions the same": product(shrinkage=OFF),
            "... names not moved": product(ridge=OFF),
            "... the mean in place of the softmax": product(temperature=OFF),
        }


def asked(names: Names, hidden: np.ndarray, open_: np.ndarray) -> tuple[dict[str, dict[str, list[bool]]], list[bool]]:
    """For each likeness, which hidden tags are told; and which of the names that `with_names` would give are right."""
    found, every = {}, np.arange(len(names.vectors))
    given: list[bool] = []
    for label, likeness in names.likenesses(hidden, open_).items():
        own = likeness[hidden, np.arange(len(hidden))]
        found[label] = {
            among: ((likeness[rows] > own).sum(axis=0) < 3).tolist()
            for among, rows in (("all names", every), ("names that no concept has", hidden))
        }
        if label == "penchant.concepts.naming":
            given = [bool(n == hidden[k]) for n, k in mutual(likeness) if n in hidden]
    return found, given


def summary(draws: list[tuple[dict[str, dict[str, list[bool]]], list[bool]]]) -> dict[str, Any]:
    """Shares told, mean over draws and (of several) their standard deviation."""
    told: dict[str, Any] = {}
    for label in draws[0][0]:
        told[label] = {}
        for among in draws[0][0][label]:
            shares = [float(np.mean(found[label][among])) for found, _ in draws]
            told[label][among] = float(np.mean(shares))
            if len(shares) > 1:
                told[label][f"{among}, sd"] = float(np.std(shares, ddof=1))
    right = [one for _, given in draws for one in given]
    asked_for = sum(len(next(iter(found.values()))["all names"]) for found, _ in draws)
    return {
        "own name among the nearest three": told,
        "given a name": len(right) / asked_for,
        "right of those": float(np.mean(right)) if right else None,
    }


def naming(names: Names, hidden: np.ndarray) -> dict[str, Any]:
    """Whether hidden tags' names are found again: those of the draw, and each tag hidden once, `DRAWS` times."""
    n = len(hidden)
    told: dict[str, Any] = {
        "tags": n,
        "the draw": {"hidden": int(hidden.sum())}
        | {"chance": {"all names": 3 / n, "names that no concept has": 3 / int(hidden.sum())}}
        | summary([asked(names, np.flatnonzero(hidden), np.flatnonzero(~hidden))]),
    }
    for label, folds in AT_ONCE.items():
        draws = []
        for seed in range(DRAWS):
            fold = np.random.default_rng(seed).permutation(n) % folds
            parts = [asked(names, np.flatnonzero(fold == p), np.flatnonzero(fold != p)) for p in range(folds)]
            found = {
                kind: {among: [hit for part, _ in parts for hit in part[kind][among]] for among in parts[0][0][kind]}
                for kind in parts[0][0]
            }
            draws.append((found, [one for _, given in parts for one in given]))
        chance = {"all names": 3 / n, "names that no concept has": 3 * folds / n}
        told[label] = {"draws": DRAWS, "chance": chance, **summary(draws)}
    return told
