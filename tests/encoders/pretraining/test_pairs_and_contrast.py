"""Pairs: which are true, which are negatives, and the losses by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from penchant.encoders.pooling import pool, pool_padded
from penchant.encoders.pretraining.catalogue import OBJECTIVES
from penchant.encoders.pretraining.contrast import contrastive_loss
from penchant.encoders.pretraining.corpus import Corpus
from penchant.errors import DataError


def prepared(name, model, corpus, **settings):
    objective = OBJECTIVES.build(name, settings)
    objective.prepare(model, corpus, seed=3)
    return objective


@pytest.mark.parametrize("name", ["next_sentence", "next_item"])
def test_half_of_the_pairs_are_true_and_no_false_one_is(name, model, corpus: Corpus):
    bert = model("bert")
    objective = prepared(name, bert, corpus, batch=16)
    true = {tuple(both.ids) for both in bert.pairs(list(zip(objective.pairs.left, objective.pairs.right, strict=True)))}
    for batch in objective.batches(1):
        assert float(batch.true_B.mean()) == pytest.approx(0.5, abs=0.51 / len(batch.true_B))
        for n, told in enumerate(batch.true_B):
            ids = tuple(batch.texts.ids_BL[n][batch.texts.mask_BL[n] == 1].tolist())
            assert (ids in true) or not told
        assert set(batch.texts.segments_BL.flatten().tolist()) == {0, 1}
    with torch.inference_mode():
        expected = torch.nn.functional.binary_cross_entropy(objective.logits(batch).sigmoid(), batch.true_B)
        assert float(objective.loss(batch)) == pytest.approx(float(expected), abs=1e-6)
        assert objective.held_out()["chance"] == 0.5


def test_the_contrastive_loss_is_the_worked_number_and_equal_items_are_no_negatives():
    unit, apart = torch.eye(2), torch.eye(2, dtype=torch.bool)
    assert float(contrastive_loss(unit, unit, apart, temperature=1.0)) == pytest.approx(math.log(1 + math.exp(-1)))
    assert float(contrastive_loss(3 * unit, unit, apart, temperature=1.0)) == pytest.approx(0.31326, abs=1e-5)
    same = torch.ones(2, 2, dtype=torch.bool)  # each the other's own item: nothing is left to be told from
    assert float(contrastive_loss(unit, unit, same, temperature=1.0)) == 0


def test_items_that_come_twice_in_a_batch_are_masked(model, corpus: Corpus):
    objective = prepared("item_item", model("bert"), corpus, batch=64)
    batch, places = objective.batches(1)[0], objective.batches(1)._order[:64]
    right = [objective.pairs.right[n] for n in places]
    left = [objective.pairs.left[n] for n in places]
    expected = [[right[c] in {right[b], left[b]} for c in range(64)] for b in range(64)]
    assert batch.same_BB.tolist() == expected
    assert (batch.same_BB.sum() > 64).item()


def test_copies_differ_by_dropout_alone(model, corpus: Corpus):
    bert = model("bert")
    objective = prepared("simcse", bert, corpus)
    batch = objective.batches(1)[0]
    assert torch.equal(batch.left.ids_BL, batch.right.ids_BL)
    with torch.no_grad():
        assert torch.equal(bert.pooled(batch.left), bert.pooled(batch.right))
        first, again = objective.held_out(), objective.held_out()
    assert first == again
    assert first["alignment"] > 0.001  # measured with dropout, else 0
    assert not bert.method.training


def test_measuring_copies_puts_back_the_randomness_of_the_gpu_it_is_on(corpus: Corpus, model, monkeypatch):
    objective, forked, fork = prepared("simcse", model("bert"), corpus), [], torch.random.fork_rng

    def forking(devices):
        forked.append(devices)
        return fork(devices=[])

    monkeypatch.setattr(torch.random, "fork_rng", forking)
    pooled = lambda ids: torch.randn(len(ids), 4)  # noqa: E731
    both = {"singles": list, "padded": list, "pooled": pooled, "method": torch.nn.Identity()}
    for name in ("cpu", "cuda:1"):
        objective.model = SimpleNamespace(device=torch.device(name), **both)
        objective._held_vectors()
    assert forked == [[], [torch.device("cuda:1")]]


def test_held_out_figures_are_those_of_the_vectors(model, corpus: Corpus):
    bert = model("bert")
    objective = prepared("item_item", bert, corpus)
    with torch.no_grad():
        figures = objective.held_out()
    held = objective.held
    left, right = bert.vectors(held.left), bert.vectors(held.right)
    assert figures["alignment"] == pytest.approx(float(((left - right) ** 2).sum(axis=1).mean()), abs=1e-5)
    distinct = np.unique(right, axis=0)
    apart = ((distinct[:, None] - distinct[None, :]) ** 2).sum(axis=2)[np.triu_indices(len(distinct), 1)]
    assert figures["uniformity"] == pytest.approx(math.log(np.exp(-2 * apart).mean()), abs=1e-4)
    assert 0 <= figures["nearest"] <= figures["among_ten"] <= 1


def test_user_pairs_are_history_and_next(model, corpus: Corpus):
    objective = prepared("user_item", model("gpt"), corpus, history=2)
    assert max(text.count("\n") for text in objective.pairs.left) == 1
    with torch.no_grad():
        assert math.isfinite(objective.held_out()["loss"])


def test_too_few_pairs_are_refused(model):
    with pytest.raises(DataError, match="simcse has"):
        prepared("simcse", model("bert"), Corpus(texts=("dragons", "bread", "...")))
    with pytest.raises(DataError, match="pairs of users"):
        prepared("user_item", model("bert"), Corpus(texts=("dragons", "bread")))


@pytest.mark.parametrize("pooling", ["mean", "first", "last", "max", "weighted_mean"])
def test_padded_pooling_is_that_of_each_text(pooling):
    states, lengths = torch.randn(3, 5, 4), [2, 5, 3]
    mask = torch.tensor([[int(place < length) for place in range(5)] for length in lengths])
    alone = torch.cat([pool(states[n : n + 1, :length], pooling) for n, length in enumerate(lengths)])
    torch.testing.assert_close(pool_padded(states, mask, pooling), alone)
    assert normalize(alone, dim=1).shape == (3, 4)
