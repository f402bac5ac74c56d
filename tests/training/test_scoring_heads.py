import math

import numpy as np
import pytest
import torch

from penchant.metrics.similarity import NeuralSimilarity
from penchant.training.losses import full_softmax_loss
from penchant.training.scoring_heads import PairNetwork, candidate_probabilities, rated_probabilities


def test_probabilities_are_the_numbers_in_the_docstring():
    scores = torch.tensor([[math.log(2.0), 0.0, 0.0]])
    assert candidate_probabilities(scores).tolist()[0] == pytest.approx([0.5, 0.25, 0.25])
    assert rated_probabilities(scores, torch.tensor([2.0, 5.0, 3.0])).tolist()[0] == pytest.approx([1.0, 1.25, 0.75])


def test_rows_sum_to_one_and_keep_the_order_even_of_huge_scores():
    scores = 1e4 * torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    scores[:, 30:] = float("-inf")
    probabilities = candidate_probabilities(scores)
    assert probabilities.sum(dim=1).tolist() == pytest.approx([1.0] * 5)
    assert not probabilities[:, 30:].any()
    small = candidate_probabilities(scores[:, :30] / 1e4)
    assert torch.equal(small.argsort(dim=1), scores[:, :30].argsort(dim=1))
    assert not candidate_probabilities(torch.full((1, 3), float("-inf"))).any()


def test_the_probability_of_the_target_is_what_the_softmax_loss_is_the_logarithm_of():
    generator = torch.Generator().manual_seed(1)
    states, items = torch.randn(3, 4, generator=generator), torch.randn(6, 4, generator=generator)
    targets = torch.tensor([2, 0, 5])
    wanted = candidate_probabilities(states @ items.T)[torch.arange(3), targets]
    assert full_softmax_loss(states, items, targets).item() == pytest.approx(-wanted.log().mean().item(), rel=1e-5)


def test_the_network_reads_both_vectors_and_equals_its_formula():
    torch.manual_seed(2)
    network = PairNetwork(3, hidden=5).eval()
    users, items = torch.randn(2, 3), torch.randn(4, 3)
    joined = torch.cat([users[:, None].expand(2, 4, 3), items.expand(2, 4, 3), users[:, None] * items], dim=-1)
    expected = network.output(network.hidden(joined).relu()).squeeze(-1)
    torch.testing.assert_close(network(users[:, None], items), expected)
    assert not torch.allclose(expected[:, 0], expected[:, 1])
    assert not torch.allclose(expected[0], expected[1])


def test_the_network_is_the_neural_similarity():
    torch.manual_seed(3)
    network = PairNetwork(3, hidden=5).eval()
    users, items = torch.randn(2, 3), torch.randn(4, 3)
    hidden, bias = network.hidden.weight.detach().numpy(), network.hidden.bias.detach().numpy()
    weights = network.output.weight.detach().numpy()[0]
    alike = NeuralSimilarity(hidden=hidden, hidden_bias=bias, output=weights, output_bias=network.output.bias.item())
    np.testing.assert_allclose(alike(users.numpy(), items.numpy()), network(users[:, None], items).detach(), atol=1e-5)


def test_dropout_is_active_in_training_only():
    torch.manual_seed(4)
    network = PairNetwork(3, hidden=50, dropout=0.5)
    users, items = torch.ones(1, 1, 3), torch.ones(4, 3)
    assert not torch.equal(network(users, items), network(users, items))
    network.eval()
    assert torch.equal(network(users, items), network(users, items))
