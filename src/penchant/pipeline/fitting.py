"""Learning: from a dataset to everything that serving needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from penchant.concepts.completion import CompletionConfig, completed
from penchant.concepts.heirs import Succession, succession
from penchant.concepts.kinds import placed_vocabulary
from penchant.concepts.naming import NamingConfig, with_names
from penchant.concepts.space import ConceptSpace, ConceptSpaceConfig, fit_concept_space, space_of
from penchant.concepts.vocabulary import Vocabulary, VocabularyConfig, build_vocabulary
from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.generated import is_generated
from penchant.data.polarity import consumption
from penchant.encoders import load_encoder
from penchant.errors import ConfigError
from penchant.exploration.interest_discovery import InterestDiscovery
from penchant.interests.drift import DriftConfig
from penchant.interests.editing import EditingConfig
from penchant.interests.population import Population, fit_population
from penchant.interests.population_drift import PopulationDriftConfig
from penchant.interests.profile import ProfileConfig
from penchant.interests.tracking import Beliefs
from penchant.interfaces import Encoder, FitOptions, plain
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.pipeline.belief_fitting import fit_beliefs, reading_of
from penchant.pipeline.beliefs import BeliefModel, BeliefReader, BeliefSettings
from penchant.pipeline.discovery_fitting import fit_discovery
from penchant.pipeline.drift_fitting import fit_thresholds, thresholds_told
from penchant.pipeline.encoding import item_vectors, user_vectors
from penchant.pipeline.exploring import Exploration
from penchant.progress import Progress
from penchant.reranking.settings import Reranking
from penchant.seeding import numpy_rng
from penchant.training.journal import Journal
from penchant.training.tracker import Tracker
from penchant.types import FloatArray

POPULATION_SAMPLE = 2_000


class InterestModelConfig(Config):
    """Everything a fit can be told."""

    model: InterestConfig = Field(default_factory=InterestConfig)
    vocabulary: VocabularyConfig = Field(default_factory=VocabularyConfig)
    completion: CompletionConfig | None = None
    """Give items concepts that they do not bear and are judged to be of; None: only those they bear."""
    concepts: ConceptSpaceConfig = Field(default_factory=ConceptSpaceConfig)
    naming: NamingConfig = Field(default_factory=NamingConfig)
    """Names that kinds may be called."""
    profile: ProfileConfig = Field(default_factory=ProfileConfig)
    editing: EditingConfig = Field(default_factory=EditingConfig)
    belief: BeliefSettings = Field(default_factory=BeliefSettings)
    drift: DriftConfig = Field(default_factory=DriftConfig)
    population_drift: PopulationDriftConfig = Field(default_factory=PopulationDriftConfig)
    text: bool = True
    """Read the items' texts; without, items are known by behaviour alone."""
    nouns: tuple[str, str] = ("item", "items")
    """What things are called, one and many."""
    pool: int = Field(default=300, ge=10)
    """Candidates per retrieval source."""
    most_reasons: int = Field(default=4, ge=1)
    """Reasons told for a recommended item."""
    reranking: Reranking = Field(default_factory=Reranking)
    """Reranker and rules of every slate whose request names none of its own."""
    exploration: Exploration = Field(default_factory=Exploration)
    """How much of every slate is spent on finding out, where its request does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The concepts of a bundle, for one that takes its place."""

    vocabulary: Vocabulary
    items: Sequence[str]
    """Ids of the items, by row"""
    succession: Succession


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a fit learned; nothing in it changes afterwards."""

    dataset: Dataset
    model: Interest
    vocabulary: Vocabulary
    space: ConceptSpace
    population: Population
    user_vectors: FloatArray
    """(U, D) the tracker's reading of each user of the dataset, so that a first request does not wait for it."""
    belief: BeliefModel
    """What beliefs stand on."""
    beliefs: Beliefs
    """(U) those of the users of the dataset."""
    discovery: InterestDiscovery
    """How users come to interests that are new to them."""
    succession: Succession
    """What became of concepts that earlier bundles had."""
    facts: dict[str, Any]
    """What the bundle's manifest says of the fit: seed, encoder, concepts, the share of the item space they explain."""
    journal: Journal = field(default_factory=Journal)
    """What its trainings did; empty where it was read from a bundle."""


