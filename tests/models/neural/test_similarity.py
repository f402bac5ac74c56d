"""The similarities in torch are those in numpy, and can be trained through."""

from typing import get_args

import numpy as np
import pytest
import torch

from penchant.errors import NotFoundError
from penchant.metrics.similarity import LEARNED, SIMILARITIES, SimilarityName
from penchant.models.neural.similarity import TrainedSimilarity

NAMES = get_args(SimilarityName)


def vectors(n: int, seed: int) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed))


def built(name: SimilarityName) -> TrainedSimilarity:
    torch.manual_seed(0)
    return TrainedSimilarity(name, 5, hidden=7).eval()


def test_both_sides_know_the_same_names():
    assert set(NAMES) == {*SIMILARITIES, *LEARNED}


@pytest.mark.parametrize("name", NAMES)
def test_torch_equals_numpy(name):
    alike = built(name)
    left, right = vectors(4, 1), vectors(6, 2)
    expected = alike.for_arrays()(left.numpy(), right.numpy())
    np.testing.assert_allclose(alike.table(left, right).detach(), expected, atol=2e-5)
    np.testing.assert_allclose(alike.pairs(left, right[:4]).detach(), np.diag(expected), atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [0.0, 1e-4, 1.0, 12.0, 1e6])
def test_values_and_gradients_are_finite_between_equal_zero_and_far_vectors(name, length):
    alike = built(name)
    left = (length * vectors(3, 3)).requires_grad_()
    table = alike.table(left, left.detach().clone())
    assert torch.isfinite(table).all()
    (table.sum() + alike.pairs(left, left.detach().clone()).sum()).backward()
    assert left.grad is not None
    assert torch.isfinite(left.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_following_the_gradient_brings_two_vectors_nearer(name):
    alike = built(name)
    left, right = vectors(1, 4).requires_grad_(), vectors(1, 5)
    before = alike.pairs(left, right)
    (slope,) = torch.autograd.grad(before.sum(), left)
    assert slope.abs().sum() > 0
    assert alike.pairs(left + 1e-3 * slope / slope.norm(), right).item() > before.item()


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(NotFoundError, match="euclid") as caught:
        TrainedSimilarity("euclid", 3)  # type: ignore[arg-type]
    for name in NAMES:
        assert name in caught.value.hint
