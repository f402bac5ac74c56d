"""What a challenger would have earned, from decisions whose truth is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from penchant.continual.coming import Coming, dataset_of
from penchant.continual.gate import DECISIONS, HELD_OUT, judge
from penchant.continual.logged import (
    ALWAYS,
    NEVER,
    LoggedConfig,
    asked_again,
    earned_from,
    histories_before,
    judging,
    moments_of,
)
from penchant.continual.trial import GateConfig, trial
from penchant.data.dataset import Dataset, Table
from penchant.data.growth import Growth, grown
from penchant.errors import DataError
from penchant.records import Decision, Event, LoggedSlot
from tests.continual.test_gate import Oracle
from tests.continual.world import two_periods

ITEMS = ("a", "b", "c")
PAYS = (0.1, 0.2, 0.8)
SOFT = {"temperature": 1.0}
CHAMPION = "champion@1"


def _dataset(users: int, clock: str = "time") -> Dataset:
    """One event of each user on item a, before all decisions."""
    return Dataset.of_rows(
        name="d",
        users=Table(tuple(f"u{n}" for n in range(users))),
        items=Table(ITEMS),
        user_rows=np.arange(users),
        item_rows=np.zeros(users, dtype=int),
        timestamps=np.arange(1, users + 1) if clock == "time" else None,
    )


def _log(n: int = 600, *, policy: str = "softmax", chance: float = 1 / 3, bundle: str = CHAMPION) -> Coming:
    """One of three items at random, which pays as often as `PAYS` says; a new event on an item tells that it paid."""
    rng, decisions, answers = np.random.default_rng(0), [], []
    for k in range(n):
        item = int(rng.integers(3))
        slot = LoggedSlot(item_id=ITEMS[item], position=1, propensity=chance, prefix_propensity=chance)
        decisions.append(
            Decision(
                slate_id=f"s{k}",
                user_id=f"u{k}",
                decided_at=10_000 + k,
                policy=policy,
                policy_version="1",
                bundle=bundle,
                slots=(slot,),
                seed=k,
                eligible=ITEMS,
                scores=(0.0, 0.0, 0.0),
                variances=(0.0, 0.0, 0.0),
            )
        )
        if rng.random() < PAYS[item]:
            moment = 10_001 + k
            answers.append(
                Event(user_id=f"u{k}", item_id=ITEMS[item], event_id=f"answer {k}", slate_id=f"s{k}", timestamp=moment)
            )
    first = _dataset(n)
    growth = grown(first, dataset_of(answers, like=first, now=100_000), alone=True)
    moments = {str(one.event_id): one.timestamp or 0 for one in answers}
    return Coming(growth=growth, decisions=tuple(decisions), answers=tuple(answers), moments=moments)


def _model(*said: float):
    """Says the same of the items to everyone."""

    def score(histories):
        return np.tile(np.array(said, dtype=np.float32), (len(histories), 1))

    return SimpleNamespace(score=score, tracker=SimpleNamespace(item_vectors=np.zeros((len(said), 2))))


@pytest.fixture(scope="module")
def came() -> Coming:
    return _log()


def _judges(came: Coming, *, share: float = 1.0, **told):
    config = LoggedConfig.of({"settings": SOFT, **told})
    return judging(came, came.growth, CHAMPION, config, share=share, seed=0)


def _ask(came: Coming, challenger, **told):
    question = earned_from(_judges(came, **told), came.growth.dataset, moments_of(came.growth, came.moments), pool=10)
    return question(_model(0.0, 0.0, 0.0), challenger)


def _earns(*scores: float) -> float:
    chances = np.exp(scores) / np.exp(scores).sum()
    return float(chances @ PAYS)


def test_it_knows_the_better_from_the_worse(came):
    """A softmax of equal scores earns 1.1/3 a decision; moved towards an item, what its chances say."""
    for said in ((0.0, 0.0, 2.0), (2.0, 0.0, 0.0)):
        found = _ask(came, _model(*said))
        gain = _earns(*said) - sum(PAYS) / 3
        assert found.gain.low < gain < found.gain.high
        assert (found.gain.low > 0) == (gain > 0)
        assert (found.gain.high < 0) == (gain < 0)
        assert found.champion == pytest.approx(sum(PAYS) / 3, abs=0.05)
        assert found.estimator == "cascade_dr"
        assert found.policy == "softmax"


def test_the_same_model_gains_nothing(came):
    gain = _ask(came, _model(0.0, 0.0, 0.0)).gain
    assert gain.low <= 0 <= gain.high
    assert gain.value == pytest.approx(0.0, abs=0.01)


def test_scores_move_by_what_the_models_say_differently(came):
    judges = _judges(came)
    moments = moments_of(came.growth, came.moments)
    moved = asked_again(judges.rewarded[:3], _model(1.0, 0.0, 0.5), _model(0.0, 2.0, 0.5), came.growth.dataset, moments)
    assert all(one.decision.scores == (-1.0, 2.0, 0.0) for one in moved)


def test_judges_are_a_share_of_the_users_and_their_answers_are_withheld(came):
    judges = _judges(came, share=0.25)
    users = {one.decision.user_id for one in judges.rewarded}
    assert len(users) == 150
    assert judges.left_out == {"decisions of users who do not judge": 450}
    data = came.growth.dataset
    held = {data.users.ids[row] for row in data.events.users[judges.withheld]}
    assert held == {one.decision.user_id for one in judges.rewarded if any(one.rewards)}
    assert not (judges.withheld & ~came.growth.new).any()
    earned = [sum(one.rewards) for one in judges.rewarded]  # judges are drawn whatever they earned
    assert 0.25 < np.mean(earned) < 0.5


def test_an_answer_that_names_no_slate_is_withheld_too(came):
    """A shop's own record of the purchase says who and what, not where it was seen."""
    unnamed = tuple(replace(one, slate_id=None) for one in came.answers)
    judges = _judges(replace(came, answers=(*came.answers[:300], *unnamed[300:])))
    named = {one.decision.user_id for one in _judges(came).rewarded if any(one.rewards)}
    data = came.growth.dataset
    assert {data.users.ids[row] for row in data.events.users[judges.withheld]} == named


