"""Two processes that train one module together."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from penchant.errors import ConfigError
from penchant.training.loop import TrainingConfig, train
from penchant.training.processes import ALONE, Processes, joined_processes
from penchant.training.sharding import Stages, spread_over
from tests.training.distributed_toy import together

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes that ``torchrun`` started left what they found."""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ran = subprocess.run(
        [*command, str(Path(__file__).with_name("distributed_toy.py")), str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return folder


def told(folder: Path, name: str, rank: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}-{rank}.json").read_text())
    return found


def test_two_processes_have_the_loss_curve_and_the_weights_of_one(two, tmp_path):
    with torch.random.fork_rng():
        together(tmp_path, ALONE)
    one = told(tmp_path, "together", 0)
    first, second = (told(two, "together", rank) for rank in range(2))
    assert one["losses"][-1] < 0.8 * one["losses"][0]
    assert (one["processes"], first["processes"]) == (1, 2)
    assert (one["calls"], first["calls"], second["calls"]) == (30, 15, 15)
    for name in ("losses", "validations", "weights"):
        assert first[name] == pytest.approx(one[name], rel=1e-9, abs=1e-12)
        assert second[name] == first[name]
    rows = [json.loads(line) for line in (two / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["part"] == "train"] == [1, 2, 3, 4, 5]  # one process writes


def test_two_processes_go_on_after_a_stop_to_the_same_weights(two):
    for rank in range(2):
        whole, again = told(two, "together", rank), told(two / "stopped", "together", rank)
        assert again["calls"] == 9  # the last three of five epochs, half of six batches each
        assert (again["weights"], again["losses"]) == (whole["weights"], whole["losses"])


def test_weights_spread_over_processes_compute_and_learn_what_whole_ones_do(two):
    found = [told(two, "spread", rank) for rank in range(2)]
    assert sum(one["held"] for one in found) == found[0]["numbers"]
    assert max(one["held"] for one in found) < 0.55 * found[0]["numbers"]
    for one in found:
        assert one["before"] < 1e-6
        assert one["after"] < 1e-4
        assert one["spread"] == pytest.approx(one["alone"], rel=1e-5)
        assert one["alone"][-1] < 0.8 * one["alone"][0]


def test_a_loss_that_is_not_finite_in_one_process_ends_the_training_in_all(two):
    for rank in range(2):
        assert told(two, "diverged", rank)["ended"] == [["diverged", 1], ["diverged", 1]]


def test_layers_put_on_devices_one_after_the_other_compute_and_learn_what_they_did():
    torch.manual_seed(0)
    layers = [nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)]
    whole, cpu = nn.Sequential(*copy.deepcopy(layers)), torch.device("cpu")
    stages = Stages.cut(layers, [cpu, cpu])
    assert [len(part) for part in stages.parts] == [2, 3]  # type: ignore[arg-type]
    inputs = torch.randn(6, 4)
    torch.testing.assert_close(stages(inputs), whole(inputs))
    for module in (stages, whole):
        train(
            module,
            batches=lambda _: [inputs],
            loss=lambda batch, module=module: module(batch).square().mean(),  # type: ignore[misc]
            evaluate=None,
            config=TrainingConfig(max_epochs=3, warmup_steps=0),
        )
    torch.testing.assert_close(stages(inputs), whole(inputs))
    on_meta = Stages.cut(copy.deepcopy(layers), [cpu, torch.device("meta")])
    assert on_meta(inputs).device.type == "meta"  # the values went where the layer is
    with pytest.raises(ConfigError, match="2 parts came for 1 devices"):
        Stages(layers[:2], [cpu])


def test_alone_there_is_nothing_to_agree_on():
    assert ALONE.alone
    assert ALONE.leads
    assert ALONE.own([1, 2, 3]) == [1, 2, 3]
    assert ALONE.total(2.5) == 2.5
    assert ALONE.of_first("a") == "a"
    with joined_processes(device="cpu") as processes:
        assert processes == ALONE


def test_a_steps_batches_are_dealt_out():
    dealt = [Processes(rank=rank, count=3).own(list(range(7))) for rank in range(3)]
    assert dealt == [[0, 3, 6], [1, 4], [2, 5]]


def test_fewer_batches_a_step_than_processes_is_refused():
    with pytest.raises(ConfigError, match="2 processes train, and a step has 1 batch") as caught:
        train(
            torch.nn.Linear(1, 1),
            batches=lambda _: [torch.zeros(1, 1)],
            loss=lambda batch: batch.sum(),
            evaluate=None,
            config=TrainingConfig(),
            processes=Processes(count=2),
        )
    assert "accumulation to 2" in caught.value.hint


def test_alone_nothing_is_spread():
    module = nn.Linear(2, 2)
    assert spread_over(module, ALONE) is module
    assert not ALONE.sharded(module)
