"""Evaluation protocols: what a model is fitted on, tuned on and asked.

================ =======================================================================================
leave-one-out    each user's last item is the test, the one before the validation, the rest trains
temporal         two global cuts in time: train | validation | test, for all users alike
k-fold           random rows; only for comparison with published figures: it looks into the future
k-fold-users     whole users are held out; they are asked for their last item
k-fold-time      a rolling origin: each fold learns from the past and is asked about the time that follows
cold-items       a seeded share of items has no event in training or history; each such event is a case
cold-users       a seeded share of users is held out; they are asked after their first few events
================ =======================================================================================

Train, validation and test never share an event, and but for ``k-fold`` no test event is earlier than a training event
of the same user (events at one moment keep the source's order). A validation event is never fitted: at test it is
part of the history a model is handed, no more. Generated rows (`penchant.data.generated`) are in none of the three: who
made them may have seen the test.
"""

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field

from penchant.config import Config
from penchant.data import cold_start, protocols
from penchant.data.cold_start import HeldOut, LaterEvents
from penchant.data.dataset import Dataset
from penchant.data.generated import without_generated
from penchant.data.partition import PROTOCOLS, Protocol, Split, repeated_targets
from penchant.errors import ConfigError

__all__ = ["PROTOCOLS", "HeldOut", "Protocol", "Split", "SplitConfig", "split", "splits"]


class SplitConfig(Config):
    """Settings of the protocols; each protocol reads its own."""

    seed: int = 0
    folds: int = Field(default=5, ge=2, le=100)
    """k-fold, k-fold-users, k-fold-time"""
    test_share: float = Field(default=0.1, gt=0, lt=1)
    """temporal: share of the item events after the last cut"""
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    """temporal and the k-fold protocols: share of the item events, or of the users, kept for tuning; 0: all but the
    test trains, and a model that tunes itself holds out a part of that"""
    cold_share: float = Field(default=0.05, gt=0, lt=1)
    """cold-items, cold-users: share of items and users held out, where no `held_out` is given"""
    held_out: HeldOut | None = None
    """cold-items, cold-users: which are cold, read from a file that everybody shares"""
    later_events: LaterEvents = "drop"
    """cold-items: what becomes of a user's warm events after his first cold one"""
    max_cases: int = Field(default=100_000, ge=1)
    """cold-items: above this the cases are a seeded sample"""


def split(
    dataset: Dataset, protocol: Protocol = "leave-one-out", *, config: SplitConfig | None = None, fold: int = 0
) -> Split:
    """Divide a dataset by a protocol; `fold` picks one division of the k-fold protocols.

    Raises `ConfigError` for a protocol or fold that does not exist and `ProtocolError` where the data cannot serve
    it: no time, or nobody with enough events.
    """
    config = config or SplitConfig()
    whole, dataset = dataset, without_generated(dataset)
    folds = fold_count(protocol, config)
    if not 0 <= fold < folds:
        raise ConfigError(f"{protocol} has folds 0 to {folds - 1}; {fold} came.", hint="Give one of them.")
    if protocol in {"k-fold", "k-fold-users"}:
        made = (protocols.random_folds if protocol == "k-fold" else protocols.user_folds)(
            dataset, folds=folds, fold=fold, validation_share=config.validation_share, seed=config.seed
        )
        settings = {"seed": config.seed, "folds": folds, "fold": fold, "validation_share": config.validation_share}
    elif protocol == "temporal":
        shares = {"test_share": config.test_share, "validation_share": config.validation_share}
        if sum(shares.values()) >= 1:
            raise ConfigError(f"Test and validation share leave nothing to train on: {shares}.", hint="Lower them.")
        made, settings = protocols.temporal(dataset, **shares), dict(shares)
    elif protocol == "k-fold-time":
        made = protocols.time_folds(dataset, folds=folds, fold=fold, validation_share=config.validation_share)
        settings = {"folds": folds, "fold": fold, "validation_share": config.validation_share}
    elif protocol in {"cold-items", "cold-users"}:
        held_out = config.held_out or HeldOut.choose(dataset, share=config.cold_share, seed=config.seed)
        settings = {"seed": config.seed, "cold_share": held_out.share}
        made = (
            cold_start.cold_users(dataset, held_out)
            if protocol == "cold-users"
            else cold_start.cold_items(
                dataset,
                held_out,
                later_events=config.later_events,
                max_cases=config.max_cases,
                seed=config.seed,
            )
        )
    else:
        made, settings = protocols.leave_one_out(dataset), {}
    counts: dict[str, float] = {
        "train_events": len(made.train.events),
        "validation_cases": len(made.validation),
        "test_cases": len(made.test),
    }
    if repeated := round(repeated_targets(made.test), 4):
        counts["repeated_target_share"] = repeated
    if dataset is not whole:
        counts["generated_events_left_out"] = len(whole.events) - len(dataset.events)
    return replace(made, facts={**settings, **counts, **made.facts})


def splits(
    dataset: Dataset, protocol: Protocol = "leave-one-out", *, config: SplitConfig | None = None
) -> Iterator[Split]:
    """Every division of a protocol: one for each fold of the k-fold protocols, one for the others."""
    config = config or SplitConfig()
    for fold in range(fold_count(protocol, config)):
        yield split(dataset, protocol, config=config, fold=fold)


def fold_count(protocol: Protocol, config: SplitConfig) -> int:
    """How many divisions a protocol makes; `ConfigError` where no protocol has that name."""
    if protocol not in PROTOCOLS:
        raise ConfigError(f"No protocol is called {protocol!r}.", hint=f"There are: {', '.join(PROTOCOLS)}.")
    return config.folds if protocol in {"k-fold", "k-fold-users", "k-fold-time"} else 1
