"""Questions by what they tell: against enumeration, the maths' own properties, and random and popular ones."""

from itertools import product

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.exploration.questions import doubted, information, pick, posterior


def _world(k: int = 40, q: int = 12, seed: int = 0):
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.ones(k))
    return prior, doubted(rng.random((k, q)) < rng.random(q) * 0.8)


def _expected_entropy_reduction(prior, chances, questions):
    """The definition: posterior entropies of all answers, one after the other, weighed by how likely each is."""
    entropy = lambda p: -sum(x * np.log(x) for x in p if x > 0)  # noqa: E731
    left = 0.0
    for answers in product((0, 1), repeat=len(questions)):
        said = list(zip(questions, answers, strict=True))
        likely = [np.prod([chances[k, q] if y else 1 - chances[k, q] for q, y in said]) for k in range(len(prior))]
        weights = prior * np.array(likely)
        left += weights.sum() * entropy(weights / weights.sum())
    return entropy(prior) - left


@pytest.mark.parametrize("questions", [[3], [0, 5], [1, 2, 7, 9]])
def test_information_is_the_expected_fall_in_entropy(questions):
    prior, chances = _world()
    expected = _expected_entropy_reduction(prior, chances, questions)
    assert information(prior, chances, questions) == pytest.approx(expected, abs=1e-10)


def test_the_first_pick_is_the_best_of_all_and_gains_add_up_and_fall():
    prior, chances = _world()
    found = pick(prior, chances, 5)
    alone = [information(prior, chances, [q]) for q in range(chances.shape[1])]
    assert found.questions[0] == int(np.argmax(alone))
    assert found.gains.sum() == pytest.approx(information(prior, chances, found.questions), abs=1e-10)
    assert (np.diff(found.gains) <= 1e-12).all()
    assert len(set(found.questions.tolist())) == 5


def test_a_question_asked_twice_or_the_same_for_all_tells_nothing():
    prior, chances = _world()
    chances = np.column_stack([chances[:, 0], np.full(len(prior), 0.5)])
    assert information(prior, chances, [1]) == pytest.approx(0.0, abs=1e-12)
    assert pick(prior, chances, 2).questions.tolist() == [0]


def test_the_posterior_is_bayes_and_takes_answers_in_any_order():
    prior, chances = _world()
    together = posterior(prior, chances, [2, 4], [1, 0])
    turned = posterior(posterior(prior, chances, [4], [0]), chances, [2], [1])
    assert together == pytest.approx(turned, abs=1e-12)
    expected = prior * chances[:, 2] * (1 - chances[:, 4])
    assert together == pytest.approx(expected / expected.sum(), abs=1e-12)


def test_closed_questions_are_not_picked():
    prior, chances = _world()
    open_q = np.zeros(12, dtype=np.bool_)
    open_q[[3, 8]] = True
    assert set(pick(prior, chances, 5, open_Q=open_q).questions.tolist()) <= {3, 8}


def test_the_planted_kind_is_found_with_fewer_questions_than_by_random_or_popular_ones():
    """Sixteen kinds of users told apart by four of forty concepts; popular concepts are liked by nearly everyone."""
    rng = np.random.default_rng(3)
    kinds = np.array(list(product((0, 1), repeat=4)), dtype=np.float64)
    likes = np.concatenate([kinds, np.full((16, 18), 0.95), np.full((16, 18), 0.05)], axis=1)
    chances, prior = doubted(likes, 0.02), np.full(16, 1 / 16)
    found: dict[str, list[float]] = {"information": [], "random": [], "popular": []}
    popular = np.argsort(-chances.mean(axis=0), kind="stable")
    for kind in range(16):
        asked = {
            "information": pick(prior, chances, 4).questions,
            "random": rng.permutation(40)[:4],
            "popular": popular[:4],
        }
        for name, questions in asked.items():
            answers = (likes[kind, questions] > 0.5).astype(int)
            found[name].append(float(posterior(prior, chances, questions, answers)[kind]))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    assert means["information"] > 0.85
    assert means["random"] < 0.5 * means["information"]
    assert means["popular"] < 0.2


@pytest.mark.parametrize("n", [0, 11])
def test_too_few_or_too_many_questions_are_refused(n):
    prior, chances = _world()
    with pytest.raises(DataError, match="questions were asked for"):
        pick(prior, chances, n)


def test_bad_probabilities_and_answers_are_refused():
    prior, chances = _world()
    with pytest.raises(DataError, match="between 0 and 1"):
        doubted(np.array([1.2]))
    with pytest.raises(DataError, match="add up"):
        pick(prior * 2, chances, 1)
    with pytest.raises(DataError, match="answer of 1 or 0"):
        posterior(prior, chances, [1], [0.5])
    with pytest.raises(DataError, match="Nobody"):
        posterior(np.array([0.5, 0.5]), np.ones((2, 1)), [0], [0])
