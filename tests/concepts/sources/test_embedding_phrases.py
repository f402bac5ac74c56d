"""Key phrases nearest to a text's meaning."""

import pytest

from penchant.concepts.sources.embedding_phrases import EmbeddingPhrases, EmbeddingPhrasesConfig
from penchant.errors import UnsupportedError
from tests.concepts.catalogues import BagOfWords, catalogue

TITLES = ["crystal earrings gift"] * 4 + ["walnut table gift"] * 4
NEAR = {
    "crystal earrings gift": (1.0, 0.0, 0.2),
    "walnut table gift": (0.0, 1.0, 0.2),
    "crystal": (0.95, 0.0, 0.0),
    "earrings": (0.94, 0.0, 0.34),
    "crystal earrings": (1.0, 0.0, 0.1),
    "walnut": (0.0, 1.0, 0.0),
    "table": (0.0, 0.9, 0.0, 0.4),
    "walnut table": (0.0, 1.0, 0.1),
    "gift": (0.1, 0.1, 1.0),
}


def chosen(titles, vectors, **config):
    source = EmbeddingPhrases(EmbeddingPhrasesConfig(**config))
    encoder = BagOfWords(vectors=vectors)
    return {p.name: p for p in source.propose(catalogue(title=titles, encoder=encoder))}, encoder


def test_the_nearest_phrase_of_each_text_is_chosen_first():
    found, _ = chosen(TITLES, NEAR, per_item=1)
    assert {name: p.rows.tolist() for name, p in found.items()} == {
        "crystal earrings": [0, 1, 2, 3],
        "walnut table": [4, 5, 6, 7],
    }
    assert found["walnut table"].weights[0] == pytest.approx(1.02 / (1.04**0.5 * 1.01**0.5), abs=1e-5)


def test_diversity_decides_whether_the_second_says_the_same_again():
    near, _ = chosen(TITLES, NEAR, per_item=2, diversity=0.0)
    assert {n for n, p in near.items() if 0 in p.rows} == {"crystal earrings", "earrings"}
    unlike, _ = chosen(TITLES, NEAR, per_item=2, diversity=0.7)
    assert {n for n, p in unlike.items() if 0 in p.rows} == {"crystal earrings", "gift"}


def test_each_phrase_is_read_once():
    _, encoder = chosen(TITLES, NEAR)
    phrases = [text for text in encoder.asked if text not in TITLES]
    assert len(phrases) == len(set(phrases))


def test_only_so_many_candidates_are_read():
    _, encoder = chosen(TITLES, NEAR, candidates=2)
    assert len([text for text in encoder.asked if text not in TITLES]) == 2


def test_without_a_language_model_it_says_so():
    with pytest.raises(UnsupportedError, match="'embedding_phrases'"):
        EmbeddingPhrases(EmbeddingPhrasesConfig()).propose(catalogue(title=TITLES))


def test_texts_without_words_give_nothing():
    source = EmbeddingPhrases(EmbeddingPhrasesConfig())
    assert source.propose(catalogue(title=["", None, "5"], encoder=BagOfWords())) == []
