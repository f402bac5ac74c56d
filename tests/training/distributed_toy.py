"""A training that ``torchrun`` starts: `python distributed_toy.py FOLDER MODE`, one or several processes."""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from penchant.training.loop import TrainingConfig, train
from penchant.training.processes import joined_processes
from penchant.training.runs import TrainingRun

STEPS_EACH = 3


def main(folder: Path, *, stop_at: int = 0) -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)
    module = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    inputs = torch.randn(24, 5, dtype=torch.float64)
    wanted = inputs.sum(dim=1, keepdim=True).sin()
    calls = 0

    def loss(rows: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        return (module(inputs[rows]) - wanted[rows]).square().mean()

    with joined_processes(device="cpu") as processes:
        record = train(
            module,
            batches=lambda _: torch.randperm(23).split(4),  # torch's own randomness, and a short last batch
            loss=loss,
            evaluate=lambda: -float((module(inputs) - wanted).square().mean()),
            config=TrainingConfig(
                learning_rate=0.02, warmup_steps=3, max_epochs=5, evaluate_every=1, accumulation=2, clip_norm=0.5
            ),
            processes=processes,
            run=TrainingRun(name="toy", identity={}, folder=folder / "state", resume=True, log=folder / "log.jsonl"),
        )
        found = {
            "losses": [epoch.loss for epoch in record.epochs],
            "validations": [epoch.validation for epoch in record.epochs],
            "weights": torch.cat([p.detach().flatten() for p in module.parameters()]).tolist(),
            "processes": record.costs.processes if record.costs else 0,
            "calls": calls,
        }
        (folder / f"rank-{processes.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), stop_at=int(sys.argv[2]) if len(sys.argv) > 2 else 0)
