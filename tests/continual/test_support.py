"""What a challenger would show that no logged decision could have shown, in worlds where it can be counted."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from penchant.continual.support import MOST_ASKED, asked_of, newcomers, unsupported_share
from penchant.data.dataset import Dataset, Table
from penchant.evaluation.off_policy.evaluating import target_policy
from penchant.feedback.attribution import Rewarded
from penchant.records import Decision, LoggedSlot
from penchant.reranking.choosing import shortlist_size

N, K = 60, 2
IDS = tuple(f"i{n}" for n in range(N))
SAID = -np.arange(N, dtype=np.float64)  # the champion holds the first best


def dataset(users: int = 1) -> Dataset:
    """Each user has had the last item."""
    return Dataset.of_rows(
        name="d",
        users=Table(tuple(f"u{n}" for n in range(users))),
        items=Table(IDS),
        user_rows=np.arange(users),
        item_rows=np.full(users, N - 1),
    )


def decision(eligible: Any = None, *, beside: Any = 0.0, slate_id: str = "s", user_id: str = "u0") -> Decision:
    """The first two of the eligible were shown; `beside` is what stood beside the model."""
    rows = np.arange(shortlist_size(K)) if eligible is None else np.array(eligible)
    said = SAID[rows] + beside
    slots = tuple(
        LoggedSlot(item_id=IDS[row], position=k + 1, propensity=0.5, prefix_propensity=0.5 ** (k + 1))
        for k, row in enumerate(rows[:K].tolist())
    )
    return Decision(
        slate_id=slate_id,
        user_id=user_id,
        decided_at=1,
        policy="softmax",
        policy_version="1",
        bundle="b",
        slots=slots,
        seed=0,
        eligible=tuple(IDS[row] for row in rows),
        scores=tuple(said.tolist()),
        variances=(0.0,) * len(rows),
    )


def found(one: Decision, now: np.ndarray, *, known: int = N, pool: int = 300) -> set[int]:
    possible = np.arange(N) < N - 1
    return set(newcomers(one, now, SAID, possible, dataset(), known=known, pool=pool).items.tolist())


def lifted(*rows: int, by: float = 100.0) -> np.ndarray:
    """A challenger that says the same of all items but these."""
    said = SAID.copy()
    said[list(rows)] += by
    return said


def test_what_the_challenger_alone_would_bring_is_seen():
    assert found(decision(), SAID) == set()
    assert found(decision(), lifted(3, 40, 50)) == {40, 50}
    assert found(decision(), lifted(N - 1)) == set()  # in the history
    whole = decision(range(N - 1))
    assert found(whole, lifted(40, 50)) == set()


def test_what_a_rule_kept_out_is_nobodys_newcomer():
    """Items 5 and 30 were denied: the shortlist goes two further, and neither comes under the challenger either."""
    size = shortlist_size(K)
    rows = [n for n in range(N) if n != 5][:size]
    assert 5 not in found(decision(rows), lifted(5, 40))
    assert found(decision(rows), lifted(5, 40)) == {40}
    # Of an allow list shorter than a shortlist all was eligible that could be, but for what the champion cannot know.
    short = decision(range(10, 20))
    assert found(short, lifted(40, 58)) == set()
    assert found(short, lifted(40, 58), known=50) == {58}
    assert found(short, lifted(40, 58), pool=10) == {40, 58}  # or the first stage looked for no more


def test_what_stood_beside_the_model_keeps_nothing_out():
    """The user's edits speak against every other item, so that 21 just misses the shortlist: it may yet come."""
    assert found(decision(beside=7.0), lifted(40)) == {40}
    edits = np.where(np.arange(N) % 2, -5.0, 0.0)
    rows = np.argsort(-(SAID + edits))[: shortlist_size(K)]
    assert 21 not in rows
    assert found(decision(rows, beside=edits[rows]), lifted(21)) == {21}
    assert found(decision(rows), lifted(21)) == set()  # without edits it was kept out


def model(said: np.ndarray) -> Any:
    def score(histories: Any) -> np.ndarray:
        return np.tile(said.astype(np.float32), (len(histories), 1))

    return SimpleNamespace(score=score, tracker=SimpleNamespace(item_vectors=np.zeros((len(said), 2))))


def share(said: np.ndarray, policy: str, settings: dict[str, float] | None = None, users: int = 3) -> float:
    data = dataset(users)
    log = [
        Rewarded(decision=decision(slate_id=f"s{n}", user_id=f"u{n}"), rewards=(0.0,) * K, events=(0,) * K)
        for n in range(users)
    ]
    asked = target_policy(policy, settings)
    return unsupported_share(log, data.histories(), model(SAID), model(said), data, asked, pool=300, seed=0)


@pytest.mark.parametrize(("policy", "settings"), [("greedy", None), ("dial", None), ("softmax", {"temperature": 0.01})])
def test_the_share_of_places_that_would_go_to_newcomers(policy, settings):
    assert share(SAID, policy, settings) == 0.0
    assert share(lifted(40), policy, settings) == pytest.approx(0.5)
    assert share(lifted(40, 50), policy, settings) == pytest.approx(1.0)
    assert share(lifted(3, 4, 40, by=200.0) - 100.0 * (np.arange(N) == 40), policy, settings) == pytest.approx(0.0)


def test_a_soft_policy_gives_newcomers_their_part():
    """At a temperature where all are alike every candidate has the same chance, and one of 23 is new."""
    assert share(lifted(40), "softmax", {"temperature": 1e9}) == pytest.approx(1 / (shortlist_size(K) + 1), rel=0.05)


def test_a_sample_is_spread_over_all_decisions():
    log = [Rewarded(decision=decision(), rewards=(0.0,) * K, events=(n,) * K) for n in range(3 * MOST_ASKED)]
    few = asked_of(log)
    assert len(few) == MOST_ASKED
    assert [one.events[0] for one in few][:: MOST_ASKED - 1] == [0, len(log) - 1]
    assert asked_of(log[:7]) == log[:7]
