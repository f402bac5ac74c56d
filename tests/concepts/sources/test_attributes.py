"""Names from attributes."""

import numpy as np
import pytest

from penchant.concepts.sources.attributes import Attributes, AttributesConfig
from penchant.errors import ConfigError
from tests.concepts.catalogues import catalogue


def proposed(config=None, **columns):
    return {p.key: p for p in Attributes(AttributesConfig.of(config)).propose(catalogue(**columns))}


def test_values_that_differ_in_case_and_hyphens_are_one_under_the_commonest_spelling():
    found = proposed(tags=[["Sci-Fi"], ["sci fi", "sci_fi"], ["SCI-FI"], ["Sci-Fi"], []])
    (only,) = found.values()
    assert (only.name, only.rows.tolist()) == ("Sci-Fi", [0, 1, 2, 3])


def test_lists_are_fields_and_single_values_makers():
    found = proposed(genres=[["a"], ["a", "b"]] * 3, brand=["x", "y"] * 3)
    assert {key: p.breadth for key, p in found.items()} == {
        ("genres", "a"): 0,
        ("genres", "b"): 0,
        ("brand", "x"): 1,
        ("brand", "y"): 1,
    }


@pytest.mark.parametrize("missing", [None, float("nan"), "", "nan", "Unknown"])
def test_missing_values_name_nothing(missing):
    found = proposed(brand=["OPI", "OPI", missing, missing, "OPI"])
    assert [(p.name, p.rows.tolist()) for p in found.values()] == [("OPI", [0, 1, 4])]


def test_names_that_are_no_names_within_lists_are_left_out():
    found = proposed(tags=[["ok", float("nan"), None, "", "none", 3], ["ok"]])
    assert list(found) == [("tags", "ok")]


def test_nested_lists_are_paths_that_say_what_is_broader():
    path = [["Beauty", "Makeup", "Nails"], ["Gifts"]]
    found = proposed(categories=[path, [["Beauty", "Makeup", "Lips"]], path, [["Beauty", "Hair"]]])
    assert {name: p.parent and p.parent[1] for (_, name), p in found.items()} == {
        "beauty": None,
        "makeup": "beauty",
        "nails": "makeup",
        "lips": "makeup",
        "hair": "beauty",
        "gifts": None,
    }


def test_texts_with_arrows_are_paths():
    found = proposed(category=["Beauty > Makeup", "Beauty > Hair", "Beauty > Hair"])
    assert found["category", "hair"].parent == ("category", "beauty")
    assert found["category", "beauty"].rows.tolist() == [0, 1, 2]


def test_a_name_under_several_has_no_known_parent():
    found = proposed(categories=[[["Men", "Shoes"]], [["Women", "Shoes"]]] * 3)
    assert found["categories", "shoes"].parent is None


def test_the_order_of_plain_tags_says_nothing():
    found = proposed(tags=[["a", "b"]] * 4)
    assert found["tags", "b"].parent is None


def test_arrays_are_lists():
    found = proposed(tags=[np.array(["a", "b"], dtype=object), np.array(["a"], dtype=object)])
    assert set(found) == {("tags", "a"), ("tags", "b")}


def test_texts_that_hardly_repeat_titles_and_descriptions_are_no_names():
    found = proposed(title=["t"] * 6, description=["d"] * 6, isbn=list("abcdef"), maker=["m", "m", "m", "n", "n", "n"])
    assert {kind for kind, _ in found} == {"maker"}


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match="'tgas'") as caught:
        proposed({"columns": ["tgas"]}, tags=[["a"]])
    assert "tags" in caught.value.hint


def test_a_column_that_gathers_what_others_say_is_left_out():
    columns = {
        "brand": ["OPI", "Conair", "OPI", None] * 3,
        "categories": [["Nails"], ["Hair"], ["Lips"], ["Hair"]] * 3,
        "all": [["OPI", "Nails"], ["Conair", "Hair"], ["OPI", "Lips"], ["Hair"]] * 3,
    }
    assert {kind for kind, _ in proposed(**columns)} == {"brand", "categories"}
    more = [[*names, "extra"] for names in (["OPI", "Nails"], ["Conair", "Hair"], ["OPI", "Lips"], ["Hair"])] * 3
    assert {kind for kind, _ in proposed(**columns | {"all": more})} == {"brand", "categories", "all"}


def test_several_makers_are_makers_all_the_same():
    assert proposed(authors=[["a", "b"], ["a"]] * 2)["authors", "a"].breadth == 1


def test_columns_chosen_are_read_whatever_they_are():
    assert list(proposed({"columns": ["isbn"]}, isbn=["one", "two"])) == [("isbn", "one"), ("isbn", "two")]
