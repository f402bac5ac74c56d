"""A tree of names from a file."""

import json

import pytest

from penchant.concepts.sources.taxonomy import Taxonomy, TaxonomyConfig, read_taxonomy
from penchant.errors import ConfigError, SchemaError, SourceError
from tests.concepts.catalogues import catalogue

TREE = "id,name,parent,words\n1,Beauty,,\n2,Nail care,1,nails|manicure\n3,Crackle polish,2,\n4,美甲,1,\n"


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "tree.csv"
    path.write_text(TREE, encoding="utf-8")
    return path


def proposed(path, *, column=None, **columns):
    found = Taxonomy(TaxonomyConfig(path=path, column=column)).propose(catalogue(**columns))
    return {p.name: (p.rows.tolist(), p.parent and p.parent[1]) for p in found}


def test_items_are_found_by_words_and_are_of_all_that_is_above(tree):
    found = proposed(tree, title=["Red crackle polish", "A manicure set", "Crackles", None], description=[""] * 4)
    assert found == {
        "Beauty": ([0, 1], None),
        "Nail care": ([0, 1], "beauty"),
        "Crackle polish": ([0], "nail care"),
    }


def test_plural_and_chinese_names_are_found(tree):
    found = proposed(tree, title=["crackle polishes", "日式美甲套装"])
    assert found["Crackle polish"][0] == [0]
    assert found["美甲"][0] == [1]


def test_items_are_found_by_an_attribute_of_ids_or_names(tree):
    found = proposed(tree, column="node", node=["3", ["Nail Care", "4"], 2, float("nan")])
    assert found["Nail care"] == ([0, 1, 2], "beauty")
    assert found["美甲"] == ([1], "beauty")
    assert found["Crackle polish"] == ([0], "nail care")


def test_json_gives_the_same_as_csv(tree, tmp_path):
    entries = [
        {"id": 1, "name": "Beauty", "parent": None},
        {"id": 2, "name": "Nail care", "parent": 1, "words": ["nails", "manicure"]},
        {"id": 3, "name": "Crackle polish", "parent": 2},
        {"id": 4, "name": "美甲", "parent": "1"},
    ]
    path = tmp_path / "tree.json"
    path.write_text(json.dumps(entries))
    assert read_taxonomy(path) == read_taxonomy(tree)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,A,2\n2,B,1\n", "above itself: 1 > 2 > 1"),
        ("1,A,1\n", "above itself"),
        ("1,A,\n2,B,9\n", "the parent '9' of '2' is not there"),
        ("1,A,\n1,B,\n", "the id '1' comes twice"),
        ("1,A,\n2,a,\n", "'2' and '1' are both called 'a'"),
        ("1,,\n", "entry 1 has no name"),
        ("1,NaN,\n", "entry 1 has no name"),
        (",A,\n", "entry 1 has no id"),
    ],
)
def test_a_tree_that_is_none_is_refused_with_the_node(tmp_path, rows, said):
    path = tmp_path / "tree.csv"
    path.write_text("id,name,parent\n" + rows)
    with pytest.raises(SchemaError) as caught:
        read_taxonomy(path)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("tree.csv", "id,name\n1,A\n", SchemaError),
        ("tree.json", "{", SourceError),
        ("tree.json", '{"id": 1}', SchemaError),
        ("tree.json", "[1]", SchemaError),
        ("tree.json", '[{"id": 1, "name": null}]', SchemaError),
    ],
)
def test_a_broken_file_is_refused(tmp_path, name, text, error):
    (tmp_path / name).write_text(text)
    with pytest.raises(error):
        read_taxonomy(tmp_path / name)


def test_a_missing_file_and_a_missing_column(tree, tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_taxonomy(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="no column 'shelf'"):
        proposed(tree, column="shelf", title=["a"])
