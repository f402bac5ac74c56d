"""What heads learn from, what they say, and that these fit each other."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from penchant.data.rating_targets import RatingTargets
from penchant.errors import DataError
from penchant.training.rating_heads import (
    Liked,
    RatingClass,
    RatingValue,
    like_loss,
    rating_class_loss,
    squared_norm_loss,
)

LN3 = math.log(3.0)
LEVELS = RatingTargets(low=1.0, high=5.0, levels=(1.0, 3.0, 5.0))
NAN = float("nan")


def value(output: str = "linear", **settings: float) -> RatingValue:
    wanted: dict[str, Any] = {"low": 1.0, "high": 5.0, "mean": 3.5, "spread": 0.5, "output": output, **settings}
    return RatingValue(**wanted)


def test_the_squared_norm_is_the_number_in_the_docstring():
    actual, predicted = torch.tensor([[4.0, 2.0, 5.0]]), torch.tensor([[3.0, 2.0, 3.0]])
    assert squared_norm_loss(predicted, actual).item() == 5.0
    actual, predicted = (torch.cat([a, b]) for a, b in ((actual, torch.ones(1, 3)), (predicted, torch.zeros(1, 3))))
    predicted[1, 2] = 1.0
    assert squared_norm_loss(predicted, actual).item() == 3.5
    there = torch.ones(2, 3)
    there[0, 2] = 0.0
    assert squared_norm_loss(predicted, actual, there).item() == 1.5


def test_one_aspect_is_the_mean_squared_error():
    predicted, actual = torch.tensor([3.0, 5.0, 1.0]), torch.tensor([4.0, 5.0, 3.0])
    assert squared_norm_loss(predicted, actual).item() == pytest.approx(5 / 3)
    assert squared_norm_loss(predicted, actual).item() == pytest.approx(nn.MSELoss()(predicted, actual).item())


def test_only_observed_pairs_of_a_matrix_of_items_and_behaviours_count():
    """Summed by hand over what is there, a mean over the behaviours with any; a behaviour without is none at all."""
    predicted = torch.tensor([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], requires_grad=True)
    actual = torch.tensor([[2.0, NAN], [1.0, 4.5], [NAN, NAN]])
    loss = squared_norm_loss(predicted, actual, ~actual.isnan())
    assert loss.item() == pytest.approx((1.0 + 4.0 + 0.25) / 2)
    loss.backward()
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [[-1.0, 0.0], [2.0, -0.5], [0.0, 0.0]]
    assert squared_norm_loss(predicted, actual, torch.zeros(3, 2)).item() == 0.0


def test_shapes_that_torch_would_stretch_are_refused():
    with pytest.raises(DataError, match=r"\(3,\) came for outputs of the shape \(3, 1\)"):
        squared_norm_loss(torch.zeros(3, 1), torch.zeros(3))
    with pytest.raises(DataError, match="observed"):
        squared_norm_loss(torch.zeros(3, 2), torch.zeros(3, 2), torch.ones(3))
    with pytest.raises(DataError, match=r"Labels of the shape \(2,\)"):
        like_loss(torch.zeros(2, 1), torch.zeros(2))
    with pytest.raises(DataError, match=r"type torch.int64"):
        like_loss(torch.zeros(2), torch.tensor([0, 1]))


def test_cross_entropies_are_the_numbers_in_the_docstrings():
    assert rating_class_loss(torch.tensor([[0.0, LN3]]), torch.tensor([1])).item() == pytest.approx(0.28768, abs=1e-5)
    assert like_loss(torch.tensor([LN3]), torch.tensor([1.0])).item() == pytest.approx(0.28768, abs=1e-5)
    assert like_loss(torch.tensor([LN3]), torch.tensor([0.0])).item() == pytest.approx(1.38629, abs=1e-5)
    assert like_loss(torch.tensor([500.0, -500.0]), torch.tensor([0.0, 1.0])).item() == 500.0  # no overflow


def test_a_rating_is_the_numbers_in_the_docstring():
    assert value("sigmoid").ratings(torch.zeros(1, 1)).tolist() == [3.0]
    linear = value()
    assert linear.ratings(torch.full((1, 1), 2.0)).tolist() == [4.5]
    assert linear.loss(torch.full((1, 1), 2.0), linear.targets(np.array([4.0]))).item() == 1.0
    assert linear.ratings(torch.tensor([[50.0], [-50.0]])).tolist() == [5.0, 1.0]
    sigmoid = value("sigmoid").ratings(torch.tensor([[50.0], [-50.0]]))
    assert sigmoid.tolist() == pytest.approx([5.0, 1.0])


@given(st.floats(0.1, 1000), st.floats(-50, 50))
def test_the_loss_of_a_rating_does_not_depend_on_its_unit(factor: float, shift: float):
    outputs, ratings = torch.tensor([[0.3], [-1.2], [2.0]]), np.array([2.0, 5.0, 3.5])
    here = value()
    there = value(low=factor + shift, high=5 * factor + shift, mean=3.5 * factor + shift, spread=0.5 * factor)
    expected = here.loss(outputs, here.targets(ratings)).item()
    assert there.loss(outputs, there.targets(ratings * factor + shift)).item() == pytest.approx(expected, rel=0.01)


def test_classes_are_decoded_as_in_the_docstring():
    logits = torch.tensor([[0.25, 0.25, 0.5]]).log()
    assert RatingClass(LEVELS).ratings(logits).tolist() == pytest.approx([3.5])
    assert RatingClass(LEVELS, decoding="argmax").ratings(logits).tolist() == [5.0]
    head = RatingClass(LEVELS)
    assert head.loss(logits, head.targets(np.array([5.0]))).item() == pytest.approx(math.log(2.0))


def test_levels_that_binary_fractions_cannot_hold_are_still_classes():
    tenths = tuple(level / 10 for level in range(1, 51))
    head = RatingClass(RatingTargets(low=0.1, high=5.0, levels=tenths))
    assert head.targets(np.array(tenths)).tolist() == list(range(50))


def test_a_like_is_worth_what_the_docstring_says():
    head = Liked(LEVELS, means=(2.0, 4.5))
    assert head.ratings(torch.tensor([[math.log(0.4 / 0.6)]])).tolist() == pytest.approx([3.0])
    assert head.probabilities(torch.tensor([[math.log(0.4 / 0.6)]])).tolist() == pytest.approx([0.4])
    assert head.targets(np.array([1.0, 3.9, 4.0, 5.0])).tolist() == [0.0, 0.0, 1.0, 1.0]  # from 3/4 of the scale
    found = Liked.of(LEVELS, np.array([1.0, 3.0, 4.0, 5.0]))
    assert found.means == (2.0, 4.5)
    assert found.loss(torch.tensor([[LN3]]), found.targets(np.array([5.0]))).item() == pytest.approx(0.28768, abs=1e-5)


def test_ratings_that_a_head_cannot_learn_from_are_refused():
    with pytest.raises(DataError, match="The rating 2 is none of the classes"):
        RatingClass(LEVELS).targets(np.array([1.0, 2.0]))
    for head in (RatingClass(LEVELS), Liked(LEVELS, means=(1.0, 5.0))):
        with pytest.raises(DataError, match="1 of 2 ratings are missing"):
            head.targets(np.array([1.0, NAN]))
    with pytest.raises(DataError, match="All training ratings are likes"):
        Liked.of(LEVELS, np.array([4.0, 5.0]))
    with pytest.raises(DataError, match="no likes"):
        Liked.of(LEVELS, np.array([1.0]))
    with pytest.raises(DataError, match="Ratings of 2 aspects came for a head of 3"):
        value(aspects=3).targets(np.zeros((4, 2)))


def test_several_aspects_are_learned_from_what_was_rated_of_each():
    """Three aspects depend on two numbers; a third of the marks is missing, and the true slopes are found."""
    rng = np.random.default_rng(0)
    x, slopes = rng.normal(size=(300, 2)), np.array([[0.6, 0.0, -0.3], [0.0, 0.4, 0.3]])
    marks = 3.0 + x @ slopes
    marks[rng.random(marks.shape) < 1 / 3] = NAN
    head = value(mean=3.0, low=-9.0, high=9.0, aspects=3)
    torch.manual_seed(0)
    layer, inputs, targets = nn.Linear(2, 3), torch.from_numpy(x).float(), head.targets(marks)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        head.loss(layer(inputs), targets).backward()
        optimiser.step()
    np.testing.assert_allclose(layer.weight.detach().numpy().T * 0.5, slopes, atol=0.01)
    decoded = head.ratings(layer(inputs)).detach().numpy()
    assert decoded.shape == (300, 3)
    np.testing.assert_allclose(decoded[~np.isnan(marks)], marks[~np.isnan(marks)], atol=0.05)


@pytest.mark.parametrize("head", [value(), value("sigmoid"), RatingClass(LEVELS), Liked(LEVELS, means=(1.4, 5.0))])
def test_every_head_learns_the_mean_of_its_ratings(head):
    """One output for all: 3 of 5 rated 1, one 3, one 5. All but the like, which takes two sides for it, end at 2.2."""
    ratings = np.array([1.0, 1.0, 1.0, 3.0, 5.0])
    outputs = torch.zeros(1, head.width, requires_grad=True)
    optimiser, targets = torch.optim.Adam([outputs], lr=0.05), head.targets(ratings)
    for _ in range(800):
        optimiser.zero_grad()
        head.loss(outputs.expand(5, -1), targets).backward()
        optimiser.step()
    assert head.ratings(outputs).item() == pytest.approx(1.4 + 0.2 * 3.6 if isinstance(head, Liked) else 2.2, abs=0.01)
