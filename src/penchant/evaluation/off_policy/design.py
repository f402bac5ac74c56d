"""Features of rounds and actions, as reward models read them."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.types import DoubleArray, IntArray


class Design:
    """Features of (round, action) pairs: what is known of the round, the action, and of both.

    Linear models get [1_a, x, 1_a ⊗ x, f]: an effect of the action, of the context, of each context feature for each
    action, and of the action's own features. Trees get [a, x, f]. Actions that stand for something else in each round
    (features of shape (N, A, F)) get no effect of their own.
    """

    def __init__(self, log: LoggedBandit) -> None:
        self.n_actions = log.n_actions
        self.own_actions = log.action_features is None or log.action_features.ndim == 2
        context = np.zeros((len(log), 0)) if log.context is None else log.context
        spread = context.std(axis=0)
        self._context = (context - context.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        features = log.action_features
        if features is not None:
            flat = features.reshape(-1, features.shape[-1])
            scale = flat.std(axis=0)
            features = (features - flat.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
        self._features = features

    def linear(self, rounds: IntArray, actions: IntArray) -> Any:
        """(n, P) csr"""
        context = self._context[rounds]
        parts: list[Any] = [sp.csr_array(context)]
        if self.own_actions:
            n, d, size = len(rounds), context.shape[1], self.n_actions
            whole = np.concatenate([np.ones((n, 1)), context], axis=1)
            columns = actions[:, None] * (d + 1) + np.arange(d + 1)
            ends = np.arange(n + 1) * (d + 1)
            parts.append(sp.csr_array((whole.ravel(), columns.ravel(), ends), shape=(n, size * (d + 1))))
        if self._features is not None:
            parts.append(sp.csr_array(self._of(rounds, actions)))
        return sp.csr_array(sp.hstack(parts, format="csr"))

    def linear_scores(self, coefficients: DoubleArray, intercept: float, rounds: IntArray) -> DoubleArray:
        """(n, A) what a linear model of `linear` says of every action, without making those rows."""
        context, size = self._context[rounds], self.n_actions
        d = context.shape[1]
        scores = np.repeat((context @ coefficients[:d] + intercept)[:, None], size, axis=1)
        left = coefficients[d:]
        if self.own_actions:
            whole = np.concatenate([np.ones((len(rounds), 1)), context], axis=1)
            scores += whole @ left[: size * (d + 1)].reshape(size, d + 1).T
            left = left[size * (d + 1) :]
        if self._features is not None:
            scores += (self._features if self._features.ndim == 2 else self._features[rounds]) @ left
        return np.asarray(scores)

    def dense(self, rounds: IntArray, actions: IntArray) -> DoubleArray:
        """(n, P), the action's number first where it is the same action in all rounds"""
        parts = [self._context[rounds]]
        if self.own_actions:
            parts.insert(0, actions[:, None].astype(np.float64))
        if self._features is not None:
            parts.append(self._of(rounds, actions))
        return np.concatenate(parts, axis=1)

    def _of(self, rounds: IntArray, actions: IntArray) -> DoubleArray:
        assert self._features is not None  # noqa: S101 (both callers ask)
        features = self._features[actions] if self._features.ndim == 2 else self._features[rounds, actions]
        return np.asarray(features)
