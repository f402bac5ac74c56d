"""A fixed list of items, scored as a writing model's answers."""

from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.prompts.item_likelihood import ItemLikelihood, ItemLikelihoodConfig
from penchant.models.language.prompts.template import PromptValues

TEMPLATE: dict[str, Any] = {"text": "the reader liked {liked} ;"}
ITEMS = ["red", "blue green", "good", "the bad blue"]


def likelihood(path, **settings) -> ItemLikelihood:
    return ItemLikelihood(ItemLikelihoodConfig.of({"template": TEMPLATE, "path": str(path), **settings}))


def log_p(mine: ItemLikelihood, prompt: str, item: str) -> float:
    """Token by token, one forward pass each."""
    ids = [1, *mine.tokenizer(prompt)["input_ids"]]
    total = 0.0
    for token in mine.tokenizer(item)["input_ids"]:
        with torch.no_grad():
            total += float(mine.network(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)[token])
        ids.append(token)
    return total


@pytest.mark.parametrize("per_token", [True, False])
def test_scores_are_the_log_probabilities_token_by_token(writer, per_token):
    mine = likelihood(writer, content_free=None, per_token=per_token, batch=3)
    found = mine.scores([PromptValues(liked=("red",)), PromptValues(liked=("blue", "green"))], ITEMS)
    lengths = [len(item.split()) if per_token else 1 for item in ITEMS]
    for row, told in enumerate(("red", "blue; green")):
        expected = [log_p(mine, f"the reader liked {told} ;", item) / n for item, n in zip(ITEMS, lengths, strict=True)]
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_what_is_likely_anywhere_says_nothing(writer):
    mine = likelihood(writer, content_free="nothing")
    nothing = PromptValues(liked=("nothing",))
    np.testing.assert_allclose(mine.scores([nothing], ITEMS), np.zeros((1, 4)), atol=1e-6)
    order = mine.rank(PromptValues(liked=("red",)), ITEMS)
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    scores = mine.scores([PromptValues(liked=("red",))], ITEMS)[0]
    assert (np.diff(scores[order]) <= 0).all()


def test_an_items_score_does_not_depend_on_the_others(writer):
    mine = likelihood(writer)
    values = PromptValues(liked=("red",))
    whole = mine.scores([values], ITEMS)[0]
    np.testing.assert_allclose(mine.scores([values], ITEMS[1:2])[0], whole[1:2], atol=1e-5)
    assert mine.scores([], ITEMS).shape == (0, 4)
    assert mine.scores([values], []).shape == (1, 0)


def test_what_cannot_be_asked(writer, filler):
    with pytest.raises(UnsupportedError, match="left to right"):
        likelihood(filler)
    with pytest.raises(ConfigError, match=r"slot .item."):
        likelihood(writer, template={"text": "{liked} {item}"})
    with pytest.raises(DataError, match="Item 1"):
        likelihood(writer).scores([PromptValues(liked=())], ["red", " "])
    with pytest.raises(DataError, match="longer"):
        likelihood(writer).scores([PromptValues(liked=())], ["red " * 40])


def test_a_prompt_that_is_too_long_is_cut_without_a_word_of_the_tokenizers(writer):
    mine = likelihood(writer, max_length=16)
    mine.tokenizer.model_max_length = 16
    mine.tokenizer.deprecation_warnings = {}  # where it keeps which warnings it has shown
    assert mine.scores([PromptValues(liked=("red",) * 20)], ITEMS).shape == (1, 4)
    assert not mine.tokenizer.deprecation_warnings
    mine.tokenizer("red " * 20)
    assert mine.tokenizer.deprecation_warnings
