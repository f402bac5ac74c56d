"""REINFORCE from logged sessions, corrected for the logging policy and for slates of K items."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.special import softmax

from penchant.config import Config
from penchant.errors import DataError, TrainingError
from penchant.evaluation.off_policy.admission import propensity_faults, reward_faults
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion
from penchant.seeding import derive
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSessions:
    """N sessions of T steps: in state s the logging policy took action a with probability p, and reward r came."""

    states: DoubleArray
    """(N, T, D)"""
    actions: IntArray
    """(N, T)"""
    rewards: DoubleArray
    """(N, T)"""
    propensities: DoubleArray
    """(N, T) in (0, 1]"""
    n_actions: int

    def __post_init__(self) -> None:
        shape = self.actions.shape
        if not (self.states.shape[:2] == shape == self.rewards.shape == self.propensities.shape):
            raise DataError(
                "States, actions, rewards and propensities differ in shape.", hint="Give one for each step."
            )
        faults = propensity_faults(self.propensities) | reward_faults(self.rewards)
        wrong = (self.actions < 0) | (self.actions >= self.n_actions)
        faults["action out of range"] = np.asarray(wrong.any(axis=1), dtype=np.bool_)
        found = {fault: int(rounds.sum()) for fault, rounds in faults.items() if rounds.any()}
        if found:
            told = "; ".join(f"{fault}: {count}" for fault, count in found.items())
            raise DataError(f"Sessions that cannot be learned from: {told}.", hint="Leave them out.")


class ReinforceConfig(Config):
    """How the policy is learned."""

    discount: float = Field(default=1.0, ge=0, le=1)
    """γ"""
    top_k: int = Field(default=1, ge=1)
    """K: how many items are shown at once"""
    most_weight: float = Field(default=10.0, gt=0)
    """c"""
    steps: int = Field(default=200, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)
    entropy: float = Field(default=0.01, ge=0)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePolicy:
    """π_θ(a | s) ∝ exp([1, s] · θ_a)."""

    theta: DoubleArray
    """(D + 1, A)"""

    def probabilities(self, states: DoubleArray) -> DoubleArray:
        """(…, A) for states (…, D)."""
        ones = np.ones((*states.shape[:-1], 1))
        return np.asarray(softmax(np.concatenate([ones, states], axis=-1) @ self.theta, axis=-1), dtype=np.float64)


def learn_sessions(sessions: LoggedSessions, config: ReinforceConfig | None = None) -> SequencePolicy:
    """Ascend Σ w̄_t λ_K (R_t − b_t) ∇ log π_θ(a_t | s_t), with

        R_t = Σ_{j ≥ t} γ^{j−t} r_j            b_t the mean of R_t over sessions
        w̄_t = min(π_θ(a_t|s_t) / p_t, c)       held fixed in the gradient
        λ_K = K (1 − π_θ(a_t|s_t))^{K−1}       an item that is likely on a slate of K anyway needs no more pushing

    Returns, not rewards: what an item does to the rest of the session counts. The weight corrects each step alone, as
    in the paper: the states are those the log visited, a bias that grows with the distance between the policies. So
    the result is judged with `sessions_question`, whose weights are of whole sessions. For K = 1 λ is 1. Source: Chen,
    Beutel, Covington, Jain, Belletti & Chi, "Top-K off-policy correction for a REINFORCE recommender system", 2019.

    Raises `TrainingError` where it diverges.
    """
    import torch

    config = config or ReinforceConfig()
    steps = sessions.actions.shape[1]
    returns = np.zeros(sessions.rewards.shape)
    to_come = np.zeros(len(returns))
    for t in reversed(range(steps)):
        to_come = sessions.rewards[:, t] + config.discount * to_come
        returns[:, t] = to_come
    advantage = returns - returns.mean(axis=0)
    spread = float(advantage.std()) or 1.0
    ones = np.ones((*sessions.actions.shape, 1))
    x = torch.tensor(np.concatenate([ones, sessions.states], axis=2).reshape(-1, sessions.states.shape[2] + 1))
    actions = torch.tensor(sessions.actions.ravel())
    gains = torch.tensor((advantage / spread).ravel())
    chances = torch.tensor(sessions.propensities.ravel())
    generator = torch.Generator().manual_seed(derive(config.seed, "reinforce"))
    theta = 1e-3 * torch.randn((x.shape[1], sessions.n_actions), generator=generator, dtype=torch.float64)
    theta.requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=config.learning_rate)
    at = torch.arange(len(actions))
    for _ in range(config.steps):
        optimiser.zero_grad()
        logs = torch.log_softmax(x @ theta, dim=1)
        chosen = logs[at, actions]
        with torch.no_grad():
            pi = chosen.exp()
            weights = torch.clamp(pi / chances, max=config.most_weight)
            weights = weights * config.top_k * (1 - pi) ** (config.top_k - 1)
        entropy = -(logs.exp() * logs).sum(dim=1).mean()
        objective = (weights * gains * chosen).mean() + config.entropy * entropy
        if not torch.isfinite(objective):
            raise TrainingError("The policy's objective is not finite.", hint="Lower the learning rate or most_weight.")
        (-objective).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return SequencePolicy(theta=theta.detach().numpy().copy())


def sessions_question(sessions: LoggedSessions, probabilities: DoubleArray, *, discount: float = 1.0) -> SlateQuestion:
    """What a policy with these probabilities, (N, T, A), would have earned in whole sessions: the steps of a session
    stand as the places of a slate, so that reward-interaction IPS is per-decision importance sampling.
    """
    rounds, steps = np.indices(sessions.actions.shape)
    chosen = probabilities[rounds, steps, sessions.actions]
    log = LoggedSlates.of(
        rewards=sessions.rewards * discount ** np.arange(sessions.actions.shape[1]), propensities=sessions.propensities
    )
    return SlateQuestion(log=log, prefixes=np.cumprod(chosen, axis=1))
