"""The dial read from a log: what it would have earned with another share, in a world whose answer is known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.decisions import logged_slates, slate_question
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.evaluating import evaluate_policy, target_policy
from penchant.evaluation.off_policy.replaying import answerable, replay
from penchant.exploration.dial import Dial, DialConfig
from penchant.exploration.slate import choose
from penchant.feedback.attribution import Rewarded
from penchant.interfaces import Arms
from penchant.records import Decision, LoggedSlot

ITEMS, EXPLORABLE, PLACES = 9, 5, 3
CLICKS = np.array([0.1, 0.15, 0.1, 0.2, 0.5, 0.7, 0.6, 0.3, 0.4])
"""What the dial is unsure of is what people like."""
SHARE = 0.4
QUICK = EstimateConfig(resamples=200)


def arms() -> Arms:
    return Arms(
        items=np.arange(ITEMS, dtype=np.int32),
        means=np.linspace(1.0, 0.0, ITEMS),
        loadings=sp.csr_array((ITEMS, 0), dtype=np.float64),
        concept_variances=np.zeros(0),
        item_variances=np.full(ITEMS, 0.3),
        ties=np.arange(ITEMS, dtype=np.int32),
    )


def served(n: int, settings: Mapping[str, Any], *, seed: int = 0) -> list[Rewarded]:
    """Decisions of a dial that explores the last items, logged as the server logs them."""
    rng, explorable = np.random.default_rng(seed), np.arange(ITEMS) >= ITEMS - EXPLORABLE
    config = DialConfig(**settings)
    found = []
    for number in range(n):
        turn = Dial(config, explorable_N=explorable).begin(arms(), PLACES, rng=rng)
        left, slots, prefix = np.ones(ITEMS, dtype=bool), [], 1.0
        for place in range(1, PLACES + 1):
            item, chance = turn.pick(left, np.zeros(ITEMS), rng)
            left[item], prefix = False, prefix * chance
            slots.append(LoggedSlot(item_id=f"i{item}", position=place, propensity=chance, prefix_propensity=prefix))
        drawn = [float(v) if e else None for v, e in zip(turn.drawn, explorable, strict=True)]
        context: dict[str, float | str] = {"exploration_share": config.share, "look_scale": turn.scale}
        context["look_epsilon"] = config.epsilon
        if config.most is not None:
            context["look_most"] = float(config.most)
        if config.never_at:
            context["look_never_at"] = ",".join(map(str, config.never_at))
        decision = Decision(
            slate_id=f"s{number}",
            user_id=f"u{number}",
            decided_at=number,
            policy="dial",
            policy_version="1",
            bundle="b",
            slots=tuple(slots),
            seed=0,
            eligible=tuple(f"i{item}" for item in range(ITEMS)),
            scores=tuple(arms().means.tolist()),
            variances=tuple(arms().item_variances.tolist()),
            looks=tuple(drawn),
            context=context,
        )
        rewards = tuple(float(rng.random() < CLICKS[int(slot.item_id[1:])]) for slot in slots)
        found.append(Rewarded(decision=decision, rewards=rewards, events=tuple(map(int, rewards))))
    return found


def without_look(one: Rewarded, **changes) -> Rewarded:
    return replace(one, decision=replace(one.decision, looks=(), **changes))


def earned(settings: Mapping[str, Any], n: int = 3_000) -> float:
    """The value of a dial in this world, by playing it."""
    rng, explorable = np.random.default_rng(99), np.arange(ITEMS) >= ITEMS - EXPLORABLE
    policy = Dial(DialConfig(**settings), explorable_N=explorable)
    return float(np.mean([CLICKS[choose(policy, arms(), PLACES, rng=rng).order].sum() for _ in range(n)]))


@pytest.fixture(scope="module")
def log():
    return served(900, {"share": SHARE})


@pytest.mark.parametrize("settings", [{"share": 0.8}, {"share": 0.1}, {"share": 0.9, "most": 1, "never_at": (1,)}])
def test_another_share_or_budget_is_found(log, settings):
    truth = earned(settings)
    value = evaluate_policy(log, target_policy("dial", settings), name="dial", config=QUICK, estimators=())
    (chosen,) = value.all_places
    low, high = chosen.intervals["normal"]
    assert low - 0.03 <= truth <= high + 0.03
    assert value.logged.value == pytest.approx(np.mean([sum(one.rewards) for one in log]))
    assert abs(np.mean([sum(one.rewards) for one in log]) - truth) > 0.04  # not what was earned anyhow
    assert value.monte_carlo_error == 0
    assert value.left_out == {}


@pytest.mark.parametrize("settings", [{"share": 0.4}, {"share": 0.9, "most": 1, "never_at": (2,), "epsilon": 0.3}])
def test_asked_of_nothing_it_is_the_one_that_served(settings):
    few = served(60, settings)
    target = target_policy("dial")
    told = [[slot.prefix_propensity for slot in one.decision.slots] for one in few]
    np.testing.assert_allclose(replay(few, target).prefixes, told, rtol=1e-12)
    logged = logged_slates(few, logging_policy=target)  # which checks the same
    assert logged.marginals is not None
    for wrong in ({"share": 0.3}, {"epsilon": 0.7}):
        with pytest.raises(DataError, match="named as the logging one"):
            logged_slates(few, logging_policy=target_policy("dial", wrong))


def test_weights_are_one_on_average(log):
    question, _ = slate_question(logged_slates(log), log, target_policy("dial", {"share": 0.7, "epsilon": 0.5}))
    weights = question.prefix_weights[:, -1]
    assert weights.mean() == pytest.approx(1.0, abs=4 * weights.std() / np.sqrt(len(weights)))
    assert weights.std() > 0.3


def test_decisions_that_do_not_suffice_are_counted_and_left_out(log):
    greedy = [without_look(one, context={"exploration_share": 0.0}) for one in log[:7]]
    cold = [without_look(one, context={"exploration_share": 0.0, "cold": 1.0}) for one in log[7:9]]
    untold = [replace(one, decision=replace(one.decision, context={"exploration_share": SHARE})) for one in log[9:12]]
    torn = [
        replace(one, decision=replace(one.decision, context={**one.decision.context, "look_never_at": "first"}))
        for one in log[12:13]
    ]
    mixed = [*greedy, *cold, *untold, *torn, *log[13:413]]
    target = target_policy("dial", {"share": 0.6})
    kept, left_out = answerable(mixed, target)
    assert left_out == {"no_look_around": 7, "look_not_told": 4}
    assert kept == [*cold, *log[13:413]]
    value = evaluate_policy(mixed, target, name="dial", config=QUICK, estimators=())
    assert value.left_out == left_out
    assert value.admission.kept + sum(left_out.values()) == len(mixed)
    # At a share of 0 nothing is lacking anywhere.
    assert answerable(mixed, target_policy("dial", {"share": 0.0}))[1] == {}


def test_a_log_that_never_looked_around_is_refused_with_what_to_do(log):
    greedy = [without_look(one, context={"exploration_share": 0.0}) for one in log[:40]]
    with pytest.raises(DataError, match=r"no look around: 40") as refused:
        evaluate_policy(greedy, target_policy("dial", {"share": 0.6}), name="dial")
    assert "--explore" in refused.value.hint


@pytest.mark.parametrize(
    "settings", [{"share": 1.2}, {"share": -0.1}, {"never_at": (0,)}, {"temperature": 0.3}, {"epsilon": 0}]
)
def test_what_is_no_dial_is_refused(settings):
    with pytest.raises(ConfigError):
        target_policy("dial", settings)


def test_a_share_that_is_none_is_refused(log):
    wrong = replace(log[0], decision=replace(log[0].decision, context={"exploration_share": "half"}))
    with pytest.raises(ConfigError, match="half"):
        answerable([wrong], target_policy("dial"))
