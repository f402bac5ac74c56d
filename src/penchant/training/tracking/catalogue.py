"""The trackers by name."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from penchant.errors import ConfigError
from penchant.training.tracker import Tracker
from penchant.training.tracking.mlflow import MLflowTracker
from penchant.training.tracking.tensorboard import TensorBoardTracker
from penchant.training.tracking.wandb import WandbTracker

TRACKERS: Mapping[str, Callable[[Path], Tracker]] = {
    "tensorboard": TensorBoardTracker,
    "wandb": WandbTracker,
    "wandb_offline": partial(WandbTracker, offline=True),
    "mlflow": MLflowTracker,
}


def trackers_named(names: Sequence[str], folder: Path) -> tuple[Tracker, ...]:
    """The trackers called so, their files below `folder`. `ConfigError` for a name that does not exist."""
    if strangers := [name for name in names if name not in TRACKERS]:
        raise ConfigError(f"No tracker is called {strangers[0]!r}.", hint=f"There are: {', '.join(TRACKERS)}.")
    return tuple(TRACKERS[name](folder) for name in dict.fromkeys(names))
