"""Concepts come from the catalogue's own words."""

import json
import sys
import time
from typing import Any

import numpy as np
import pytest

from penchant.bundled import BOOKS
from penchant.concepts.sources.catalogue import SOURCES
from penchant.concepts.vocabulary import Vocabulary, VocabularyConfig, build_vocabulary
from penchant.data.dataset import Dataset, Table
from penchant.data.importing import ImportConfig, import_source
from penchant.errors import ConfigError, NotFoundError, UnsupportedError
from tests.concepts.catalogues import BagOfWords, table


def check(vocabulary: Vocabulary, items: Table, *, min_items: int, max_per_item: int = 8, share: float = 0.2) -> None:
    """What holds of every vocabulary."""
    activations, concepts = vocabulary.activations, vocabulary.concepts
    assert activations.shape == (len(items), len(concepts))
    assert activations.dtype == np.float32
    assert 1 <= len(concepts) <= max(share * len(items), 1)
    assert (activations.data > 0).all()
    assert np.diff(activations.indptr).max() <= max_per_item
    squares = np.asarray(activations.power(2).sum(axis=1)).ravel()
    assert np.allclose(squares[squares > 0], 1, atol=1e-5)
    active = np.bincount(activations.indices, minlength=len(concepts))
    assert active.min() >= min_items
    ids = {concept.id: concept for concept in concepts}
    assert len(ids) == len({concept.name.casefold() for concept in concepts}) == len(concepts)
    by_concept = activations.tocsc()
    for c, concept in enumerate(concepts):
        assert concept.items == active[c]
        assert vocabulary.row(concept.id) == c
        mine = set(by_concept.indices[by_concept.indptr[c] : by_concept.indptr[c + 1]].tolist())
        assert 1 <= len(concept.examples) <= 5
        assert set(concept.examples) <= mine
        assert concept.purity is None or concept.purity <= 1
        assert concept.name not in concept.aliases
        above, walked = concept, 0
        while above.parent is not None:
            above, walked = ids[above.parent], walked + 1
            assert walked <= len(concepts)
        assert concept.level == walked <= 2


@pytest.fixture(scope="module")
def books(tmp_path_factory) -> Table:
    target = tmp_path_factory.mktemp("books") / "data"
    import_source(BOOKS, target, config=ImportConfig(name="goodbooks"))
    return Dataset.load(target).items


def test_values_that_differ_in_case_and_hyphens_are_one_concept():
    tags = [["Sci-Fi"], ["sci fi"], ["SCI-FI"], ["Sci-Fi"], ["Sci-Fi"]] + [[]] * 10
    vocabulary = build_vocabulary(table(tags=tags))
    assert [(c.id, c.name, c.items) for c in vocabulary.concepts] == [("tags:sci-fi", "Sci-Fi", 5)]


def test_support_limits_drop_rare_and_universal_words():
    tags = [
        ["everywhere", "rare"] if i < 2 else ["everywhere", "half"] if i < 12 else ["everywhere"] for i in range(40)
    ]
    vocabulary = build_vocabulary(table(tags=tags))
    assert [c.name for c in vocabulary.concepts] == ["half"]


@pytest.mark.parametrize(("n", "kept"), [(999, {"five", "ten"}), (1000, {"ten"})])
def test_a_large_catalogue_asks_for_ten_items(n, kept):
    tags = [[*(["five"] if i < 5 else []), *(["ten"] if i < 10 else [])] for i in range(n)]
    vocabulary = build_vocabulary(table(tags=tags), VocabularyConfig.of({"hierarchy": {"levels": 1}}))
    assert {c.name for c in vocabulary.concepts} == kept


def test_there_are_at_most_a_fifth_as_many_concepts_as_items_and_the_largest_are_kept():
    tags = [[f"t{k}" for k in range(12) if i >= k] for i in range(25)]
    vocabulary = build_vocabulary(table(tags=tags), VocabularyConfig(max_share=1.0, max_per_item=12))
    assert {c.name for c in vocabulary.concepts} == {f"t{k}" for k in range(5)}


