import pytest
import torch

from penchant.training.dropout import Dropout


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_a_share_p_is_zero_and_the_mean_stays(p):
    torch.manual_seed(1)
    dropped = Dropout(p)(torch.ones(300, 1001))
    zero = (dropped == 0).float()
    assert zero.mean().item() == pytest.approx(p, abs=0.004)
    assert zero.mean(dim=0).std().item() == pytest.approx((p * (1 - p) / 300) ** 0.5, rel=0.1)  # places are independent
    assert zero.mean(dim=1).std().item() == pytest.approx((p * (1 - p) / 1001) ** 0.5, rel=0.2)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.04)
    torch.testing.assert_close(
        dropped[dropped != 0], torch.full_like(dropped[dropped != 0], 1 / (1 - p)), rtol=1e-4, atol=0
    )


def test_nothing_changes_outside_training_or_at_zero():
    x = torch.randn(5, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_the_gradient_is_what_was_kept():
    torch.manual_seed(1)
    x = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    y = Dropout(0.4)(x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_the_seed_decides_and_two_draws_differ():
    def draw():
        return Dropout(0.5)(torch.ones(1000))

    torch.manual_seed(3)
    first, second = draw(), draw()
    torch.manual_seed(3)
    assert torch.equal(draw(), first)
    assert not torch.equal(first, second)
