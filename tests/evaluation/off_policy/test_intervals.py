"""Intervals: what they promise, on logs drawn anew."""

import numpy as np
import pytest

from penchant.evaluation.off_policy.estimators import InverseProbability, SelfNormalisedInverseProbability
from penchant.evaluation.off_policy.intervals import bernstein_interval, bootstrap_interval, normal_interval
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.terms import Terms
from penchant.evaluation.off_policy.tuning import mse, shrinkage_candidates, slope, weight_candidates
from tests.evaluation.off_policy.worlds import single_choices


def plain(values):
    ones = np.ones(len(values))
    return Terms(base=np.zeros(len(values)), numerator=values, denominator=ones, weights=ones, reach=1.0)


def test_the_bernstein_interval_is_the_papers():
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    found = bernstein_interval(plain(values), level=0.95, rewards=(0, 1))
    half = np.sqrt(2 * values.var(ddof=1) * np.log(80) / 10) + 7 * np.log(80) / (3 * 9)
    assert found == pytest.approx((0.7 - half, 0.7 + half))
    assert bernstein_interval(plain(values[:1]), level=0.95, rewards=(0, 1)) is None


def test_the_normal_interval_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(0).normal(size=50)
    low, high = normal_interval(plain(values), level=0.95)
    half = 2.009575 * values.std(ddof=1) / np.sqrt(50)  # t of 49 degrees of freedom
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-6)


@pytest.mark.parametrize("users", [6, 40])
def test_means_of_few_users_lie_in_their_intervals_as_often_as_is_said(users):
    """Normal values, alike for all rounds of a user: Student's interval is exact, and the bootstrap's near it."""
    rng, owners, runs = np.random.default_rng(3), np.repeat(np.arange(users), 3), 1500
    held = np.zeros(2)
    for seed in range(runs):
        terms = plain(np.repeat(rng.normal(size=users), 3))
        low, high = normal_interval(terms, level=0.95, owners=owners)
        held[0] += low <= 0 <= high
        low, high = bootstrap_interval(terms, level=0.95, resamples=400, seed=seed, owners=owners)
        held[1] += low <= 0 <= high
    normal, bootstrap = held / runs
    assert normal == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / runs))
    assert bootstrap == pytest.approx(0.95, abs=0.03)


def test_a_ratios_influence_is_its_derivative():
    rng = np.random.default_rng(1)
    base, m, d = rng.normal(size=(3, 30))
    d = np.abs(d) + 0.1
    terms = Terms(base=base, numerator=m, denominator=d, weights=d, reach=1.0)
    for n in (0, 7):  # leave one out: V̂ moves by −ψ / (N − 1), to first order
        kept = np.arange(30) != n
        without = Terms(base=base[kept], numerator=m[kept], denominator=d[kept], weights=d[kept], reach=1.0)
        assert without.value - terms.value == pytest.approx(-terms.influence[n] / 29, rel=0.35, abs=2e-3)


def test_coverage_over_many_logs():
    held = {(kind, name): 0 for kind in ("normal", "bootstrap", "bernstein") for name in ("ips", "snips")}
    runs = 120
    for seed in range(runs):
        world = single_choices(rounds=300, seed=seed)
        question = Question(log=world.log, target=world.target, rewards=(0.0, 1.0))
        for estimator in (InverseProbability(), SelfNormalisedInverseProbability()):
            terms = estimator.terms(question)
            spans = {
                "normal": normal_interval(terms, level=0.95),
                "bootstrap": bootstrap_interval(terms, level=0.95, resamples=200, seed=seed),
                "bernstein": bernstein_interval(terms, level=0.95, rewards=(0, 1)) or (0.0, 0.0),
            }
            for kind, (low, high) in spans.items():
                held[kind, estimator.name] += low <= world.value <= high
    for (kind, name), count in held.items():
        assert count / runs >= (0.95 if kind == "bernstein" else 0.89), (kind, name)
        if kind != "bernstein":
            assert count < runs, (kind, name)  # an interval that never misses is too long


def test_rounds_of_one_owner_make_intervals_longer():
    values = np.repeat(np.random.default_rng(2).normal(size=40), 10)  # ten equal rounds of each owner
    owners = np.repeat(np.arange(40), 10)
    alone, together = plain(values).standard_error(), plain(values).standard_error(owners)
    assert together == pytest.approx(np.sqrt(10) * alone, rel=0.02)
    low, high = bootstrap_interval(plain(values), level=0.95, resamples=500, seed=0, owners=owners)
    assert high - low == pytest.approx(2 * 1.96 * together, rel=0.2)


def test_the_rules_stop_where_bias_shows():
    noise = np.random.default_rng(4).normal(size=2000)
    noise -= noise.mean()
    candidates = [plain(noise * scale + shift) for scale, shift in ((5.0, 0.0), (2.0, 0.0), (0.5, 0.02), (0.1, 3.0))]
    assert slope(candidates) == 2
    milder = [plain(noise), plain(0.5 * noise), plain(0.1 * noise + 1.0)]
    assert mse(milder) == 1
    assert mse(milder[:1]) == 0
    biased = [plain(noise), plain(0.1 * noise + 1.0)]
    assert slope(biased) == mse(biased) == 0


def test_candidates_go_from_no_change_to_all():
    weights = np.array([0.0, 0.5, 1.0, 4.0])
    assert weight_candidates(weights)[0] == shrinkage_candidates(weights)[0] == float("inf")
    assert shrinkage_candidates(weights)[-1] == 0
    assert weight_candidates(weights)[1:] == sorted(weight_candidates(weights)[1:], reverse=True)
    assert weight_candidates(np.zeros(3)) == [float("inf")]
