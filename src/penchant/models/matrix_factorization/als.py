"""Matrix factorisation for implicit feedback by alternating least squares."""

from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.interactions import Signal, SignalConfig, faded
from penchant.models.matrix_factorization.padding import blocks
from penchant.models.saving import fitted, read_model, write_model
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, FloatArray

NAME = "als"
NUMBERS_AT_ONCE = 4_000_000
"""Gathered vectors and systems of equations held at once: 32 MB of doubles each."""


class ALSConfig(Config):
    """Settings of `ALS`."""

    dim: int = Field(default=64, ge=1)
    """D"""
    alpha: float = Field(default=10.0, gt=0)
    """How much surer an event makes than its absence."""
    confidence: Literal["linear", "log"] = "linear"
    """``linear``: grows with x; ``log``: with ln(1 + x), for counts and quantities of very different size."""
    regularization: float = Field(default=0.01, gt=0)
    """λ"""
    frequency_scaling: float = Field(default=1.0, ge=0, le=1)
    """ν: 0 regularises all rows alike, as in the paper; 1 in proportion to what each is made of."""
    decay: float = Field(default=0.8, gt=0, le=1)
    """How sure an event of the history asked about makes, relative to the one after it; 1 in the paper."""
    iterations: int = Field(default=15, ge=1)
    signal: SignalConfig = SignalConfig()
    """What a user's events on an item amount to."""


