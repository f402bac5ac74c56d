"""MIPS: known answers where the log never took what is asked about, and what it cannot tell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import EstimateConfig, estimate
from penchant.evaluation.off_policy.evaluating import evaluate_policy, target_policy
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.replaying import ReplayConfig, arms_of
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.slate import choose
from penchant.feedback.attribution import Rewarded
from penchant.records import LoggedSlot
from tests.evaluation.off_policy.worlds import decisions, told

QUICK = EstimateConfig(resamples=200)
CONCEPTS = {"i0": "a", "i1": "b", "i2": "a", "i3": "b"}
NARROW = {"epsilon": 0.5, "among": 2}
"""Gives i0 the first place three times of four, i1 once, i2 and i3 never."""
UNSURE = {"width": 20.0}


def test_mips_tells_how_much_items_differ_within_concepts():
    rng = np.random.default_rng(3)
    logging = np.full((6000, 4), 0.25)
    target = np.tile([0.7, 0.1, 0.1, 0.1], (6000, 1))
    actions = rng.integers(0, 4, size=6000)
    for means, least, most in (((0.2, 0.2, 0.7, 0.7), 0.0, 0.1), ((0.2, 0.7, 0.2, 0.7), 0.9, 1.0)):
        rewards = (rng.random(6000) < np.array(means)[actions]).astype(float)
        log = LoggedBandit.of(
            actions=actions, rewards=rewards, propensities=np.full(6000, 0.25), n_actions=4, logging=logging
        )
        terms = ESTIMATORS.build("mips").terms(Question(log=log, target=target, concepts=np.array([0, 0, 1, 1])))
        assert least <= terms.settings["residual"] <= most
        right = abs(terms.value - float(np.dot([0.7, 0.1, 0.1, 0.1], means))) < 0.03
        assert right == (most < 0.5)  # where concepts explain nothing it is wrong, and says so


def test_mips_covers_items_that_the_log_never_took():
    rng = np.random.default_rng(5)
    logging = np.tile([0.0, 0.5, 0.5], (3000, 1))
    actions = rng.integers(1, 3, size=3000)
    rewards = (rng.random(3000) < np.array([0.6, 0.6, 0.1])[actions]).astype(float)
    log = LoggedBandit.of(
        actions=actions, rewards=rewards, propensities=np.full(3000, 0.5), n_actions=3, logging=logging
    )
    asked = Question(log=log, target=np.tile([1.0, 0.0, 0.0], (3000, 1)), concepts=np.array([0, 0, 1]))
    found = estimate(asked, ESTIMATORS.build("mips"), QUICK)
    assert told(found) == pytest.approx(0.6, abs=0.05)
    assert found.overlap is not None
    assert (found.overlap.of, found.overlap.unsupported) == ("concepts", 0.0)
    assert found.overlap.hits == (actions == 1).sum() == pytest.approx(found.overlap.effective)
    assert found.assumes.startswith("items act through their concept alone: ")
    assert "no overlap" in estimate(asked, ESTIMATORS.build("ips"), QUICK).refused


def test_a_concept_that_the_log_never_took_is_refused():
    logging = np.tile([0.5, 0.5, 0.0], (200, 1))
    actions = np.arange(200) % 2
    log = LoggedBandit.of(
        actions=actions, rewards=np.ones(200), propensities=np.full(200, 0.5), n_actions=3, logging=logging
    )
    asked = Question(log=log, target=np.tile([0.6, 0.2, 0.2], (200, 1)), concepts=np.array([0, 0, 1]))
    found = estimate(asked, ESTIMATORS.build("mips"), QUICK)
    assert found.value is None
    assert found.refused == (
        "no overlap: 20.0% of what the target policy does was never done in the log (at most 5.0%, of concepts)"
    )


def narrow_log(n: int) -> list[Rewarded]:
    """One place, given away by epsilon-greedy among the best two; i0 is liked by 60 %, i1 by 20 %. The order of the
    candidates differs from decision to decision, and i2's score is the least sure.
    """
    rng, made = np.random.default_rng(4), []
    for one in decisions(n, k=1)[0]:
        order = rng.permutation(4)
        first = rng.random() < 0.75
        chance = 0.75 if first else 0.25
        slot = LoggedSlot(item_id="i0" if first else "i1", position=1, propensity=chance, prefix_propensity=chance)
        decision = replace(
            one,
            slots=(slot,),
            eligible=tuple(one.eligible[m] for m in order),
            scores=tuple(one.scores[m] for m in order),
            variances=tuple((0.0, 0.0, 1.0, 0.0)[m] for m in order),
        )
        made.append(Rewarded(decision=decision, rewards=(float(rng.random() < (0.6 if first else 0.2)),), events=(0,)))
    return made


def test_a_log_of_decisions_is_asked_through_the_concepts_of_its_items():
    log = narrow_log(2000)
    found = evaluate_policy(
        log,
        target_policy("ucb", UNSURE),
        name="ucb",
        estimators=("ips", "mips"),
        logging_policy=target_policy("epsilon_greedy", NARROW),
        concepts=CONCEPTS,
        config=QUICK,
    )
    ips, mips = found.first_place
    assert "no overlap" in ips.refused
    assert told(mips) == pytest.approx(0.6, abs=0.05)  # i2, which was never shown, by what i0 earned
    assert np.isnan(mips.settings["residual"]) or mips.settings["residual"] == 0  # one item of each concept was shown


def test_the_residual_is_of_items_and_not_of_their_places_among_the_candidates():
    log = [replace(one, rewards=(float(one.decision.slots[0].item_id == "i0"),)) for one in narrow_log(400)]
    server = target_policy("epsilon_greedy", NARROW)
    for concepts, residual in ((CONCEPTS, 0.0), (dict.fromkeys(CONCEPTS, "a"), 1.0)):
        found = evaluate_policy(
            log, server, name="same", estimators=("mips",), logging_policy=server, concepts=concepts, config=QUICK
        )
        assert found.first_place[0].settings["residual"] == pytest.approx(residual, abs=0.01)


def test_an_item_without_a_concept_is_one_by_itself():
    found = evaluate_policy(
        narrow_log(400),
        target_policy("ucb", UNSURE),
        name="ucb",
        estimators=("mips",),
        logging_policy=target_policy("epsilon_greedy", NARROW),
        concepts={"i0": "a", "i1": "b"},
        config=QUICK,
    )
    assert "no overlap: 100.0%" in found.first_place[0].refused


def test_what_it_lacks_is_said_with_what_to_do():
    log, server = narrow_log(60), target_policy("epsilon_greedy", NARROW)

    def refused(**given: Any) -> str:
        asked = {"logging_policy": server, "concepts": CONCEPTS, **given}
        found = evaluate_policy(log, server, name="same", estimators=("mips",), config=QUICK, **asked)
        return found.first_place[0].refused

    assert "--bundle BUNDLE" in refused(concepts=None)
    assert "--logging-policy NAME" in refused(logging_policy=None)
    assert "None of the 4 items of the log has a concept in the bundle" in refused(concepts={"x": "a"})


def test_a_logging_policy_that_draws_is_asked_by_the_mean_of_its_draws():
    server = POLICIES.build("thompson_plackett_luce", {"temperature": 0.3, "epsilon": 0.2})
    rng, log = np.random.default_rng(2), []
    for one in decisions(800, k=1)[0]:
        choice = choose(server, arms_of(one), 1, rng=rng)
        item, chance = one.eligible[int(choice.order[0])], float(choice.propensities[0])
        slot = LoggedSlot(item_id=item, position=1, propensity=chance, prefix_propensity=chance)
        reward = float(rng.random() < (0.6 if CONCEPTS[item] == "a" else 0.2))
        log.append(Rewarded(decision=replace(one, slots=(slot,)), rewards=(reward,), events=(0,)))
    found = evaluate_policy(
        log,
        target_policy("softmax", {"temperature": 0.01}),
        name="softmax",
        estimators=("mips",),
        logging_policy=server,
        concepts=CONCEPTS,
        config=QUICK,
        asking=ReplayConfig(draws=30),
    ).first_place[0]
    assert told(found) == pytest.approx(0.6, abs=0.06)
    assert "the logging policy's probabilities are means over its draws" in found.notes
    assert found.overlap is not None
    assert found.overlap.mean_weight == pytest.approx(1, abs=4 * found.overlap.mean_weight_error)
