"""Settings chosen by trial: a stated space, trials that are kept on disk, the best of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penchant.hyperparameter_search.attempts import Attempt, Measured
    from penchant.hyperparameter_search.pruning import PrunedError
    from penchant.hyperparameter_search.reading import space_of
    from penchant.hyperparameter_search.searching import SearchResult, search
    from penchant.hyperparameter_search.space import Choice, LogUniform, Space, Uniform, When, Whole
    from penchant.hyperparameter_search.trials import Trial, best_of

_PLACES = {
    "attempts": ("Attempt", "Measured"),
    "pruning": ("PrunedError",),
    "reading": ("space_of",),
    "searching": ("SearchResult", "search"),
    "space": ("Choice", "LogUniform", "Space", "Uniform", "When", "Whole"),
    "trials": ("Trial", "best_of"),
}
__all__ = [
    "Attempt",
    "Choice",
    "LogUniform",
    "Measured",
    "PrunedError",
    "SearchResult",
    "Space",
    "Trial",
    "Uniform",
    "When",
    "Whole",
    "best_of",
    "search",
    "space_of",
]


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: a worker of a search takes no torch unless its objective does."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
