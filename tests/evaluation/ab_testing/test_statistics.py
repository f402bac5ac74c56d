"""Tests of arms: against scipy, in A/A worlds, with planted effects, under peeking, and on what cannot be tested."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from penchant.errors import ConfigError, DataError
from penchant.evaluation.ab_testing.fixed_horizon import (
    adjusted,
    bootstrap_interval,
    compare,
    linearised,
    newcombe,
    pooled_p,
    sample_ratio,
    wilson,
)
from penchant.evaluation.ab_testing.interleaving import credit, preference, team_draft
from penchant.evaluation.ab_testing.measures import Sample
from penchant.evaluation.ab_testing.power import detectable, for_mean, for_share, power_of
from penchant.evaluation.ab_testing.sequential import LEAST, anytime, best_rho, confidence_sequence, running, width
from penchant.evaluation.ab_testing.switchback import MICROSECONDS_PER_HOUR, Switchback, analyse


def mean_of(values, past=None) -> Sample:
    y = np.asarray(values, dtype=float)
    return Sample(y=y, x=np.ones_like(y), past=np.zeros_like(y) if past is None else past)


def p_of(control: Sample, treatment: Sample) -> float:
    p = compare(control, treatment).p
    assert p is not None
    return p


def test_means_are_welchs_as_scipy_has_them():
    rng = np.random.default_rng(0)
    a, b = rng.normal(10, 2, 80), rng.normal(10.5, 5, 50)
    found, reference = compare(mean_of(a), mean_of(b)), stats.ttest_ind(b, a, equal_var=False)
    assert found.p == pytest.approx(reference.pvalue)
    assert found.interval == pytest.approx(tuple(reference.confidence_interval()))
    assert found.method.endswith("Welch")
    assert found.relative == pytest.approx(b.mean() / a.mean() - 1)


def test_shares_are_scored_as_scipy_and_newcombe_have_them():
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10.
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    reference = stats.binomtest(12, 40).proportion_ci(method="wilson")
    assert wilson(12, 40) == pytest.approx((reference.low, reference.high))
    table = [[48, 32], [56, 14]]
    assert pooled_p(48, 80, 56, 70) == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    a, b = np.repeat([1.0, 0.0], [48, 32]), np.repeat([1.0, 0.0], [56, 14])
    found = compare(mean_of(a), mean_of(b))
    assert (found.p, found.interval) == (pooled_p(48, 80, 56, 70), newcombe(48, 80, 56, 70))


def test_a_ratio_is_tested_on_users_not_on_events():
    """Users with many events of one value: a test on events would be sure of a difference that is luck."""
    rng, rejected, naive, covered = np.random.default_rng(1), 0, 0, 0
    for _ in range(400):
        arms = []
        for _ in range(2):
            x = np.asarray(rng.poisson(20, 60) + 1.0)
            arms.append(Sample(y=x * rng.normal(1.0, 0.5, 60), x=x, past=np.zeros(60)))
        found = compare(*arms)
        rejected += int(p_of(*arms) < 0.05)
        covered += found.interval[0] <= 0 <= found.interval[1]
        naive += int(stats.ttest_ind(*(np.repeat(a.y / a.x, a.x.astype(int)) for a in arms)).pvalue < 0.05)
    assert rejected / 400 == pytest.approx(0.05, abs=0.03)
    assert covered / 400 == pytest.approx(0.95, abs=0.03)
    assert naive / 400 > 0.3


def test_the_delta_method_and_the_bootstrap_agree():
    rng = np.random.default_rng(2)
    arms = [Sample(y=rng.gamma(2, 5, 900), x=rng.gamma(3, 2, 900), past=np.zeros(900)) for _ in range(2)]
    found, drawn = compare(*arms), bootstrap_interval(*arms, rng=rng)
    assert drawn == pytest.approx(found.interval, abs=0.1 * (found.interval[1] - found.interval[0]))


@settings(max_examples=40)
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=30), st.floats(0.1, 50))
def test_a_mean_is_a_ratio_to_one_and_units_do_not_matter(values, scale):
    one = mean_of(values)
    ratio, z = linearised(one)
    assert ratio == pytest.approx(np.mean(values), abs=1e-9)
    assert z.sum() == pytest.approx(0, abs=1e-7)
    scaled = Sample(y=one.y * scale, x=one.x, past=one.past)
    assert linearised(scaled)[0] == pytest.approx(scale * ratio, abs=1e-6)


@pytest.mark.parametrize("kind", ["mean", "share", "skewed"])
def test_an_experiment_of_a_with_a_finds_nothing_as_often_as_said(kind):
    rng = np.random.default_rng(3)
    draw = {
        "mean": lambda n: rng.normal(0, 1, n),
        "share": lambda n: np.less(rng.random(n), 0.2).astype(float),
        "skewed": lambda n: rng.exponential(1, n),
    }[kind]
    p = np.array([p_of(mean_of(draw(250)), mean_of(draw(250))) for _ in range(1_000)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.0207)  # three standard errors
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.05)


def test_the_past_takes_variance_out_and_leaves_the_effect():
    rng, plain, less, hits = np.random.default_rng(4), [], [], 0
    for _ in range(200):
        past = rng.normal(10, 3, 800)
        y = past + rng.normal(0, 1, 800)
        y[400:] += 0.5
        control, treatment = mean_of(y[:400], past[:400]), mean_of(y[400:], past[400:])
        found = adjusted(control, treatment)
        assert found is not None
        plain.append(compare(control, treatment).difference)
        less.append(found.difference)
        hits += found.interval[0] <= 0.5 <= found.interval[1]
    assert np.mean(less) == pytest.approx(0.5, abs=0.02)
    assert np.std(less) < 0.45 * np.std(plain)
    assert found is not None
    assert found.variance_reduction == pytest.approx(0.9, abs=0.03)  # ρ² = 9/10
    assert hits / 200 == pytest.approx(0.95, abs=0.05)
    assert adjusted(mean_of(y[:400]), mean_of(y[400:])) is None


def test_arms_with_the_wrong_number_of_users_are_noticed():
    seen = sample_ratio({"a": 5_000, "b": 5_300}, {"a": 0.5, "b": 0.5})
    assert seen.p == pytest.approx(stats.chisquare([5_000, 5_300]).pvalue)
    assert not seen.mismatch
    assert sample_ratio({"a": 5_000, "b": 5_400}, {"a": 0.5, "b": 0.5}).mismatch
    nobody = sample_ratio({"a": 100}, {"a": 0.5, "b": 0.5})
    assert (nobody.counts["b"], nobody.mismatch) == (0, True)
    rng = np.random.default_rng(5)
    p = [
        sample_ratio(
            dict(zip("abc", rng.multinomial(900, [0.2, 0.3, 0.5]), strict=True)), {"a": 0.2, "b": 0.3, "c": 0.5}
        ).p
        for _ in range(2_000)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)
    for counts, shares in (({"c": 1}, {"a": 0.5, "b": 0.5}), ({}, {"a": 0.5, "b": 0.5})):
        with pytest.raises(DataError):
            sample_ratio(counts, shares)


def test_what_does_not_vary_is_not_tested():
    same = compare(mean_of([1.0] * 5), mean_of([1.0] * 5))
    assert (same.difference, same.p, same.interval) == (0.0, None, (0.0, 0.0))
    apart = compare(mean_of([2.0] * 5), mean_of([3.0] * 5))
    assert (apart.difference, apart.p) == (1.0, None)
    assert "nothing varies" in apart.note
    for bad in (mean_of([1.0]), mean_of([1.0, np.nan]), Sample(y=np.ones(3), x=np.zeros(3), past=np.ones(3))):
        with pytest.raises(DataError):
            compare(mean_of([1.0, 2.0]), bad)


def test_the_running_estimates_are_those_of_the_users_so_far():
    rng = np.random.default_rng(6)
    one = Sample(y=rng.normal(3, 1, 300), x=rng.gamma(2, 1, 300), past=np.zeros(300))
    treated = rng.random(300) < 0.3
    differences, deviations = running(one, treated, share=0.3)
    for n in (40, 151, 300):
        part = slice(0, n)
        arms = [
            Sample(y=one.y[part][m], x=one.x[part][m], past=np.zeros(m.sum())) for m in (~treated[part], treated[part])
        ]
        (c, z_c), (t, z_t) = (linearised(arm) for arm in arms)
        assert differences[n - 1] == pytest.approx(t - c)
        assert deviations[n - 1] == pytest.approx(np.sqrt(z_t.var(ddof=1) / 0.3 + z_c.var(ddof=1) / 0.7))
    assert np.isnan(differences[0])


def test_the_sequence_follows_the_published_bound():
    # Waudby-Smith et al. 2021, Theorem 2.2, by hand at t = 400, ρ = 0.1, α = 0.05.
    assert width(np.array([400.0]), 0.1, 0.05)[0] == pytest.approx(
        np.sqrt(2 * 5 / (400**2 * 0.01) * np.log(np.sqrt(5) / 0.05))
    )
    grid = np.linspace(0.01, 0.5, 400)
    best = grid[np.argmin([width(np.array([400.0]), rho, 0.05)[0] for rho in grid])]
    assert best_rho(400, 0.05) == pytest.approx(best, rel=0.1)


def test_looking_at_every_user_is_free_with_the_sequence_and_not_with_a_test():
    rng, runs, n = np.random.default_rng(7), 400, 1_500
    wrong = naive = 0
    for _ in range(runs):
        one, treated = mean_of((rng.random(n) < 0.3).astype(float)), rng.random(n) < 0.5
        differences, deviations = running(one, treated, share=0.5)
        found = confidence_sequence(differences, deviations)
        wrong += found.stopped_at is not None
        assert (np.diff(found.p) <= 0).all()
        assert (found.stopped_at is not None) == (found.p[-1] < 0.05)
        t = np.arange(LEAST, n + 1)
        naive += bool((np.abs(differences[LEAST - 1 :]) * np.sqrt(t) / deviations[LEAST - 1 :] > 1.96).any())
    assert wrong / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert naive / runs > 0.2


def test_the_sequence_finds_a_planted_effect_and_says_when_one_could_have_stopped():
    rng = np.random.default_rng(8)
    treated = rng.random(4_000) < 0.5
    found = anytime(mean_of(rng.normal(0, 1, 4_000) + 0.3 * treated), treated, share=0.5)
    assert found.interval[0] < 0.3 < found.interval[1]
    assert found.interval[0] > 0
    assert found.stopped_at is not None
    assert LEAST <= found.stopped_at < 4_000
    assert found.p < 1e-6
    flat = anytime(mean_of(np.ones(200)), np.arange(200) % 2 == 0, share=0.5)
    assert (flat.difference, flat.p) == (0.0, 1.0)
    with pytest.raises(DataError, match="99 users"):
        anytime(mean_of(np.ones(99)), np.arange(99) % 2 == 0, share=0.5)
    with pytest.raises(ConfigError, match="share"):
        anytime(mean_of(np.ones(200)), np.arange(200) % 2 == 0, share=1.0)


def test_the_plan_holds_what_it_says():
    plan = for_mean(2.0, 0.5)
    assert plan.per_control == 252  # 2 · 4 · (1.96 + 0.8416)² / 0.25 = 251.2
    assert power_of(2.0, 0.5, plan.per_control) == pytest.approx(0.8, abs=0.002)
    assert detectable(2.0, plan.per_control) == pytest.approx(0.5, rel=0.003)
    for none in (0.0, -5.0, float("nan")):
        with pytest.raises(ConfigError, match="deviation"):
            detectable(none, 100)
    assert for_share(0.1, 0.1).per_control == 14_749  # (0.09 + 0.0979) · 7.849 / 0.01²
    two_to_one = for_mean(2.0, 0.5, ratio=2.0)  # 1.5 · 4 · 7.849 / 0.25 = 188.4
    assert (two_to_one.per_control, two_to_one.per_treatment) == (189, 377)
    rng = np.random.default_rng(9)
    seen = [p_of(mean_of(rng.normal(0, 2, 252)), mean_of(rng.normal(0.5, 2, 252))) < 0.05 for _ in range(800)]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.045)
    for bad in ({"power": 1.0}, {"alpha": 0.0}, {"ratio": 0.0}):
        with pytest.raises(ConfigError):
            for_mean(2.0, 0.5, **bad)
    for mean in ((0.0, 0.5), (1.0, 0.0), (np.nan, 1.0)):
        with pytest.raises(ConfigError):
            for_mean(*mean)
    with pytest.raises(ConfigError, match="shares"):
        for_share(0.9, 0.5)


def test_team_draft_is_fair_and_credits_the_owner():
    rng = np.random.default_rng(10)
    a, b = ["p", "q", "r"], ["q", "s", "t"]
    lists = [team_draft(a, b, 3, rng=rng) for _ in range(4_000)]
    assert all(len(set(one.items)) == 3 for one in lists)
    first = np.mean([one.teams[0] == "A" for one in lists])
    assert first == pytest.approx(0.5, abs=0.03)
    assert np.mean([one.teams.count("A") for one in lists]) == pytest.approx(1.5, abs=0.03)
    assert credit(lists[0], [lists[0].items[0]] * 3)[lists[0].teams[0]] == 1
    assert team_draft(a, a, 5, rng=rng).items == ("p", "q", "r")
    assert team_draft([], b, 2, rng=rng).items == ("q", "s")
    with pytest.raises(DataError, match="not on the list"):
        credit(lists[0], ["zzz"])
    with pytest.raises(DataError, match="twice"):
        team_draft(["p", "p"], b, 2, rng=rng)


def test_interleaving_prefers_the_planted_better_ranker_and_nobody_among_equals():
    rng = np.random.default_rng(11)

    def trial(appeal_b: float) -> float:
        told = []
        for user in range(150):
            one = team_draft([f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)], 4, rng=rng)
            clicked = [i for i in one.items if rng.random() < (appeal_b if i[0] == "b" else 0.2)]
            got = credit(one, clicked)
            told.append((f"u{user}", got["A"], got["B"]))
        return preference(told).p

    assert np.mean([trial(0.2) < 0.05 for _ in range(200)]) < 0.05 + 0.045
    assert np.mean([trial(0.45) < 0.05 for _ in range(40)]) > 0.9
    told = preference([("u", 1, 0), ("u", 0, 3), ("v", 0, 0), ("w", 0, 1)])
    assert (told.users, told.wins_a, told.wins_b, told.ties, told.p) == (3, 0, 2, 1, 0.5)
    assert preference([("u", 1, 1)]).p == 1.0
    with pytest.raises(DataError, match="No list"):
        preference([])


def test_switchback_blocks_are_what_is_inferred_from():
    """A shock that all events of a block share: a test on events would be sure, one on blocks is not."""
    design = Switchback(name="stock", hours=2.0, washout=0.25)
    rng, found, naive = np.random.default_rng(12), [], []
    for trial in range(80):
        start = trial * 10_000
        hours = np.arange(0, 120, 0.1) + start
        stamps = (hours * MICROSECONDS_PER_HOUR).astype(np.int64)
        shocks = rng.normal(0, 1, 61)
        values = shocks[((hours - start) // 2).astype(int)] + rng.normal(0, 0.2, len(hours))
        result = analyse(design, stamps, values, rng=rng, draws=20)
        found.append((result.effect.p or 0.0) < 0.05)
        on = np.array([design.treats(int(s)) for s in stamps])
        naive.append(stats.ttest_ind(values[on], values[~on]).pvalue < 0.05)
    assert np.mean(found) < 0.05 + 0.075
    assert np.mean(naive) > 0.5
    assert result.washed_out / len(stamps) == pytest.approx(0.25, abs=0.01)
    lifted = analyse(design, stamps, values + 2.0 * on, rng=rng)
    assert lifted.effect.interval[0] < 2.0 < lifted.effect.interval[1]
    assert lifted.p_permutation < 0.01
    with pytest.raises(DataError, match="blocks"):
        analyse(design, stamps[:10], values[:10], rng=rng)
