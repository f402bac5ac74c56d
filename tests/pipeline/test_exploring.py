"""A look around by the whole model, on a world where readers keep to few genres."""

from collections import Counter

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.evaluation.off_policy.decisions import check_logger
from penchant.evaluation.off_policy.evaluating import target_policy
from penchant.evaluation.off_policy.replaying import answerable, replay
from penchant.feedback.attribution import Rewarded
from penchant.feedback.decisions import fault_of, write_log
from penchant.feedback.log_reading import read_log
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event
from penchant.reranking.settings import Reranking
from tests.pipeline.conftest import NOW
from tests.pipeline.readers import explorer, reader


@pytest.fixture
def model(fitted) -> InterestModel:
    return explorer(fitted)


def test_what_is_discovered_is_not_known(model):
    user = reader(model)
    found = model.discover(user)
    known = {concept for item in model.history(user, limit=500) for concept in model.item(item.item_id).concepts}
    assert found.interests
    assert not known & {interest.concept for interest in found.interests}
    assert sum(interest.chance for interest in found.interests) <= 1 + 1e-9
    chances = [interest.chance for interest in found.interests]
    assert chances == sorted(chances, reverse=True)
    for interest in found.interests:
        assert interest.text
        assert interest.uncertainty > 0
        seen = {event.item_id for event in model.history(user, limit=500)}
        assert interest.items
        assert not set(interest.items) & seen
        assert all(interest.concept in model.item(item_id).concepts for item_id in interest.items)


def test_without_a_share_nothing_changes(model):
    user = reader(model)
    plain, decided = model.recommend(user, 8), model.decide(user, 8)
    assert [item.item_id for item in plain.items] == [item.item_id for item in decided.slate.items]
    assert [item.score for item in plain.items] == pytest.approx([item.score for item in decided.slate.items])
    assert decided.slate.policy == "greedy"
    assert all(slot.propensity == 1.0 and not slot.explored for slot in decided.decision.slots)


def test_an_explored_item_says_what_it_tries(model):
    user = reader(model)
    slate = model.recommend(user, 8, explore=1.0)
    assert slate.policy == "dial"
    assert slate.exploration_share == 1.0
    explored = [item for item in slate.items if item.explored]
    assert explored
    for item in explored:
        assert item.exploring.concept in model.item(item.item_id).concepts
        assert item.exploring.text.startswith(f"exploring: {item.exploring.concept}")
        assert 0 < item.propensity <= 1
    assert all(item.exploring is None for item in slate.items if not item.explored)


def test_reasons_of_explored_items_add_up_too(model):
    for item in model.recommend(reader(model), 8, explore=1.0).items:
        total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
        assert total == pytest.approx(item.score, abs=1e-6 * max(1, abs(item.score)))


def test_propensities_are_how_often_items_come(model):
    """The first place, over many decisions: marginal frequencies are those that the log tells, within chance."""
    told: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    user, draws = reader(model), 600
    for _ in range(draws):
        decision = model.decide(user, 3, explore={"share": 0.5, "patience": 10_000}).decision
        first = decision.slots[0]
        seen[first.item_id] += 1
        told[first.item_id] += 1 / first.propensity
    best = seen.most_common(1)[0][0]
    assert seen[best] / draws == pytest.approx(0.5, abs=0.08)
    # Σ 1/p over the draws of an item estimates the number of draws, whichever item it is.
    assert told[best] == pytest.approx(draws, rel=0.15)


def test_a_decision_tells_what_could_have_been(model):
    served = model.decide(reader(model), 5, explore=0.5, request_id="r-1")
    decision = served.decision
    assert decision.slate_id == served.slate.slate_id
    assert decision.request_id == "r-1"
    assert len(decision.eligible) == len(decision.scores) == len(decision.variances) >= 5
    assert {slot.item_id for slot in decision.slots} <= set(decision.eligible)
    assert all(variance > 0 for variance in decision.variances)
    scores = dict(zip(decision.eligible, decision.scores, strict=True))
    for item in served.slate.items:
        assert scores[item.item_id] == pytest.approx(item.score)
    prefix = np.cumprod([slot.propensity for slot in decision.slots])
    assert [slot.prefix_propensity for slot in decision.slots] == pytest.approx(prefix.tolist())
    assert decision.context["exploration_share"] == 0.5
    assert decision.ope_valid


