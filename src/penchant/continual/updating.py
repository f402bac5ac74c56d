"""From a bundle and what came since to a challenger, and to a bundle that takes its place where it wins."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.continual.coming import Coming
from penchant.continual.gate import GateConfig, Logged, Trial, Verdict, judge, trial
from penchant.continual.triggers import TriggerConfig, not_due
from penchant.data.growth import Growth
from penchant.data.polarity import consumption
from penchant.errors import ConfigError
from penchant.interfaces import Encoder, FitOptions
from penchant.models.hybrid import Interest
from penchant.models.sequential.continuing import ContinuingConfig
from penchant.pipeline.encoding import item_vectors, known_encoder, user_vectors
from penchant.pipeline.fitting import Named
from penchant.pipeline.interest_model import InterestModel
from penchant.progress import SILENT, Progress
from penchant.records import Event


class UpdateConfig(Config):
    """Everything an update can be told."""

    learning: ContinuingConfig = Field(default_factory=ContinuingConfig)
    gate: GateConfig = Field(default_factory=GateConfig)


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
    logged: Logged | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Update:
    """Let a champion's tracker go on with what came, put it to the gate, and where it wins make a model of it.

    The tracker learns new events beside replayed old ones and is pulled to where it was (`ContinuingConfig`);
    neighbours and popularity are counted again; concepts, population and beliefs are learned from all events, and
    concepts that are gone get heirs. The champion is not altered. `encoder` reads the items' texts: None takes the
    bundle's own where that is at hand, and raises `ConfigError` where the bundle was fitted with one that is not.
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
        "gate": config.gate.model_dump(),
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
    tried = trial(read, config.gate, seed=seed)
    if tried.learned.any():
        challenger = continued(champion.fitted.model, tried, champion, config.learning, options)
        told["training_seconds"] = round(time.perf_counter() - began, 2)
        verdict = judge(champion.fitted.model, challenger, tried, config.gate, seed=seed, logged=logged)
    else:  # the only new event there is was kept for the gate
        return Update(growth=growth, verdict=None, model=None, told=told)
    told |= {"verdict": {**asdict(verdict), "backward_transfer": verdict.backward_transfer}}
    progress.note(f"{'The challenger wins' if verdict.wins else 'The champion stays'}: {verdict.reason}")
    if not verdict.wins:
        return Update(growth=growth, verdict=verdict, model=None, told=told)
    final = challenger.continued(challenger.tracker, read.dataset, options=options)
    model = InterestModel(config=champion.config, encoder=encoder, seed=champion.seed, now=champion.now)
    before = champion.fitted
    after = Named(vocabulary=before.vocabulary, items=before.dataset.items.ids, succession=before.succession)
    model.fit(growth.dataset, model=final, progress=progress, after=after)
    told["seconds"] = round(time.perf_counter() - began, 2)
    model.fitted.facts["update"] = told
    return Update(growth=growth, verdict=verdict, model=model, told=told)


def held_back(champion: InterestModel, came: Coming, config: TriggerConfig) -> str | None:
    """Why no update is due, None where one is. Drift is looked for in the new events, on a copy of the champion."""
    drift = None
    if config.on_drift:
        watching = InterestModel(config=champion.config, seed=champion.seed, now=champion.now).start(champion.fitted)
        watching.population_drift()  # what is usual, before the new events
        watching.observe(new_events(came.growth))
        drift = watching.population_drift()
    return not_due(
        config,
        new_events=came.growth.events,
        fitted_at=champion.fitted.facts.get("fitted_at"),
        now=champion.now(),
        drift=drift,
    )


def new_events(growth: Growth) -> list[Event]:
    """The new events that are on items, in the order in which they happened."""
    data = growth.dataset
    events, places = data.events, np.flatnonzero(growth.new & (data.events.items >= 0))
    return [
        Event(
            user_id=data.users.ids[events.users[n]],
            item_id=data.items.ids[events.items[n]],
            event_type=data.event_types[events.types[n]],
            timestamp=int(events.timestamps[n]),
            event_id=data.event_id(int(events.keys[n])),
        )
        for n in places[np.argsort(events.timestamps[places], kind="stable")].tolist()
    ]


def continued(
    began: Interest, tried: Trial, champion: InterestModel, config: ContinuingConfig, options: FitOptions
) -> Interest:
    """The challenger: the champion's model after the new events."""
    counted = consumption(champion.fitted.dataset).item_counts()
    tracker = began.tracker.continued(
        tried.training,
        learned_N=tried.learned,
        replayable_N=tried.replayable,
        counted_I=counted,
        config=config,
        options=options,
    )
    return began.continued(tracker, tried.training, options=options)


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
    return found
