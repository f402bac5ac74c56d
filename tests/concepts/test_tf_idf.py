"""TF-IDF against numbers worked by hand and against scikit-learn."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer

from penchant.concepts.tf_idf import read_terms, tf_idf
from penchant.concepts.words import Words
from penchant.data.dataset import Dataset
from tests.concepts.catalogues import table

COUNTS = sp.csr_array(np.array([[3, 0, 1], [2, 0, 0], [3, 0, 0], [0, 1, 0]], dtype=np.float64))


def test_hand_worked_numbers():
    """df = 3, 1, 1 of 4 texts: idf = ln 4/3 = 0.28768, ln 4 = 1.38629."""
    weights = tf_idf(COUNTS, unit=False).toarray()
    assert weights[0] == pytest.approx([3 * 0.287682, 0, 1.386294], abs=1e-6)
    assert weights[3] == pytest.approx([0, 1.386294, 0], abs=1e-6)
    unit = tf_idf(COUNTS).toarray()
    assert unit[0] == pytest.approx(weights[0] / np.hypot(3 * 0.287682, 1.386294), abs=1e-6)


def test_smoothed_equals_scikit_learn():
    rng = np.random.default_rng(0)
    counts = sp.csr_array(rng.poisson(0.4, size=(60, 25)).astype(np.float64))
    second = TfidfTransformer(smooth_idf=True).fit_transform(counts)
    assert np.allclose(tf_idf(counts, smooth=True).toarray(), second.toarray())


def test_the_textbook_formula_equals_scikit_learns_without_its_added_one():
    rng = np.random.default_rng(1)
    counts = sp.csr_array(rng.poisson(0.4, size=(60, 25)).astype(np.float64))
    transformer = TfidfTransformer(smooth_idf=False, norm=None).fit(counts)
    expected = counts.toarray() * (transformer.idf_ - 1)
    assert np.allclose(tf_idf(counts, unit=False).toarray(), expected)


def test_a_term_in_every_text_weighs_nothing():
    everywhere = sp.csr_array(np.array([[1.0, 1], [1, 0]]))
    assert tf_idf(everywhere).toarray().tolist() == [[0, 1], [0, 0]]


def test_support_and_cohesion_decide_which_phrases_are_terms():
    texts = [("nail polish",)] * 6 + [("black polish",)] + [("black tea",)] * 6 + [("green tea",)] * 6
    terms = read_terms(texts, Words(), min_items=2)
    assert {"nail", "polish", "nail polish", "tea", "green tea"} <= set(terms.names)
    assert "black polish" not in terms.names
    loose = read_terms(texts, Words(), min_items=1, min_cohesion=-1)
    strict = read_terms(texts, Words(), min_items=1, min_cohesion=0.3)
    assert "black polish" in loose.names
    assert "black polish" not in strict.names


def test_a_title_counts_more_than_a_description():
    terms = read_terms([("tea", "coffee tea")], Words(), weights=(2.0, 1.0), min_items=1)
    counts = dict(zip(terms.names, terms.counts.toarray()[0], strict=True))
    assert counts["tea"] == 3
    assert counts["coffee"] == 1


def test_top_terms_of_a_user_are_those_of_his_items():
    items = table(title=["argan oil", "argan shampoo", "red lipstick", "red blush", "blue mascara"])
    data = Dataset.of_rows(
        name="t",
        users=table(x=["a", "b", "c"]),
        items=items,
        user_rows=np.array([0, 0, 1]),
        item_rows=np.array([0, 1, 4]),
    )
    terms = read_terms([(t,) for t in items.columns["title"]], Words(), min_items=1, max_words=1)
    top = terms.top(2, terms.of_users(data.histories()))
    assert top[0][0][0] == "argan"
    assert {name for name, _ in top[1]} == {"blue", "mascara"}
    assert top[2] == []
    by_hand = terms.weights[[0, 1]].toarray().mean(axis=0)
    assert top[0][0][1] == pytest.approx(by_hand.max())
