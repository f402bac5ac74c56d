from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.encoders import UserTemplate, UserText, encode_users, render_users
from penchant.errors import ConfigError
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray

from .test_item_text import column

TYPES = ("view", "search", "review", "note")


def world() -> Dataset:
    """Ann reads, writes and searches; Bea has attributes and no events; Cy has nothing."""
    rows = [  # user, item, type, text
        (0, 0, "view", None),
        (0, 1, "review", "loved  it"),
        (0, -1, "search", "dragon books"),
        (0, 1, "view", None),
        (0, 2, "note", "read on a train"),
        (0, -1, "note", "what next?"),
        (0, 0, "search", "more like this"),
    ]
    dataset = Dataset.of_rows(
        name="w",
        users=Table(
            ids=("ann", "bea", "cy"),
            columns={
                "age_group": column("30s", "20s", None),
                "cities": column(None, ["Oslo", "Rome"], None),
                "reviewer_id": column("A1", "B2", "C3"),
            },
        ),
        items=Table(ids=("i0", "i1", "i2"), columns={"title": column("Dragons", "Trains", None)}),
        user_rows=np.array([row[0] for row in rows]),
        item_rows=np.array([row[1] for row in rows]),
        types=np.array([TYPES.index(row[2]) for row in rows]),
        event_types=TYPES,
    )
    return replace(dataset, events=replace(dataset.events, texts=column(*(row[3] for row in rows))))


def test_sources_are_kept_apart_newest_first():
    ann, bea, cy = render_users(world())
    assert ann == UserText(
        attributes="age group: 30s",
        browsed=("Dragons", "i2", "Trains"),
        comments=("read on a train", "loved it"),
        searches=("more like this", "what next?", "dragon books"),
    )
    assert bea == UserText(attributes="age group: 20s. cities: Oslo, Rome")
    assert cy == UserText()


def test_every_source_reaches_the_text():
    ann, _, cy = render_users(world())
    assert ann.text.splitlines() == [
        "age group: 30s",
        "Read about: Dragons. i2. Trains",
        "Wrote: read on a train. loved it",
        "Searched for: more like this. what next?. dragon books",
    ]
    assert cy.text == ""


def test_limits():
    template = UserTemplate(max_browsed=1, max_comments=0, max_searches=2, fields={"age_group": "aged {}"})
    ann = render_users(world(), template=template)[0]
    assert ann == UserText(attributes="aged 30s", browsed=("Dragons",), searches=("more like this", "what next?"))


def test_a_dataset_without_words():
    dataset = world()
    dataset = replace(dataset, events=replace(dataset.events, texts=None), users=Table(ids=dataset.users.ids))
    ann = render_users(dataset, template=UserTemplate(max_browsed=2))[0]
    assert ann == UserText(browsed=("Dragons", "i2"))


def test_only_events_handed_in_are_read():
    dataset = world()
    earlier = dataset.select(dataset.events.timestamps < 2)
    assert render_users(earlier)[0].searches == ()


def test_an_unknown_attribute_is_refused():
    with pytest.raises(ConfigError, match="user template names height"):
        render_users(world(), template=UserTemplate(fields={"height": "{}"}))


class Letters:
    """Counts of letters, normalised: a text's vector tells what it was made of."""

    folder = None
    name, licence, identity, dim = "letters", "", "letters", 26

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32)
        counts = counts.reshape(len(texts), 26)
        vectors: FloatArray = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
        return vectors


def test_every_source_reaches_the_vector():
    users = [
        UserText(attributes="aaa" * 1000, browsed=("b",), comments=("c",), searches=("d",)),
        UserText(attributes="a"),
        UserText(),
    ]
    vectors = encode_users(Letters(), users)
    np.testing.assert_allclose(vectors[0, :5], [0.5, 0.5, 0.5, 0.5, 0])
    np.testing.assert_allclose(vectors[1, :2], [1, 0])
    assert not vectors[2].any()
    chosen = encode_users(Letters(), users, sources=["browsed", "searches"])
    np.testing.assert_allclose(chosen[0, :4], [0, 0.5**0.5, 0, 0.5**0.5], rtol=1e-6)


def test_no_users_and_unknown_sources():
    assert encode_users(Letters(), []).shape == (0, 26)
    with pytest.raises(ConfigError, match="tweets"):
        encode_users(Letters(), [], sources=["tweets"])  # type: ignore[list-item]
