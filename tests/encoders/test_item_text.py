import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Table
from penchant.encoders import ItemTemplate, render_items
from penchant.encoders.item_text import DEFAULT_WORDINGS
from penchant.encoders.rendering import words
from penchant.errors import ConfigError
from penchant.types import ObjectArray


def column(*values: object) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


BEAUTY = Table(
    ids=("1", "2", "3"),
    columns={
        "title": column("Red  Shatter\nNail Polish", "BB Cream", None),
        "brand": column("OPI", None, None),
        "categories": column(["Beauty", "Makeup", "Beauty", "Nails"], ["a", "b", "c", "d", "e", "f", "g"], []),
        "price": column(9.5, 12.0, float("nan")),
        "average_rating": column(4.5, 3.9, 4.1),
    },
)


def test_known_texts():
    assert render_items(BEAUTY) == [
        "Red Shatter Nail Polish. by OPI. Beauty, Makeup, Nails. price 9.5",
        "BB Cream. a, b, c, d, e. price 12",
        "",
    ]


def test_a_template_of_ones_own():
    template = ItemTemplate(fields={"brand": "made by {}!", "title": "{}"}, separator=" | ")
    assert render_items(BEAUTY, template=template) == ["made by OPI! | Red Shatter Nail Polish", "BB Cream", ""]


@pytest.mark.parametrize("name", ["title", "brand", "categories", "price"])
def test_an_attribute_left_out_changes_the_text(name: str):
    shown = {field: wording for field, wording in DEFAULT_WORDINGS.items() if field in BEAUTY.columns}
    without = ItemTemplate(fields={field: wording for field, wording in shown.items() if field != name})
    assert render_items(BEAUTY, template=without)[0] != render_items(BEAUTY, template=ItemTemplate(fields=shown))[0]


def test_an_unknown_attribute_is_refused():
    with pytest.raises(ConfigError, match="names colour") as caught:
        render_items(BEAUTY, template=ItemTemplate(fields={"colour": "{}"}))
    assert "brand" in caught.value.hint


@pytest.mark.parametrize("wording", ["by", "{} and {}", "{brand}", "{} {x}", "{"])
def test_a_wording_without_a_place_for_the_value_is_refused(wording: str):
    with pytest.raises(ConfigError, match="wording"):
        ItemTemplate.of({"fields": {"brand": wording}})


def test_a_repeated_value_is_said_once():
    items = Table(ids=("1",), columns={"title": column("A tale"), "text": column("A tale")})
    assert render_items(items) == ["A tale"]


def test_items_without_attributes():
    assert render_items(Table(ids=("1", "2"))) == ["", ""]


VALUES = st.recursive(
    st.none() | st.text(max_size=8) | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=9) | st.sets(st.text(max_size=3), max_size=9),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3), at_most=st.integers(1, 6))
def test_any_values_render(values: list[tuple[object, object]], at_most: int):
    titles, tags = zip(*values, strict=True)
    items = Table(ids=tuple(map(str, range(len(values)))), columns={"title": column(*titles), "tags": column(*tags)})
    texts = render_items(items, template=ItemTemplate(max_values=at_most))
    assert len(texts) == len(values)
    assert all(text == " ".join(text.split()) for text in texts)
    assert texts == render_items(items, template=ItemTemplate(max_values=at_most))


@given(st.lists(st.text("abc", min_size=1, max_size=2), max_size=12), st.integers(1, 5))
def test_at_most_so_many_distinct_values_in_order(values: list[str], at_most: int):
    kept = words(values, at_most=at_most).split(", ") if values else []
    assert kept == list(dict.fromkeys(values))[:at_most]
    assert words([values, values], at_most=at_most) == words(values, at_most=at_most)
