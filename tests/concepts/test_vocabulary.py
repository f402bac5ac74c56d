"""Concepts come from the catalogue's own words."""

import numpy as np

from penchant.concepts.phrases import key_phrases
from penchant.concepts.vocabulary import VocabularyConfig, build_vocabulary
from penchant.data.dataset import Table


def column(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def catalogue(**columns) -> Table:
    n = len(next(iter(columns.values())))
    return Table(tuple(str(i) for i in range(n)), {name: column(values) for name, values in columns.items()})


def test_values_that_differ_in_case_and_hyphens_are_one_concept():
    tags = [["Sci-Fi"], ["sci fi"], ["SCI-FI"], ["Sci-Fi"], ["Sci-Fi"]] + [[]] * 10
    vocabulary = build_vocabulary(catalogue(tags=tags))
    assert [(c.id, c.name, c.items) for c in vocabulary.concepts] == [("tags:sci-fi", "Sci-Fi", 5)]


def test_support_limits_drop_rare_and_universal_words():
    tags = [
        ["everywhere", "rare"] if i < 2 else ["everywhere", "half"] if i < 12 else ["everywhere"] for i in range(40)
    ]
    vocabulary = build_vocabulary(catalogue(tags=tags))
    assert [c.name for c in vocabulary.concepts] == ["half"]


def test_an_item_keeps_its_rarest_concepts_and_its_row_has_unit_norm():
    words = [f"w{n}" for n in range(12)]
    tags = [[w for n, w in enumerate(words) if i % (n + 2) == 0] for i in range(200)]
    config = VocabularyConfig(max_per_item=3)
    vocabulary = build_vocabulary(catalogue(tags=tags), config)
    active = np.diff(vocabulary.activations.indptr)
    assert active.max() == 3
    squares = np.asarray(vocabulary.activations.power(2).sum(axis=1)).ravel()
    assert np.allclose(squares[active > 0], 1)
    most_specific = vocabulary.concepts[vocabulary.activations[[0]].indices.max()].name
    assert most_specific == "w11"


def test_a_broader_concept_of_the_same_kind_is_the_parent():
    categories = [["nails", "polish"] if i < 10 else ["nails"] if i < 40 else ["hair"] for i in range(120)]
    vocabulary = build_vocabulary(catalogue(categories=categories), VocabularyConfig(max_share=0.8))
    parents = {c.name: c.parent for c in vocabulary.concepts}
    assert parents == {"hair": None, "nails": None, "polish": "categories:nails"}


def test_authors_become_concepts_but_titles_do_not():
    vocabulary = build_vocabulary(catalogue(title=[f"t{i}" for i in range(30)], brand=["a"] * 10 + ["b"] * 20))
    assert {c.id for c in vocabulary.concepts} == {"brand:a"}


def test_key_phrases_stand_in_where_there_are_no_attributes():
    titles = [f"Crackle nail polish number {i}" for i in range(10)] + [f"Argan oil shampoo {i}" for i in range(20)]
    vocabulary = build_vocabulary(catalogue(title=titles))
    names = {c.name for c in vocabulary.concepts}
    assert any("polish" in name or "crackle" in name for name in names)
    assert all(c.kind == "phrase" for c in vocabulary.concepts)


def test_key_phrases_need_support_and_do_not_repeat_words():
    titles = ["red nail polish"] * 3 + ["blue nail polish"] * 3 + ["odd thing"]
    chosen = list(key_phrases(titles, min_items=3))
    assert chosen[-1] == []
    for phrases in chosen[:-1]:
        words = [word for phrase in phrases for word in phrase.split()]
        assert len(words) == len(set(words))


def test_a_catalogue_without_words_has_no_concepts():
    vocabulary = build_vocabulary(Table(("a", "b")))
    assert vocabulary.concepts == ()
    assert vocabulary.activations.shape == (2, 0)
    assert vocabulary.row("tags:x") == -1


def test_chinese_tags_are_concepts():
    vocabulary = build_vocabulary(
        catalogue(tags=[["武侠 小说"]] * 6 + [["菜谱"]] * 14), VocabularyConfig(max_share=0.7)
    )
    assert {c.name for c in vocabulary.concepts} == {"武侠 小说", "菜谱"}