def test_what_users_did_before_a_decision_and_nothing_later():
    came = _log(20)
    rewarded = _judges(came).rewarded
    for growth in (came.growth, _by_position(came)):
        before = histories_before(rewarded, growth.dataset, moments_of(growth, came.moments))
        assert before.lengths.tolist() == [1] * len(rewarded)  # not the answer to the decision itself
        late = [replace(one, decision=replace(one.decision, decided_at=99_999)) for one in rewarded]
        after = histories_before(late, growth.dataset, moments_of(growth, came.moments))
        assert after.lengths.tolist() == [1 + int(any(one.rewards)) for one in rewarded]


def _by_position(came: Coming) -> Growth:
    first = _dataset(20, "position")
    return grown(first, dataset_of(came.answers, like=first, now=100_000), alone=True)


def test_moments_of_positions():
    came = _log(20)
    growth = _by_position(came)
    found = moments_of(growth, {})
    assert set(found[~growth.new].tolist()) == {ALWAYS}
    assert set(found[growth.new].tolist()) == {NEVER}


@pytest.mark.parametrize(
    ("given", "told", "words"),
    [
        (Coming(growth=grown(_dataset(2), _dataset(2))), {}, "there are no logged decisions"),
        (_log(40, bundle="other@1"), {}, "none of 40 logged decisions .* was taken by champion@1"),
        (_log(40, policy="greedy", chance=1.0), {}, "were certain of all they served"),
        (_log(40), {"attribution": {"rewards": {"purchase": 1.0}}}, "nothing was earned in 40 decisions"),
        (_log(40, chance=0.5), {}, "gives slate 's0' probability 0.3333; the log says 0.5"),
        (_log(40, policy="no such policy"), {"settings": {}}, "no such policy"),
    ],
)
def test_a_log_that_cannot_tell_says_why(given, told, words):
    with pytest.raises(DataError, match=words):
        _judges(given, **told)


def test_without_overlap_it_does_not_tell(came):
    only_a = replace(came, decisions=tuple(one for one in came.decisions if one.slots[0].item_id == "a"))
    with pytest.raises(DataError, match="log"):
        _ask(only_a, _model(0.0, 0.0, 5.0))


@pytest.fixture(scope="module")
def tried():
    return trial(grown(*two_periods(users=60, later=100)), GateConfig(held_out=0.5), seed=0)


def _models(tried, *rights):
    cases = [tried.new, tried.old]
    targets = {int(u): int(t) for c in cases for u, t in zip(c.histories.users, c.target_items, strict=True)}
    return [Oracle(right, tried.training.n_items, targets) for right in rights]


def test_decisions_decide_where_they_can_tell(came, tried):
    found = [_ask(came, _model(*said)) for said in ((0.0, 0.0, 2.0), (2.0, 0.0, 0.0))]
    earns, loses = (lambda *_, one=one: one for one in found)
    same, better, worse = _models(tried, 0.6, 0.9, 0.1)
    # No better on held-out events, which alone would not do.
    assert not judge(same, same, tried, GateConfig(), seed=0).wins
    won = judge(same, same, tried, GateConfig(), seed=0, logged=earns)
    assert (won.wins, won.decided_by) == (True, DECISIONS)
    assert won.logged is not None
    lost = judge(same, better, tried, GateConfig(), seed=0, logged=loses)
    assert (lost.wins, lost.decided_by) == (False, DECISIONS)
    assert "not above 0" in lost.reason
    # Surely worse on held-out events: it stays out whatever it earns.
    vetoed = judge(same, worse, tried, GateConfig(), seed=0, logged=earns)
    assert not vetoed.wins
    assert "surely worse" in vetoed.reason


def test_where_they_cannot_held_out_events_do(tried):
    def refuses(*_):
        raise DataError("no overlap")

    same, better = _models(tried, 0.3, 0.9)
    found = judge(same, better, tried, GateConfig(), seed=0, logged=refuses)
    assert (found.wins, found.decided_by, found.logged_refused) == (True, HELD_OUT, "no overlap")
    told = judge(same, better, tried, GateConfig(), seed=0, refused="there is no log")
    assert (told.decided_by, told.logged_refused) == (HELD_OUT, "there is no log")


def test_withheld_events_are_learned_by_nobody():
    growth = grown(*two_periods(users=60, later=100))
    withheld = growth.new & (growth.dataset.events.users % 3 == 0)
    found = trial(growth, GateConfig(), seed=0, withheld=withheld)
    plain = trial(growth, GateConfig(), seed=0)
    users = found.training.histories()
    owners = np.repeat(users.users, users.lengths)
    assert not (found.learned & (owners % 3 == 0)).any()
    assert 0 < found.learned.sum() < plain.learned.sum()
    assert np.array_equal(found.new.target_items, plain.new.target_items)
