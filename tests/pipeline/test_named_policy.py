"""Slates by a policy that was named, in the dial's place."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError, DataError, NotFoundError
from penchant.evaluation.off_policy.decisions import check_logger, version_of
from penchant.evaluation.off_policy.evaluating import evaluate_policy, target_policy
from penchant.evaluation.off_policy.logging_policy import logging_policy
from penchant.exploration.policies.catalogue import POLICIES
from penchant.feedback.attribution import Rewarded
from penchant.feedback.decisions import write_log
from penchant.feedback.log_reading import read_log
from penchant.pipeline.named_policy import over
from penchant.pipeline.slates import Served

USER, K = "u-3", 4
SOFT = {"name": "softmax", "temperature": 1.0}
NAMED = sorted(set(POLICIES) - {"dial"})


def ids(served: Served) -> list[str]:
    return [item.item_id for item in served.slate.items]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("rules", [None, {"boost": {"0-3": 2.0}}])
def test_the_log_tells_how_it_was_decided(model, tmp_path, name, rules):
    """Written, read and asked again with the settings in the log: exactly the logged probabilities."""
    decisions = [model.decide(f"u-{n}", K, policy=name, rules=rules).decision for n in range(3)]
    write_log(tmp_path / "log.jsonl", decisions)
    read = read_log(tmp_path / "log.jsonl").decisions
    assert list(read) == decisions
    for one in read:
        assert (one.policy, one.ope_valid, len(one.slots)) == (name, True, K)
        assert one.settings == POLICIES[name].config().model_dump()
        assert len(one.eligible) == len(one.scores) == len(one.variances) > K
        assert min(one.variances) > 0
        products = np.cumprod([slot.propensity for slot in one.slots])
        np.testing.assert_allclose([slot.prefix_propensity for slot in one.slots], products)
    # A hard draw is not in the log: none of a few others would have served the same.
    if name != "thompson":
        log = [Rewarded(decision=one, rewards=(0.0,) * K, events=(0,) * K) for one in read]
        check_logger(log, logging_policy(name))


def test_settings_reach_the_policy_and_the_log(model):
    soft, sharp = ({**SOFT, "temperature": t} for t in (1.0, 0.001))
    decision = model.decide(USER, K, policy=soft).decision
    chances = np.exp(np.array(decision.scores) - max(decision.scores))
    n = decision.eligible.index(decision.slots[0].item_id)
    assert decision.slots[0].propensity == pytest.approx(chances[n] / chances.sum())
    sharper = model.decide(USER, K, policy=sharp).decision
    assert sharper.settings["temperature"] == 0.001
    assert sharper.policy_version != decision.policy_version
    assert sharper.slots[0].propensity > 0.99
    log = [Rewarded(decision=one, rewards=(0.0,) * K, events=(0,) * K) for one in (decision, sharper)]
    check_logger(log, logging_policy("softmax"))  # each with its own


def test_decisions_of_others_are_left_out_where_the_log_tells_the_settings(model):
    """A stranger gets what is popular, and who turns the dial is served by it: neither is the named policy's."""
    own = [model.decide(f"u-{n}", K, policy=SOFT).decision for n in range(4)]
    others = [model.decide("nobody", K, policy=SOFT).decision, model.decide(USER, K, explore=0.5).decision]
    wrong = replace(own[0], slate_id="wrong", settings={"heat": 3.0})
    assert {one.policy for one in others}.isdisjoint({"softmax"})
    log = [Rewarded(decision=one, rewards=(1.0,) * K, events=(1,) * K) for one in (*others, wrong, *own)]
    asked: dict[str, Any] = {"name": "softmax", "estimators": ("slate_ips",)}
    found = evaluate_policy(log, logging_policy("softmax"), logging_policy=logging_policy("softmax"), **asked)
    assert found.left_out == {"other_policy": 2, "unknown_settings": 1}
    assert found.logged.rounds == len(own)
    assert found.weights == pytest.approx([1.0] * len(own))
    # With settings said, the policy is meant to have taken all decisions of the version asked for.
    said = target_policy("softmax", {"temperature": SOFT["temperature"]})
    version = version_of(log[-1])
    one_version = evaluate_policy(log, said, logging_policy=said, version=version, **asked)
    assert one_version.logged.rounds == len(own) + 1
    with pytest.raises(DataError, match="The policy named as the logging one"):
        evaluate_policy(log, said, logging_policy=said, **asked)
    with pytest.raises(DataError, match=r"served by .*softmax.* \(other policy: 7\)"):
        evaluate_policy(log, said, logging_policy=logging_policy("greedy"), **asked)


