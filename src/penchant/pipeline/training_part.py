"""What an encoder may learn of a dataset's events, so that an evaluation of it stays honest."""

from typing import Annotated

from pydantic import BeforeValidator

from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import Protocol, SplitConfig, fold_count, split
from penchant.errors import ConfigError

LearnedFrom = Annotated[Protocol | None, BeforeValidator(lambda asked: None if asked == "none" else asked)]
"""A setting that takes a protocol, or ``none`` (a file of settings has no other word for it)."""


def training_part(dataset: Dataset, protocol: Protocol | None, *, seed: int = 0) -> Dataset:
    """The consumption that may be learned from: the training part of `protocol`; all of it where that is None or there
    are no events at all.

    What was turned down or only shown is left out before the division, as an evaluation leaves it out: otherwise it
    would stand for the user's last event, and the one that is asked for would be learned from. `seed` is that of the
    division. `ConfigError` for a protocol of several folds, each of which learns from what another asks for.
    """
    read = consumption(dataset)
    if protocol is None:
        return read
    config = SplitConfig(seed=seed)
    if fold_count(protocol, config) > 1:
        raise ConfigError(
            f"An encoder cannot learn by {protocol}: one fold learns from what another asks for.",
            hint="Give leave-one-out, temporal, cold-items, cold-users or none.",
        )
    return split(read, protocol, config=config).train if len(read.events) else read
