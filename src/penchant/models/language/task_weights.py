"""How much each of several tasks counts in what they share, learned with them."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Weighting = Literal["equal", "uncertainty"]


class TaskWeights(nn.Module):
    """``ℓ_t = e^{−s_t} L_t + s_t``, s_t learned, 0 at first.

    Kendall, Gal and Cipolla (2018), "Multi-task learning using uncertainty to weigh losses": s_t is the logarithm of a
    task's noise, of one that is noisy or measured in a large unit it grows and the task counts less. They halve the
    second term, and the first for squared errors, which moves the fixed point only. It lies at ``s_t = ln L_t``, where
    a task counts 1 / L_t and the gradient is that of ``Σ_t ln L_t``: a task's unit no longer matters.

    Caveat: a loss that falls to 0 makes its task count without bound; one below 0 has no best s.

    Worked: L = 2, s = 0: ℓ = 2, ∂ℓ/∂s = 1 − 2 = −1; s grows until e^s = 2.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        # One each: an optimiser leaves alone what a step has no gradient for, and a step is of one task.
        self.log_noise = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in tasks)
        self._places = {name: place for place, name in enumerate(tasks)}

    def forward(self, task: str, loss: Tensor) -> Tensor:
        """ℓ_t of a task's mean loss L_t, both scalars."""
        s = self.log_noise[self._places[task]]
        weighted: Tensor = torch.exp(-s) * loss + s
        return weighted

    def weights(self) -> dict[str, float]:
        """e^{−s_t} of each task."""
        return {name: float(torch.exp(-self.log_noise[place].detach())) for name, place in self._places.items()}


def with_own_rate(optimiser: torch.optim.Optimizer, weights: TaskWeights, *, rate: float) -> torch.optim.Optimizer:
    """The same optimiser, in which the task weights are a group of their own with the rate `rate`.

    A language model learns by steps too small for a logarithm that has to move by 1.
    """
    own = set(weights.parameters())
    for group in list(optimiser.param_groups):
        found = [p for p in group["params"] if p in own]
        if found:
            group["params"] = [p for p in group["params"] if p not in own]
            optimiser.add_param_group({**group, "params": found, "lr": rate})
    return optimiser
