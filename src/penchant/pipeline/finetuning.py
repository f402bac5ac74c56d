"""Fine-tuning an encoder on behaviour: from the dataset and settings to an encoder's folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from penchant.artifacts import check_place
from penchant.data.dataset import Dataset
from penchant.encoders.checkpoint import ADAPTATION
from penchant.interfaces import FitOptions
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig, untrained
from penchant.pipeline.clock import utc_now
from penchant.pipeline.encoder_cards import keep_encoder_card
from penchant.pipeline.encoding import item_vectors, keeping
from penchant.pipeline.training_part import LearnedFrom, training_part
from penchant.training.journal import Journal


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
    """Of the ``head`` and of the ``encoder``: `TrainingRecord.summary`"""


def finetune_encoder(
    dataset: Dataset,
    to: Path,
    config: FineTuningConfig | None = None,
    *,
    options: FitOptions | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FineTuningReport:
    """Fine-tune an encoder on what users of `dataset` took after what, and write it to the folder `to`, which
    `load_encoder` reads.

    Raises what `NextItemTuning.fit` raises, `ProtocolError` where the protocol does not fit the data and `BundleError`
    where `to` cannot be written.
    """
    config, options, journal = config or FineTuningConfig(), options or FitOptions(), Journal()
    check_place(to, name=ADAPTATION)  # before the training, not after
    data = training_part(dataset, config.protocol, seed=config.split_seed)
    base = keeping(untrained(config.encoder))
    vectors = item_vectors(data.items, base, template=config.items, progress=options.progress)
    followed = replace(options, item_vectors=vectors, trackers=(journal, *options.trackers))
    tuning = NextItemTuning(config).fit(data, options=followed)
    tuning.save(to)
    keep_encoder_card(
        to,
        kind="fine-tuned encoder",
        manifest=ADAPTATION,
        data=data,
        config=config,
        seed=options.seed,
        base={"name": base.name, "identity": base.identity, "licence": base.licence},
        metrics={f"NDCG@10 of {kind} items, on validation": value for kind, value in tuning.after.items()},
        journal=journal,
        now=now,
    )
    return FineTuningReport(
        encoder=str(to),
        base=base.name,
        method=config.encoder.method.model_dump(mode="json"),
        trained=tuning.encoder.trainable_count,
        total=tuning.encoder.total_count,
        before=tuning.before,
        after=tuning.after,
        trainings={name: record.summary for name, record in tuning.records.items()},
    )
