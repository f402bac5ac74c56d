"""The shape of every fine-tuning method: settings, what is trained, how the model is run with it, what comes of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from penchant.config import Config


class MethodConfig(Config):
    """Settings of a method; `name` says which."""

    name: str


class FineTuningMethod(nn.Module, ABC):
    """What is trained of a base model, or added to it.

    Its parameters are what is trained and nothing else: an optimiser, a training's state and a saved model see only
    those. The base model hangs beside it, follows it to its device and into training mode, and is otherwise frozen.

    A method says in `attach` what it trains, and may change how the model is run (`states`) and what is left of it when
    the training is over (`merged_weights`). It takes part in the training through `penalty` and `after_step` (see
    `penchant.training.taking_part`).
    """

    merges: ClassVar[bool] = True
    """Whether what was trained can be folded into the base's own weights, so that a plain model is left."""
    recomputes: ClassVar[bool] = True
    """Whether the model's layers can be worked out a second time for the gradients."""
    positions: int = 0
    """Of the model's positions, how many the method takes for itself."""

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config
        self._base: tuple[Any, ...] = ()  # in a tuple, where torch does not take it for a part of this module

    @property
    def model(self) -> Any:
        """The base model."""
        return self._base[0]

    def take(self, model: Any) -> None:
        """Freeze the model and attach to it. Draws from torch's own generator. `ConfigError` where it does not fit."""
        model.requires_grad_(requires_grad=False)
        self._base = (model,)
        self.trained = nn.Module()  # a place of its own: a model may call its parts what this class calls its methods
        for name, parameter in self.attach(model):
            parameter.requires_grad = True
            _register(self.trained, name, parameter)

    @abstractmethod
    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """Change the model where that is needed; those of its parameters that are trained, by name.

        Parameters of parts that the method has made its own by assignment need not be named.
        """

    def states(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The last hidden states (B, L, D) of ``input_ids`` (B, L), ``attention_mask`` and perhaps
        ``token_type_ids``.
        """
        states: Tensor = self.model(**inputs).last_hidden_state
        return states

    def merged_weights(self) -> dict[str, Tensor]:
        """The weights of a plain model that does what the base does now, by the base's own names; where the method does
        not merge, those of the base alone.
        """
        return dict(self.model.state_dict())

    def penalty(self) -> Tensor | None:
        """What is added to the loss of a step; nothing for most."""
        return None

    def after_step(self, *, step: int, total: int) -> None:
        """Called after every step of the optimiser; most have nothing to do."""

    def train(self, mode: bool = True) -> Self:
        """The base model goes along."""
        super().train(mode)
        if self._base:
            self.model.train(mode)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # Every way to another device or number format comes through here.
        if self._base:
            self.model._apply(fn)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _register(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Make the parameter one of `root`'s too, under the same dotted name."""
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        inner = root._modules[part]
        if inner is None:
            raise TypeError(name)
        root = inner
    root.register_parameter(last, parameter)
