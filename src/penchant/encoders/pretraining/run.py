"""A language model trained on one or several objectives at once, measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel
from penchant.encoders.pretraining.objective import Objective
from penchant.progress import SILENT, Progress
from penchant.seeding import derive, numpy_rng
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.runs import TrainingRun

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveReport:
    """One objective on what is held out."""

    name: str
    before: Figures
    after: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrained:
    """What a pre-training did."""

    objectives: tuple[ObjectiveReport, ...]
    training: TrainingRecord


@dataclass(frozen=True, slots=True)
class _Turn:
    """A batch, and whose it is."""

    objective: int
    batch: Any


class _Turns(Sequence[_Turn]):
    """The batches of several objectives in one seeded order, each objective's own order kept."""

    def __init__(self, parts: Sequence[Sequence[Any]], *, seed: int, epoch: int) -> None:
        self._parts = parts
        whose = [n for n, part in enumerate(parts) for _ in part]
        drawn = numpy_rng(seed, "turns", str(epoch)).permutation(whose) if len(parts) > 1 else whose
        seen = [0] * len(parts)
        self._order: list[tuple[int, int]] = []
        for n in map(int, drawn):
            self._order.append((n, seen[n]))
            seen[n] += 1

    def __len__(self) -> int:
        return len(self._order)

    # Not `typing.overload`: what that registers outlives the interpreter, and DuckDB then reports leaks on exit.
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        objective, at = self._order[place]
        return _Turn(objective, self._parts[objective][at])


def pretrain(
    model: LanguageModel,
    corpus: Corpus,
    objectives: Sequence[Objective],
    *,
    config: TrainingConfig,
    seed: int = 0,
    run: TrainingRun | None = None,
    progress: Progress = SILENT,
) -> Pretrained:
    """Train `model` on the corpus, where it is; it ends in evaluation mode with its best weights.

    A step is of one objective; objectives take turns in a seeded order, as often as each has batches. The validation
    value is ``−(1/n) Σ_o ℓ_o / ℓ_o before``, held-out losses as shares of what they were, so that none counts more for
    its unit: −1 is no better than before. Raises what the objectives' `prepare` raises, and `TrainingError` where the
    training diverges before its first epoch is over.
    """
    for objective in objectives:
        objective.prepare(model, corpus, seed=seed)
    module = nn.ModuleDict({"model": model.method, **{f"head_{one.name}": one.head for one in objectives}})
    module.to(model.device)
    before = _measured(module, objectives, progress)

    def loss(turn: _Turn) -> Tensor:
        return objectives[turn.objective].loss(turn.batch)

    def value() -> float:
        shares = [one.held_out()["loss"] / max(was["loss"], 1e-9) for one, was in zip(objectives, before, strict=True)]
        return -sum(shares) / len(shares)

    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, "pretraining"))
        record = train(
            module,
            batches=lambda epoch: _Turns([one.batches(epoch) for one in objectives], seed=seed, epoch=epoch),
            loss=loss,
            evaluate=value,
            config=config,
            progress=progress,
            name="Pre-training",
            run=run,
            device=model.device,
        )
    after = _measured(module, objectives, progress)
    reports = (
        ObjectiveReport(name=one.name, before=b, after=a) for one, b, a in zip(objectives, before, after, strict=True)
    )
    return Pretrained(objectives=tuple(reports), training=record)


def _measured(module: nn.Module, objectives: Sequence[Objective], progress: Progress) -> list[Figures]:
    module.eval()
    with torch.inference_mode(), progress.task("Measuring", total=len(objectives)) as advance:
        found: list[Figures] = []
        for one in objectives:
            found.append(dict(one.held_out()))
            advance(1)
    return found
