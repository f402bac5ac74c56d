"""Fine-tuning an encoder on behaviour: from the dataset and settings to an encoder's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import Field

from penchant.artifacts import check_place
from penchant.data.dataset import Dataset
from penchant.encoders.cache import CachedEncoder
from penchant.encoders.checkpoint import ADAPTATION
from penchant.interfaces import FitOptions
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig, untrained
from penchant.pipeline.encoding import cache_folder, item_vectors
from penchant.pipeline.training_part import LearnedFrom, training_part
from penchant.progress import SILENT, Progress
from penchant.training.journal import Journal
from penchant.training.model_card import PublishedCard, about, keep_card, total_costs
from penchant.training.tracker import Tracker


class FineTuningConfig(NextItemTuningConfig):
    """Everything a fine-tuning can be told."""

    protocol: LearnedFrom = "leave-one-out"
    """Learn from the events of its training part alone, so that an evaluation by it stays honest. None: from all"""
    split_seed: int = Field(default=0, ge=0)
    """Of the protocol, where it draws"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningReport:
    """What a fine-tuning did."""

    encoder: str
    """Where it is"""
    base: str
    """What it began from"""
    method: Mapping[str, Any]
    """The method and its settings"""
    trained: int
    total: int
    """Numbers that were trained, and of the model in all"""
    before: Mapping[str, float]
    """NDCG@10 of items put in order by their texts: ``known`` items, each user's last, and ``new`` ones, which no event
    was learned from"""
    after: Mapping[str, float]
    trainings: Mapping[str, Mapping[str, Any]]
    """Of the ``head`` and of the ``encoder``: epochs, which was best (0: none), why it ended, seconds"""


def finetune_encoder(
    dataset: Dataset,
    to: Path,
    config: FineTuningConfig | None = None,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    resume: bool | None = None,
    run_log: Path | None = None,
    trackers: Sequence[Tracker] = (),
    progress: Progress = SILENT,
) -> FineTuningReport:
    """Fine-tune an encoder on what users of `dataset` took after what, and write it to the folder `to`, which
    `load_encoder` reads.

    Raises what `NextItemTuning.fit` raises, `ProtocolError` where the protocol does not fit the data and `BundleError`
    where `to` cannot be written.
    """
    config = config or FineTuningConfig()
    check_place(to, name=ADAPTATION)  # before the training, not after
    data = training_part(dataset, config.protocol, seed=config.split_seed)
    journal = Journal()
    options = FitOptions(
        checkpoints=checkpoints,
        resume=resume,
        run_log=run_log,
        seed=seed,
        trackers=(journal, *trackers),
        progress=progress,
    )
    base = CachedEncoder(untrained(config.encoder), cache_folder() / "embeddings")
    vectors = item_vectors(data.items, base, template=config.items, progress=progress)
    tuning = NextItemTuning(config).fit(data, options=replace(options, item_vectors=vectors))
    tuning.save(to)
    report = FineTuningReport(
        encoder=str(to),
        base=base.name,
        method=config.encoder.method.model_dump(mode="json"),
        trained=tuning.encoder.trainable_count,
        total=tuning.encoder.total_count,
        before=tuning.before,
        after=tuning.after,
        trainings={
            name: {
                "epochs": len(record.epochs),
                "best_epoch": record.best_epoch,
                "stopped": record.stopped,
                "seconds": record.seconds,
            }
            for name, record in tuning.records.items()
        },
    )
    card = PublishedCard(
        name=to.name,
        kind="fine-tuned encoder",
        penchant=version("penchant"),
        licence=base.licence,
        data=about(data),
        base={"name": base.name, "identity": base.identity, "licence": base.licence},
        settings={**config.model_dump(mode="json"), "seed": seed},
        metrics={f"NDCG@10 of {kind} items, on validation": value for kind, value in tuning.after.items()},
        costs=total_costs(journal.entries),
    )
    keep_card(to, card, journal, manifest=ADAPTATION)
    return report
