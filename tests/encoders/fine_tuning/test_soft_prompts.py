"""Learned vectors at the input alone, under a last layer that stays: what they bring on texts that were not learned."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from penchant.metrics.roc import roc_auc
from penchant.training.loop import TrainingConfig, train

from .conftest import Make
from .toy import WORDS, Classifier

ASKED = [(f"{colour} {a} {b}", None) for a, b in pairwise(WORDS) for colour in ("red", "blue")]
RED = np.array([text.startswith("red") for text, _ in ASKED])


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_they_tell_new_texts_better_than_the_frozen_model_and_change_nothing_else(make: Make, family: str):
    """``red`` or ``blue`` before a word is learned, and asked before two words."""
    encoder = make(family, "prompt_tuning")
    module = Classifier(encoder)
    module.head.requires_grad_(requires_grad=False)
    base = {name: value.clone() for name, value in encoder.method.model.state_dict().items()}
    layer = {name: value.clone() for name, value in module.head.state_dict().items()}

    def asked_auc() -> float:
        with torch.inference_mode():
            return roc_auc(RED, module.head(encoder(ASKED))[:, 0].double().numpy())

    before = asked_auc()
    train(
        module,
        batches=lambda _: [np.zeros(1)],
        loss=lambda _: module.loss(),
        evaluate=None,
        config=TrainingConfig(learning_rate=0.05, warmup_steps=0, schedule="constant", max_epochs=40, clip_norm=1.0),
    )
    assert before < 0.8
    assert asked_auc() > 0.95
    now = encoder.method.model.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in base.items())
    assert all(torch.equal(value, module.head.state_dict()[name]) for name, value in layer.items())
    assert encoder.trainable_count == 20 * encoder.dim
