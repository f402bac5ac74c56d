"""Polarity by lexicon: VADER's own numbers where the rules are the same, and the rules by themselves."""

from pathlib import Path

import pytest

from penchant.errors import SourceError
from penchant.interests.text import Gazetteer, Lexicon, TextReader
from penchant.interests.text.lexicon import read_valences
from tests.interests.text.planted import vocabulary


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(Gazetteer.of(vocabulary()))


def polarity(reader: TextReader, text: str) -> float:
    return float(reader.sentiment.polarities(reader.passages([text]))[0])


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        ("the story is great", 0.6249),
        ("the story is very good", 0.4927),
        ("the story is not good", -0.3412),
        ("I really enjoyed it", 0.5563),
        ("it was somewhat disappointing", -0.4417),
        ("the story is GREAT", 0.7034),
        ("the story is great!!", 0.6892),
        ("I never liked it", -0.3252),
        ("an extremely boring book", -0.3804),
        ("a lovely and charming book", 0.8225),
        ("the story is great but the ending is awful", -0.3506),
    ],
)
def test_numbers_of_vader(reader: TextReader, text: str, compound: float):
    """Made with vaderSentiment 3.3.2. The same to 0.03: it lets a degree word reach over an article."""
    assert polarity(reader, text) == pytest.approx(compound, abs=0.03)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("it is awful", "it is not awful"),
        ("it is good", "it is very good"),
        ("it is a bit good", "it is good"),
        ("it is great, but awful", "it is awful, but great"),
        ("it isn't good", "it is good"),
        ("not good", "not only good"),
        ("although it is great, it is awful", "although it is awful, it is great"),
        ("it is good", "it is sooo goood"),
        ("不好看", "好看"),
        ("有点无聊", "一点也不无聊"),
        ("好看", "非常好看"),
        ("it is fine 👎", "it is fine 👍"),
        ("it is fine :(", "it is fine :)"),
        ("pretty bad", "bad one"),
        ("it feels like rain", "I like rain"),
    ],
)
def test_what_speaks_more_for_it(reader: TextReader, less: str, more: str):
    assert polarity(reader, less) < polarity(reader, more)


def test_a_negation_does_not_reach_over_a_comma(reader: TextReader):
    assert polarity(reader, "isn't it, great") > 0


def test_what_a_concept_is_called_holds_no_opinion(reader: TextReader):
    assert polarity(reader, "a novel of horror and world war") == 0
    assert Lexicon.standard().without(["wonderful"]).valence("wonderful") == 0


def test_a_lexicon_with_a_broken_line_is_refused_by_its_number(tmp_path: Path):
    for line in ("good", "good\tmany", "good\t5"):
        (tmp_path / "own.tsv").write_text(f"# mine\n{line}\n", encoding="utf-8")
        with pytest.raises(SourceError, match="line 2"):
            read_valences(tmp_path / "own.tsv")
    with pytest.raises(SourceError, match="cannot be read"):
        read_valences(tmp_path / "none.tsv")
