"""From a history to a prompt, from an answer to items: what is named is found, what is made up is told."""

import pytest
import torch

from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.prompts.answers import PromptedItems, TitleIndex, plain, rating_in
from penchant.models.language.prompts.template import PromptTemplate, PromptValues
from penchant.models.language.prompts.writer import Writer, WriterConfig

TITLES = (
    "Dune",
    "Emma",
    "The Hunger Games (The Hunger Games, #1)",
    "Catching Fire (The Hunger Games, #2)",
    "Matrix, The (1999)",
    "Crime and Punishment",
    "Les Misérables",
    "Sapiens: A Brief History of Humankind",
    "It",
    "Dracula (1931)",
    "Dracula (1992)",
)
INDEX = TitleIndex(TITLES)


@pytest.mark.parametrize(
    ("answer", "rows", "unknown"),
    [
        ('1. Emma (1815)\n2. "Dune" by Frank Herbert\n3. Duune II', (1, 0), ("Duune II",)),
        ("- The Hunger Games\n- CATCHING FIRE\n", (2, 3), ()),
        ("The Matrix; Les Miserables; Emma.", (4, 6, 1), ()),
        ("Dune, Emma, The Winds of Winter", (0, 1), ("The Winds of Winter",)),
        ("I would suggest “Sapiens” and then “Crime & Punishment”, both long.", (7, 5), ()),
        ("Sapiens: A Brief History of Humankind – Yuval Noah Harari", (7,), ()),
        ("1) Crime and Punishmant\n2) Emma\n3) emma", (5, 1), ()),  # spelled nearly so; named twice, counted once
        ("Dracula", (), ("Dracula",)),  # which of the two?
        ("Dracula (1992)", (10,), ()),
        ("It", (8,), ()),
        ("I like it when it rains", (), ("I like it when it rains",)),
        ("", (), ()),
    ],
)
def test_an_answer_is_read_as_items(answer, rows, unknown):
    found = INDEX.named(answer)
    assert found.items == rows
    assert found.unknown == unknown


def test_no_more_than_asked_for_and_spelling_can_be_made_to_count():
    assert INDEX.named("Emma\nDune\nIt", most=2).items == (1, 0)
    assert TitleIndex(TITLES, near=1.0).named("Crime and Punishmant").items == ()
    assert plain("Matrix, The") == "the matrix"
    with pytest.raises(ConfigError, match="near is 0"):
        TitleIndex(TITLES, near=0.0)


@pytest.mark.parametrize(
    ("answer", "rating"),
    [
        ("I would say 4.5 out of 5", 4.5),
        ("9 of my friends would give it a 3", 3.0),
        ("3 reasons, and 4/5 in the end", 4.0),
        ("4,5", 4.5),
        ("great!", None),
        ("10/10", None),
        ("mp3 of the 2nd", None),
    ],
)
def test_an_answer_is_read_as_a_rating(answer, rating):
    assert rating_in(answer, (1.0, 5.0)) == rating


def test_a_template_turns_a_history_into_a_prompt_and_the_answer_into_items():
    asked: list[str] = []

    def complete(prompt: str) -> str:
        asked.append(prompt)
        return "1. Emma\n2. Dune\n3. A Book Nobody Wrote"

    template = PromptTemplate(text="A reader finished {history}. Name three more:", max_items=2)
    prompted = PromptedItems(template=template, complete=complete, titles=INDEX)
    found = prompted.items(PromptValues(history=("Emma", "It", "Dune")), without=(1,))
    assert asked == ["A reader finished Emma; It. Name three more:"]
    assert found.items == (0,)
    assert found.unknown == ("A Book Nobody Wrote",)
    with pytest.raises(ConfigError, match="has a gap"):
        PromptedItems(template=PromptTemplate(text="{history} {mask}"), complete=complete, titles=INDEX)
    with pytest.raises(DataError, match="answered with NoneType"):
        PromptedItems(template=template, complete=lambda _: None, titles=INDEX).items(  # type: ignore[arg-type,return-value]
            PromptValues(history=("It",))
        )


def test_a_model_that_learned_what_follows_what_names_it(writer, tmp_path):
    """A tiny GPT is shown that blue is followed by green, and red by good; its own words are read back."""
    mine = Writer(WriterConfig(path=str(writer), max_new_tokens=4, stop=";"))
    lines = [
        mine.tokenizer(f"the reader liked {a} finds {b} ;")["input_ids"]
        for a, b in (("blue", "green"), ("red", "good"))
    ]
    rows = torch.tensor([[1, *line] for line in lines])
    network = mine.network.requires_grad_(requires_grad=True).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        network(input_ids=rows, labels=rows).loss.backward()
        optimiser.step()
    network.eval()
    prompted = PromptedItems(
        template=PromptTemplate(text="the reader liked {history} finds"),
        complete=mine,
        titles=TitleIndex(["Green", "Good"]),
    )
    assert prompted.items(PromptValues(history=("blue",))).items == (0,)
    assert prompted.items(PromptValues(history=("red",))).items == (1,)


def test_it_writes_the_likeliest_words_to_the_stop_and_no_further(writer, filler):
    mine = Writer(WriterConfig(path=str(writer), max_new_tokens=3, stop=None))
    ids = [1, *mine.tokenizer("the reader liked")["input_ids"]]
    for _ in range(3):
        with torch.no_grad():
            ids.append(int(mine.network(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    written = mine("the reader liked")
    assert written == mine.tokenizer.decode(ids[-3:])
    first = written.split()[0]
    assert Writer(WriterConfig(path=str(writer), max_new_tokens=3, stop=first))("the reader liked").strip() == ""
    with pytest.raises(UnsupportedError, match="left to right"):
        Writer(WriterConfig(path=str(filler)))
    with pytest.raises(DataError, match="takes 32"):
        mine("the reader liked red " * 10)
