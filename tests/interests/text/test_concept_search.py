"""Typed words and the concepts they may mean: names before shared words before meaning."""

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.interests.text.concept_search import LEAST_COSINE, MOST_CHARACTERS, ConceptSearch
from penchant.progress import SILENT
from tests.interests.text.planted import books, named


class Circle:
    """An encoder of which the cosines are known: each text is an angle, in degrees."""

    folder = None
    name, licence, identity, dim = "circle", "", "circle", 2

    def __init__(self, degrees: dict[str, float]) -> None:
        self.degrees = degrees
        self.asked: list[str] = []

    def encode(self, texts, *, progress=SILENT):  # noqa: ARG002
        self.asked += texts
        angles = np.radians([self.degrees.get(text.casefold(), 180.0) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def found(search: ConceptSearch, text: str) -> list[tuple[str, float, str]]:
    return [(match.concept, round(match.similarity, 3), match.how) for match in search.nearest(text)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Nail Polish", ("nail polish", 1.0, "name")),
        ("nail polishes", ("nail polish", 1.0, "name")),
        ("polish", ("nail polish", 0.5, "words")),
        ("courtroom", ("courtroom drama", 0.5, "words")),
        ("科幻小说", ("科幻小说", 1.0, "name")),
    ],
)
def test_a_name_in_any_case_and_number_then_shared_words(typed, first):
    search = ConceptSearch(named(("nail polish", "courtroom drama", "科幻小说", "file")))
    assert found(search, typed)[0] == first


def test_one_shared_word_of_two_names_none_of_which_is_whole_is_no_match():
    search = ConceptSearch(named(("nail file", "garden")))
    with pytest.raises(NotFoundError):
        search.nearest("nail polish")


def test_titles_and_makers_stand_for_their_concepts():
    search = ConceptSearch(*books())
    assert found(search, "Holes") == [("mystery", 1.0, "words")]
    assert {concept for concept, _, _ in found(search, "Frank Herbert")} == {"sci-fi", "science"}
    assert found(search, "horror")[0] == ("horror", 1.0, "name")


def test_a_name_that_is_part_of_what_was_typed_counts_for_its_share():
    """Of the letters for a name found in the text, or of the words: the larger."""
    search = ConceptSearch(named(("chess", "cookery")))
    assert found(search, "chess openings") == [("chess", 0.5, "words")]
    assert found(search, "chessboards, chess and to") == [("chess", 0.25, "words")]
    assert found(search, "to a chess, no?") == [("chess", 0.5, "name")]


def test_meaning_is_asked_only_where_no_name_is_the_whole_and_counts_from_its_threshold_on():
    circle = Circle({"poetry": 0.0, "horror": 60.0, "verses": 10.0, "dreadful tales": 62.0, "travel": 100.0})
    search = ConceptSearch(named(("poetry", "horror", "travel")), encoder=lambda: circle)
    assert found(search, "poetry")[0] == ("poetry", 1.0, "name")
    assert circle.asked == []
    matches = found(search, "verses")
    assert matches == [
        ("poetry", round(float(np.cos(np.radians(10))), 3), "meaning"),
        ("horror", round(float(np.cos(np.radians(50))), 3), "meaning"),
    ]
    assert np.cos(np.radians(90)) < LEAST_COSINE
    assert found(search, "dreadful tales")[0][0] == "horror"


def test_without_an_encoder_it_goes_by_names_alone_and_the_encoder_is_asked_for_once():
    calls = []
    search = ConceptSearch(named(("poetry",)), encoder=lambda: calls.append(1))
    for _ in range(2):
        with pytest.raises(NotFoundError):
            search.nearest("verses")
    assert calls == [1]


def test_of_equally_near_ones_that_on_more_items_comes_first_and_no_more_come_than_asked_for():
    vocabulary = named([f"story of {n}" for n in ("cats", "dogs", "mice", "owls")])
    assert len(ConceptSearch(vocabulary).nearest("story", limit=2)) == 2
    assert len(ConceptSearch(vocabulary).nearest("story", limit=9)) == 4


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("", ConfigError, "No words"),
        (" \t", ConfigError, "No words"),
        ("x" * (MOST_CHARACTERS + 1), ConfigError, "501 characters"),
        ("?!", NotFoundError, "Nothing"),
        ("poetri", NotFoundError, "Nothing"),
    ],
)
def test_words_that_say_nothing_are_refused_with_what_is_spelt_alike(typed, error, says):
    with pytest.raises(error, match=says) as caught:
        ConceptSearch(named(("poetry", "horror"))).nearest(typed)
    assert caught.value.hint
    if typed == "poetri":
        assert "Nearest in spelling: poetry" in caught.value.hint


def test_a_catalogue_without_concepts_says_so():
    with pytest.raises(NotFoundError) as caught:
        ConceptSearch(named(()), encoder=lambda: Circle({})).nearest("poetry")
    assert "no concepts" in caught.value.hint
