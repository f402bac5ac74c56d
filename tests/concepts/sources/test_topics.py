"""Planted topics are recovered."""

import numpy as np
import pytest

from penchant.concepts.sources.topics import Topics, TopicsConfig, fit_topics
from penchant.concepts.tf_idf import read_terms
from penchant.concepts.words import Words
from penchant.data.dataset import Dataset
from tests.concepts.catalogues import catalogue, table

PLANTED = {
    "space": ["rocket", "orbit", "galaxy", "alien", "starship", "planet"],
    "kitchen": ["recipe", "oven", "flour", "butter", "simmer", "garlic"],
    "court": ["judge", "jury", "lawyer", "verdict", "trial", "witness"],
}


def planted_texts(n: int = 120, seed: int = 0):
    """Texts of eight words: all of one topic, but every sixth of two topics in equal parts."""
    rng = np.random.default_rng(seed)
    names = list(PLANTED)
    texts, mixes = [], []
    for i in range(n):
        first, second = i % 3, (i + 1) % 3 if i % 6 == 0 else i % 3
        words = [*rng.choice(PLANTED[names[first]], 4), *rng.choice(PLANTED[names[second]], 4)]
        texts.append(". ".join(words))
        mixes.append(np.bincount([first] * 4 + [second] * 4, minlength=3) / 8)
    return texts, np.array(mixes)


@pytest.fixture(scope="module")
def planted():
    texts, mixes = planted_texts()
    model = fit_topics(read_terms([(t,) for t in texts], Words(), max_words=1), 3)
    names = list(PLANTED)
    order = [int(np.argmax([len(set(model.top_words(t, 6)) & set(PLANTED[n])) for t in range(3)])) for n in names]
    return texts, mixes, model, order


def test_top_words_are_those_planted(planted):
    _, _, model, order = planted
    assert sorted(order) == [0, 1, 2]
    for name, topic in zip(PLANTED, order, strict=True):
        assert set(model.top_words(topic, 6)) == set(PLANTED[name])
    assert np.allclose(model.word_weights.sum(axis=1), 1)


def test_mixes_are_those_planted(planted):
    _, mixes, model, order = planted
    assert np.allclose(model.mix.sum(axis=1), 1)
    assert np.abs(model.mix[:, order] - mixes).mean() < 0.08


def test_a_users_mix_sums_to_one_and_follows_his_items(planted):
    texts, mixes, model, order = planted
    space = [i for i in range(len(texts)) if mixes[i, 0] == 1][:5]
    court = [i for i in range(len(texts)) if mixes[i, 2] == 1][:5]
    data = Dataset.of_rows(
        name="t",
        users=table(x=["space", "both", "nothing"]),
        items=table(title=texts),
        user_rows=np.array([0] * 5 + [1] * 10),
        item_rows=np.array([*space, *space, *court]),
    )
    mix = model.user_mix(data.histories())
    assert np.allclose(mix.sum(axis=1), 1)
    assert mix[0, order[0]] > 0.9
    assert abs(mix[1, order[0]] - mix[1, order[2]]) < 0.1
    assert np.allclose(mix[2], model.mix.mean(axis=0))


def test_topics_become_concepts_with_their_words():
    texts, mixes = planted_texts()
    source = Topics(TopicsConfig(topics=3, min_share=0.3))
    found = source.propose(catalogue(title=texts))
    assert len(found) == 3
    kitchen = next(p for p in found if set(p.words) & set(PLANTED["kitchen"]))
    assert set(kitchen.name.split(", ")) <= set(PLANTED["kitchen"])
    planted = set(np.flatnonzero(mixes[:, 1] >= 0.5))
    assert len(planted & set(kitchen.rows.tolist())) >= 0.95 * len(planted)
    assert ((kitchen.weights >= 0.3) & (kitchen.weights <= 1)).all()


def test_the_same_seed_gives_the_same_topics():
    texts, _ = planted_texts()
    source = Topics(TopicsConfig(topics=3))
    first, again = (source.propose(catalogue(title=texts, seed=7)) for _ in range(2))
    assert [(p.name, p.rows.tolist(), p.weights.tolist()) for p in first] == [
        (p.name, p.rows.tolist(), p.weights.tolist()) for p in again
    ]


def test_more_topics_than_texts_and_no_texts_at_all():
    terms = read_terms([("rocket orbit",), ("recipe oven",)], Words(), min_items=1)
    assert fit_topics(terms, 50).mix.shape[1] <= 2
    empty = fit_topics(read_terms([("",), ("",)], Words()), 5)
    assert empty.mix.shape == (2, 0)
    assert Topics(TopicsConfig()).propose(catalogue(title=["", None])) == []
