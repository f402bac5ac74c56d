"""Bayesian matrix factorisation of ratings, with what is known of users and items besides."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.features.pipeline import FeatureConfig, FeaturePipeline
from penchant.data.features.select import Select
from penchant.data.features.transform import Transform
from penchant.data.histories import Histories
from penchant.models.interactions import csr_arrays, csr_of
from penchant.models.rating.gibbs import Side, draw_noise_precision
from penchant.models.rating.half_step import Entries, with_ones
from penchant.models.rating.predictor import FactorModel, Training
from penchant.models.rating.ratings import rating_matrix, rows_of, touched
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray, FloatArray


class BayesianMFConfig(Config):
    """Settings of `BayesianMF`."""

    dim: int = Field(default=8, ge=1)
    """K"""
    burn_in: int = Field(default=80, ge=0)
    """Sweeps before the first that is kept."""
    samples: int = Field(default=60, ge=1)
    """S: sweeps that are kept."""
    thinning: int = Field(default=2, ge=1)
    """Sweeps from one kept to the next."""
    implicit: bool = True
    """Whether what a user rated, and who rated an item, says something before how."""
    features: FeatureConfig | None = FeatureConfig(steps=(Select(), Transform()))
    """How attributes of users and items become numbers; None: they are not read."""


class BayesianMF(FactorModel):
    """Matrix factorisation averaged over all factors that the ratings leave likely, instead of one best choice.

    ::

        r_ui ~ N( μ + σ (b_u + b_i + p_u · q_i), σ²/α )
        [b_u, p_u] ~ N( m + Lᵀ x_u, Λ⁻¹ )          and the same for items, with m, L, Λ of their own
        (m, Λ) ~ Normal–Wishart,  L ~ N(0, (ρ Λ)⁻¹),  ρ and α ~ Gamma
        x_u = [ |N(u)|^−1/2 at each item of N(u) ; attributes of u ]
        x_i = [ |N(i)|^−1/2 at each user of N(i) ; attributes of i ]

        r̂_bi = (1/S) Σ_s μ + σ ( b_i^s + E[b_b + p_b · q_i^s | history of b, sample s] )

    R. Salakhutdinov and A. Mnih, "Bayesian probabilistic matrix factorization using MCMC" (2008); the link L of side
    information and its draw by conjugate gradients with added noise from J. Simm et al., "Macau" (2017); that who rated
    what is side information of both sides from S. Rendle, L. Zhang and Y. Koren, "On the difficulty of evaluating
    baselines" (2019). Settings are few because strength of regularisation and noise are learned.

    Of each kept sweep of the Gibbs sampler, items, links, m, Λ and α are kept. A user's vector is computed for each of
    them from the history handed in, as its exact mean (the half step): it is less noisy than the draws of training, and
    a stranger with the same history has the same one, but for attributes, which only users in the dataset have. An item
    without ratings has the vector that its attributes give. Costs S times a half step. Unit: the rating's.

    `fit` raises `UnsupportedError` without ratings. Caveat: 2 S (I + U + attributes) K numbers are kept.
    """

    name: ClassVar[str] = "bayesian_mf"
    config_class: ClassVar[type[Config]] = BayesianMFConfig
    kept: ClassVar[tuple[str, ...]] = ("items", "links", "means", "precisions", "noise", "attributes.indptr")
    config: BayesianMFConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.errors: list[float] = []
        """Root mean squared error on the training ratings after each sweep, in σ; empty for a loaded model."""
        self._attributes = sp.csr_array((0, 0))
        self._pipeline: FeaturePipeline | None = None

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Draw from the posterior, sweep by sweep."""
        width, rng = self.config.dim + 1, numpy_rng(training.options.seed, self.name)
        ratings = training.scale.standardised(training.ratings)
        by_user, by_item = Entries.of(ratings, dim=width), Entries.of(ratings.T.tocsr(), dim=width)
        of_users, of_items = self._side_information(training.dataset)
        users, items = Side(of_users, width, rng=rng), Side(of_items, width, rng=rng)
        noise = 1.0
        kept: dict[str, list[AnyArray]] = {name: [] for name in ("items", "links", "means", "precisions", "noise")}
        sweeps = self.config.burn_in + self.config.samples * self.config.thinning
        self.errors = []
        with training.options.progress.task("Sampling factors", total=sweeps) as advance:
            for sweep in range(1, sweeps + 1):
                users.draw_prior(rng)
                if sweep > self.config.burn_in and (sweep - self.config.burn_in) % self.config.thinning == 0:
                    # Kept is what a user's vector is computed from: it must all be of one moment of the chain.
                    kept["items"].append(items.vectors.astype(np.float32))
                    kept["links"].append(users.link.astype(np.float32))
                    kept["means"].append(users.mean)
                    kept["precisions"].append(users.precision)
                    kept["noise"].append(np.array(noise))
                users.draw_vectors(by_user, items.vectors, noise, rng)
                items.draw_prior(rng)
                items.draw_vectors(by_item, users.vectors, noise, rng)
                errors = _errors(ratings, users.vectors, items.vectors)
                noise = draw_noise_precision(errors, rng)
                self.errors.append(float(np.sqrt(np.mean(errors**2))))
                advance(1, f"error {self.errors[-1]:.3f}")
        return {name: np.stack(parts) for name, parts in kept.items()} | csr_arrays(self._attributes, "attributes")

    def facts(self) -> dict[str, Any]:
        """The feature pipeline and the attributes' shape."""
        pipeline = None if self._pipeline is None else self._pipeline.as_json()
        return {"features": pipeline, "attributes_shape": list(self._attributes.shape)}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Take the attributes back."""
        rows, columns = facts["attributes_shape"]
        self._attributes = csr_of(self.arrays, "attributes", (rows, columns))
        self._pipeline = None if facts["features"] is None else FeaturePipeline.from_json(facts["features"])

    def user_factors(self, histories: Histories) -> DoubleArray:
        """[b, p] with 1 beside b, sample by sweep, over S: (B, S (2 + K))."""
        arrays, n_items = self.arrays, self.n_items
        rows = Entries.of(self.scale.standardised(rating_matrix(histories, n_items)), dim=arrays["items"].shape[2])
        known = self._of_users(histories)
        parts = []
        for items, link, mean, precision, noise in zip(
            *(arrays[name] for name in ("items", "links", "means", "precisions", "noise")), strict=True
        ):
            vectors = items.astype(np.float64)
            drawn = rows.solve(
                with_ones(vectors),
                offsets=vectors[:, 0],
                precision=precision,
                means=mean + known @ link.astype(np.float64),
                noise_precision=float(noise),
            )
            parts.append(np.insert(drawn, 1, 1.0, axis=1))
        return np.concatenate(parts, axis=1) / len(parts)

    def item_factors(self) -> DoubleArray:
        """[1, b_i, q_i] of each sample: (I, S (2 + K))."""
        items: FloatArray = self.arrays["items"]
        return np.concatenate([np.insert(part.astype(np.float64), 0, 1.0, axis=1) for part in items], axis=1)

    def _side_information(self, dataset: Dataset) -> tuple[sp.csr_array, sp.csr_array]:
        """The x of users (U, F) and of items (I, G); keeps the users' attributes."""
        of_users, of_items = sp.csr_array((dataset.n_users, 0)), sp.csr_array((dataset.n_items, 0))
        self._pipeline = None
        if self.config.features is not None:
            self._pipeline = FeaturePipeline.fit(dataset, self.config.features)
            features = self._pipeline.apply(dataset.users, dataset.items)
            of_users, of_items = features.users, features.items
        self._attributes = of_users
        if self.config.implicit:
            seen = touched(dataset.histories(), dataset.n_items)
            seen_by = sp.csr_array((np.ones(seen.nnz), seen.indices, seen.indptr), shape=seen.shape).T.tocsr()
            seen_by.data = 1.0 / np.sqrt(np.diff(seen_by.indptr)[rows_of(seen_by)])
            of_users, of_items = _beside(seen, of_users), _beside(seen_by, of_items)
        return of_users, of_items

    def _of_users(self, histories: Histories) -> sp.csr_array:
        """The x of the users asked for, (B, F)."""
        known = histories.users >= 0
        attributes = self._attributes[np.where(known, histories.users, 0)]
        attributes = sp.csr_array(attributes.multiply(known[:, None]))
        return _beside(touched(histories, self.n_items), attributes) if self.config.implicit else attributes


def _beside(left: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    return sp.csr_array(sp.hstack([left, right])) if right.shape[1] else left


def _errors(ratings: sp.csr_array, users: DoubleArray, items: DoubleArray) -> DoubleArray:
    rows, columns = rows_of(ratings), ratings.indices
    shared = np.einsum("nk,nk->n", users[rows, 1:], items[columns, 1:])
    errors: DoubleArray = ratings.data - users[rows, 0] - items[columns, 0] - shared
    return errors
