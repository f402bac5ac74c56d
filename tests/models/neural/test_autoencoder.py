"""Autoencoders: what is hidden comes back, parts can be exchanged, the noise is where it should be."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.interactions import Signal, SignalConfig
from penchant.models.neural.autoencoder import Autoencoder, AutoencoderConfig, AutoencoderModule, HistoryBatch
from penchant.models.popularity import Popularity
from tests.models.measures import ndcg
from tests.models.neural.interaction_world import fit_to_it, leads
from tests.worlds import genre_world

WORLD = genre_world()
TRAINING, CASES = held_out(WORLD, FitOptions())
QUICK: dict[str, Any] = {
    "dim": 16,
    "dropout": 0.3,
    "batch_users": 32,
    "training": {"learning_rate": 0.01, "warmup_steps": 5, "max_epochs": 8, "evaluate_every": 4},
}
POINT = {"variational": False}


def fitted(**settings: Any) -> Autoencoder:
    return Autoencoder(AutoencoderConfig.of({**QUICK, **settings})).fit(TRAINING, options=FitOptions(validation=CASES))


@pytest.mark.parametrize("settings", [{}, POINT], ids=["variational", "denoising"])
def test_held_out_items_rank_far_above_popularity(settings):
    assert ndcg(fitted(**settings), CASES, WORLD) > 2 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)


def test_hidden_parts_of_a_history_come_back():
    model = fitted()
    histories = TRAINING.histories().take(slice(0, 60))
    kept = np.arange(len(histories.items)) % 3 != 0
    scores = model.score(histories.keep(kept))
    owners = np.repeat(np.arange(60), histories.lengths)
    hidden = scores[owners[~kept], histories.items[~kept]]
    assert (hidden > np.median(scores, axis=1)[owners[~kept]]).mean() > 0.8


@pytest.mark.parametrize("encoder", ["network", "linear"])
@pytest.mark.parametrize("decoder", ["network", "linear"])
def test_encoder_and_decoder_can_be_exchanged(encoder, decoder):
    model = fitted(encoder=encoder, decoder=decoder, training={**QUICK["training"], "max_epochs": 4})
    assert isinstance(model.module.encoder, nn.Linear) == (encoder == "linear")
    assert isinstance(model.module.decoder, nn.Linear) == (decoder == "linear")
    assert ndcg(model, CASES, WORLD) > 1.2 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)


def test_any_module_of_the_right_shape_is_an_encoder_or_a_decoder():
    signal = Signal.fit(TRAINING, SignalConfig(), model="test")
    module = AutoencoderModule(5, nn.Identity(), nn.Identity(), signal, variational=False, dropout=0.0)
    logits, divergence = module(torch.tensor([[3.0, 0.0, 4.0, 0.0, 0.0]]))
    torch.testing.assert_close(logits, torch.tensor([[0.6, 0.0, 0.8, 0.0, 0.0]]))
    assert divergence.item() == 0.0


INTERACTION: dict[str, Any] = {
    "dim": 8,
    "dropout": 0.3,
    "variational": False,
    "training": {"learning_rate": 0.02, "warmup_steps": 5, "max_epochs": 30, "evaluate_every": 30},
}


def test_an_interaction_effect_is_learned_by_the_network_and_not_by_the_linear_model():
    deep = leads(fit_to_it(Autoencoder(AutoencoderConfig.of(INTERACTION))))
    linear = leads(
        fit_to_it(Autoencoder(AutoencoderConfig.of({**INTERACTION, "encoder": "linear", "decoder": "linear"})))
    )
    assert (deep > 0.0).all()
    assert linear.sum() == pytest.approx(0.0, abs=1e-4)
    assert linear.min() < 0


def test_codes_are_drawn_in_training_and_are_their_means_when_asked():
    model = Autoencoder(AutoencoderConfig(dim=4, hidden=8, dropout=0.0))
    module = model.build(model.shape(TRAINING, FitOptions()))
    histories = torch.eye(60)[:3]
    mean, log_variance = module.code(histories)
    assert log_variance is not None
    module.eval()
    torch.testing.assert_close(module(histories)[0], module.decoder(mean))
    module.train()
    torch.manual_seed(1)
    drawn = module(histories)[0]
    torch.manual_seed(1)
    noise = torch.randn_like(mean)
    torch.testing.assert_close(drawn, module.decoder(mean + noise * log_variance.div(2).exp()))


def test_the_divergence_rises_to_its_weight_and_pulls_codes_together():
    model = Autoencoder(AutoencoderConfig(divergence=0.4, divergence_epochs=4))
    drawn = model.batches(TRAINING, seed=0)
    weights = [drawn(epoch)[0].divergence for epoch in (1, 2, 4, 9)]
    assert weights == pytest.approx([0.1, 0.2, 0.4, 0.4])
    loose, tight = fitted(divergence=0.0), fitted(divergence=5.0, divergence_epochs=1)
    rows = HistoryBatch(loose.module.signal.matrix(CASES.histories, 60), 0.0).dense(torch.device("cpu"))
    spread = [float(model.module.code(rows)[0].detach().square().mean()) for model in (loose, tight)]
    assert spread[1] < 0.2 * spread[0]


@pytest.mark.parametrize(
    "settings", [{"hidden": 16}, {"batch_users": 7}, {"divergence": 1.0}, {"divergence_epochs": 1}]
)
def test_every_setting_reaches_the_model(settings):
    short = {"training": {**QUICK["training"], "max_epochs": 1}}
    plain, changed = fitted(**short), fitted(**short, **settings)
    assert not np.array_equal(plain.score(CASES.histories), changed.score(CASES.histories))
