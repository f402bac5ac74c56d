"""Two examples mixed into one (mixup, Zhang et al. 2018).

::

    x = λ x_i + (1 − λ) x_j,    y = λ y_i + (1 − λ) y_j,    λ ~ Beta(α, α)

The label is mixed with the input, so labels are shares: numbers, or one-hot classes.
"""

import torch
from torch import Tensor

from penchant.errors import ConfigError, DataError


def mixed(
    inputs_ND: Tensor, targets: Tensor, *, alpha: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Each example of a batch mixed with another of it, by one λ for the batch; shapes stay.

    `inputs_ND` are vectors, such as pooled ones of texts: texts themselves do not mix. `targets` (N,) or (N, C) are
    floats. α near 0 leaves examples almost alone, α = 1 mixes in any share. `ConfigError` for an α that is not above 0,
    `DataError` for class ids, which cannot be mixed.

    Worked: λ = 0.75, x = (1, 3), y = (1, 0), and the two change places: x = (1.5, 2.5), y = (0.75, 0.25).
    """
    if not alpha > 0:
        raise ConfigError(f"alpha is {alpha:g}.", hint="Choose more than 0; 0.2 is usual.")
    if not torch.is_floating_point(targets):
        raise DataError(
            f"Targets of the type {targets.dtype} cannot be mixed.", hint="Give numbers or one-hot classes."
        )
    # Beta(a, a) from two gamma draws of the process's own randomness, or from the generator's seed.
    with torch.random.fork_rng(enabled=generator is not None):
        if generator is not None:
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        share = torch.distributions.Beta(alpha, alpha).sample()
        order = torch.randperm(len(inputs_ND))
    share, order = share.to(inputs_ND), order.to(inputs_ND.device)
    return share * inputs_ND + (1 - share) * inputs_ND[order], share * targets + (1 - share) * targets[order]