@pytest.mark.parametrize("rules", [None, {"boost": {"0-3": 2.0}}])
def test_propensities_follow_from_the_log_alone(model, rules):
    decision = model.decide(reader(model), 6, explore=0.5, rules=rules).decision
    scores, looks = np.array(decision.scores), np.array(decision.looks, dtype=np.float64)
    share, scale, epsilon = (decision.context[n] for n in ("exploration_share", "look_scale", "look_epsilon"))
    aside, left = np.isfinite(looks), np.ones(len(scores), dtype=bool)
    for slot in decision.slots:
        n = decision.eligible.index(slot.item_id)
        around = left & aside
        e = share if around.any() else 0.0
        chance = (1 - e) * (scores[n] == scores[left].max())
        if around[n]:
            odds = np.exp((looks[around] - looks[around].max()) / scale)
            look = np.exp((looks[n] - looks[around].max()) / scale) / odds.sum()
            chance += e * ((1 - epsilon) * look + epsilon / around.sum())
        assert slot.propensity == pytest.approx(chance, rel=1e-9)
        left[n] = False


@pytest.mark.parametrize("wish", [0.5, {"share": 0.8, "most": 2, "never_at": (1, 4), "patience": 100}])
def test_the_dial_is_told_again_from_the_log(model, tmp_path, wish):
    """As off-policy evaluation asks it: exactly the logged probabilities, without being told a setting."""
    decisions = [model.decide(reader(model), 6, explore=wish).decision for _ in range(5)]
    decisions.append(model.decide("nobody", 6, explore=wish).decision)
    write_log(tmp_path / "log.jsonl", decisions)
    read = read_log(tmp_path / "log.jsonl").decisions
    assert list(read) == decisions
    log = [Rewarded(decision=one, rewards=(0.0,) * 6, events=(0,) * 6) for one in read]
    asked = replay(log, target_policy("dial"))
    told = [[slot.prefix_propensity for slot in one.slots] for one in decisions]
    np.testing.assert_allclose(asked.prefixes, told, rtol=1e-9)
    check_logger(log, target_policy("dial"))
    greedy = model.decide(reader(model), 6).decision
    unlooked = [Rewarded(decision=greedy, rewards=(0.0,) * 6, events=(0,) * 6)]
    assert answerable(unlooked, target_policy("dial", {"share": 0.5})) == ([], {"no_look_around": 1})
    assert answerable(unlooked, target_policy("dial")) == (unlooked, {})


def test_where_places_depend_on_each_other_a_decision_is_not_for_estimates(model):
    user = reader(model)
    assert not model.decide(user, 5, rerank="mmr").decision.ope_valid
    pinned = model.recommend(user, 1).items[0].item_id
    assert not model.decide(user, 5, rules={"pin": {1: pinned}}).decision.ope_valid


def test_rules_and_mutes_hold_while_exploring(model):
    user = reader(model)
    tried = model.discover(user).interests[0]
    model.edit(user, tried.concept_id, "mute")
    for _ in range(5):
        slate = model.recommend(user, 8, explore={"share": 1.0, "patience": 100})
        assert all(tried.concept not in model.item(item.item_id).concepts for item in slate.items)
    denied = model.recommend(user, 1).items[0].item_id
    items = model.recommend(user, 8, explore=0.5, rules={"deny": [denied]}).items
    assert denied not in {item.item_id for item in items}
    assert tried.concept_id not in {interest.concept_id for interest in model.discover(user).interests}


def test_nothing_of_a_concept_is_explored_that_never_is(model):
    """Neither as an interest to try nor, where none is left, as an item whose score is uncertain."""
    user = reader(model)
    first, *_ = model.discover(user).interests
    every = [concept.id for concept in model.fitted.vocabulary.concepts]
    for never in ([first.concept_id], every):
        names = {concept.name for concept in model.fitted.vocabulary.concepts if concept.id in never}
        items = model.recommend(user, 8, explore={"share": 1.0, "patience": 100, "never": never}).items
        assert not any(names & set(model.item(item.item_id).concepts) for item in items if item.explored)
    assert not any(item.explored for item in items)


