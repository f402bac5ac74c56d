"""Names that mean one thing become one concept; names that do not stay apart."""

import numpy as np
import pytest

from penchant.concepts.merging import MergingConfig, merge, same_key
from tests.concepts.catalogues import proposal

CONFIG = MergingConfig()


def merged(*proposals, vectors=None):
    told = merge(list(proposals), None if vectors is None else np.asarray(vectors, dtype=np.float32), CONFIG)
    return {p.name: (p.aliases, p.rows.tolist()) for p in told}


def near(cosine: float):
    return [[1, 0], [cosine, (1 - cosine**2) ** 0.5]]


def test_near_names_on_the_same_items_are_one():
    told = merged(proposal("movies", range(10)), proposal("films", range(4, 12)), vectors=near(0.85))
    assert told == {"movies": (("films",), list(range(12)))}


def test_an_abbreviation_is_one_with_what_it_stands_for_though_no_item_has_both():
    told = merged(proposal("sci-fi", range(6)), proposal("science fiction", range(6, 20)), vectors=near(0.82))
    assert told == {"science fiction": (("sci-fi",), list(range(20)))}


def test_opposites_are_near_in_meaning_and_stay_apart():
    told = merged(
        proposal("men's fragrance", range(10)), proposal("women's fragrance", range(10, 20)), vectors=near(0.95)
    )
    assert len(told) == 2


@pytest.mark.parametrize("cosine", [0.99, 0.5])
def test_a_negation_is_never_one_with_what_it_negates(cosine):
    told = merged(proposal("fiction", range(10)), proposal("non-fiction", range(10)), vectors=near(cosine))
    assert len(told) == 2


def test_a_broader_name_on_many_more_items_is_not_the_same():
    told = merged(proposal("fantasy", range(50)), proposal("epic fantasy", range(10)), vectors=near(0.9))
    assert len(told) == 2


def test_names_that_share_items_but_not_meaning_stay_apart():
    told = merged(proposal("vampires", range(10)), proposal("romance", range(10)), vectors=near(0.3))
    assert len(told) == 2


def test_spelling_alone_joins_within_a_kind_without_a_model():
    told = merged(proposal("Eye Shadow", range(5)), proposal("eyeshadows", range(5, 8)))
    assert told == {"Eye Shadow": (("eyeshadows",), list(range(8)))}


def test_spelling_across_kinds_needs_common_items():
    apart = merged(proposal("Apples", range(5)), proposal("Apple", range(5, 12), kind="brand"))
    assert len(apart) == 2
    together = merged(proposal("Shampoos", range(9)), proposal("shampoo", range(3, 12), kind="phrase", breadth=2))
    assert together == {"Shampoos": (("shampoo",), list(range(12)))}


def test_phrases_on_the_same_items_take_the_longer_name():
    told = merged(
        proposal("argan", range(10), kind="phrase", breadth=2),
        proposal("argan oil", range(10), kind="phrase", breadth=2),
    )
    assert told == {"argan oil": (("argan",), list(range(10)))}


def test_a_chain_of_near_names_does_not_run_together():
    """a~b and b~c are near; c shares nothing with what a and b have become, by items."""
    angle = np.arccos(0.85)
    vectors = [[np.cos(k * angle), np.sin(k * angle)] for k in range(3)]
    told = merged(
        proposal("alpha", range(12)), proposal("beta", range(4, 12)), proposal("gamma", range(10, 16)), vectors=vectors
    )
    assert told == {"alpha": (("beta",), list(range(12))), "gamma": ((), list(range(10, 16)))}


def test_a_parent_that_was_joined_is_followed():
    fine = proposal("Nail Art", range(3), kind="path", parent=("path", "nail cares"))
    broad, other = proposal("Nail Care", range(9), kind="path"), proposal("nail cares", range(5), kind="path")
    told = {p.name: p.parent for p in merge([fine, broad, other], None, CONFIG)}
    assert told == {"Nail Art": ("path", "nail care"), "Nail Care": None}


def test_the_larger_weight_of_two_is_kept():
    one = proposal("film", [0, 1])
    other = proposal("films", [1, 2])
    other.weights[:] = 0.5
    (told,) = merge([one, other], None, CONFIG)
    assert told.weights.tolist() == [1, 1, 0.5]


def test_one_name_under_two_kinds():
    (told,) = same_key([proposal("Dune", range(6)), proposal("dune", range(2, 8), kind="series", breadth=1)], CONFIG)
    assert (told.kind, told.rows.tolist()) == ("tags", list(range(8)))
    (told,) = same_key([proposal("Apple", range(6)), proposal("Apple", range(6, 14), kind="brand", breadth=1)], CONFIG)
    assert (told.kind, told.rows.tolist()) == ("brand", list(range(6, 14)))


def test_given_names_keep_their_own_and_take_in_what_was_found():
    given = [
        proposal("crime", range(5), kind="name", given=True),
        proposal("crimes", range(5), kind="name", given=True),
    ]
    assert len(merge(given, None, CONFIG)) == 2
    (told,) = same_key([proposal("Crime", range(20)), given[0]], CONFIG)
    assert (told.kind, len(told.rows)) == ("name", 20)
