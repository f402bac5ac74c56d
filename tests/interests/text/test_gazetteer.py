"""Names found in texts, against a plain search for every name at every place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Table
from penchant.errors import DataError
from penchant.interests.text.gazetteer import Gazetteer
from penchant.interests.text.tokens import longest_match, tokens
from tests.interests.text.planted import books, named

SEGMENT = longest_match(())


def found(gazetteer: Gazetteer, text: str, *, search: bool = False) -> list[str]:
    hits = gazetteer.find(tokens(text, SEGMENT), search=search)
    assert all(text[hit.start : hit.end].strip() for hit in hits)
    return [gazetteer.entities[hit.entity].name for hit in hits]


def of_names(*names: str) -> Gazetteer:
    return Gazetteer.of(named(names))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("THRILLERS and a thriller's end", ["thriller", "thriller"]),
        ("sci fi, Sci-Fi, scifi", ["Sci-Fi", "Sci-Fi"]),
        ("science fiction is no science", ["Science Fiction", "science"]),
        ("cities, stories and a story of a city", ["city", "story", "story", "city"]),
        ("cafe culture at the Café", ["café", "café"]),
        ("nailpolish nail, polish", []),
        ("长篇科幻小说集", ["科幻小说"]),
        ("ｓｃｉ－ｆｉ", []),
    ],
)
def test_case_number_accents_and_the_longest_name(text: str, names: list[str]):
    gazetteer = of_names(
        "thriller", "Sci-Fi", "science", "Science Fiction", "story", "city", "café", "nail polish", "科幻小说"
    )
    assert found(gazetteer, text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("I read it and it was long", []),
        ("It was long", []),
        ("I read It twice", ["It"]),
        ('she lent me "It" once', ["It"]),
        ("it has holes", []),
        ("Holes was long", ["Holes"]),
        ("the hobbit", ["The Hobbit: There and Back Again"]),
        ("by J. R. R. Tolkien", ["J.R.R. Tolkien"]),
        ("by J.R.R. Tolkien", ["J.R.R. Tolkien"]),
        ("Mary Grandpré's pictures", ["Mary GrandPré"]),
        ("三体很长", ["三体"]),
        ("Dune", ["Dune (Dune, #1)"]),
        ("a dune", []),
    ],
)
def test_titles_of_common_words_are_not_found_where_they_are_words(text: str, names: list[str]):
    assert found(Gazetteer.of(*books()), text) == names


def test_a_search_is_typed_without_capitals():
    gazetteer = Gazetteer.of(*books())
    assert found(gazetteer, "dune", search=True) == ["Dune (Dune, #1)"]
    assert found(gazetteer, "it", search=True) == []


def test_a_concept_goes_before_a_maker_and_a_maker_before_a_title():
    words, items = books()
    columns = dict(items.columns)
    columns["title"] = np.array(["Travel", "Stephen King", "a b", "c d", "e f", "g h"], dtype=object)
    gazetteer = Gazetteer.of(words, Table(ids=items.ids, columns=columns))
    kinds = [gazetteer.entities[hit.entity].kind for hit in gazetteer.find(tokens("travel with Stephen King", SEGMENT))]
    assert kinds == ["concept", "maker"]


def test_what_does_not_fit_is_refused():
    words, _ = books()
    with pytest.raises(DataError, match="do not exist: tags:x"):
        Gazetteer.of(words, aliases={"tags:x": ("y",)})
    with pytest.raises(DataError, match="of 6 items, the catalogue has 1"):
        Gazetteer.of(words, Table(ids=("only",)))


WORDS = ("red", "green", "blue", "grey")


@given(
    st.sets(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple), min_size=1, max_size=6),
    st.lists(st.sampled_from((*WORDS, "and")), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_equals_a_search_for_every_name_at_every_place(names: set[tuple[str, ...]], text: list[str]):
    ordered = sorted(names)
    wanted, at = [], 0
    while at < len(text):
        here = [name for name in ordered if tuple(text[at : at + len(name)]) == name]
        if here:
            wanted.append(" ".join(sorted(here, key=len)[-1]))
        at += max((len(name) for name in here), default=1)
    assert found(of_names(*(" ".join(name) for name in ordered)), " ".join(text)) == wanted