def test_what_would_not_be_there_otherwise_says_so(model):
    best = set(ids(model.decide(USER, K)))
    for item in model.decide(USER, K, policy={**SOFT, "temperature": 100.0}).slate.items:
        assert item.explored == (item.item_id not in best)
        assert (item.exploring is not None) == item.explored
        assert 0 < item.propensity < 1
    assert ids(model.decide(USER, K, policy="greedy")) == ids(model.decide(USER, K))
    assert model.recommend(USER, K, policy=SOFT).policy == "softmax"


def test_rules_mutes_and_seen_items_hold(model):
    wild = {**SOFT, "temperature": 100.0}
    seen = {event.item_id for event in model.history(USER, limit=500)}
    deny, genre = ids(model.decide(USER, 2)), model.item(ids(model.decide(USER, 1))[0]).attributes["tags"][0]
    rules = {"deny": deny, "quota": {f"tags:{genre}": {"least": 2, "most": 2}}}
    for _ in range(10):
        served = model.decide(USER, 8, policy=wild, rules=rules)
        assert not set(ids(served)) & (seen | set(deny))
        assert sum(model.item(item).attributes["tags"][0] == genre for item in ids(served)) == 2
        assert not served.decision.ope_valid  # places depend on each other
    muted = model.interests(USER).interests[0]
    model.edit(USER, muted.concept_id, "mute")
    for _ in range(10):
        assert all(muted.concept not in model.item(item).concepts for item in ids(model.decide(USER, 8, policy=wild)))
    pinned = ids(model.decide(USER, 1))[0]
    assert ids(model.decide(USER, 3, policy=wild, rules={"pin": {2: pinned}}))[1] == pinned


def test_a_reranker_stands_beside_the_policy(model):
    served = model.decide(USER, K, policy=SOFT, rerank="mmr")
    assert served.slate.policy == "softmax+mmr"
    assert not served.decision.ope_valid
    assert any(item.rerank_adjustment for item in served.slate.items)


def test_a_stranger_gets_what_is_popular(model):
    served = model.decide("nobody", K, policy=SOFT)
    assert (served.slate.policy, served.slate.cold) == ("popular", True)
    assert all(slot.propensity == 1.0 for slot in served.decision.slots)


def test_the_dial_by_name_is_the_dial(model):
    assert model.recommend(USER, K, policy="dial", explore=0.5).exploration_share == 0.5
    assert model.recommend(USER, K, policy={"name": "dial", "share": 0.5}).exploration_share == 0.5
    assert model.recommend(USER, K, policy="dial").policy == "greedy"  # the share that the model is set to


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"policy": "sofmax"}, NotFoundError, "No policy is called 'sofmax'"),
        ({"policy": {"temperature": 1.0}}, ConfigError, "has none"),
        ({"policy": {**SOFT, "heat": 1.0}}, ConfigError, "heat: no such setting"),
        ({"policy": {**SOFT, "temperature": 0.0}}, ConfigError, "softmax: temperature"),
        ({"policy": "softmax", "explore": 0.3}, ConfigError, "explore is a setting of the dial"),
        ({"policy": {"name": "dial", "share": 0.1}, "explore": 0.3}, ConfigError, "and its settings"),
    ],
)
def test_what_cannot_be_is_refused(model, wish, error, words):
    for ask in (model.decide, model.recommend):
        with pytest.raises(error, match=words):
            ask(USER, K, **wish)


def test_a_request_s_own_wish_keeps_what_is_set_of_the_dial_beside_it():
    dial = {"name": "dial", "share": 0.2, "never_at": [1]}
    assert over(dial, 0.4) == {"share": 0.4, "never_at": [1]}
    assert over(dial, {"most": 1}) == {"share": 0.2, "never_at": [1], "most": 1}
    for other in (None, "dial", "softmax", SOFT):
        assert over(other, 0.4) == 0.4
