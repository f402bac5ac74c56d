"""Fitted networks answer as scikit-learn's multi-layer perceptron does with the same weights."""

import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import normalize
from torch import nn

from penchant.models.neural.autoencoder import Autoencoder, AutoencoderConfig
from penchant.models.rating.rating_network import RatingNetwork, RatingNetworkConfig
from penchant.types import DoubleArray
from tests.models.rating.worlds import factor_world
from tests.worlds import genre_world

ONE_EPOCH = {"max_epochs": 1, "warmup_steps": 0, "learning_rate": 0.01}


def perceptron(layers: nn.Module, activation: str) -> MLPRegressor:
    """Theirs with the weights of our linear layers."""
    linear = [layer for layer in layers.modules() if isinstance(layer, nn.Linear)]
    theirs = MLPRegressor([layer.out_features for layer in linear[:-1]], activation=activation)
    theirs.coefs_ = [layer.weight.detach().double().numpy().T for layer in linear]
    theirs.intercepts_ = [layer.bias.detach().double().numpy() for layer in linear]
    theirs.n_layers_, theirs.out_activation_ = len(linear) + 1, "identity"
    theirs.n_features_in_, theirs.n_outputs_ = linear[0].in_features, linear[-1].out_features
    return theirs


def weights(layer: nn.Embedding) -> DoubleArray:
    return np.asarray(layer.weight.detach().double().numpy())


def test_an_autoencoder_is_two_perceptrons_one_after_the_other():
    world = genre_world(users=80)
    config = {"dim": 5, "hidden": 12, "variational": True, "training": ONE_EPOCH}
    model = Autoencoder(AutoencoderConfig.of(config)).fit(world)
    histories = world.histories().take(np.arange(20))
    touched = np.zeros((20, world.n_items))
    touched[np.repeat(np.arange(20), histories.lengths), histories.items] = 1.0
    module = model.module
    code = perceptron(module.encoder, "tanh").predict(normalize(touched))
    expected = perceptron(module.decoder, "tanh").predict(code[:, :5])  # the means; what follows are log variances
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(model.score(histories), expected, atol=1e-4)


def test_the_layers_of_a_rating_network_are_a_perceptron_over_user_item_product_and_bias():
    data, users, items, _ = factor_world()
    model = RatingNetwork(RatingNetworkConfig.of({"dim": 4, "layers": [9, 5], "training": ONE_EPOCH})).fit(data)
    network, histories = model._network, data.histories()
    assert network is not None
    assert model.config.activation == "relu"
    pairs = model._pairs(model.arrays["item_biases"], model.scale, histories, users, items)
    u, z = network.users(pairs).detach().double().numpy(), weights(network.items)[items]
    biases = (pairs.user_biases_P + pairs.item_biases_P).double().numpy()
    found = perceptron(network.layers, "relu").predict(np.column_stack([u, z, u * z, biases])) + biases
    expected = np.clip(model.scale.mean + model.scale.spread * found, 1, 5)
    np.testing.assert_allclose(model.predict(histories, users, items), expected, atol=1e-4)
