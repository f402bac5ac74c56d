"""Names of kinds in a catalogue whose kinds are known."""

import numpy as np
import scipy.sparse as sp

from penchant.concepts.kinds import name_kinds, placed_vocabulary
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.data.dataset import Table

SUBJECTS = ("pirates", "robots", "gardens")


def catalogue(items: int = 60):
    """Comedies about one of three subjects each, and dramas; a dictionary that found the subjects."""
    subject = np.arange(items) % 4
    titles = np.array([f"{(*SUBJECTS, 'sorrow')[s]} story {n}" for n, s in enumerate(subject)], dtype=object)
    bears = np.stack([subject < 3, subject == 3], axis=1).astype(np.float32)
    concepts = tuple(
        Concept(id=f"tags:{name}", name=name, kind="tags", parent=None, items=int(on.sum()), examples=(0,))
        for name, on in zip(("comedy", "drama"), bears.T, strict=True)
    )
    vocabulary = Vocabulary(concepts=concepts, activations=sp.csr_array(bears))
    kinds = np.stack([subject == s for s in range(3)], axis=1) * np.linspace(0.5, 1.0, items)[:, None]
    activations = sp.csr_array(np.hstack([bears, kinds]).astype(np.float32))
    names, are_kinds = np.array([0, 1, 0, 0, 0]), np.array([False, False, True, True, True])
    return Table(tuple(f"i{n}" for n in range(items)), {"title": titles}), vocabulary, names, are_kinds, activations


def test_a_kind_is_called_what_sets_its_items_apart():
    items, vocabulary, names, kinds, activations = catalogue()
    placed = placed_vocabulary(vocabulary, items, names, kinds, activations)
    assert [concept.name for concept in placed.concepts] == ["comedy", "drama", *SUBJECTS]
    assert [concept.parent for concept in placed.concepts] == [None, None, *["tags:comedy"] * 3]
    assert [concept.level for concept in placed.concepts] == [0, 0, 1, 1, 1]
    assert placed.concepts[2].id == "tags:comedy/pirates"
    assert placed.concepts[2].examples[0] == 56  # the item that activates it most
    assert [concept.items for concept in placed.concepts] == [45, 15, 15, 15, 15]


def test_what_is_said_of_a_name_is_said_of_its_kinds():
    items, vocabulary, names, kinds, activations = catalogue()
    placed = placed_vocabulary(vocabulary, items, names, kinds, activations)
    assert [members.tolist() for members in placed.family] == [[0, 2, 3, 4], [1], [2], [3], [4]]
    bears = placed.bears.toarray() > 0
    assert (bears[:, 0] >= bears[:, 2:].any(axis=1)).all()


def test_an_item_that_bears_a_name_without_activating_it_is_of_it_still():
    items, vocabulary, names, kinds, activations = catalogue()
    weak = activations.toarray()
    weak[0] = 0
    placed = placed_vocabulary(vocabulary, items, names, kinds, sp.csr_array(weak))
    assert placed.bears.toarray()[0].tolist() == [1, 0, 0, 0, 0]
    assert placed.concepts[0].items == 44


def test_kinds_that_nothing_sets_apart_are_numbered():
    _, vocabulary, names, kinds, activations = catalogue()
    blank = sp.csr_array((60, 1))
    placed = name_kinds(vocabulary, names, kinds, activations, blank, ["nothing"])
    assert [concept.name for concept in placed.concepts[2:]] == ["comedy (2)", "comedy (3)", "comedy (4)"]
    assert len({concept.id for concept in placed.concepts}) == 5


def test_names_that_the_dictionary_gave_up_are_gone():
    items, vocabulary, _, _, activations = catalogue()
    child = Concept(id="tags:farce", name="farce", kind="tags", parent="tags:drama", items=15)
    more = Vocabulary(
        concepts=(*vocabulary.concepts, child),
        activations=sp.csr_array(np.hstack([vocabulary.activations.toarray(), activations.toarray()[:, 2:3]])),
    )
    placed = placed_vocabulary(
        more, items, np.array([0, 2]), np.array([False, False]), sp.csr_array(activations.toarray()[:, [0, 2]])
    )
    assert [(concept.id, concept.parent) for concept in placed.concepts] == [
        ("tags:comedy", None),
        ("tags:farce", None),
    ]


def test_a_kind_under_no_name_stands_alone():
    items, vocabulary, _, kinds, activations = catalogue()
    placed = placed_vocabulary(vocabulary, items, np.array([0, 1, -1, 0, -1]), kinds, activations)
    assert [concept.parent for concept in placed.concepts] == [None, None, None, "tags:comedy", None]
    assert [concept.name for concept in placed.concepts[2:]] == list(SUBJECTS)
    assert placed.concepts[2].id == "kind/pirates"
    assert placed.concepts[2].level == 0


def test_a_kind_is_called_by_what_is_said_of_many_of_its_items():
    _, vocabulary, _, _, _ = catalogue()
    # Of the comedies the kind has ten: "rare" is said of two of these alone, "common" of nine and of one more.
    words = np.zeros((60, 2))
    comedies = np.flatnonzero(vocabulary.activations.toarray()[:, 0] > 0)
    words[comedies[:2], 0] = 1
    words[comedies[1:10], 1] = 1
    words[comedies[30], 1] = 1
    kind = np.zeros((60, 1))
    kind[comedies[:10]] = 1
    activations = sp.csr_array(np.hstack([vocabulary.activations.toarray(), kind]).astype(np.float32))
    names, kinds = np.array([0, 1, 0]), np.array([False, False, True])
    placed = name_kinds(vocabulary, names, kinds, activations, sp.csr_array(words), ["rare", "common"])
    assert placed.concepts[2].name == "common"


def test_a_second_word_says_what_the_first_does_not():
    _, vocabulary, _, _, _ = catalogue()
    comedies = np.flatnonzero(vocabulary.activations.toarray()[:, 0] > 0)
    words = np.zeros((60, 3))
    words[comedies[:4], 0] = 1
    words[comedies[:3], 1] = 1  # nearly the same items again
    words[comedies[4:7], 2] = 1
    kind = np.zeros((60, 1))
    kind[comedies[:10]] = 1
    activations = sp.csr_array(np.hstack([vocabulary.activations.toarray(), kind]).astype(np.float32))
    names, kinds = np.array([0, 1, 0]), np.array([False, False, True])
    placed = name_kinds(vocabulary, names, kinds, activations, sp.csr_array(words), ["sea", "ship", "island"])
    assert placed.concepts[2].name == "sea · island"
