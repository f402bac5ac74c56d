"""Texts that nobody should write: each has a reading, and none takes long."""

import time

import numpy as np
import pytest

from penchant.interests.text import Gazetteer, ReadingConfig, TextReader
from penchant.interests.text.cleaning import cleaned
from tests.interests.text.planted import vocabulary


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(Gazetteer.of(vocabulary()))


@pytest.mark.parametrize(
    "text", [None, float("nan"), np.nan, "", "   \n\t ", "...", "<p></p>", "&nbsp;", "\ud800", "\x00"]
)
def test_nothing_is_said(reader: TextReader, text: object):
    for search in (False, True):
        [one] = reader.read([text], searches=search)
        assert len(one) == 0
        assert one.polarity == 0
        assert not one.mentions


@pytest.mark.parametrize(
    "text",
    [
        "\ud83d horror is great",
        "horror\x00is great",
        "I loved the horror &#0; &#xffffff; &#x110000; &bogus; & <3",
        "<a href='<<<'>great horror",
        "<!-- --><style>p{}</style>great horror",
        "مرحبا great horror ❤️‍🔥 สวัสดี",
        "great\u200bhorror was great horror",
    ],
)
def test_horror_is_heard_through_noise(reader: TextReader, text: str):
    [one] = reader.read([text])
    assert {mention.name for mention in one.mentions} == {"horror"}
    assert one.polarities[0] > 0.3


def test_markup_that_never_ends_hides_the_rest():
    assert cleaned("good <script> horror", at_most=100).text.strip() == "good"
    assert cleaned("good <!-- horror", at_most=100).text.strip() == "good"
    assert cleaned("R&B & rock &amp; roll, 1 < 2 > 0", at_most=100).text == "R&B & rock & roll, 1 < 2 > 0"


def test_a_long_text_is_read_up_to_its_limit_and_says_so():
    reader = TextReader(Gazetteer.of(vocabulary()), config=ReadingConfig(most_characters=20))
    [one] = reader.read(["great horror " * 3 + "awful travel"])
    assert one.cut
    assert [mention.name for mention in one.mentions] == ["horror"]


@pytest.mark.parametrize(
    "unit",
    [
        "<script",
        "<a ",
        "&#",
        "<!",
        "but ",
        "a, ",
        "the ",
        "not good horror, ",
        "😀",
        "很好看",
        "space ",
        "!",
        "(((",
        "-",
        "soooo",
        "horror ",
        "-horror ",
    ],
)
@pytest.mark.parametrize("searches", [False, True])
def test_time_is_linear_in_the_length(reader: TextReader, unit: str, searches: bool):
    """Eight times the text takes about eight times as long; a quadratic pass would take 64 times."""
    reader = TextReader(reader.gazetteer, lexicon=reader.lexicon, config=ReadingConfig(most_characters=10**7))

    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        start = time.process_time()
        reader.read([text], searches=searches)
        return time.process_time() - start

    small, large = (min(seconds(n) for _ in range(3)) for n in (4_000, 32_000))
    assert large < 30 * max(small, 1e-3)


def test_a_megabyte_is_read():
    reader = TextReader(Gazetteer.of(vocabulary()), config=ReadingConfig(most_characters=2_000_000))
    text = "The horror was great but the romance was awful. " * 20_833
    start = time.process_time()
    [one] = reader.read([text])
    assert time.process_time() - start < 30
    assert not one.cut
    assert len(one.mentions) == 2 * 20_833
