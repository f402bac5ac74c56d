"""Which of given names fits a concept that has none, in worlds where that is known."""

from typing import cast

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import logsumexp

from penchant.concepts.kinship import ItemTexts
from penchant.concepts.naming import NamingConfig, fitting, mutual, with_names
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.errors import DataError
from penchant.interfaces import Encoder

SUBJECTS, PER, DIM = 12, 15, 24
TOLD = 8
"""Subjects that have a concept; the others are kinds."""


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def world(seed: int = 0):
    """Texts of items of twelve subjects, three to a family; names lie elsewhere, by one map of the space for all of
    them; and one direction differs much between all texts and says nothing."""
    rng = np.random.default_rng(seed)
    families = unit(rng.normal(size=(SUBJECTS // 3, DIM)))
    subjects = unit(np.tile(families, (3, 1)) + 0.6 * unit(rng.normal(size=(SUBJECTS, DIM))))
    turn = np.eye(DIM) + 0.45 * rng.normal(size=(DIM, DIM))
    of = np.repeat(np.arange(SUBJECTS), PER)
    texts = subjects[of] + 0.15 * rng.normal(size=(len(of), DIM))
    texts += 2.0 * rng.normal(size=(len(of), 1)) * unit(rng.normal(size=(1, DIM)))
    members = sp.csr_array(np.eye(SUBJECTS)[of])
    return unit(texts).astype(np.float32), unit(subjects @ turn).astype(np.float32), members


def hits(fits: np.ndarray) -> float:
    return float((fits[TOLD:].argmax(axis=0) == np.arange(SUBJECTS - TOLD)).mean())


def test_a_kind_is_told_by_its_name():
    shares = []
    for seed in range(5):
        texts, names, members = world(seed)
        plain = (names - names.mean(axis=0)) @ ItemTexts(texts).centroids(members[:, TOLD:]).T
        shares.append((hits(plain), hits(fitting(texts, names, members[:, :TOLD], members[:, TOLD:]))))
    plain, told = np.mean(shares, axis=0)
    assert told > plain
    assert told > 0.7


def test_a_name_that_has_a_concept_is_spoken_for():
    texts, names, members = world()
    sought = sp.csr_array(members[:, [TOLD]])
    twin = names.copy()
    twin[0] = names[TOLD]  # reads like the kind's own name, and is that of another concept
    fits = fitting(texts, twin, members[:, :TOLD], sought)
    assert fits[TOLD, 0] == pytest.approx(fits[0, 0])  # one vector, one value
    apart = fitting(texts, names, members[:, :TOLD], sought)
    assert apart[TOLD, 0] > apart[0, 0]
    assert apart[:TOLD, 0].max() < 0  # any name rather means the concept it has
    assert apart[TOLD, 0] > fits[TOLD, 0]  # the kind is the less meant, the more another concept may be


def test_the_formula_of_the_last_step():
    """With all directions the same and names that stay: ℓ = n·c / τ − log Σ_m exp(n·c_m / τ)."""
    texts, names, members = world()
    config = NamingConfig(shrinkage=1e9, ridge=1e9, temperature=0.2)
    fits = fitting(texts, names, members[:, :TOLD], members[:, TOLD:], config)
    centred = unit(names - names.mean(axis=0))
    cosines = centred @ ItemTexts(texts).centroids(members).T / 0.2
    expected = cosines[:, TOLD:] - logsumexp(cosines[:, :TOLD], axis=1, keepdims=True)
    np.testing.assert_allclose(fits, expected, atol=1e-5)


def test_without_known_concepts_names_are_compared_as_they_are():
    texts, names, members = world()
    fits = fitting(texts, names, members[:, :0], members)
    assert fits.shape == (SUBJECTS, SUBJECTS)
    assert np.isfinite(fits).all()


def test_items_without_texts_tell_nothing():
    texts, names, members = world()
    blank = np.zeros_like(texts)
    assert np.isfinite(fitting(blank, names, members[:, :TOLD], members[:, TOLD:])).all()


def test_shapes_that_do_not_go_together_are_refused():
    texts, names, members = world()
    for wrong in ((texts[:, :5], names, members), (texts, names[:3], members), (texts[:7], names, members)):
        with pytest.raises(DataError, match="names"):
            fitting(wrong[0], wrong[1], wrong[2][:, :TOLD], wrong[2][:, TOLD:])


def test_mutual_pairs():
    assert list(mutual(np.array([[3.0, 1.0], [2.0, 0.0], [0.0, 0.5]]))) == [(0, 0)]


class Reader:
    """An encoder that knows the names of the world."""

    def __init__(self, names: np.ndarray) -> None:
        self.names = names

    def encode(self, texts, **_):
        return self.names[[int(text.split()[-1]) for text in texts]]


def reader(names: np.ndarray) -> Encoder:
    return cast(Encoder, Reader(names))


def vocabulary(members: sp.csr_array) -> Vocabulary:
    concepts = tuple(
        Concept(
            id=f"{'kind' if c >= TOLD else 'tags'}:{c}",
            name=f"words of {c}" if c >= TOLD else f"subject {c}",
            kind="kind" if c >= TOLD else "tags",
            parent=None,
            items=PER,
        )
        for c in range(SUBJECTS)
    )
    return Vocabulary(concepts=concepts, activations=sp.csr_array(members.astype(np.float32)))


def test_kinds_are_called_by_offered_names_and_keep_their_id_and_words():
    texts, names, members = world()
    before = vocabulary(members)
    offered = (*(f"subject {c}" for c in range(SUBJECTS)), "Subject-9", " ")
    after = with_names(before, texts, reader(names), NamingConfig(names=offered))
    assert after.concepts[:TOLD] == before.concepts[:TOLD]
    assert [concept.id for concept in after.concepts] == [concept.id for concept in before.concepts]
    renamed = [c for c in range(TOLD, SUBJECTS) if after.concepts[c].name != before.concepts[c].name]
    assert renamed
    for c in renamed:
        assert after.concepts[c].name == f"subject {c}"
        assert after.concepts[c].aliases == (f"words of {c}",)


def test_without_names_or_kinds_nothing_changes():
    texts, names, members = world()
    before = vocabulary(members)
    taken = NamingConfig(names=("subject 0", "SUBJECT 1"))
    assert with_names(before, texts, reader(names), NamingConfig()) is before
    assert with_names(before, texts, reader(names), taken) is before
    alone = Vocabulary(concepts=before.concepts[:TOLD], activations=before.activations[:, :TOLD])
    assert with_names(alone, texts, reader(names), NamingConfig(names=("subject 9",))) is alone