class ALS(Recommender):
    """Two sets of vectors, each solved exactly while the other stands still, over every cell of the matrix.

    ::

        L = Σ_ui c_ui (p_ui − x_u · y_i)² + Σ_u λ_u ‖x_u‖² + Σ_i λ_i ‖y_i‖²
        p_ui = 1 where the events of u on i speak for it, else 0
        c_ui = 1 + α |r_ui|   or   1 + α ln(1 + |r_ui|)          r: what the events amount to, see `Signal`
        λ_u  = λ (α n_u + I)^ν,  λ_i = λ (α n_i + U)^ν           n: entries of the row
        x_u  = (Yᵀ Y + Yᵀ (C_u − 1) Y + λ_u 1)⁻¹ Yᵀ C_u p_u      and the same for items
        s_bi = x_b · y_i

    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets" (2008); the scaling ν is
    that of Rendle et al., "Revisiting the performance of iALS" (2022), 0 for the original. An item that a user spoke
    against has p = 0 with the confidence of what was said. Unit: preference, 1 for "touched".

    Only Y is kept. x_b is solved from the history handed in, so a new user is folded in exactly, and a trained user's
    history gives his trained vector. With ``decay`` below 1 older events of that history make less sure: the model,
    blind to order, then leans to recent interests.

    Half a step costs D² for each event and D³ for each row with more than D / 2 of them; the systems of the shorter
    rows are solved in the space of their few items.

    `fit` raises what `Signal.fit` raises. Caveat: an item without events scores 0.
    """

    reads_text: ClassVar[bool] = False
    config: ALSConfig

    def __init__(self, config: ALSConfig | None = None) -> None:
        super().__init__(config or ALSConfig())
        self._signal: Signal | None = None
        self._items: DoubleArray | None = None
        self.losses: list[float] = []
        """L after each iteration; empty for a loaded model."""

    @property
    def item_vectors(self) -> DoubleArray:
        """Y, (I, D)"""
        return fitted(self._items, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Alternate."""
        options = options or FitOptions()
        self._signal = Signal.fit(dataset, self.config.signal, model=NAME)
        by_user = self._signal.matrix(dataset.histories(), dataset.n_items, with_against=True)
        by_item = by_user.T.tocsr()
        items = numpy_rng(options.seed, NAME).normal(
            scale=0.1 / np.sqrt(self.config.dim), size=(dataset.n_items, self.config.dim)
        )
        self.losses = []
        with options.progress.task("Alternating least squares", total=self.config.iterations) as advance:
            for _ in range(self.config.iterations):
                users = self._half_step(by_user, items)
                items = self._half_step(by_item, users)
                self.losses.append(self._loss(by_user, users, items))
                advance(1, f"loss {self.losses[-1]:.0f}")
        self._items = items
        return self

    def user_vectors(self, histories: Histories) -> DoubleArray:
        """x, (B, D): the half step for each history; zero for an empty one."""
        rows = fitted(self._signal, NAME).matrix(histories, len(self.item_vectors), with_against=True)
        return self._half_step(faded(rows, histories, self.config.decay), self.item_vectors)

    def score(self, histories: Histories) -> FloatArray:
        """The dot products x_b · y_i, (B, I)."""
        return (self.user_vectors(histories) @ self.item_vectors.T).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the item vectors."""
        facts = {"signal": fitted(self._signal, NAME).facts()}
        write_model(folder, NAME, self.config, arrays={"items": self.item_vectors}, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the item vectors."""
        config, facts, arrays = read_model(folder, NAME, ALSConfig, needs=("items", "signal"))
        model = cls(config)
        model._signal, model._items = Signal.of_facts(facts["signal"]), arrays["items"]
        return model

    def _half_step(self, rows: sp.csr_array, fixed: DoubleArray) -> DoubleArray:
        """The best vectors of the rows, (rows, D), while those of the columns stand still."""
        dim, single = fixed.shape[1], fixed.astype(np.float32)  # long sums over events in single, systems in double
        gram, penalties = fixed.T @ fixed, self._penalties(rows)
        solved = np.zeros((rows.shape[0], dim))
        spectrum, basis = np.linalg.eigh(gram)
        turned = fixed @ basis  # here Yᵀ Y is diagonal
        for whole in blocks(rows, cells=NUMBERS_AT_ONCE // dim):
            for block in whole.split(NUMBERS_AT_ONCE // dim**2):
                surplus = self._surplus(block.data_BL)
                wanted = (block.data_BL > 0) * (1 + surplus)
                if block.columns_BL.shape[1] <= dim // 2:
                    diagonal = spectrum + penalties[block.rows, None]
                    solved[block.rows] = _few(turned[block.columns_BL], diagonal, surplus, wanted) @ basis.T
                    continue
                vectors = single[block.columns_BL]  # (B, L, D)
                roots = vectors * np.sqrt(surplus).astype(np.float32)[:, :, None]
                systems = gram + np.matmul(roots.transpose(0, 2, 1), roots)
                systems[:, np.arange(dim), np.arange(dim)] += penalties[block.rows, None]
                right = np.matmul(wanted[:, None, :].astype(np.float32), vectors)[:, 0, :, None]
                solved[block.rows] = np.linalg.solve(systems, right)[:, :, 0]
        return solved

    def _surplus(self, amounts: DoubleArray) -> DoubleArray:
        """How much surer than an absence each entry makes, c − 1."""
        sizes = np.abs(amounts)
        return np.asarray(self.config.alpha * (np.log1p(sizes) if self.config.confidence == "log" else sizes))

    def _penalties(self, rows: sp.csr_array) -> DoubleArray:
        """λ_u of each row."""
        sizes = self.config.alpha * np.diff(rows.indptr) + rows.shape[1]
        return np.asarray(self.config.regularization * sizes**self.config.frequency_scaling, dtype=np.float64)

    def _loss(self, by_user: sp.csr_array, users: DoubleArray, items: DoubleArray) -> float:
        """L, without ever holding the whole matrix: all cells as if p = 0 and c = 1, then the entries set right."""
        owners = np.repeat(np.arange(by_user.shape[0]), np.diff(by_user.indptr))
        total = float(np.sum((users.T @ users) * (items.T @ items)))
        for start in range(0, by_user.nnz, NUMBERS_AT_ONCE // items.shape[1]):
            part = slice(start, start + NUMBERS_AT_ONCE // items.shape[1])
            scores = np.einsum("nd,nd->n", users[owners[part]], items[by_user.indices[part]])
            wanted = (by_user.data[part] > 0).astype(np.float64)
            total += float(((1 + self._surplus(by_user.data[part])) * (wanted - scores) ** 2 - scores**2).sum())
        for rows, vectors in ((by_user, users), (by_user.T.tocsr(), items)):
            total += float((self._penalties(rows) * (vectors**2).sum(axis=1)).sum())
        return total


def _few(
    vectors_BLD: DoubleArray, diagonal_BD: DoubleArray, surplus_BL: DoubleArray, wanted_BL: DoubleArray
) -> DoubleArray:
    """Solutions (B, D) of ``(M + Vᵀ S V) x = Vᵀ w`` for diagonal M and few rows in V, by the identity of Woodbury:

    ``x = M⁻¹ (b − Rᵀ (1 + R M⁻¹ Rᵀ)⁻¹ R M⁻¹ b)`` with ``R = S^½ V`` and ``b = Vᵀ w``: L unknowns, not D.
    """
    roots = vectors_BLD * np.sqrt(surplus_BL)[:, :, None]  # R
    right = np.matmul(wanted_BL[:, None, :], vectors_BLD)[:, 0] / diagonal_BD  # M⁻¹ b
    small = np.matmul(roots / diagonal_BD[:, None, :], roots.transpose(0, 2, 1))
    small[:, np.arange(small.shape[1]), np.arange(small.shape[1])] += 1.0
    inner = np.linalg.solve(small, np.matmul(roots, right[:, :, None]))
    return np.asarray(right - np.matmul(roots.transpose(0, 2, 1), inner)[:, :, 0] / diagonal_BD)
