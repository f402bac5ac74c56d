"""The gate: the champion stays unless the challenger is surely better and has not forgotten."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.continual.gate import judge, scores
from penchant.continual.trial import GateConfig, trial
from penchant.data.growth import grown
from tests.continual.world import two_periods


class Oracle:
    """Gives a share of the cases' targets the highest score, others the lowest."""

    def __init__(self, right: float, n_items: int, targets: dict[int, int], seed: int = 0) -> None:
        self.n_items, self.targets, self.right = n_items, targets, right
        self.tracker = self
        self.item_vectors = np.zeros((n_items, 2))
        self.seed = seed

    def score(self, histories):
        found = np.zeros((len(histories), self.n_items), dtype=np.float32)
        for b, user in enumerate(histories.users.tolist()):
            known = np.random.default_rng([self.seed, user]).random() < self.right
            if (target := self.targets.get(user, -1)) >= 0 and target < self.n_items:
                found[b, target] = 1.0 if known else -1.0
        return found


@pytest.fixture(scope="module")
def growth():
    return grown(*two_periods(users=60, later=100))


@pytest.fixture(scope="module")
def tried(growth):
    return trial(growth, GateConfig(held_out=0.5), seed=0)


def _oracle(tried, right, n_items=None, seed=0):
    cases = [tried.new, tried.old]
    targets = {int(u): int(t) for c in cases for u, t in zip(c.histories.users, c.target_items, strict=True)}
    return Oracle(right, n_items or tried.training.n_items, targets, seed)


def test_held_out_events_are_learned_by_nobody(growth, tried):
    new = growth.of_items
    assert len(tried.new) == 50
    assert len(tried.training.events) == len(growth.dataset.events) - 50
    assert tried.learned.sum() == new.sum() - 50
    assert tried.replayable.sum() == (~new).sum() - len(tried.old)
    assert not (tried.learned & tried.replayable).any()
    lengths = growth.dataset.histories().lengths
    assert np.array_equal(tried.new.histories.lengths, lengths[tried.new.histories.users] - 1)


def test_the_better_one_wins_and_the_worse_and_the_equal_do_not(tried):
    config = GateConfig()
    better, worse = _oracle(tried, 0.9), _oracle(tried, 0.3)
    assert judge(worse, better, tried, config, seed=0).wins
    lost = judge(better, worse, tried, config, seed=0)
    assert not lost.wins
    assert "not above the margin" in lost.reason
    equal = judge(better, better, tried, config, seed=0)
    assert not equal.wins
    assert equal.new.value == equal.new.low == equal.backward_transfer == 0


def test_the_margin_is_kept(tried):
    champion, challenger = _oracle(tried, 0.3), _oracle(tried, 0.9)
    low = judge(champion, challenger, tried, GateConfig(), seed=0).new.low
    assert judge(champion, challenger, tried, GateConfig(margin=low - 0.01), seed=0).wins
    assert not judge(champion, challenger, tried, GateConfig(margin=low + 0.01), seed=0).wins


def test_one_that_has_forgotten_does_not_win(tried):
    better = _oracle(tried, 0.9)
    forgot = _oracle(tried, 0.9)
    forgot.targets = dict.fromkeys(tried.old.histories.users.tolist(), -1) | {
        int(u): int(t) for u, t in zip(tried.new.histories.users, tried.new.target_items, strict=True)
    }
    champion = _oracle(tried, 0.9)
    champion.targets = {u: t for u, t in better.targets.items() if u in set(tried.old.histories.users.tolist())}
    verdict = judge(champion, forgot, tried, GateConfig(), seed=0)
    assert not verdict.wins
    assert "forgotten" in verdict.reason
    assert verdict.backward_transfer < -0.5


def test_too_few_cases_tell_nothing(tried):
    few = replace(tried, new=tried.new.take(slice(0, 5)))
    verdict = judge(_oracle(tried, 0.0), _oracle(tried, 1.0), few, GateConfig(), seed=0)
    assert not verdict.wins
    assert "too few" in verdict.reason


def test_a_champion_cannot_serve_items_it_does_not_know(tried):
    champion = _oracle(tried, 1.0, n_items=40)
    found = scores(champion, tried.new.histories, 60)
    assert found.shape == (len(tried.new), 60)
    assert np.isfinite(found).all()
    assert (found[:, 40:].max(axis=1) < found[:, :40].min(axis=1)).all()
