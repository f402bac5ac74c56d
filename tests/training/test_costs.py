"""What a training is said to cost."""

import os
from pathlib import Path

import pytest
from torch import nn

from penchant.training.costs import costs_of


class Hiding(nn.Module):
    """Trains a layer and keeps a base of 100 numbers out of torch's sight, as fine-tuned encoders do."""

    total_count = 106

    def __init__(self) -> None:
        super().__init__()
        self.trained = nn.Linear(2, 2)


def test_frozen_and_hidden_numbers_are_counted_and_shared_ones_once():
    module = nn.ModuleDict({"encoder": Hiding(), "head": nn.Linear(2, 3), "frozen": nn.Linear(4, 1)})
    module["frozen"].requires_grad_(requires_grad=False)
    module["again"] = module["head"]
    costs = costs_of(module, seconds=3.0, busy_seconds=720.0, processes=2)
    assert (costs.trainable, costs.parameters) == (6 + 9, 106 + 9 + 5)
    assert (costs.seconds, costs.busy_seconds, costs.processes, costs.device) == (3.0, 720.0, 2, "cpu")
    assert costs.watt_hours == pytest.approx(2.0)  # the number in the docstring


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what a process holds")
def test_peak_memory_is_at_least_what_the_process_holds():
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    peak = costs_of(nn.Linear(1, 1), seconds=0, busy_seconds=0).peak_memory
    assert 0.9 * held <= peak < 1e12
