"""A training in one process or in several, and a training spread over several: what ``torchrun`` starts."""

import copy
import json
import sys
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from penchant.training.loop import TrainingConfig, train
from penchant.training.processes import ALONE, Processes, joined_processes
from penchant.training.runs import TrainingRun
from penchant.training.sharding import spread_over, whole_weights

CONFIG = TrainingConfig(
    learning_rate=0.02, warmup_steps=3, max_epochs=5, evaluate_every=1, accumulation=2, clip_norm=0.5, weight_decay=0.1
)


def together(folder: Path, processes: Processes, *, stop_at: int = 0) -> None:
    """All hold the whole module; torch's own randomness draws the batches, the last of which is short."""
    torch.manual_seed(3)
    torch.set_num_threads(1)
    module = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    inputs = torch.randn(24, 5, dtype=torch.float64)
    wanted = inputs.sum(dim=1, keepdim=True).sin()
    calls = []

    def loss(rows: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        error: Tensor = module(inputs[rows]) - wanted[rows]
        return error.square().mean()

    record = train(
        module,
        batches=lambda _: torch.randperm(23).split(4),
        loss=loss,
        evaluate=lambda: -float((module(inputs) - wanted).square().mean()),
        config=CONFIG,
        processes=processes,
        run=TrainingRun(name="toy", identity={}, folder=folder / "state", resume=True, log=folder / "log.jsonl"),
    )
    found = {
        "losses": [epoch.loss for epoch in record.epochs],
        "validations": [epoch.validation for epoch in record.epochs],
        "weights": torch.cat([p.detach().flatten() for p in module.parameters()]).tolist(),
        "processes": record.costs.processes if record.costs else 0,
        "calls": len(calls),
    }
    (folder / f"together-{processes.rank}.json").write_text(json.dumps(found))


class Deep(nn.Module):
    """A list of layers, as transformers have."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 16)
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(2))
        self.last = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for layer in self.layers:
            x = x + layer(x).tanh()
        out: Tensor = self.last(x)
        return out


def spread(folder: Path, processes: Processes) -> None:
    """Each holds a part of every weight; beside it the same training of a whole module in each process alone."""
    torch.manual_seed(3)
    alone, inputs = Deep(), torch.randn(23, 5)
    wanted = inputs.sum(dim=1, keepdim=True).sin()
    parts = spread_over(copy.deepcopy(alone), processes)
    found: dict[str, Any] = {
        "held": sum(processes.held(p).numel() for p in parts.parameters()),
        "numbers": sum(p.numel() for p in alone.parameters()),
    }
    with torch.no_grad():
        found["before"] = float((parts(inputs) - alone(inputs)).abs().max())

    def losses(module: nn.Module, together: Processes) -> list[float]:
        record = train(
            module,
            # 5 batches, 2 a step: in the last step one process has none
            batches=lambda _: [rows.tolist() for rows in torch.arange(19).split(4)],
            loss=lambda rows: (module(inputs[rows]) - wanted[rows]).square().mean(),
            evaluate=lambda: -float((module(inputs) - wanted).square().mean()),
            config=CONFIG,
            processes=together,
        )
        return [epoch.loss for epoch in record.epochs]

    found |= {"alone": losses(alone, ALONE), "spread": losses(parts, processes)}
    whole = whole_weights(parts)
    found["after"] = max(float((whole[name] - tensor).abs().max()) for name, tensor in alone.state_dict().items())
    (folder / f"spread-{processes.rank}.json").write_text(json.dumps(found))


def worth(module: nn.Module, inputs: Tensor) -> float:
    return -float(module(inputs).square().mean())


def diverge(folder: Path, processes: Processes) -> None:
    """In the second epoch the loss of one process is not finite, while the other's is; weights whole and spread."""
    found = []
    for spread_out in (False, True):
        torch.manual_seed(3)
        made, inputs = Deep(), torch.randn(16, 5)
        module = spread_over(made, processes) if spread_out else made

        def loss(batch: tuple[int, list[int]], module: nn.Module = module, inputs: Tensor = inputs) -> Tensor:
            epoch, rows = batch
            error: Tensor = module(inputs[rows]).square().mean()
            return error * (float("nan") if epoch == 2 and 0 in rows else 1.0)

        record = train(
            module,
            batches=lambda epoch: [(epoch, rows.tolist()) for rows in torch.arange(16).split(4)],
            loss=loss,
            evaluate=partial(worth, module, inputs),
            config=CONFIG,
            processes=processes,
        )
        found.append([record.stopped, record.best_epoch])
    (folder / f"diverged-{processes.rank}.json").write_text(json.dumps({"ended": found}))


if __name__ == "__main__":
    # One that waits for the others in vain is to fail within the test's time.
    with joined_processes(device="cpu", timeout=timedelta(minutes=1)) as joined:
        place = Path(sys.argv[1])
        together(place, joined)
        spread(place, joined)
        diverge(place, joined)
        (place / "stopped").mkdir(exist_ok=True)
        with suppress(KeyboardInterrupt):
            together(place / "stopped", joined, stop_at=8)  # in each, in the third epoch
        together(place / "stopped", joined)
