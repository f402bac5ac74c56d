"""Prompts as configuration."""

import pytest

from penchant.errors import ConfigError, DataError
from penchant.models.language.prompts.template import PromptTemplate, PromptValues
from penchant.models.language.prompts.verbaliser import Verbaliser


def test_a_prompt_in_full():
    template = PromptTemplate(
        text="Liked: {liked}. Not: {disliked}. {item} is {mask}. {{end}}", max_items=2, max_words=2
    )
    values = PromptValues(item="A long title here.", liked=("one", "", "two", "three"), disliked=())
    assert template.around(values) == ("Liked: one. Not: nothing yet. A long is ", ". {end}")
    assert template.fill(values) == "Liked: one. Not: nothing yet. A long is . {end}"
    assert template.slots == ("liked", "disliked", "item", "mask")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{itm} is {mask}", r"\{itm\}.*\{item\}, \{text\}, \{history\}, \{liked\}, \{disliked\}, \{mask\}"),
        ("{item} {item}", "more than once"),
        ("{item", "braces"),
        ("{}", "no slot is called"),
        ("{item.text}", "no slot is called"),
        ("{item!r}", "no slot is called"),
        ("  ", "words"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(text, said):
    with pytest.raises(ConfigError, match=said):
        PromptTemplate.of({"text": text})


def test_what_is_missing_is_named():
    template = PromptTemplate(text="{text}: {history}, {item}")
    with pytest.raises(DataError, match=r"asks for \{history\}, \{item\}"):
        template.fill(PromptValues(text="x"))
    with pytest.raises(ConfigError, match=r"has no \{mask\}: there the model answers"):
        template.need(["mask"], why="there the model answers")


def test_lists_are_cut_and_words_that_say_nothing_fill_every_slot():
    values = PromptValues(liked=("a", "b", "c"), history=("d",), item="i")
    assert values.longest == 3
    assert values.shortened(1) == PromptValues(liked=("a",), history=("d",), item="i")
    assert PromptTemplate(text="{item} {liked} {text}").fill(PromptValues.content_free("N/A")) == "N/A N/A N/A"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"like": ("good",)}, "two labels"),
        ({"like": ("good",), "dislike": ()}, "no word"),
        ({"like": ("good",), "dislike": ("good",)}, "twice"),
    ],
)
def test_verbalisers_that_tell_nothing_apart(words, said):
    with pytest.raises(ConfigError, match=said):
        Verbaliser.of({"words": words})
