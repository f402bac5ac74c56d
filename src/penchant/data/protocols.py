"""The protocols that divide what is there: by place in a sequence, by time, by row and by user."""

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.partition import (
    Protocol,
    Split,
    before_item_event,
    later_items,
    next_item,
    tied_last_events,
)
from penchant.errors import ProtocolError
from penchant.seeding import numpy_rng
from penchant.types import MICROSECONDS_PER_DAY


def leave_one_out(dataset: Dataset) -> Split:
    """The last item of each user is the test, the one before the validation. Events on one item that follow each other
    (seen, clicked, bought) are one item's and stay together.

    Users with fewer than three items after one another stay in training whole. Searches and other events without an
    item are trained on where they come before the user's validation item.
    """
    histories = dataset.histories()
    everyone, zeros = np.arange(len(histories)), np.zeros(len(histories), dtype=np.int64)
    past = histories.between(everyone, zeros, histories.before_last_item())
    begin = past.before_last_item()
    tested = np.flatnonzero(begin)
    if not len(tested):
        raise ProtocolError(
            "leave-one-out needs a user with three events on items, each another than the one before; the longest "
            f"history has {_longest(dataset)} events.",
            hint="Import more events of each user, or evaluate with k-fold-users (two events are enough).",
        )
    return Split(
        protocol="leave-one-out",
        train=dataset.select(before_item_event(dataset, tested, histories.indptr[tested] + begin[tested])),
        validation=next_item(past.take(tested)),
        test=next_item(histories.take(tested)),
        facts={"users_only_in_training": dataset.n_users - len(tested), **tied_last_events(dataset)},
    )


def temporal(dataset: Dataset, *, test_share: float, validation_share: float) -> Split:
    """Two cuts in time for all users: the last `test_share` of the item events is the test, the `validation_share`
    before it the validation. A user with events on both sides of a cut is asked for all later items at once.

    Events at the moment of a cut all fall after it, so the shares are met as nearly as equal times allow.
    """
    cuts = (1 - test_share - validation_share, 1 - test_share, 1.0)
    return _cut_in_time(dataset, "temporal", cuts, where="its cuts", hint="Raise the test share, or")


def time_folds(dataset: Dataset, *, folds: int, fold: int, validation_share: float) -> Split:
    """Fold `fold` of a rolling origin: in time the item events are cut into ``folds + 1`` blocks of like size, block
    ``fold + 1`` is the test, and all before it is learned from, the last `validation_share` of that as validation.

    No fold learns from what comes after its test (Tashman 2000), and no event is tested twice.
    """
    before, after = (fold + 1) / (folds + 1), (fold + 2) / (folds + 1)
    cuts = (before * (1 - validation_share), before, after)
    return _cut_in_time(dataset, "k-fold-time", cuts, where=f"the cuts of fold {fold}", hint="Use fewer folds, or")


def _cut_in_time(
    dataset: Dataset, protocol: Protocol, shares: tuple[float, float, float], *, where: str, hint: str
) -> Split:
    """Validation begins, test begins and test ends where these shares of the item events are over."""
    if dataset.clock == "position":
        raise ProtocolError(
            f"{protocol} needs times, and {dataset.name!r} has positions only: events of two users cannot be ordered.",
            hint="Evaluate with leave-one-out or k-fold-users, or import the data with its timestamps.",
        )
    histories = dataset.histories()
    when, times = histories.timestamps, np.sort(histories.timestamps)
    n = len(times)
    start, end = (int(times[min(n - 1, int(n * share))]) if n else 0 for share in shares[:2])
    stop = int(times[int(n * shares[2])]) if int(n * shares[2]) < n else int(times[-1]) + 1 if n else 0
    validation, _ = later_items(histories, when < start, (when >= start) & (when < end))
    test, unknown = later_items(histories, when < end, (when >= end) & (when < stop))
    train = dataset.select(dataset.events.timestamps < start)
    if not len(test) or not len(train.events):
        raise ProtocolError(
            f"{protocol} finds nobody with events before and after {where} in {dataset.name!r}.",
            hint=f"{hint} evaluate with leave-one-out.",
        )
    return Split(
        protocol=protocol,
        train=train,
        validation=validation,
        test=test,
        facts={
            "validation_from": start,
            "test_from": end,
            "test_days": round((min(stop, int(times[-1])) - end) / MICROSECONDS_PER_DAY, 2),
            "test_users_without_history": unknown,
        },
    )


def random_folds(dataset: Dataset, *, folds: int, fold: int, validation_share: float, seed: int) -> Split:
    """Fold `fold` of `folds` of the item events in a seeded random order; `validation_share` of the rest is the
    validation. A user is asked for the items of his held-out events from his other events, later ones included.
    """
    histories = dataset.histories()
    n = len(histories.items)
    held = numpy_rng(seed, "k-fold").permutation(n) % folds == fold
    aside = ~held & (numpy_rng(seed, "k-fold validation", str(fold)).random(n) < validation_share)
    test, unknown = later_items(histories, ~held, held)
    validation, _ = later_items(histories, ~held & ~aside, aside)
    if not len(test):
        raise ProtocolError(
            f"Fold {fold} of {folds} holds no event of a user with other events.", hint="Use fewer folds."
        )
    train = np.ones(len(dataset.events), dtype=np.bool_)
    train[dataset.events.items >= 0] = ~held & ~aside
    return Split(
        protocol="k-fold",
        train=dataset.select(train),
        validation=validation,
        test=test,
        facts={
            "caution": "random rows: histories hold events later than the test; for comparison with published "
            "figures only",
            "test_users_without_history": unknown,
        },
    )


def user_folds(dataset: Dataset, *, folds: int, fold: int, validation_share: float, seed: int) -> Split:
    """Fold `fold` of `folds` of the users in a seeded random order: they have no event in training and are asked for
    their last item from the events before it. `validation_share` of the other users is held out in the same way.

    Users with one item cannot be asked and stay in training.
    """
    histories = dataset.histories()
    askable = np.flatnonzero(histories.before_last_item())
    if len(askable) < folds:
        raise ProtocolError(
            f"k-fold-users with {folds} folds needs {folds} users with two items one after the other; there are "
            f"{len(askable)}.",
            hint="Use fewer folds, or import more users.",
        )
    shuffled = numpy_rng(seed, "k-fold-users").permutation(askable)
    place = np.arange(len(shuffled)) % folds
    tested, others = np.sort(shuffled[place == fold]), shuffled[place != fold]
    aside = np.sort(others[: max(1, round(validation_share * len(others))) if validation_share else 0])
    held = np.zeros(dataset.n_users, dtype=np.bool_)
    held[tested] = held[aside] = True
    return Split(
        protocol="k-fold-users",
        train=dataset.select(~held[dataset.events.users]),
        validation=next_item(histories.take(aside)),
        test=next_item(histories.take(tested)),
        facts={"users_only_in_training": dataset.n_users - len(askable), **tied_last_events(dataset)},
    )


def _longest(dataset: Dataset) -> int:
    return int(dataset.histories().lengths.max(initial=0))