def test_an_item_keeps_its_rarest_concepts():
    words = [f"w{n}" for n in range(12)]
    tags = [[w for n, w in enumerate(words) if i % (n + 2) == 0] for i in range(200)]
    items = table(tags=tags)
    vocabulary = build_vocabulary(items, VocabularyConfig(max_per_item=3))
    check(vocabulary, items, min_items=5, max_per_item=3)
    most_specific = vocabulary.concepts[vocabulary.activations[[0]].indices.max()].name
    assert most_specific == "w11"


def test_a_broader_concept_of_the_same_kind_is_the_parent():
    categories = [["nails", "polish"] if i < 10 else ["nails"] if i < 40 else ["hair"] for i in range(120)]
    vocabulary = build_vocabulary(table(categories=categories), VocabularyConfig(max_share=0.8))
    parents = {c.name: (c.parent, c.level) for c in vocabulary.concepts}
    assert parents == {"hair": (None, 0), "nails": (None, 0), "polish": ("categories:nails", 1)}


def test_paths_and_words_make_two_levels_on_a_small_shop():
    """As on Amazon: category paths, makers, and titles that say what a thing is."""
    kinds = [
        ("Makeup", "Nails", "crackle polish"),
        ("Makeup", "Nails", "gel topcoat"),
        ("Makeup", "Lips", "matte lipstick"),
        ("Hair Care", "Shampoos", "argan shampoo"),
        ("Hair Care", "Styling", "curling iron"),
    ]
    rows = [kinds[i % 5] for i in range(200)]
    items = table(
        title=[f"{what.title()} No {i}" for i, (_, _, what) in enumerate(rows)],
        categories=[[["Beauty", broad, fine]] for broad, fine, _ in rows],
        brand=[None if i % 3 else "OPI" if "polish" in what else "Conair" for i, (_, _, what) in enumerate(rows)],
    )
    vocabulary = build_vocabulary(items, VocabularyConfig(max_share=0.7))
    check(vocabulary, items, min_items=5)
    parents = {c.name.casefold(): c.parent for c in vocabulary.concepts}
    assert "beauty" not in parents  # on everything
    assert parents["makeup"] is parents["hair care"] is None
    assert parents["nails"] == parents["lips"] == "categories:makeup"
    assert parents["crackle polish"] == "categories:nails"
    assert parents["opi"] in {"phrase:crackle-polish", "categories:nails"}


def test_authors_become_concepts_but_titles_do_not():
    vocabulary = build_vocabulary(table(title=[f"t{i}" for i in range(30)], brand=["a"] * 10 + ["b"] * 20))
    assert {c.id for c in vocabulary.concepts} == {"brand:a"}


def test_key_phrases_stand_in_where_there_are_no_attributes():
    titles = [f"Crackle nail polish number {i}" for i in range(10)] + [f"Argan oil shampoo {i}" for i in range(20)]
    vocabulary = build_vocabulary(table(title=titles))
    names = {c.name for c in vocabulary.concepts}
    assert any("polish" in name or "crackle" in name for name in names)
    assert all(c.kind == "phrase" for c in vocabulary.concepts)


def test_titles_that_are_names_give_no_phrases_beside_attributes():
    """As with books: their words hardly recur, and the few that do ("king") say nothing."""
    rng = np.random.default_rng(0)
    titles = [f"{'King ' if i % 10 == 0 else ''}{''.join(rng.choice(list('abcdefgh'), 9))}" for i in range(200)]
    items = table(title=titles, genres=[["war"] if i % 3 else ["love"] for i in range(200)])
    vocabulary = build_vocabulary(items, VocabularyConfig(max_share=0.7))
    assert {c.kind for c in vocabulary.concepts} == {"genres"}
    asked = build_vocabulary(table(title=titles), VocabularyConfig(sources=("phrases",), min_purity=-1))
    assert [c.name for c in asked.concepts] == ["king"]


