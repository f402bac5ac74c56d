"""ROC curves and areas against scikit-learn, and of ranked targets."""

import numpy as np
import pytest
import sklearn.metrics

from penchant.data.histories import Cases
from penchant.errors import DataError
from penchant.metrics import ranking
from penchant.metrics.ranking import target_ranks
from penchant.metrics.roc import mean_roc_curve, roc_auc, roc_curve, thin
from tests.metrics.test_ranking import make_cases


def test_curve_and_area_equal_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    labels, scores = rng.random(400) < 0.3, rng.integers(0, 20, 400)
    curve = roc_curve(labels, scores)
    x, y, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert curve.false_positive_rate == pytest.approx(x)
    assert curve.true_positive_rate == pytest.approx(y)
    assert roc_auc(labels, scores) == pytest.approx(sklearn.metrics.roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_one_class_has_no_curve(labels):
    with pytest.raises(DataError, match="both classes"):
        roc_curve(np.array(labels, dtype=bool), np.zeros(len(labels)))


def make_ranked(n_cases: int, n_items: int, seed: int) -> tuple[Cases, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = [rng.choice(n_items, size=rng.integers(1, 5), replace=False).tolist() for _ in range(n_cases)]
    cases = make_cases([[] for _ in targets], targets)
    scores = rng.random((n_cases, n_items)).astype(np.float32)
    ranks = target_ranks(scores, cases, ties=np.arange(n_items, dtype=np.int32), exclude_history=False)
    return cases, scores, ranks, np.full(n_cases, n_items)


def test_area_of_each_case_equals_scikit_learn():
    cases, scores, ranks, candidates = make_ranked(30, 25, 0)
    found = ranking.auc(ranks, cases.target_indptr, candidates)
    for b in range(len(cases)):
        labels = np.isin(np.arange(25), cases.targets(b))
        assert found[b] == pytest.approx(sklearn.metrics.roc_auc_score(labels, scores[b]), abs=1e-12)


def test_the_mean_curve_has_the_mean_area():
    cases, _, ranks, candidates = make_ranked(50, 40, 1)
    rates = ranking.false_positive_rates(ranks, cases.target_indptr, candidates)
    curve = mean_roc_curve(rates, cases.target_indptr)
    assert curve.area == pytest.approx(ranking.auc(ranks, cases.target_indptr, candidates).mean(), abs=1e-12)
    assert (np.diff(curve.false_positive_rate) >= 0).all()
    assert (np.diff(curve.true_positive_rate) >= 0).all()
    assert curve.true_positive_rate[[0, -1]].tolist() == [0, 1]
    assert curve.false_positive_rate[[0, -1]].tolist() == [0, 1]


def test_random_scores_have_an_area_of_one_half():
    cases, _, ranks, candidates = make_ranked(2000, 100, 2)
    assert ranking.auc(ranks, cases.target_indptr, candidates).mean() == pytest.approx(0.5, abs=0.01)


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    cases, _, ranks, candidates = make_ranked(3000, 500, 3)
    rates = ranking.false_positive_rates(ranks, cases.target_indptr, candidates)
    curve = mean_roc_curve(rates, cases.target_indptr)
    drawn = thin(curve, 100)
    assert len(drawn.false_positive_rate) <= 102 < len(curve.false_positive_rate)
    assert drawn.area == pytest.approx(curve.area, abs=2e-3)
    assert drawn.true_positive_rate[[0, -1]].tolist() == [0, 1]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="1 of 3 scores are NaN"):
        roc_auc(np.array([1, 0, 1]), np.array([0.1, np.nan, 0.3]))


def test_equal_infinite_scores_are_a_tie():
    assert roc_auc(np.array([1, 0, 0]), np.array([-np.inf, -np.inf, -np.inf])) == 0.5
    assert roc_auc(np.array([1, 0]), np.array([np.inf, np.inf])) == 0.5
