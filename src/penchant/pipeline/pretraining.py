"""Pre-training an encoder on a dataset's own texts: from the dataset and settings to an encoder's folder."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from penchant.artifacts import check_place, new_folder
from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.encoders.architecture import TOKENIZERS, ArchitectureConfig, save_fresh
from penchant.encoders.checkpoint import PRETRAINING, is_causal, locate, read_checkpoint
from penchant.encoders.fine_tuning.catalogue import Method
from penchant.encoders.fine_tuning.full import FullConfig
from penchant.encoders.item_text import ItemTemplate
from penchant.encoders.licence import licence_of
from penchant.encoders.light import fit_light, is_light
from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.tokenizer_training import TokenizerConfig, train_tokenizer
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.pipeline.clock import utc_now
from penchant.pipeline.encoder_cards import keep_encoder_card
from penchant.pipeline.training_part import LearnedFrom, training_part
from penchant.training.devices import chosen_device
from penchant.training.journal import Journal
from penchant.training.runs import training_run
from penchant.training.steps import TrainingConfig

SCRATCH = "scratch"
KIND, MANIFEST = "pre-trained encoder", PRETRAINING
FURTHER: Mapping[str, Any] = {"learning_rate": 5e-5, "max_epochs": 5}
FROM_SCRATCH: Mapping[str, Any] = {"learning_rate": 1e-3, "max_epochs": 30}
COMMON: Mapping[str, Any] = {
    "weight_decay": 0.01,
    "warmup_steps": 50,
    "evaluate_every": 1,
    "patience": 3,
    "clip_norm": 1.0,
}
"""`TrainingConfig` where the settings say nothing: small steps for a model that knows a language, large ones for one
that knows nothing."""


class PretrainingConfig(Config):
    """Everything a pre-training can be told."""

    start: str | None = None
    """What is trained further: a checkpoint's folder or hub id, None for the embedded all-MiniLM-L6-v2; ``scratch`` for
    a new model; ``hashed``, ``tfidf`` or ``nmf`` for an encoder without a neural network, which has no objective."""
    revision: str | None = None
    """A hub model's branch, tag or commit"""
    architecture: ArchitectureConfig = Field(default_factory=ArchitectureConfig)
    """Of a model from scratch"""
    tokenizer: TokenizerConfig = Field(default_factory=TokenizerConfig)
    """Of a model from scratch: learned from the texts that are not held out"""
    max_length: int = Field(default=128, ge=8)
    """Tokens of a text; from scratch that of `architecture`, where it is lower"""
    method: Method = FullConfig()
    """What is trained of the model; any fine-tuning method that merges"""
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """Wherever the model drops anything in training. None: as its own files say"""
    objectives: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Objective → its settings. Empty: ``mlm`` for a BERT-like model, ``clm`` for a GPT-like one"""
    training: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of `TrainingConfig` that are to differ from `COMMON` with `FURTHER` or `FROM_SCRATCH`"""
    template: ItemTemplate | None = None
    """How items are told in words"""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of texts and of users that are measured on and never learned from"""
    protocol: LearnedFrom = "leave-one-out"
    """Learn from the events of its training part alone, so that an evaluation by it stays honest. None: from all"""
    split_seed: int = Field(default=0, ge=0)
    """Of the protocol, where it draws"""

    @model_validator(mode="after")
    def _trains(self) -> "PretrainingConfig":
        _ = self.steps  # `ConfigError` for settings that no training has
        return self

    @property
    def steps(self) -> TrainingConfig:
        """All settings of the training."""
        usual = FROM_SCRATCH if self.start == SCRATCH else FURTHER
        return TrainingConfig.of(TrainingConfig(**COMMON, **usual).changed(self.training), where="training")


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingReport:
    """What a pre-training did."""

    encoder: str
    """Where it is"""
    start: str
    """What it began from"""
    texts: Mapping[str, int]
    """``learned`` and ``held_out``"""
    objectives: tuple[Mapping[str, Any], ...]
    """Name, and the figures on what is held out ``before`` and ``after``"""
    retrieval: Mapping[str, Mapping[str, float] | None]
    """`next_item_retrieval`, ``before`` (None where there was no model) and ``after``"""
    training: Mapping[str, Any]
    """`TrainingRecord.summary`, and how many numbers were trained; empty for a light encoder"""


def pretrain_encoder(
    dataset: Dataset,
    to: Path,
    config: PretrainingConfig | None = None,
    *,
    options: FitOptions | None = None,
    now: Callable[[], datetime] = utc_now,
) -> PretrainingReport:
    """Train an encoder on the texts of `dataset` and write it to the folder `to`, which `load_encoder` reads.

    To keep items cold, hand in a dataset without their events: their texts are read, nothing of their use is.

    Raises `DataError` where there is too little text, `ConfigError` and `NotFoundError` for a model that cannot be used
    or an objective that does not fit it, `ProtocolError` where the protocol does not fit the data, `TrainingError`
    where the training diverges at once, and `BundleError` where `to` cannot be written.
    """
    config, options, journal = config or PretrainingConfig(), options or FitOptions(), Journal()
    check_place(to, name=MANIFEST)
    _check_objectives(config)
    data = training_part(dataset, config.protocol, seed=config.split_seed)
    corpus = Corpus.of(data, template=config.template, held_out=config.held_out, seed=options.seed)
    if is_light(config.start):
        report = _light(corpus, to, config)
    else:
        followed = replace(options, trackers=(journal, *options.trackers))
        with _start(corpus, config, seed=options.seed) as path:
            report = _pretrain(corpus, path, to, config, data, followed)
    made_here = config.start == SCRATCH or is_light(config.start)
    measured = {one["name"]: {"before": one["before"], "after": one["after"]} for one in report.objectives}
    keep_encoder_card(
        to,
        kind=KIND,
        manifest=MANIFEST,
        data=data,
        config=config,
        seed=options.seed,
        base={"name": report.start, "licence": "" if made_here else licence_of(config.start)},
        metrics={**measured, "retrieval": dict(report.retrieval)},
        journal=journal,
        now=now,
        intended="Turns texts of this catalogue into vectors: --encoder of the other commands.",
        limits="It has read one catalogue. Its licence is that of the model it began from and of the data.",
    )
    return report


def _check_objectives(config: PretrainingConfig) -> None:
    """What would otherwise be found wrong when a tokenizer has been trained."""
    if is_light(config.start):
        if config.objectives or config.training:
            raise ConfigError(
                f"{config.start} has no neural network; objectives or settings of a training came with it.",
                hint="Leave them out, or start from scratch or from a checkpoint.",
            )
        return
    # torch and transformers take seconds to import
    from penchant.encoders.pretraining.catalogue import OBJECTIVES

    for name, settings in config.objectives.items():
        OBJECTIVES.build(name, settings)


def _pretrain(
    corpus: Corpus, path: str | None, to: Path, config: PretrainingConfig, data: Dataset, options: FitOptions
) -> PretrainingReport:
    # torch and transformers take seconds to import
    from penchant.encoders.pretraining.catalogue import OBJECTIVES
    from penchant.encoders.pretraining.language_model import LanguageModel, LanguageModelConfig
    from penchant.encoders.pretraining.retrieval import next_item_retrieval
    from penchant.encoders.pretraining.run import pretrain

    asked = config.objectives or {_usual(path, config): {}}
    objectives = [OBJECTIVES.build(name, settings) for name, settings in asked.items()]
    scratch = config.start == SCRATCH
    model = LanguageModel(
        LanguageModelConfig(
            path=path,
            revision=config.revision,
            max_length=min(config.max_length, config.architecture.max_length) if scratch else config.max_length,
            method=config.method,
            dropout=config.dropout,
        ),
        seed=options.seed,
    ).to(chosen_device(options.device))
    progress = options.progress
    run = training_run(options, dataset=data, config=config, name="pretraining")
    if run is not None and run.folder is not None:
        run = replace(run, identity={**run.identity, "start": model.checkpoint.fingerprint})
    before = next_item_retrieval(model, corpus, progress=progress)
    done = pretrain(model, corpus, objectives, config=config.steps, seed=options.seed, run=run, progress=progress)
    after = next_item_retrieval(model, corpus, progress=progress)
    learned, held = corpus.divided
    told: dict[str, Any] = {
        "kind": KIND,
        "start": config.start or "minilm",
        "base": model.checkpoint.fingerprint,
        "method": config.method.model_dump(mode="json"),
        "own_head": model.own_head,
        "objectives": [
            {"name": one.name, "before": dict(one.before), "after": dict(one.after)} for one in done.objectives
        ],
        "data": data.fingerprint,
        "seed": options.seed,
    }
    with new_folder(to, told, name=MANIFEST) as place:
        model.save(place)
    trained = sum(weight.numel() for weight in {*model.parameters()} if weight.requires_grad)
    return PretrainingReport(
        encoder=str(to),
        start=told["start"],
        texts={"learned": len(learned), "held_out": len(held)},
        objectives=tuple(told["objectives"]),
        retrieval={"before": before, "after": after},
        training={
            **done.training.summary,
            "trained": trained,
            "total": sum(weight.numel() for weight in model.network.parameters()),
        },
    )


def _light(corpus: Corpus, to: Path, config: PretrainingConfig) -> PretrainingReport:
    from penchant.encoders.pretraining.retrieval import next_item_retrieval

    learned, held = corpus.divided
    start = str(config.start)
    encoder = fit_light(start, learned)
    with new_folder(to, {"kind": KIND, "start": start, "identity": encoder.identity}, name=MANIFEST) as place:
        encoder.save(place)
    return PretrainingReport(
        encoder=str(to),
        start=start,
        texts={"learned": len(learned), "held_out": len(held)},
        objectives=(),
        retrieval={"before": None, "after": next_item_retrieval(encoder, corpus)},
        training={},
    )


@contextmanager
def _start(corpus: Corpus, config: PretrainingConfig, *, seed: int) -> Iterator[str | None]:
    """The checkpoint to begin from; that of a new model lies in a folder for as long as the block runs."""
    if config.start != SCRATCH:
        yield config.start
        return
    tokenizer = train_tokenizer(corpus.divided[0], TOKENIZERS[config.architecture.kind], config.tokenizer)
    with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
        save_fresh(config.architecture, tokenizer, Path(folder), seed=seed)
        yield folder


def _usual(path: str | None, config: PretrainingConfig) -> str:
    """The objective of language models that read in the start's direction."""
    causal = is_causal(read_checkpoint(locate(path, revision=config.revision)).architecture)
    return "clm" if causal else "mlm"
