import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from penchant.training.losses import (
    ROWS,
    bpr_loss,
    candidates_softmax_loss,
    full_softmax_loss,
    gaussian_divergence,
    multinomial_loss,
    sampled_binary_loss,
    sampled_softmax_loss,
)


def test_full_softmax_is_the_number_in_its_docstring():
    items = torch.tensor([[math.log(3.0), 0.0], [0.0, 5.0]])
    loss = full_softmax_loss(torch.tensor([[1.0, 0.0]]), items, torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log(4 / 3), abs=1e-6)
    assert round(math.log(4 / 3), 5) == 0.28768


def test_sampled_softmax_is_the_number_in_its_docstring():
    items = torch.tensor([[math.log(3.0), 0.0], [0.0, 5.0]])
    log_q = torch.tensor([0.75, 0.25]).log()
    loss = sampled_softmax_loss(torch.tensor([[1.0, 0.0]]), items, torch.tensor([0]), torch.tensor([1]), log_q)
    assert loss.item() == pytest.approx(math.log(7 / 3), abs=1e-6)
    assert round(math.log(7 / 3), 5) == 0.84730


@pytest.mark.parametrize("rows", [1, ROWS, ROWS + 3])
def test_full_softmax_and_its_gradients_equal_cross_entropy(rows):
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(rows, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    items = torch.randn(11, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(11, (rows,), generator=generator)
    ours = 2.0 * full_softmax_loss(states, items, targets)
    theirs = 2.0 * functional.cross_entropy(states @ items.T, targets)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    for mine, reference in zip(
        torch.autograd.grad(ours, [states, items]), torch.autograd.grad(theirs, [states, items]), strict=True
    ):
        torch.testing.assert_close(mine, reference)


def test_a_large_logit_does_not_overflow():
    items = torch.tensor([[1000.0], [-1000.0]])
    assert full_softmax_loss(torch.tensor([[1.0]]), items, torch.tensor([0])).item() == 0.0


def test_a_negative_that_is_the_target_counts_nothing():
    items = torch.tensor([[1.0], [0.5]])
    log_q = torch.tensor([0.5, 0.5]).log()
    states, target = torch.tensor([[1.0]]), torch.tensor([0])
    assert sampled_softmax_loss(states, items, target, torch.tensor([0, 0]), log_q).item() == pytest.approx(0.0)


def test_with_many_negatives_the_sampled_loss_nears_the_full_one_whatever_the_popularity():
    generator = torch.Generator().manual_seed(2)
    states, items = torch.randn(6, 4, generator=generator), torch.randn(20, 4, generator=generator)
    targets = torch.randint(20, (6,), generator=generator)
    q = torch.arange(1.0, 21.0) ** 2
    q = q / q.sum()
    drawn = torch.multinomial(q, 200_000, replacement=True, generator=generator)
    sampled = sampled_softmax_loss(states, items, targets, drawn, q.log())
    assert sampled.item() == pytest.approx(full_softmax_loss(states, items, targets).item(), abs=0.02)


def test_sampled_softmax_gradients_equal_those_of_its_formula():
    generator = torch.Generator().manual_seed(3)
    states = torch.randn(ROWS + 5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    items = torch.randn(9, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(9, (ROWS + 5,), generator=generator)
    negatives = torch.tensor([0, 3, 3, 8, 5])
    log_q = torch.arange(1.0, 10.0, dtype=torch.float64).div(45).log()
    logits = states @ items[negatives].T - log_q[negatives] - math.log(5)
    logits = logits.masked_fill(negatives == targets[:, None], -math.inf)
    own = (states * items[targets]).sum(dim=1, keepdim=True)
    formula = (torch.cat([own, logits], dim=1).logsumexp(dim=1) - own[:, 0]).mean()
    ours = sampled_softmax_loss(states, items, targets, negatives, log_q)
    assert ours.item() == pytest.approx(formula.item(), rel=1e-12)
    for mine, reference in zip(
        torch.autograd.grad(ours, [states, items]), torch.autograd.grad(formula, [states, items]), strict=True
    ):
        torch.testing.assert_close(mine, reference)


def test_bpr_is_the_number_in_its_docstring_and_large_scores_stay_finite():
    loss = bpr_loss(torch.tensor([math.log(3.0)]), torch.tensor([0.0]))
    assert loss.item() == pytest.approx(math.log(4 / 3), abs=1e-6)
    wanted = torch.tensor([-1000.0, 1000.0], requires_grad=True)
    bpr_loss(wanted, torch.zeros(2)).backward()
    assert bpr_loss(wanted, torch.zeros(2)).item() == pytest.approx(500.0)
    torch.testing.assert_close(wanted.grad, torch.tensor([-0.5, 0.0]))  # −(1 − σ(difference)) / N


def test_the_candidates_softmax_is_the_number_in_its_docstring():
    own = torch.tensor([math.log(3.0), math.log(2.0)])
    loss = candidates_softmax_loss(own, torch.zeros(2, 2), torch.tensor([0.75, 0.25]).log(), ~torch.eye(2).bool())
    assert loss.item() == pytest.approx(math.log(35 / 9) / 2, abs=1e-6)
    assert round(math.log(35 / 9) / 2, 5) == 0.67906


def test_the_candidates_softmax_is_the_sampled_one_where_scores_are_dot_products():
    generator = torch.Generator().manual_seed(5)
    states, items = torch.randn(6, 4, generator=generator), torch.randn(9, 4, generator=generator)
    targets, negatives = torch.tensor([0, 1, 2, 3, 4, 5]), torch.tensor([6, 7, 8, 8])
    log_q = torch.rand(9, generator=generator).log()
    own = (states * items[targets]).sum(dim=1)
    counted = torch.ones(6, 4, dtype=torch.bool)
    ours = candidates_softmax_loss(own, states @ items[negatives].T, log_q[negatives], counted)
    assert ours.item() == pytest.approx(sampled_softmax_loss(states, items, targets, negatives, log_q).item(), rel=1e-6)


def test_a_state_without_a_counted_candidate_has_no_loss_and_no_gradient():
    own = torch.tensor([1.0, 2.0], requires_grad=True)
    counted = torch.tensor([[False, False], [True, False]])
    loss = candidates_softmax_loss(own, torch.zeros(2, 2), torch.zeros(2), counted)
    assert loss.item() == pytest.approx((math.log(math.exp(2) + 1) - 2) / 2, abs=1e-6)
    loss.backward()
    assert own.grad is not None
    assert own.grad[0].item() == pytest.approx(0.0)


def test_the_binary_loss_is_the_number_in_its_docstring_and_that_of_the_library():
    assert sampled_binary_loss(torch.tensor([math.log(3.0)]), torch.zeros(1, 1)).item() == pytest.approx(
        0.98083, abs=1e-5
    )
    generator = torch.Generator().manual_seed(6)
    wanted, unwanted = torch.randn(5, generator=generator), torch.randn(5, 3, generator=generator)
    logits = torch.cat([wanted[:, None], unwanted], dim=1)
    labels = torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(5, 4)
    expected = functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum").item() / 5
    assert sampled_binary_loss(wanted, unwanted).item() == pytest.approx(expected, rel=1e-5)
    without = sampled_binary_loss(wanted, unwanted, torch.tensor([[True, True, False]]).expand(5, 3))
    assert without.item() == pytest.approx(sampled_binary_loss(wanted, unwanted[:, :2]).item(), rel=1e-5)


def test_the_multinomial_loss_is_the_number_in_its_docstring():
    logits = torch.tensor([[math.log(3.0), 0.0]])
    assert multinomial_loss(logits, torch.ones(1, 2)).item() == pytest.approx(math.log(16 / 3), abs=1e-6)
    assert round(math.log(16 / 3), 5) == 1.67398
    assert multinomial_loss(logits, torch.zeros(1, 2)).item() == 0.0


def test_the_divergence_is_the_number_in_its_docstring_and_that_of_the_library():
    assert gaussian_divergence(torch.ones(1, 1), torch.zeros(1, 1)).item() == pytest.approx(0.5)
    generator = torch.Generator().manual_seed(7)
    mean, log_variance = torch.randn(4, 3, generator=generator), torch.randn(4, 3, generator=generator)
    ours = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(ours, torch.distributions.Normal(0.0, 1.0)).sum(dim=1).mean()
    assert gaussian_divergence(mean, log_variance).item() == pytest.approx(expected.item(), rel=1e-5)


def test_drawing_an_item_twice_counts_it_twice():
    states, items = torch.tensor([[1.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0], [0.0, 5.0]])
    log_q = torch.tensor([0.75, 0.25]).log()
    loss = sampled_softmax_loss(states, items, torch.tensor([0]), torch.tensor([1, 1]), log_q)
    assert loss.item() == pytest.approx(math.log(3.0 + 2 * 1.0 / (2 * 0.25)) - math.log(3.0), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sampled", [False, True])
def test_softmax_losses_in_a_mixed_precision_training_are_those_of_float32(dtype: torch.dtype, sampled: bool):
    """States come out of a layer in fewer digits, item vectors are weights; the sums are made in float32."""
    torch.manual_seed(0)
    items, targets = torch.randn(30, 8, requires_grad=True), torch.arange(6)
    log_q, negatives = torch.full((30,), -math.log(30)), torch.arange(5, 25)

    def loss(states: Tensor) -> Tensor:
        if sampled:
            return sampled_softmax_loss(states, items, targets, negatives, log_q)
        return full_softmax_loss(states, items, targets)

    states = (3 * torch.randn(6, 8)).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype):
        found = loss(states)
    exact = loss(states.detach().float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact)
    found.backward()
    assert states.grad is not None
    assert states.grad.dtype == dtype
    assert states.grad.isfinite().all()
