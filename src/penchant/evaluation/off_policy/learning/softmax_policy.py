"""A softmax policy π_θ(a | x) ∝ exp(x · θ_a), learned from a log of single choices by off-policy gradients."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from scipy.special import softmax

from penchant.config import Config
from penchant.errors import DataError, TrainingError
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.seeding import derive
from penchant.types import DoubleArray

if TYPE_CHECKING:
    import torch


class GradientConfig(Config):
    """How the policy is learned."""

    objective: Literal["ips", "dr"] = "dr"
    variance_penalty: float = Field(default=0.1, ge=0)
    """λ: standard errors of the estimate that are taken off it"""
    entropy: float = Field(default=0.0, ge=0)
    """Weight of the policy's entropy: keeps it exploring"""
    most_weight: float = Field(default=50.0, gt=0)
    """Importance weights are cut here while learning"""
    steps: int = Field(default=300, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxPolicy:
    """A learned policy."""

    theta: DoubleArray
    """(D + 1, A); the first row is the actions' own"""
    mean: DoubleArray
    spread: DoubleArray
    history: tuple[float, ...] = ()
    """The objective at each step"""

    def probabilities(self, context: DoubleArray) -> DoubleArray:
        """(N, A) π_θ(a | x_n)."""
        x = np.concatenate([np.ones((len(context), 1)), (context - self.mean) / self.spread], axis=1)
        return np.asarray(softmax(x @ self.theta, axis=1), dtype=np.float64)


def learn_policy(
    log: LoggedBandit, config: GradientConfig | None = None, *, predicted: DoubleArray | None = None
) -> SoftmaxPolicy:
    """Gradient ascent on an estimate of V(π_θ) less λ of its standard errors, with v_n the rounds' terms:

        ips:  v_n = w̄_n (r_n − b)                              w̄_n = min(π_θ(a_n|x_n) / p_n, c)
        dr:   v_n = Σ_a π_θ(a|x_n) q̂(x_n, a) + w̄_n (r_n − q̂(x_n, a_n))
        J = mean(v) − λ √(var(v) / N) + entropy · H(π_θ)

    The standard error keeps π_θ from going where the log hardly went, and there from being believed. b is the mean
    reward: without it IPS gains by giving probability to whatever was logged. What is learned must be judged on rounds
    that it did not see. Sources: Swaminathan & Joachims, "Batch learning from logged bandit feedback through
    counterfactual risk minimization", 2015; DR: Dudík, Langford & Li, 2011.

    Raises `DataError` for a log without context, or for dr without predictions; `TrainingError` where it diverges.
    """
    import torch

    config = config or GradientConfig()
    if log.context is None:
        raise DataError("A policy cannot be learned without context.", hint="Log what is known of each request.")
    if config.objective == "dr" and predicted is None:
        raise DataError("The dr objective needs predictions.", hint="Make them with `cross_fit`, or use ips.")
    spread = log.context.std(axis=0)
    mean, spread = log.context.mean(axis=0), np.where(spread > 0, spread, 1.0)
    x = torch.tensor(np.concatenate([np.ones((len(log), 1)), (log.context - mean) / spread], axis=1))
    actions, rewards = torch.tensor(log.actions), torch.tensor(log.rewards)
    chances = torch.tensor(log.propensities)
    q = torch.zeros((len(log), log.n_actions), dtype=torch.float64) if predicted is None else torch.tensor(predicted)
    if config.objective == "ips":
        q = torch.full_like(q, float(log.rewards.mean()))
    generator = torch.Generator().manual_seed(derive(config.seed, "softmax policy"))
    theta = torch.zeros((x.shape[1], log.n_actions), dtype=torch.float64)
    theta += 1e-3 * torch.randn(theta.shape, generator=generator, dtype=torch.float64)
    theta.requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=config.learning_rate, weight_decay=config.weight_decay)
    history = []
    for _ in range(config.steps):
        optimiser.zero_grad()
        objective = _objective(x @ theta, actions, rewards, chances, q, config)
        if not torch.isfinite(objective):
            raise TrainingError("The policy's objective is not finite.", hint="Lower the learning rate or most_weight.")
        (-objective).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(float(objective.detach()))
    return SoftmaxPolicy(theta=theta.detach().numpy().copy(), mean=mean, spread=spread, history=tuple(history))


def _objective(
    scores: "torch.Tensor",
    actions: "torch.Tensor",
    rewards: "torch.Tensor",
    chances: "torch.Tensor",
    q: "torch.Tensor",
    config: GradientConfig,
) -> "torch.Tensor":
    import torch

    pi = torch.softmax(scores, dim=1)
    at = torch.arange(len(actions))
    weights = torch.clamp(pi[at, actions] / chances, max=config.most_weight)
    terms = weights * (rewards - q[at, actions])
    if config.objective == "dr":
        terms = terms + (pi * q).sum(dim=1)
    entropy = -(pi * torch.log_softmax(scores, dim=1)).sum(dim=1).mean()
    error = torch.sqrt(terms.var() / len(terms) + 1e-16)
    return terms.mean() - config.variance_penalty * error + config.entropy * entropy
