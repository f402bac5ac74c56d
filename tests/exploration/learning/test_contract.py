"""What every registered bandit keeps."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import BundleError, ConfigError, DataError, NotFoundError
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.catalogue import BANDITS, load_bandit

EACH = pytest.mark.parametrize("name", list(BANDITS))
WITHOUT_CONTEXT = {"epsilon_greedy", "ucb1", "softmax", "exp3", "exp3_ix", "bernoulli_thompson", "gaussian_thompson"}
QUICK: dict[str, dict[str, Any]] = {
    "neural_linear": {"hidden": (8,), "retrain_every": 60, "steps": 15, "learning_rate": 0.02},
    "fourier_thompson": {"width": 40, "bandwidth": 2.0},
    "bootstrap": {"replicates": 8},
}
"""Small ones, so that the suite is quick."""
ARMS = ("a", "b", "c")
DIRECTIONS = np.array([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])


def build(name: str, arms=ARMS) -> Bandit:
    features = {} if name in WITHOUT_CONTEXT else {"features": 3}
    bandit = BANDITS.build(name, {**features, **QUICK.get(name, {})})
    for arm in arms:
        bandit.add(arm)
    return bandit


def context(rng) -> np.ndarray:
    return np.append(rng.normal(size=2), 1.0)


def play(bandit: Bandit, rounds: int, *, seed: int = 0) -> np.ndarray:
    """Regret of each round: clicks at a rate that depends on the direction of the context, best arm b without one."""
    rng, lost = np.random.default_rng(seed), np.empty(rounds)
    for t in range(rounds):
        x = context(rng)
        rates = np.array([0.4, 0.9, 0.2]) if bandit.features == 0 else 0.5 + 0.45 * np.tanh(2 * (DIRECTIONS @ x[:2]))
        pull = bandit.choose(x, rng=rng)
        a = bandit.arms.index(pull.arm)
        bandit.update(x, pull.arm, float(rng.random() < rates[a]), propensity=pull.propensity)
        lost[t] = rates.max() - rates[a]
    return lost


def uniform_regret(bandit: Bandit, rounds: int = 2000) -> float:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(rounds, 2))
    rates = 0.5 + 0.45 * np.tanh(2 * (x @ DIRECTIONS.T)) if bandit.features else np.array([[0.4, 0.9, 0.2]])
    return float((rates.max(axis=1) - rates.mean(axis=1)).mean())


def test_the_suite_covers_what_is_registered():
    assert set(BANDITS) == WITHOUT_CONTEXT | {
        "linucb",
        "linear_thompson",
        "bootstrap",
        "fourier_thompson",
        "neural_linear",
        "neural_linear_given",
    }


@EACH
def test_it_beats_random_and_regret_is_sublinear(name):
    """The last third of 600 rounds loses less than half of what chance loses, and less than the first third."""
    bandit = build(name)
    lost = play(bandit, 600)
    chance = uniform_regret(bandit)
    limit = 0.75 if name.startswith("exp3") else 0.5
    assert lost[-200:].mean() < limit * chance
    assert lost[-200:].mean() < lost[:200].mean()


@EACH
def test_probabilities_are_of_the_open_and_asked_twice_alike(name):
    bandit, rng = build(name), np.random.default_rng(3)
    play(bandit, 40)
    for _ in range(10):
        x, open_A = context(rng), rng.random(3) < 0.6
        if not open_A.any():
            with pytest.raises(ConfigError, match="No arm is open"):
                bandit.probabilities(x, open_A=open_A)
            continue
        found = bandit.probabilities(x, open_A=open_A)
        assert np.array_equal(found, bandit.probabilities(x, open_A=open_A))
        assert (found >= 0).all()
        assert (found[~open_A] == 0).all()
        assert found.sum() == pytest.approx(1.0)


@EACH
def test_what_it_does_is_what_it_says(name):
    bandit, rng, rounds = build(name), np.random.default_rng(5), 500
    play(bandit, 30)
    x = np.array([0.1, -0.2, 1.0])
    stated, counts = bandit.probabilities(x), np.zeros(3)
    for _ in range(rounds):
        pull = bandit.choose(x, rng=rng)
        a = bandit.arms.index(pull.arm)
        assert pull.propensity == stated[a] > 0
        counts[a] += 1
    assert (np.abs(counts / rounds - stated) <= 4 * np.sqrt(stated * (1 - stated) / rounds) + 1e-9).all()


@EACH
def test_slates_have_no_repeats_and_their_probabilities_are_of_what_is_left(name):
    bandit = build(name)
    play(bandit, 30)
    x = np.array([0.3, 0.1, 1.0])
    pulls = bandit.choose_slate(x, k=5, rng=np.random.default_rng(2))
    assert sorted(pull.arm for pull in pulls) == list(ARMS)
    open_A = np.ones(3, dtype=bool)
    for pull in pulls:
        a = bandit.arms.index(pull.arm)
        assert pull.propensity == pytest.approx(bandit.probabilities(x, open_A=open_A)[a], abs=1e-6)
        open_A[a] = False
    assert pulls[-1].propensity == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="at least one"):
        bandit.choose_slate(x, k=0, rng=np.random.default_rng(0))


@EACH
def test_slates_come_as_often_as_the_products_of_their_probabilities_say(name):
    bandit, rng, rounds = build(name), np.random.default_rng(8), 2000
    play(bandit, 12)
    x = np.array([0.1, -0.2, 1.0])
    stated: dict[tuple[str, ...], float] = {}
    counts = Counter[tuple[str, ...]]()
    for _ in range(rounds):
        pulls = bandit.choose_slate(x, k=2, rng=rng)
        order = tuple(pull.arm for pull in pulls)
        counts[order] += 1
        stated[order] = float(np.prod([pull.propensity for pull in pulls]))
    for order, p in stated.items():
        assert abs(counts[order] / rounds - p) <= 4 * np.sqrt(p * (1 - p) / rounds) + 1e-9
    assert sum(stated.values()) > 1 - 6 * 4 / rounds  # what never came is rare


@EACH
def test_saved_and_loaded_it_goes_on_bit_for_bit(name, tmp_path: Path):
    bandit = build(name)
    play(bandit, 60)
    bandit.save(tmp_path)
    again = load_bandit(tmp_path)
    assert type(again) is type(bandit)
    assert again.arms == bandit.arms
    assert again.config == bandit.config
    np.testing.assert_array_equal(play(bandit, 60, seed=1), play(again, 60, seed=1))
    x = np.array([0.3, 0.1, 1.0])
    np.testing.assert_array_equal(bandit.probabilities(x), again.probabilities(x))
    bandit.add("late")
    again.add("late")
    np.testing.assert_array_equal(play_on(bandit), play_on(again))


def play_on(bandit: Bandit) -> np.ndarray:
    x = np.array([0.3, 0.1, 1.0])
    bandit.update(x, "late", 1.0, propensity=0.5)
    return bandit.probabilities(x)


@EACH
def test_batches_are_updates_in_order(name):
    one, many, rng = build(name), build(name), np.random.default_rng(0)
    contexts, arms = rng.normal(size=(40, 3)), [ARMS[a] for a in rng.integers(3, size=40)]
    rewards, chances = rng.integers(2, size=40).astype(float), rng.uniform(0.1, 1, size=40)
    for x, arm, reward, chance in zip(contexts, arms, rewards, chances, strict=True):
        one.update(x, arm, reward, propensity=chance)
    many.update_many(contexts, arms, rewards, propensities=list(chances))
    np.testing.assert_array_equal(one.probabilities(contexts[0]), many.probabilities(contexts[0]))
    with pytest.raises(DataError, match="40 contexts, 39 arms"):
        many.update_many(contexts, arms[:39], rewards)


@EACH
def test_arms_come_and_go(name):
    """An arm taken away leaves the others as they were; one that comes late is tried and can win."""
    bandit = build(name)
    play(bandit, 30)
    x = np.array([0.3, 0.1, 1.0])
    bandit.remove("b")
    assert bandit.arms == ("a", "c")
    assert bandit.probabilities(x).shape == (2,)
    bandit.add("d")
    assert bandit.probabilities(x)[2] > 0 or name == "bootstrap"
    for _ in range(60):
        for arm, reward in (("a", 0.0), ("c", 0.1), ("d", 1.0)):
            bandit.update(x, arm, reward, propensity=1 / 3)
    assert bandit.probabilities(x).argmax() == 2
    with pytest.raises(NotFoundError, match="No arm is called 'b'"):
        bandit.update(x, "b", 1.0)
    with pytest.raises(NotFoundError, match="No arm is called 'b'"):
        bandit.remove("b")
    with pytest.raises(ConfigError, match="'d' is there already"):
        bandit.add("d")


@EACH
def test_bad_input_is_refused_and_changes_nothing(name):
    bandit, x = build(name), np.array([0.3, 0.1, 1.0])
    play(bandit, 30)
    before = bandit.probabilities(x)
    for reward in (np.nan, np.inf, -np.inf):
        with pytest.raises(DataError, match="is not a number"):
            bandit.update(x, "a", reward)
    for propensity in (0.0, 1.1, -0.2, np.nan):
        with pytest.raises(DataError, match=r"not in \(0, 1\]"):
            bandit.update(x, "a", 1.0, propensity=propensity)
    for weight in (-1.0, np.nan, np.inf):
        with pytest.raises(DataError, match="weight"):
            bandit.update(x, "a", 1.0, weight=weight)
    bandit.update(x, "a", 1.0, weight=0.0)
    if bandit.unit_rewards:
        for reward in (-0.1, 1.1):
            with pytest.raises(DataError, match=r"in \[0, 1\]"):
                bandit.update(x, "a", reward)
    if bandit.features:
        for wrong in (None, np.zeros(2), np.zeros((2, 3)), np.array([1.0, np.nan, 0.0])):
            with pytest.raises(DataError, match="3 finite features"):
                bandit.probabilities(wrong)
    with pytest.raises(DataError, match="arms are open"):
        bandit.probabilities(x, open_A=np.ones(2, dtype=bool))
    np.testing.assert_array_equal(before, bandit.probabilities(x))


@EACH
def test_a_folder_that_is_not_its_own_is_refused(name, tmp_path: Path):
    with pytest.raises(BundleError, match="no bandit that can be read"):
        load_bandit(tmp_path)
    bandit = build(name)
    bandit.save(tmp_path)
    other = BANDITS["ucb1" if name != "ucb1" else "softmax"].cls
    with pytest.raises(BundleError, match=f"holds a {type(bandit).__name__}"):
        other.load(tmp_path)
    kept = (tmp_path / "bandit.json").read_text()
    (tmp_path / "bandit.json").write_text(kept.replace('"a",', ""))
    with pytest.raises(BundleError, match="not that of 2 arms"):
        load_bandit(tmp_path)
    (tmp_path / "bandit.json").write_text(kept.replace(type(bandit).__name__, "Oracle"))
    with pytest.raises(BundleError, match="holds a Oracle"):
        load_bandit(tmp_path)
