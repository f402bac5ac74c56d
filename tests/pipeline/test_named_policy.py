"""Slates by a policy that was named, in the dial's place."""

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.evaluation.off_policy.decisions import check_logger
from penchant.evaluation.off_policy.logging_policy import logging_policy
from penchant.exploration.policies.catalogue import POLICIES
from penchant.feedback.attribution import Rewarded
from penchant.feedback.decisions import write_log
from penchant.feedback.log_reading import read_log
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
