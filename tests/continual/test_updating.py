"""An update of a served bundle whose log has decisions: they judge, and what judges is not learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from penchant.continual.coming import Coming, observed
from penchant.continual.gate import DECISIONS, HELD_OUT
from penchant.continual.updating import UpdateConfig, update
from penchant.feedback.stores import Logged
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Decision, Event, LoggedSlot
from tests.continual.test_rounds import TINY
from tests.continual.world import two_periods

ELIGIBLE, FROM = 6, 3
CONFIG = {
    "learning": {"epochs": 12, "learning_rate": 0.02, "anchor": 0.001},
    "gate": {"held_out": 0.5, "most_forgotten": 1.0},
    "logged": {"settings": {"temperature": 1.0}},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def champion() -> InterestModel:
    model = InterestModel(config=InterestModelConfig.of(TINY)).fit(two_periods(users=40, later=100)[0])
    model.bundle = "genres@1"
    return model


@pytest.fixture(scope="module")
def served(champion) -> tuple[list[Logged], list[Decision]]:
    """The second period, served: before each of a user's later events one of six items is shown, softly by what the
    champion says of them. Where it is the one that the user takes next, he takes it from there.
    """
    second, rng = two_periods(users=40, later=100)[1], np.random.default_rng(0)
    histories, ids = second.histories(), second.items.ids
    entries: list[Event] = []
    decisions: list[Decision] = []
    for row in range(len(histories)):
        user, items = second.users.ids[row], histories.items[histories.of(row)]
        scores = champion.fitted.model.score(histories.take([row]).between(*_prefixes(len(items))))
        for place, item in enumerate(items.tolist()):
            moment, slate = (row * 100 + place + 1) * 1_000_000, None
            if place >= FROM:
                others = rng.permutation(np.setdiff1d(np.arange(len(ids)), items))[: ELIGIBLE - 1]
                eligible = rng.permutation([item, *others.tolist()])
                said = scores[place][eligible].astype(np.float64)
                chances = np.exp(said - said.max())
                chances /= chances.sum()
                shown = int(rng.choice(ELIGIBLE, p=chances))
                chance = float(chances[shown])
                decisions.append(
                    Decision(
                        slate_id=f"{user} {place}",
                        user_id=user,
                        decided_at=moment - 500_000,
                        policy="softmax",
                        policy_version="1",
                        bundle="genres@1",
                        slots=(_slot(ids[eligible[shown]], chance),),
                        seed=0,
                        eligible=tuple(ids[n] for n in eligible),
                        scores=tuple(said.tolist()),
                        variances=(0.0,) * ELIGIBLE,
                    )
                )
                slate = f"{user} {place}" if eligible[shown] == item else None
            entries.append(
                Event(user_id=user, item_id=ids[item], event_id=f"{user}-{place}", timestamp=moment, slate_id=slate)
            )
    return [Logged(sequence=n, entry=entry) for n, entry in enumerate(entries, start=1)], decisions


def _slot(item_id: str, chance: float) -> LoggedSlot:
    return LoggedSlot(item_id=item_id, position=1, propensity=chance, prefix_propensity=chance)


def _prefixes(length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    zeros = np.zeros(length, dtype=np.int64)
    return zeros, zeros, np.arange(length)


def _came(champion: InterestModel, served, **changed) -> Coming:
    taking = InterestModel(config=champion.config).start(champion.fitted)
    return observed(served[0], taking, decisions=changed.get("decisions", served[1]))


def test_decisions_of_the_champion_decide(champion, served):
    found = update(champion, _came(champion, served), UpdateConfig.of(CONFIG))
    verdict = found.verdict
    assert verdict is not None
    assert (verdict.wins, verdict.decided_by, verdict.logged_refused) == (True, DECISIONS, ""), verdict.reason
    assert verdict.logged is not None
    asked, total = verdict.logged.gain.cases, len(served[1])
    assert 0.4 * total < asked < 0.6 * total
    assert verdict.logged.left_out["decisions of users who do not judge"] == total - asked
    earned = np.mean([any(e.entry.slate_id == d.slate_id for e in served[0]) for d in served[1]])
    assert verdict.logged.champion == pytest.approx(earned, abs=0.07)
    assert found.model is not None
    told = found.model.fitted.facts["update"]["verdict"]
    assert told["decided_by"] == DECISIONS
    assert told["logged"]["gain"]["low"] > 0


def test_a_challenger_that_learned_nothing_gains_nothing(champion, served):
    still = UpdateConfig.of({**CONFIG, "learning": {"epochs": 1, "learning_rate": 0.0, "anchor": 0.0}})
    verdict = update(champion, _came(champion, served), still).verdict
    assert verdict is not None
    assert (verdict.wins, verdict.decided_by) == (False, DECISIONS)
    assert verdict.logged is not None
    assert verdict.logged.gain.low <= 0 <= verdict.logged.gain.high


def test_decisions_of_another_version_leave_it_to_held_out_events(champion, served):
    other = [replace(one, bundle="older@1") for one in served[1]]
    verdict = update(champion, _came(champion, served, decisions=other), UpdateConfig.of(CONFIG)).verdict
    assert verdict is not None
    assert verdict.decided_by == HELD_OUT
    assert "was taken by genres@1" in verdict.logged_refused
