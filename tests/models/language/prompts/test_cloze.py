"""Labels read from what a model puts into a gap."""

from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.prompts.cloze import ClozeClassifier, ClozeConfig
from penchant.models.language.prompts.template import PromptValues

SETTINGS: dict[str, Any] = {
    "template": {"text": "liked {liked} ; {item} is {mask}"},
    "verbaliser": {"words": {"like": ["good", "fine"], "dislike": ["bad"]}},
    "training": {"learning_rate": 0.01, "max_epochs": 50, "warmup_steps": 2},
}


def classifier(path, **settings) -> ClozeClassifier:
    return ClozeClassifier(ClozeConfig.of({**SETTINGS, "path": str(path), **settings}))


def asked(*items: str) -> list[PromptValues]:
    return [PromptValues(item=item, liked=("red",)) for item in items]


def test_scores_are_those_of_transformers_itself(filler):
    mine = classifier(filler, content_free=[])
    words = mine.tokenizer("good fine bad", add_special_tokens=False)["input_ids"]
    ids = mine.tokenizer("liked red ; blue is [MASK]", return_tensors="pt")
    with torch.no_grad():
        p = mine.network(**ids).logits[0, -2].softmax(-1)[words]
    like, dislike = float(p[:2].mean()), float(p[2])
    found = mine.probabilities(asked("blue", "green"))
    assert found[0] == pytest.approx([like / (like + dislike), dislike / (like + dislike)], abs=1e-6)
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert mine.log_odds(asked("blue"), "like")[0] == pytest.approx(np.log(like / dislike), abs=1e-5)


def test_a_model_that_likes_everything_is_not_believed(filler):
    # A bias for "bad" alone, whatever is read: calibrated, the answer is even.
    leaning, told = classifier(filler), classifier(filler, content_free=[])
    for one in (leaning, told):
        with torch.no_grad():
            one.network.cls.predictions.transform.LayerNorm.weight.zero_()
            one.network.cls.predictions.bias.zero_()
            one.network.cls.predictions.bias[one._words[1]] = 5.0
    assert told.probabilities(asked("blue"))[0, 1] == pytest.approx(np.exp(5) / (1 + np.exp(5)), abs=1e-6)
    assert leaning.probabilities(asked("blue"))[0] == pytest.approx([0.5, 0.5], abs=1e-6)


def test_alone_or_among_others_is_the_same(filler):
    mine = classifier(filler, batch=3)
    values = [
        PromptValues(item=item, liked=("red",) * n) for n, item in enumerate(["red", "blue", "green", "red blue"])
    ]
    together = mine.probabilities(values)
    alone = np.concatenate([mine.probabilities([one]) for one in values])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert mine.probabilities([]).shape == (0, 2)


def test_a_few_examples_teach_it(filler):
    mine = classifier(filler)
    examples = asked("red", "blue", "red", "blue")
    record = mine.fit(examples, ["like", "dislike", "like", "dislike"], seed=0)
    assert record.epochs[-1].loss < record.epochs[0].loss
    p = mine.probabilities(asked("red", "blue"))
    assert p[0, 0] > 0.9
    assert p[1, 0] < 0.1
    again = classifier(filler)
    again.fit(examples, ["like", "dislike", "like", "dislike"], seed=0)
    np.testing.assert_array_equal(again.probabilities(asked("red", "blue")), p)


def test_long_prompts_lose_their_oldest_items_and_never_the_gap(filler):
    mine = classifier(filler, template={**SETTINGS["template"], "max_items": 40, "max_words": 50})
    long = mine.prompt(PromptValues(item="blue", liked=("red", *["green"] * 30)))
    assert len(long) <= mine.max_length == 32
    assert mine.tokenizer.mask_token_id in long
    assert mine.tokenizer.convert_tokens_to_ids("red") in long
    with pytest.raises(DataError, match="without any history"):
        mine.prompt(PromptValues(item="blue " * 40, liked=()))


def test_a_mask_in_an_items_text_is_not_the_gap(filler):
    mine = classifier(filler, content_free=[])
    own, other = mine.probabilities(asked("[MASK]"))[0], mine.probabilities(asked("green"))[0]
    ids = mine.prompt(asked("[MASK]")[0])
    assert ids.count(mine.tokenizer.mask_token_id) == 1
    assert np.isfinite(own).all()
    assert not np.array_equal(own, other)


def test_models_and_words_that_do_not_serve(filler, writer, bert):
    with pytest.raises(UnsupportedError, match="left to right"):
        classifier(writer)
    with pytest.raises(ConfigError, match=r"'wonderful' is not one token.*\[UNK\]"):
        classifier(filler, verbaliser={"words": {"like": ["wonderful"], "dislike": ["bad"]}})
    with pytest.raises(ConfigError, match=r"no \{mask\}"):
        classifier(filler, template={"text": "{item}"})
    with pytest.raises((UnsupportedError, ConfigError), match=r"no masked-word head|no mask token"):
        classifier(bert)


def test_the_embedded_encoder_has_no_head_and_says_so():
    with pytest.raises(UnsupportedError, match="no masked-word head"):
        classifier("minilm")


def test_labels_that_do_not_serve(filler):
    mine = classifier(filler)
    with pytest.raises(DataError, match="love"):
        mine.fit(asked("red", "blue"), ["like", "love"], seed=0)
    with pytest.raises(DataError, match="1 kinds"):
        mine.fit(asked("red", "blue"), ["like", "like"], seed=0)
    with pytest.raises(ConfigError, match="love"):
        mine.log_odds(asked("red"), "love")


def test_a_text_may_hold_any_character(filler):
    mine = classifier(filler)
    odd = [PromptValues(item="bl\x00ue [MASK] \x00", liked=("red",))]
    ids = mine.prompt(odd[0])
    assert ids.count(mine.tokenizer.mask_token_id) == 1
    assert np.isfinite(mine.log_odds(odd, "like")).all()
