"""Two processes that train one module together."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.errors import ConfigError
from penchant.training.loop import TrainingConfig, train
from penchant.training.processes import ALONE, Processes, chosen_device, joined_processes

ROOT = Path(__file__).resolve().parents[2]


def launched(script: str, folder: Path, *arguments: str, processes: int) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder in some processes that ``torchrun`` starts."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [*command, str(Path(__file__).with_name(script)), str(folder), *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(folder: Path, rank: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"rank-{rank}.json").read_text())
    return found


def test_two_processes_have_the_loss_curve_and_the_weights_of_one(tmp_path):
    from tests.training.distributed_toy import main

    (tmp_path / "one").mkdir()
    with torch.random.fork_rng():
        main(tmp_path / "one")
    one = told(tmp_path / "one", 0)
    ran = launched("distributed_toy.py", tmp_path / "two", processes=2)
    assert ran.returncode == 0, ran.stderr
    first, second = told(tmp_path / "two", 0), told(tmp_path / "two", 1)
    assert one["losses"][-1] < 0.8 * one["losses"][0]
    assert (one["processes"], first["processes"]) == (1, 2)
    assert (one["calls"], first["calls"], second["calls"]) == (30, 15, 15)
    for name in ("losses", "validations", "weights"):
        assert first[name] == pytest.approx(one[name], rel=1e-9, abs=1e-12)
        assert second[name] == first[name]
    rows = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["part"] == "train"] == [1, 2, 3, 4, 5]  # one process writes


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


def test_the_device_is_a_gpu_where_there_is_one():
    assert chosen_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert chosen_device("cpu").type == "cpu"
