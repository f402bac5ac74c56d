"""What is meant and not named: the threshold, and the language model on PLANTED sentences."""

import numpy as np
import pytest

from penchant.encoders import load_encoder
from penchant.errors import DataError
from penchant.interests.text import Gazetteer, Meaning, TextReader, best_threshold
from tests.interests.text.planted import CONCEPTS, MEANT, PLAIN, vocabulary


def test_the_threshold_with_the_best_f1():
    cosines = np.array([[0.9, 0.2], [0.6, 0.5], [0.1, 0.4]])
    meant = np.array([[True, False], [True, False], [False, True]])
    found = best_threshold(cosines, meant)
    assert (found.cosine, found.precision, found.recall) == (0.4, 0.75, 1.0)
    tried = {t: 2 * (meant & (cosines >= t)).sum() / ((cosines >= t).sum() + meant.sum()) for t in cosines.ravel()}
    assert found.f1 == pytest.approx(max(tried.values()))
    assert best_threshold(np.full((2, 2), 0.3), np.eye(2, dtype=bool)).precision == 0.5
    with pytest.raises(DataError, match="0 pairs that are meant"):
        best_threshold(cosines, np.zeros_like(meant))


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    return Meaning(load_encoder(), CONCEPTS)


def test_sentences_that_name_nothing_are_understood(meaning: Meaning):
    """At the default threshold, on the half of the sentences that it was not chosen on: precision .82, recall .77."""
    sentences = [(text, concept) for concept in CONCEPTS for text in MEANT[concept][3:]]
    found = meaning.meant([text for text, _ in sentences])
    right = [CONCEPTS.index(concept) in dict(near) for (_, concept), near in zip(sentences, found, strict=True)]
    wrong = sum(len(near) for near in found) - sum(right)
    assert np.mean(right) >= 0.7
    assert sum(right) / (sum(right) + wrong) >= 0.75
    assert meaning.meant([text for text in PLAIN if text]) == [[], [], []]


def test_the_meaning_of_a_clause_has_its_polarity(meaning: Meaning):
    reader = TextReader(Gazetteer.of(vocabulary()), meaning=meaning)
    text = "I loved the starships and alien fleets, but the recipes for stews were awful."
    [one] = reader.read([text])
    found = {m.name: (m.polarity, m.named, text[m.span.start : m.span.end]) for m in one.mentions}
    assert found["space opera"][0] > 0.3 > -0.3 > found["cooking"][0]
    assert not found["cooking"][1]
    assert "stews" in found["cooking"][2]
    assert ((one.activations > 0) & (one.activations < 1)).all()


def test_a_named_concept_is_not_meant_besides(meaning: Meaning):
    reader = TextReader(Gazetteer.of(vocabulary()), meaning=meaning)
    [one] = reader.read(["a long football season"])
    assert [(m.name, m.named) for m in one.mentions if m.name == "football"] == [("football", True)]
