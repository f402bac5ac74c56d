"""Ratings from text with any fine-tuning method, and a model on which it cannot be used."""

import shutil

import numpy as np
import pytest
from transformers import AlbertConfig, AlbertModel

from penchant.errors import ConfigError, NotFoundError
from penchant.models.catalogue import load_recommender
from penchant.models.language.text_rating import TextRating, TextRatingConfig
from tests.models.language.tiny import SIZES
from tests.models.language.worlds import VOCABULARY, colour_world

from .test_multi_task import network_of, yes_no
from .test_text_rating import CHOSEN, settings

DATA, USERS, ITEMS, _ = colour_world(users=24)


def fit(path, method) -> TextRating:
    further = {
        "language_model": {"path": str(path), "method": method, "max_length": 24},
        "training": {"learning_rate": 1e-2, "max_epochs": 1},
    }
    return TextRating(TextRatingConfig.of(settings(path, **further))).fit(DATA)


@pytest.mark.parametrize(
    "method", ["full", {"name": "lora", "rank": 2}, "adapter", {"name": "prompt_tuning", "tokens": 3}]
)
def test_it_is_saved_with_its_method_and_says_the_same_bit_for_bit(bert, tmp_path, method):
    model = fit(bert, method)
    model.save(tmp_path)
    loaded = load_recommender(tmp_path)
    assert isinstance(loaded, TextRating)
    assert loaded.config == model.config
    np.testing.assert_array_equal(
        loaded.predict(CHOSEN, USERS[:20], ITEMS[:20]), model.predict(CHOSEN, USERS[:20], ITEMS[:20])
    )


def test_a_method_that_is_not_there_is_refused_before_anything_is_read(bert):
    with pytest.raises(NotFoundError, match="No fine-tuning method is called 'lora2'"):
        TextRatingConfig.of(settings(bert, language_model={"path": str(bert), "method": "lora2"}))


def test_a_model_whose_layers_cannot_be_told_apart_is_refused(bert, tmp_path):
    config = AlbertConfig(
        vocab_size=4 + len(VOCABULARY), embedding_size=16, num_hidden_layers=2, max_position_embeddings=64, **SIZES
    )
    AlbertModel(config).save_pretrained(tmp_path)
    for file in bert.glob("*token*"):
        shutil.copy(file, tmp_path / file.name)
    with pytest.raises(ConfigError, match="layers of a AlbertModel cannot be told apart"):
        fit(tmp_path, "lora")


def test_logits_are_one_row_for_each_text_and_the_loss_is_a_number(bert):
    examples = yes_no(("red", 0.0), ("blue", 1.0))
    network, data = network_of(bert, buy=examples)
    logits = network("buy", [("red", None), ("blue", None), ("red", "liked blue")])
    assert logits.shape == (3, network.heads["buy"].width) == (3, 1)
    loss = network.loss("buy", data["buy"], np.arange(2))
    by_hand = np.log1p(np.exp(logits[:2, 0].detach().numpy() * [1, -1])).mean()  # BCE of 0 and of 1
    assert float(loss.detach()) == pytest.approx(by_hand, rel=1e-5)