def test_a_phrase_whose_items_have_nothing_in_common_is_no_subject():
    genres = [["war"], ["tea"], ["sea"], ["law"]]
    rows = [("handy" if i % 5 == 0 else "", i // 100) for i in range(400)]
    words = {0: "tank battle", 1: "green leaves", 2: "sailing ship", 3: "court judge"}
    items = table(
        title=[f"{words[g]} {extra}" for extra, g in rows], genres=[genres[g] for _, g in rows], year=[1] * 400
    )
    names = {c.name for c in build_vocabulary(items).concepts}
    assert "handy" not in names
    assert {"tank battle", "green leaves", "sailing ship", "court judge"} <= names


def test_a_catalogue_without_words_has_no_concepts():
    vocabulary = build_vocabulary(Table(("a", "b")))
    assert vocabulary.concepts == ()
    assert vocabulary.activations.shape == (2, 0)
    assert vocabulary.row("tags:x") == -1
    empty = build_vocabulary(table(title=["", None, float("nan")], tags=[[], None, float("nan")]))
    assert empty.concepts == ()
    assert build_vocabulary(Table(())).activations.shape == (0, 0)


def test_every_source_on_texts_without_words(tmp_path):
    (tmp_path / "tree.csv").write_text("id,name,parent\n1,A,\n")
    settings = {"taxonomy": {"path": str(tmp_path / "tree.csv")}, "given_names": {"names": ["thing"]}}
    config = VocabularyConfig.of({"sources": tuple(SOURCES), "settings": settings})
    assert len(SOURCES) == 6
    assert build_vocabulary(table(title=["", None, "3"]), config, encoder=BagOfWords()).concepts == ()


def test_a_chinese_catalogue_has_chinese_concepts():
    titles = ["经典武侠小说", "武侠小说精选", "江湖武侠小说"] * 6 + ["川菜菜谱", "菜谱大全", "素食菜谱"] * 8
    vocabulary = build_vocabulary(table(title=titles), VocabularyConfig(max_share=0.7))
    names = {c.name for c in vocabulary.concepts}
    assert "菜谱" in names
    assert "武侠小说" in names or "武侠" in names
    assert not any(name.isascii() for name in names)


def test_chinese_tags_are_concepts():
    vocabulary = build_vocabulary(table(tags=[["武侠 小说"]] * 6 + [["菜谱"]] * 14), VocabularyConfig(max_share=0.7))
    assert {c.name for c in vocabulary.concepts} == {"武侠 小说", "菜谱"}


def test_the_language_model_joins_names_that_mean_the_same():
    vectors = {"science fiction": (1.0, 0.0, 0.0), "sci-fi": (0.82, 0.57, 0.0), "romance": (0.0, 0.0, 1.0)}
    tags = [["sci-fi"]] * 6 + [["science fiction"]] * 8 + [["romance"]] * 20
    config = VocabularyConfig(max_share=0.7)
    alone = build_vocabulary(table(tags=tags), config)
    assert len(alone.concepts) == 3
    read = build_vocabulary(table(tags=tags), config, encoder=BagOfWords(vectors=vectors))
    assert [(c.name, c.aliases, c.items) for c in read.concepts] == [
        ("romance", (), 20),
        ("science fiction", ("sci-fi",), 14),
    ]


def test_a_name_too_rare_under_each_spelling_counts_with_both():
    tags = [["eyeshadow"]] * 3 + [["Eye Shadows"]] * 4 + [["soap"]] * 20
    names = {c.name: c.aliases for c in build_vocabulary(table(tags=tags), VocabularyConfig(max_share=0.9)).concepts}
    assert names == {"soap": (), "Eye Shadows": ("eyeshadow",)}


def test_a_given_tree_comes_before_what_is_found(tmp_path):
    path = tmp_path / "tree.json"
    path.write_text(
        json.dumps([{"id": "n", "name": "Nail care"}, {"id": "c", "name": "Crackle polish", "parent": "n"}])
    )
    titles = ["Crackle polish red", "Nail care set"] * 10 + ["Argan shampoo"] * 30
    config = VocabularyConfig.of(
        {"sources": ["phrases", "taxonomy"], "settings": {"taxonomy": {"path": str(path)}}, "max_share": 0.9}
    )
    vocabulary = build_vocabulary(table(title=titles), config)
    found = {c.name: (c.id, c.parent, c.items) for c in vocabulary.concepts}
    assert found["Nail care"] == ("taxonomy:nail-care", None, 20)
    assert found["Crackle polish"] == ("taxonomy:crackle-polish", "taxonomy:nail-care", 10)
    assert [c.kind for c in vocabulary.concepts[:2]] == ["taxonomy", "taxonomy"]


def test_settings_are_checked_when_they_are_written():
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"sources": ["attributes", "attributes"]}, "twice"),
        ({"settings": {"topics": {}}}, "topics"),
        ({"sources": ["topics"], "settings": {"topics": {"topcs": 3}}}, "topcs"),
        ({"min_items": 1}, "min_items"),
    ]
    for settings, said in wrong:
        with pytest.raises(ConfigError) as caught:
            VocabularyConfig.of(settings)
        assert said in caught.value.message
    with pytest.raises(NotFoundError, match="'tagz'"):
        VocabularyConfig.of({"sources": ["tagz"]})
    with pytest.raises(UnsupportedError, match="language model"):
        build_vocabulary(table(title=["a tea"] * 9), VocabularyConfig(sources=("embedding_phrases",)))


