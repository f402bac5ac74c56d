"""What a challenger would have earned, from decisions whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from penchant.continual.logged import earned_from
from penchant.data.dataset import Dataset, Table
from penchant.errors import DataError
from penchant.exploration.policies.catalogue import POLICIES
from penchant.feedback.attribution import Rewarded
from penchant.records import Decision, LoggedSlot

ITEMS = ("a", "b", "c")
PAYS = (0.1, 0.2, 0.8)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset.of_rows(
        name="d",
        users=Table(("u",)),
        items=Table(ITEMS),
        user_rows=np.array([0]),
        item_rows=np.array([0]),
        timestamps=np.array([1]),
    )


@pytest.fixture
def log() -> list[Rewarded]:
    """One of three items at random, which pays as often as `PAYS` says."""
    rng, found = np.random.default_rng(0), []
    for n in range(600):
        item = int(rng.integers(3))
        slot = LoggedSlot(item_id=ITEMS[item], position=1, propensity=1 / 3, prefix_propensity=1 / 3)
        decision = Decision(
            slate_id=f"s{n}",
            user_id=f"user {n}",
            decided_at=10 + n,
            policy="uniform",
            policy_version="1",
            bundle="b",
            slots=(slot,),
            seed=n,
            eligible=ITEMS,
            scores=(0.0, 0.0, 0.0),
            variances=(0.0, 0.0, 0.0),
        )
        found.append(Rewarded(decision=decision, rewards=(float(rng.random() < PAYS[item]),), events=(1,)))
    return found


def _model(*said: float):
    """Says the same of the items to everyone."""

    def score(histories):
        return np.tile(np.array(said, dtype=np.float32), (len(histories), 1))

    return SimpleNamespace(score=score, tracker=SimpleNamespace(item_vectors=np.zeros((len(said), 2))))


def _ask(log, dataset, challenger):
    question = earned_from(log, POLICIES.build("greedy", {}), dataset, name="greedy")
    return question(_model(0.0, 0.0, 0.0), challenger)


def test_it_knows_the_better_from_the_worse(log, dataset):
    """Uniform earns 1.1/3 a decision; the item that pays most 0.8, the one that pays least 0.1."""
    best, worst = (_ask(log, dataset, _model(*said)) for said in ((0.0, 0.0, 5.0), (5.0, 0.0, 0.0)))
    assert best.low < 0.8 - 1.1 / 3 < best.high
    assert best.low > 0
    assert worst.low < 0.1 - 1.1 / 3 < worst.high
    assert worst.high < 0


def test_without_overlap_it_does_not_tell(log, dataset):
    only_a = [one for one in log if one.decision.slots[0].item_id == "a"]
    with pytest.raises(DataError):
        _ask(only_a, dataset, _model(0.0, 0.0, 5.0))


def test_positions_have_no_dates(log, dataset):
    ordered = Dataset.of_rows(
        name="d", users=Table(("u",)), items=Table(ITEMS), user_rows=np.array([0]), item_rows=np.array([0])
    )
    with pytest.raises(DataError, match="have dates"):
        _ask(log, ordered, _model(0.0, 0.0, 0.0))
