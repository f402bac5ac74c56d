"""Parts of a module add to the loss and hear of every step."""

import torch
from torch import nn

from penchant.training.loop import Trainer, TrainingConfig
from penchant.training.taking_part import parts_of


class Part(nn.Module):
    """Adds 3 w to the loss and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(2.0))
        self.told: list[tuple[int, int, float]] = []

    def penalty(self):
        return 3.0 * self.w

    def after_step(self, *, step, total):
        assert self.w.grad is not None
        self.told.append((step, total, float(self.w.grad)))


def trainer(**settings):
    module = nn.ModuleDict({"part": Part(), "other": nn.Linear(1, 1)})
    config = TrainingConfig(optimiser="sgd", learning_rate=0.1, warmup_steps=0, schedule="constant", **settings)
    return module["part"], Trainer(module, lambda x: x * module["part"].w, config, total_steps=7)


def test_parts_are_found_within_a_module():
    part = Part()
    assert parts_of(nn.Sequential(nn.Linear(1, 1), nn.Sequential(part))) == [part]
    assert parts_of(nn.Linear(1, 1)) == []


def test_a_penalty_is_added_once_a_step_and_the_part_hears_of_the_step_with_its_gradient():
    part, steps = trainer(clip_norm=100.0)
    assert steps.step(torch.tensor(5.0)).loss == 2.0 * 5.0 + 3.0 * 2.0
    assert part.told == [(1, 7, 8.0)]  # d(5 w + 3 w)/dw
    torch.testing.assert_close(part.w.detach(), torch.tensor(2.0 - 0.1 * 8.0))


def test_it_is_added_once_where_several_batches_make_a_step():
    part, steps = trainer(clip_norm=100.0, accumulation=2)
    steps.step(torch.tensor(4.0), torch.tensor(6.0))
    ((_, _, gradient),) = part.told
    torch.testing.assert_close(gradient, 5.0 + 3.0)
