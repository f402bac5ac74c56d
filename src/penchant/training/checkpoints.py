"""The best weights seen so far, kept in memory and put back at the end."""

from torch import Tensor, nn


class BestWeights:
    """Holds a copy of a module's weights at its best validation value (higher is better)."""

    def __init__(self) -> None:
        self.value = float("-inf")
        self.epoch = 0
        """1-based epoch of the best value; 0 before the first."""
        self._weights: dict[str, Tensor] | None = None

    @property
    def found(self) -> bool:
        """Whether any weights are held."""
        return self._weights is not None

    def offer(self, module: nn.Module, *, value: float, epoch: int) -> bool:
        """Keep the module's weights where `value` beats the best; says whether it did."""
        if not value > self.value:
            return False
        self.value, self.epoch = value, epoch
        self._weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        return True

    def restore(self, module: nn.Module) -> None:
        """Put the best weights back; nothing to do where none were offered."""
        if self._weights is not None:
            module.load_state_dict(self._weights)
