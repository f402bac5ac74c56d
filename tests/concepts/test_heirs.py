"""Concepts that are gone have heirs by the items that they shared."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.concepts.heirs import ALIKE, Succession, succession
from penchant.concepts.vocabulary import Concept, Vocabulary

ITEMS = [f"i{n}" for n in range(12)]


def words(concepts: dict[str, list[int]], parents: dict[str, str] | None = None, n: int = 12) -> Vocabulary:
    bears = np.zeros((n, len(concepts)), dtype=np.float32)
    for column, rows in enumerate(concepts.values()):
        bears[rows, column] = 1.0
    told = tuple(
        Concept(id=id_, name=id_.upper(), kind="tags", parent=(parents or {}).get(id_), items=len(rows))
        for id_, rows in concepts.items()
    )
    return Vocabulary(concepts=told, activations=sp.csr_array(bears))


def test_the_nearest_by_shared_items_inherits_and_what_stays_has_no_heir():
    old = words({"a": [0, 1, 2, 3], "b": [4, 5, 6, 7], "c": [8, 9]})
    new = words({"a": [0, 1, 2, 3], "b2": [4, 5, 6, 8], "other": [7, 10]})
    found = succession(old, ITEMS, new, ITEMS, before=Succession.none())
    assert set(found.heirs) == {"b", "c"}
    nearest = found.heirs["b"][0]
    assert nearest.concept_id == "b2"
    assert nearest.similarity == pytest.approx(3 / 4)
    assert found.of("b") == "b2"
    assert found.names["b"] == "B"
    assert found.of("c") == "b2"  # one of two items, of four: 1/√8
    assert found.of("a") is None


def test_items_are_known_by_their_ids_and_not_by_their_rows():
    old = words({"b": [0, 1]}, n=3)
    new = words({"x": [0], "y": [1, 2]}, n=3)
    found = succession(old, ["p", "q", "r"], new, ["r", "p", "q"], before=Succession.none())
    assert [(heir.concept_id, round(heir.similarity, 9)) for heir in found.heirs["b"]] == [("y", 1.0)]


def test_a_broader_concept_that_stays_inherits_where_no_items_are_shared():
    old = words({"broad": list(range(10)), "fine": [10, 11]}, parents={"fine": "broad"})
    new = words({"broad": list(range(10))})
    found = succession(old, ITEMS, new, ITEMS, before=Succession.none())
    assert found.of("fine") == "broad"
    assert found.of("fine", above=ALIKE) is None


def test_some_things_are_handed_on_to_near_likenesses_alone():
    old = words({"near": [0, 1, 2, 3], "far": [4, 5, 6, 7]})
    new = words({"near2": [0, 1, 2, 8], "far2": [6, 7, 9, 10]})
    found = succession(old, ITEMS, new, ITEMS, before=Succession.none())
    assert (found.of("near", above=ALIKE), found.of("near")) == ("near2", "near2")
    assert (found.of("far", above=ALIKE), found.of("far")) == (None, "far2")


def test_nobody_inherits_where_nothing_is_near():
    found = succession(words({"a": [0, 1]}), ITEMS, words({"z": [5, 6]}), ITEMS, before=Succession.none())
    assert found.heirs["a"] == ()
    assert found.of("a") is None


def test_heirs_of_heirs_are_followed_and_what_came_back_is_itself_again():
    first = succession(words({"a": [0, 1, 2]}), ITEMS, words({"b": [0, 1, 2]}), ITEMS, before=Succession.none())
    second = succession(words({"b": [0, 1, 2]}), ITEMS, words({"c": [0, 1, 2]}), ITEMS, before=first)
    assert second.of("a") == second.of("b") == "c"
    third = succession(words({"c": [0, 1, 2]}), ITEMS, words({"a": [0, 1, 2]}), ITEMS, before=second)
    assert third.of("b") == third.of("c") == "a"
    assert "a" not in third.heirs


def test_an_empty_vocabulary_leaves_everyone_without_heirs():
    found = succession(words({"a": [0, 1]}), ITEMS, words({}), ITEMS, before=Succession.none())
    assert found.heirs == {"a": ()}
