"""From a bundle and what came since to a challenger, and to a bundle that takes its place where it wins."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.continual.challenger import challenger
from penchant.continual.coming import Coming
from penchant.continual.gate import Verdict, judge
from penchant.continual.logged import LoggedConfig, earned_from, judging, moments_of
from penchant.continual.trial import GateConfig, trial
from penchant.data.growth import Growth
from penchant.data.polarity import consumption
from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.interfaces import Encoder, FitOptions
from penchant.models.sequential.continuing import ContinuingConfig
from penchant.pipeline.encoding import item_vectors, keeping, known_encoder, user_vectors
from penchant.pipeline.fitting import Named
from penchant.pipeline.interest_model import InterestModel
from penchant.progress import SILENT, Progress


class UpdateConfig(Config):
    """Everything an update can be told."""

    learning: ContinuingConfig = Field(default_factory=ContinuingConfig)
    blend_cases: int = Field(default=1_000, ge=0)
    """New events that the weights of the blend are chosen for, at most; 0: the weights stay"""
    gate: GateConfig = Field(default_factory=GateConfig)
    logged: LoggedConfig = Field(default_factory=LoggedConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update came to."""

    growth: Growth
    verdict: Verdict | None
    """None where there was nothing to learn"""
    model: InterestModel | None
    """The new model; None where the champion stays"""
    told: dict[str, Any]
    """The same in numbers, for reports and for the new bundle's manifest"""


def update(
    champion: InterestModel,
    came: Coming,
    config: UpdateConfig | None = None,
    *,
    encoder: Encoder | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Update:
    """Let a champion's tracker go on with what came, put it to the gate, and where it wins make a model of it.

    The tracker learns new events beside replayed old ones and is pulled to where it was (`ContinuingConfig`); the
    weights of the blend are chosen anew, neighbours and popularity counted again (`challenger`); concepts, population
    and beliefs are learned from all events, and concepts that are gone get heirs. Where what came has decisions of the
    champion, they are asked what the challenger would have earned. The champion is not altered. `encoder` reads the
    items' texts: None takes the bundle's own where that is at hand, and raises `ConfigError` where the bundle was
    fitted with one that is not.
    """
    config, growth = config or UpdateConfig(), came.growth
    told: dict[str, Any] = {
        "from": champion.bundle,
        "new": {
            "events": growth.events,
            "users": growth.users,
            "items": growth.items,
            "event_types": list(growth.event_types),
            "repeated": came.repeated,
            "forgotten": came.forgotten,
            "refused": came.refused,
        },
        "learning": config.learning.model_dump(),
        "blend_cases": config.blend_cases,
        "gate": config.gate.model_dump(),
        "logged": config.logged.model_dump(),
        "seed": seed,
    }
    read = consumed(growth)
    if not read.of_items.any():
        return Update(growth=growth, verdict=None, model=None, told=told)
    encoder = encoder or _own_encoder(champion)
    options = FitOptions(seed=seed, progress=progress)
    if encoder is not None:
        options = replace(
            options,
            item_vectors=item_vectors(growth.dataset.items, encoder, progress=progress),
            user_vectors=user_vectors(growth.dataset, encoder, progress=progress),
        )
    began = time.perf_counter()
    logged, refused, withheld = None, "", None
    estimating = EstimateConfig(level=config.gate.level, seed=seed)
    try:
        judges = judging(came, read, champion.bundle, config.logged, share=config.gate.held_out, seed=seed)
        moments = moments_of(read, came.moments)
        logged = earned_from(judges, read.dataset, moments, pool=champion.config.pool, config=estimating)
        withheld = judges.withheld
    except DataError as error:
        refused = error.message
    tried = trial(read, config.gate, seed=seed, withheld=withheld)
    if not tried.learned.any():  # all that is new was kept for the gate
        return Update(growth=growth, verdict=None, model=None, told=told)
    found = challenger(
        champion.fitted.model,
        consumption(champion.fitted.dataset),
        tried.training,
        learned_N=tried.learned,
        replayable_N=tried.replayable,
        config=config.learning,
        blend_cases=config.blend_cases,
        options=options,
    )
    told["training_seconds"] = round(time.perf_counter() - began, 2)
    verdict = judge(champion.fitted.model, found, tried, config.gate, seed=seed, logged=logged, refused=refused)
    told |= {"verdict": {**asdict(verdict), "backward_transfer": verdict.backward_transfer}}
    progress.note(f"{'The challenger wins' if verdict.wins else 'The champion stays'}: {verdict.reason}")
    if not verdict.wins:
        return Update(growth=growth, verdict=verdict, model=None, told=told)
    final = found.continued(found.tracker, read.dataset, options=options)
    model = InterestModel(config=champion.config, encoder=encoder, seed=champion.seed, now=champion.now)
    before = champion.fitted
    after = Named(vocabulary=before.vocabulary, items=before.dataset.items.ids, succession=before.succession)
    model.fit(growth.dataset, model=final, progress=progress, after=after)
    told["seconds"] = round(time.perf_counter() - began, 2)
    model.fitted.facts["update"] = told
    return Update(growth=growth, verdict=verdict, model=model, told=told)


def consumed(growth: Growth) -> Growth:
    """What models read of it."""
    data = growth.dataset
    kept = consumption(data)
    if kept is data:
        return growth
    return replace(growth, dataset=kept, new=growth.new[np.isin(data.events.keys, kept.events.keys)])


def _own_encoder(champion: InterestModel) -> Encoder | None:
    facts = champion.fitted.facts
    if not champion.config.text or "encoder" not in facts:
        return None
    found = champion.encoder or known_encoder(facts, champion.fitted.dataset.items)
    if found is None:
        name = dict(facts["encoder"]).get("name")
        raise ConfigError(f"The bundle reads texts with {name!r}, which is not at hand.", hint="Name it: --encoder.")
    return keeping(found)