def test_the_bundled_books(books):
    vocabulary = build_vocabulary(books)
    check(vocabulary, books, min_items=10)
    kinds = {c.kind for c in vocabulary.concepts}
    assert kinds == {"categories", "authors"}
    names = {c.name: c for c in vocabulary.concepts}
    assert names["epic fantasy"].parent == "categories:fantasy"
    assert (names["epic fantasy"].purity or 0) > 0
    assert (np.diff(vocabulary.activations.indptr) > 0).mean() > 0.99


def test_every_source_on_the_bundled_books_gives_the_same_twice(books):
    sources = ("attributes", "phrases", "embedding_phrases", "topics", "given_names")
    settings = {"given_names": {"names": ["dragons", "war"]}, "phrases": {"titles": True}, "topics": {"topics": 6}}
    config = VocabularyConfig.of({"sources": sources, "settings": settings})
    few = Table(books.ids[:400], {name: values[:400] for name, values in books.columns.items()})
    first, again = (build_vocabulary(few, config, encoder=BagOfWords(dim=4000), seed=3) for _ in range(2))
    check(first, few, min_items=5)
    assert first.concepts == again.concepts
    assert np.array_equal(first.activations.indices, again.activations.indices)
    assert np.array_equal(first.activations.data, again.activations.data)
    assert {"categories", "name"} <= {c.kind for c in first.concepts}


@pytest.mark.shared_data
def test_beauty(shared_data, tmp_path):
    import_source(shared_data / "amazon-beauty-2014", tmp_path / "data", config=ImportConfig(name="beauty"))
    items = Dataset.load(tmp_path / "data").items
    began = time.process_time()
    vocabulary = build_vocabulary(items)
    sys.stdout.write(f"{len(vocabulary.concepts)} concepts in {time.process_time() - began:.1f} s of one core\n")
    check(vocabulary, items, min_items=10)
    names = {c.name: c for c in vocabulary.concepts}
    assert names["Nail Polish"].parent == "categories:nails"
    assert {"categories", "brand", "phrase"} <= {c.kind for c in vocabulary.concepts}
    assert len(vocabulary.concepts) > 1000
    assert np.diff(vocabulary.activations.indptr).mean() > 6