def fit(
    data: Dataset,
    config: InterestModelConfig,
    *,
    encoder: Encoder | None,
    model: Interest | None,
    seed: int,
    now: Callable[[], datetime],
    progress: Progress,
    checkpoints: Path | None = None,
    resume: bool | None = None,
    run_log: Path | None = None,
    trackers: Sequence[Tracker] = (),
    device: str = "auto",
    after: Named | None = None,
) -> Fitted:
    """Encode the items' texts, fit the ranking model (unless one is handed in), then name what it learned. `after` are
    the concepts of the bundle that this one takes the place of.

    `checkpoints`, `resume`, `run_log`, `trackers` and `device` are those of `FitOptions`.
    """
    if not len(data.events):
        raise ConfigError("The dataset has no events.", hint="Import interactions first: `penchant import`.")
    if not config.text:
        encoder = None
    elif model is None:
        encoder = encoder or load_encoder(None)
    facts: dict[str, Any] = {"seed": seed, "fitted_at": now().isoformat(timespec="seconds")}
    items = None if encoder is None else item_vectors(data.items, encoder, progress=progress)
    journal = Journal()
    options = FitOptions(
        item_vectors=items,
        seed=seed,
        progress=progress,
        checkpoints=checkpoints,
        resume=resume,
        run_log=run_log,
        trackers=(journal, *trackers),
        device=device,
    )
    if model is None:
        if encoder is not None:
            options = replace(options, user_vectors=user_vectors(data, encoder, progress=progress))
        model = Interest(config.model).fit(consumption(data), options=options)
    if encoder is not None:
        facts["encoder"] = {
            "name": encoder.name,
            "identity": encoder.identity,
            "licence": encoder.licence,
            "folder": None if encoder.folder is None else str(encoder.folder),
        }
    wording = None if encoder is None else plain(encoder)
    texts = items if wording is None or wording is encoder else item_vectors(data.items, wording, progress=progress)
    with progress.task("Naming interests") as advance:
        vocabulary = build_vocabulary(
            data.items, config.vocabulary, encoder=wording, item_vectors=texts, seed=seed, progress=progress
        )
        advance(1)
    if config.completion is not None:
        told = [model.tracker.item_vectors] if texts is None else [texts, model.tracker.item_vectors]
        vocabulary = completed(vocabulary, told, config.completion)
    if vocabulary.concepts and model.tracker.config.concepts.epochs:
        model.through_concepts(consumption(data), vocabulary.activations, options=options)
    if (record := model.tracker.concept_record or model.tracker.record) is not None:
        facts["validation"] = {"metric": "ndcg@10", "tracker": record.best_value, "training_gap": record.gap}
        facts["stopped"] = record.stopped
        if model.blend is not None and "blend" in model.blend.validation:
            facts["validation"]["interest"] = model.blend.validation["blend"]
    if (found := model.tracker.concepts) is not None:
        vocabulary = placed_vocabulary(vocabulary, data.items, found.names, found.kinds, found.activations)
        if wording is not None and texts is not None:
            vocabulary = with_names(vocabulary, texts, wording, config.naming)
        space = space_of(model.tracker.item_vectors, found.mean, found.directions, found.activations)
    else:
        space = fit_concept_space(model.tracker.item_vectors, vocabulary, config.concepts)
    population = _population(data, model, vocabulary, space, seed=seed)
    progress.note(f"{len(vocabulary.concepts)} concepts explain {space.explained:.0%} of the item space")
    facts |= {"concepts": len(vocabulary.concepts), "explained": space.explained}
    belief, beliefs = fit_beliefs(
        data, model.tracker, vocabulary, space, population, config.belief, seed=seed, progress=progress
    )
    reader = BeliefReader(belief, model.tracker, vocabulary, space, population)
    facts["drift"] = thresholds_told(fit_thresholds(data, reader, reading_of(data), config.drift, seed=seed))
    with progress.task("Learning how interests are come to") as advance:
        discovery = fit_discovery(
            data,
            model.tracker,
            vocabulary,
            space,
            config.exploration.discovery,
            temperature=belief.temperature,
            text_vectors=texts,
            seed=seed,
        )
        advance(1)
    return Fitted(
        dataset=data,
        model=model,
        vocabulary=vocabulary,
        space=space,
        population=population,
        user_vectors=_user_vectors(data, model),
        belief=belief,
        beliefs=beliefs,
        discovery=discovery,
        succession=_succession(after, vocabulary, data.items.ids, progress=progress),
        facts=facts,
        journal=journal,
    )


def _succession(after: Named | None, vocabulary: Vocabulary, items: Sequence[str], *, progress: Progress) -> Succession:
    if after is None:
        return Succession.none()
    found = succession(after.vocabulary, after.items, vocabulary, items, before=after.succession)
    if found.heirs:
        alone = sum(not heirs for heirs in found.heirs.values())
        progress.note(f"{len(found.heirs)} concepts are gone; {len(found.heirs) - alone} have heirs")
    return found


def _user_vectors(data: Dataset, model: Interest) -> FloatArray:
    """(U, D) of what the models read of each user's events."""
    return model.tracker.user_vectors(consumption(data).histories())


def _population(
    data: Dataset, model: Interest, vocabulary: Vocabulary, space: ConceptSpace, *, seed: int
) -> Population:
    histories = consumption(data).histories()
    active = np.flatnonzero((histories.lengths > 0) & ~is_generated(data))  # what real users lean to
    if len(active) > POPULATION_SAMPLE:
        active = np.sort(numpy_rng(seed, "population").choice(active, POPULATION_SAMPLE, replace=False))
    sample = histories.take(active)
    readings = [space.readings(model.tracker.user_vectors(batch)) for _, batch in sample.batches(256)]
    return fit_population(np.concatenate(readings), vocabulary, data.item_counts())
