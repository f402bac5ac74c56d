"""From a text to the belief: a review against a concept lowers it; who writes of something is interested in it."""

import numpy as np
import pytest

from penchant.interests.belief import Belief, update
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.text import Gazetteer, TextReader, TextWeights, concept_totals, evidence
from tests.interests.text.planted import CONCEPTS, vocabulary

HORROR, TRAVEL, COOKING = CONCEPTS.index("horror"), CONCEPTS.index("travel"), CONCEPTS.index("cooking")


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(Gazetteer.of(vocabulary()))


def corrections(reader: TextReader, texts: list[str], *, search: bool = False):
    config, belief = BeliefConfig(), Belief.nothing()
    for now, reading in enumerate(reader.read(texts, searches=search)):
        for one in evidence(reading):
            belief = update(belief, one.observation(0.0), float(now), config)
    return belief.corrections(len(CONCEPTS), float(len(texts)), config)


def test_a_negative_review_lowers_the_concept_it_names_and_no_other(reader: TextReader):
    moved = corrections(reader, ["The travel chapters are wonderful, but the horror is awful."])
    assert moved[HORROR] < -0.1 < 0.1 < moved[TRAVEL]
    assert (np.delete(moved, [HORROR, TRAVEL]) == 0).all()
    assert corrections(reader, ["The horror is awful"] * 3)[HORROR] < moved[HORROR]


def test_a_search_raises_what_it_names_and_lowers_what_it_leaves_out(reader: TextReader):
    moved = corrections(reader, ["travel without horror"], search=True)
    assert moved[HORROR] == -moved[TRAVEL] < 0


def test_who_writes_of_travel_and_food_is_interested_in_them(reader: TextReader):
    texts = [
        "Three weeks of travel through Vietnam, from north to south.",
        "My notes on cooking: stock, then rice, then patience.",
        "Cooking classes in Hanoi were a wonderful end to our travels.",
        "The horror film on the plane was awful.",
        "It rained on Tuesday.",
    ]
    totals, support = concept_totals(reader.read(texts), len(CONCEPTS))
    assert set(np.argsort(-totals)[:2]) == {TRAVEL, COOKING}
    assert totals.argmin() == HORROR
    assert (support[TRAVEL], support[COOKING], support[HORROR]) == ([0, 2], [1, 2], [3])


def test_weights_follow_the_strength_of_what_is_said(reader: TextReader):
    mild, strong, none = (evidence(r)[0] for r in reader.read(["nice travel", "AMAZING, best travel ever!!", "travel"]))
    assert 0 < mild.weight < strong.weight <= 1
    assert none.weight == TextWeights().mention
    assert none.label == 1
    assert evidence(reader.read(["travel"])[0], TextWeights(mention=0)) == []
