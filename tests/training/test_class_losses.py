"""Cross-entropies against torch's own, against their gradients by hand and by finite differences, and with weights."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from penchant.data.rating_targets import RatingTargets
from penchant.models.rating.head_choice import HeadConfig, build_head, describe_head
from penchant.models.rating.ratings import Scale
from penchant.training.rating_heads import balanced_weights, like_loss, rating_class_loss

LEVELS = RatingTargets(low=1.0, high=5.0, levels=(1.0, 3.0, 5.0))
SCALE = Scale(low=1.0, high=5.0, mean=3.0, spread=1.0)


def drawn(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (N, D), weights (D,) of a logistic model, and labels, the last of them a share."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    labels = torch.tensor([1, 0, 1, 1, 0, 0, 0.3], dtype=torch.float64)
    return inputs, torch.randn(3, generator=generator, dtype=torch.float64), labels


@pytest.mark.parametrize("seed", range(3))
def test_binary_cross_entropy_is_torchs_and_its_gradient_the_formula(seed):
    """∂ℓ/∂θ_k = −(1/N) Σ_i ( y_i/p_i − (1 − y_i)/(1 − p_i) ) ∂p_i/∂θ_k with p = σ(x·θ), ∂p/∂θ_k = p (1 − p) x_k."""
    inputs, theta, labels = drawn(seed)
    theta.requires_grad_()
    loss = like_loss(inputs @ theta, labels)
    p = (inputs @ theta).sigmoid().detach()
    assert loss.item() == pytest.approx(functional.binary_cross_entropy(p, labels).item(), rel=1e-12)
    by_autograd = torch.autograd.grad(loss, theta)[0]
    factors = labels / p - (1 - labels) / (1 - p)
    by_hand = -(factors[:, None] * (p * (1 - p))[:, None] * inputs).mean(dim=0)
    torch.testing.assert_close(by_autograd, by_hand, rtol=1e-10, atol=1e-12)
    step = 1e-6
    for k in range(3):
        moved = torch.zeros(3, dtype=torch.float64)
        moved[k] = step
        up, down = (like_loss(inputs @ (theta.detach() + sign * moved), labels) for sign in (1, -1))
        assert float(up - down) / (2 * step) == pytest.approx(float(by_autograd[k]), rel=1e-6, abs=1e-9)


@given(st.floats(-1e30, 1e30), st.floats(0, 1))
def test_it_is_finite_and_never_negative_at_any_logit_and_any_share(logit, label):
    logits = torch.tensor([logit], dtype=torch.float64, requires_grad=True)
    loss = like_loss(logits, torch.tensor([label], dtype=torch.float64))
    loss.backward()
    assert math.isfinite(loss.item())
    assert loss.item() >= -1e-6
    assert logits.grad is not None
    assert abs(logits.grad.item()) <= 1.0


def test_weights_count_examples_more_than_once():
    """Whole weights are what copies of the examples would be."""
    logits, labels = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    copied = torch.tensor([0, 0, 0, 1, 2, 2, 2])
    weighted, copies = like_loss(logits, labels, (1.0, 3.0)), like_loss(logits[copied], labels[copied])
    assert weighted.item() * 3 == pytest.approx(copies.item() * 7, rel=1e-6)
    scores, classes = torch.randn(3, 3), torch.tensor([0, 2, 0])
    weighted = rating_class_loss(scores, classes, torch.tensor([3.0, 1.0, 1.0]))
    copied = torch.tensor([0, 0, 0, 1, 2, 2, 2])
    assert weighted.item() * 3 == pytest.approx(rating_class_loss(scores[copied], classes[copied]).item() * 7, rel=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_balanced_weights_make_every_class_that_comes_count_alike(classes):
    found = np.array(classes)
    weights = balanced_weights(found, 6)
    assert weights[found].mean() == pytest.approx(1.0)
    totals = [weights[k] * (found == k).sum() for k in np.unique(found)]
    assert totals == pytest.approx([totals[0]] * len(totals))
    assert weights[5] == 1.0


def test_the_weights_are_the_numbers_in_the_docstring():
    assert balanced_weights(np.array([0, 0, 0, 1]), 2).tolist() == pytest.approx([4 / 6, 2.0])


@pytest.mark.parametrize("head", ["class", "liked"])
def test_the_setting_reaches_the_head_and_what_is_saved_builds_it_again(head):
    ratings = np.array([5.0, 5.0, 5.0, 1.0])
    plain, balanced = (HeadConfig(head=head, class_weights=kind) for kind in ("none", "balanced"))
    facts = describe_head(balanced, ratings, LEVELS)
    assert "weights" not in describe_head(plain, ratings, LEVELS)
    heads = [build_head(plain, describe_head(plain, ratings, LEVELS), SCALE), build_head(balanced, facts, SCALE)]
    outputs = torch.randn(4, heads[0].width)
    targets = heads[0].targets(ratings)
    losses = [float(one.loss(outputs[3:], targets[3:])) for one in heads]
    assert losses[1] == pytest.approx(2.0 * losses[0], rel=1e-5)  # the one low rating among four, of two that come
    losses = [float(one.loss(outputs[:3], targets[:3])) for one in heads]
    assert losses[1] == pytest.approx(2 / 3 * losses[0], rel=1e-5)
    assert describe_head(HeadConfig(class_weights="balanced"), ratings, LEVELS).keys() == {"targets"}