def test_what_a_user_spoke_of_himself_is_not_explored_where_no_interest_is_left(model):
    user = reader(model)
    unknown = model.discover(user).interests
    for interest, word in zip(unknown, ("less", "pin", "more"), strict=False):
        model.edit(user, interest.concept_id, word)
    assert not model.discover(user).interests
    told = {interest.concept for interest in unknown}
    explored = [item for item in model.recommend(user, 8, explore=1.0).items if item.explored]
    assert explored
    assert not any(told & set(model.item(item.item_id).concepts) for item in explored)


def test_without_a_share_no_candidate_is_brought_for_a_look(model):
    """Rerankers weigh against the spread of candidates, which a look must not change where nothing is explored."""
    user = reader(model)
    seen = {event.item_id for event in model.history(user, limit=500)}
    decision = model.decide(user, 1).decision
    assert len(decision.eligible) == 21 < 60 - len(seen)  # one place and 20 more


def test_rules_of_the_model_hold_for_what_discoveries_name(model):
    first, *_ = model.discover(reader(model)).interests
    rules = Reranking.of({"rules": {"deny": [first.items[0]], "pin": {3: first.items[1]}}})
    held = InterestModel(config=model.config.model_copy(update={"reranking": rules}), now=lambda: NOW)
    again, *_ = held.start(model.fitted).discover(reader(model)).interests
    assert again.concept_id == first.concept_id
    assert first.items[0] not in again.items


def test_never_means_never(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0].concept_id
    slate = model.recommend(user, 8, explore={"share": 1.0, "never": (first,)})
    assert first not in {item.exploring.concept_id for item in slate.items if item.exploring}
    for someone, share in ((user, 1.0), (user, 0.0), ("nobody", 1.0)):  # also where nothing is explored
        with pytest.raises(NotFoundError, match="nothing:of"):
            model.recommend(someone, 8, explore={"share": share, "never": ("nothing:of the kind",)})


def test_the_automatic_share_falls_as_a_user_becomes_known(model):
    shares = []
    items = [item.item_id for item in model.find_items("", 200) if item.item_id.startswith("0-")]
    for n, item_id in enumerate(items[:12]):
        model.observe([Event(user_id="new", item_id=item_id, event_type="interaction", event_id=f"n{n}")])
        shares.append(model.recommend("new", 3, explore="auto").exploration_share)
    assert shares[-1] < shares[0]
    low, high = model.config.exploration.limits
    assert all(low <= share <= high for share in shares)


def test_a_budget_is_kept(model):
    for _ in range(10):
        slate = model.recommend(reader(model), 8, explore={"share": 1.0, "most": 2, "never_at": (1,), "patience": 100})
        assert sum(item.explored for item in slate.items) <= 2
        assert not slate.items[0].explored


def test_nothing_is_explored_on_strangers(model):
    served = model.decide("nobody", 5, explore=1.0)
    assert served.slate.cold
    decision = served.decision
    assert (decision.policy, decision.ope_valid, decision.context["cold"]) == ("popular", True, 1.0)
    assert [slot.item_id for slot in decision.slots] == [item.item_id for item in served.slate.items]
    assert all(slot.propensity == slot.prefix_propensity == 1.0 for slot in decision.slots)
    assert fault_of(decision) == ""
    # Of equal scores the earlier eligible one is taken: the slate follows from the log alone.
    best = sorted(range(len(decision.eligible)), key=lambda n: (-decision.scores[n], n))[:5]
    assert [decision.eligible[n] for n in best] == [item.item_id for item in served.slate.items]
    assert not any(item.explored for item in served.slate.items)
    found = model.discover("nobody")
    assert found.cold
    assert found.known == 0


@pytest.mark.parametrize(
    "wrong", [1.5, -0.1, "often", {"shape": 1}, {"share": 0.1, "patience": 0}, {"share": True}, True]
)
def test_what_is_no_share_is_refused(model, wrong):
    with pytest.raises(ConfigError):
        model.recommend("u-0", 5, explore=wrong)


def test_less_than_one_discovery_is_refused(model):
    with pytest.raises(ConfigError, match="limit is 0"):
        model.discover("u-0", 0)


def test_a_bundle_keeps_what_is_discovered(model, tmp_path):
    from penchant.pipeline.interest_model import load

    model.save(tmp_path / "bundle")
    user = reader(model)
    assert load(tmp_path / "bundle", now=lambda: NOW).discover(user) == model.discover(user)
