"""Planted changes of what all readers take."""

import numpy as np
from planted import percentiles
from scipy.special import expit

from penchant.data.histories import Histories
from penchant.interests.population_drift import PopulationWatch
from penchant.pipeline.drift_fitting import surprises
from penchant.pipeline.interest_model import InterestModel

BEFORE, AFTER, REPLICAS = 5_000, 2_000, 10
SHARE = 0.2
"""Of the events after a change, how many are of the planted concept."""


def population(model: InterestModel, readers: Histories, rng: np.random.Generator) -> dict[str, object]:
    """Events of readers in random order, which have no drift; and with a planted change after `BEFORE` of them."""
    live = model.live
    activations = model.fitted.vocabulary.activations
    touched_of = (activations > 0).toarray()
    config = model.config.population_drift
    rates = model.fitted.population.rate.astype(np.float64)
    surprise = expit(surprises(readers, live.beliefs))
    strangers = readers.reordered(rng.permutation(len(readers.items)))
    strange = expit(surprises(strangers, live.beliefs))
    usual, false, delays, shifts, wrong = 0, 0, [], [], 0
    some = np.flatnonzero((rates > 0.005) & (rates < 0.05))
    for _ in range(REPLICAS):
        order = rng.permutation(len(readers.items))[: BEFORE + AFTER]
        moments = np.arange(len(order))
        still = PopulationWatch(rates=rates, config=config)
        still.feed(touched_of[readers.items[order]], surprise[order], moments)
        usual, false = usual + still.events, false + len(still.changes)

        concept = int(rng.choice(some))
        bearing = np.flatnonzero(touched_of[:, concept])
        items = readers.items[order].copy()
        turned = np.flatnonzero((np.arange(len(order)) >= BEFORE) & (rng.random(len(order)) < SHARE))
        items[turned] = rng.choice(bearing, len(turned))
        watch = PopulationWatch(rates=rates, config=config)
        watch.feed(touched_of[items], surprise[order], moments)
        found = [c for c in watch.changes if c.concept == concept and c.event > BEFORE and c.after > c.before]
        delays.append(found[0].event - BEFORE if found else AFTER)
        wrong += not found

        odd = np.where(np.arange(len(order)) < BEFORE, surprise[order], strange[order])
        watch = PopulationWatch(rates=rates, config=config)
        watch.feed(touched_of[readers.items[order]], odd, moments)
        found = [c for c in watch.changes if c.concept < 0 and c.event > BEFORE]
        shifts.append(found[0].event - BEFORE if found else AFTER)
    return {
        "replicas": REPLICAS,
        "batch": config.batch,
        "concepts_watched": min(config.concepts, len(rates)),
        "without_change": {"events": usual, "alarms_in_1000_events": 1_000 * false / usual},
        "a_concept_gets_a_fifth_of_events": {"events_until_noticed": percentiles(delays), "not_found": wrong},
        "readers_events_change_hands": {
            "mean_surprise_before": float(surprise.mean()),
            "after": float(strange.mean()),
            "events_until_noticed": percentiles(shifts),
        },
    }
