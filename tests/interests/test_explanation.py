"""Reasons add up to the score exactly."""

import numpy as np
import scipy.sparse as sp

from penchant.concepts.space import fit_concept_space
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.interests.explanation import reasons_of, split_score
from penchant.interests.population import Population
from penchant.records import Reason


def world(seed: int):
    rng = np.random.default_rng(seed)
    activations = ((rng.random((30, 7)) < 0.4) * 0.5).astype(np.float32)
    concepts = tuple(Concept(id=f"c{c}", name=f"C{c}", kind="tags", parent=None, items=1) for c in range(7))
    vocabulary = Vocabulary(concepts=concepts, activations=sp.csr_array(activations))
    items = rng.normal(size=(30, 5)).astype(np.float32)
    space = fit_concept_space(items, vocabulary)
    population = Population(
        mean=rng.normal(size=7).astype(np.float32),
        deviation=(0.5 + rng.random(7)).astype(np.float32),
        rate=np.full(7, 0.1, dtype=np.float32),
    )
    return rng, vocabulary, items, space, population


def test_parts_add_up_to_the_blend_and_edits_move_only_items_with_the_concept():
    rng, vocabulary, items, space, population = world(0)
    user, rows = rng.normal(size=5), np.arange(12, dtype=np.int32)
    events, popular = rng.random((4, 12)), rng.random(12)
    settings = {
        "user_vector_D": user,
        "tracker_gate": 0.7,
        "offset": -0.2,
        "event_parts_LK": events,
        "item_parts": {"popularity": popular},
        "correction_C": np.zeros(7),
        "vocabulary": vocabulary,
        "space": space,
        "population": population,
    }
    plain = split_score(rows, edits_C=np.zeros(7), **settings)
    expected = -0.2 + 0.7 * (items[rows] @ user) + events.sum(axis=0) + popular
    assert np.allclose(plain.score, expected, atol=1e-6)

    edits = np.zeros(7)
    edits[3] = 2.0
    moved = split_score(rows, edits_C=edits, **settings).score - plain.score
    has = vocabulary.activations[rows].toarray()[:, 3]
    assert np.allclose(moved, 0.7 * has * 2.0 * population.deviation[3])
    assert (has == 0).any()


def test_reasons_other_and_residual_are_the_score():
    rng, vocabulary, _, space, population = world(1)
    rows = np.arange(30, dtype=np.int32)
    edits = np.zeros(7)
    edits[2] = -1.0
    parts = split_score(
        rows,
        user_vector_D=rng.normal(size=5),
        tracker_gate=1.3,
        offset=0.1,
        event_parts_LK=rng.random((6, 30)) * (rng.random((6, 30)) < 0.3),
        item_parts={"popularity": rng.random(30), "newness": rng.random(30).round()},
        correction_C=-rng.random(7),
        edits_C=edits,
        vocabulary=vocabulary,
        space=space,
        population=population,
    )

    def concept_reason(c, part, source):
        return Reason(source=source, contribution=part, concept_id=f"c{c}")

    def event_reason(n, part):
        return Reason(source="event", contribution=part, event_id=f"e{n}")

    for k in range(30):
        reasons, other, residual = reasons_of(
            parts, k, concept_reason=concept_reason, event_reason=event_reason, most=3
        )
        score = parts.score[k]
        assert abs(sum(r.contribution for r in reasons) + other + residual - score) <= 1e-9 * max(1, abs(score))
        touched = vocabulary.activations[[k]].toarray()[0, 2] > 0
        for source, part in parts.item.items():
            assert [r.contribution for r in reasons if r.source == source] == ([part[k]] if part[k] else [])
        assert touched == any(r.source == "edit" and r.concept_id == "c2" for r in reasons)
        assert len([r for r in reasons if r.source in {"concept", "event"} and r.contribution > 0]) <= 3
