"""Masked and next words: what is masked, what is counted, and the loss by hand."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from penchant.encoders.pretraining.catalogue import OBJECTIVES
from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language import MaskedConfig, MaskedWords, NextWord
from penchant.encoders.pretraining.objective import ObjectiveConfig, order_of
from penchant.errors import ConfigError, DataError


def prepared(name, model, corpus, **settings):
    objective = OBJECTIVES.build(name, settings)
    objective.prepare(model, corpus, seed=3)
    return objective


def test_eight_of_ten_are_masked_one_is_random_one_stays_and_nothing_special(model, corpus: Corpus):
    bert = model("bert")
    objective = prepared("mlm", bert, corpus, share=0.5, batch=96)
    fates, special = [], set(bert.tokenizer.all_special_ids)
    for epoch in range(1, 30):
        batch = objective.batches(epoch)[0]
        read = batch.texts.ids_BL[batch.rows_N, batch.places_N]
        assert not special & set(batch.words_N.tolist())
        fates.append(torch.stack([read == bert.tokenizer.mask_token_id, read == batch.words_N]).double())
        lengths = batch.texts.mask_BL.sum(dim=1) - 2  # without [CLS] and [SEP]
        expected = np.maximum(1, [round(0.5 * int(n)) for n in lengths])
        np.testing.assert_array_equal(np.bincount(batch.rows_N.numpy()), expected)
    masked, same = torch.cat(fates, dim=1).mean(dim=1).tolist()
    assert masked == pytest.approx(0.8, abs=0.02)
    assert same == pytest.approx(0.1, abs=0.02)


def test_masks_are_new_every_epoch_and_the_same_when_asked_again(model, corpus: Corpus):
    objective = prepared("mlm", model("bert"), corpus)
    first, again, second = objective.batches(1), objective.batches(1), objective.batches(2)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.texts.ids_BL, other.texts.ids_BL)
        assert torch.equal(one.places_N, other.places_N)
    assert not torch.equal(first[0].words_N, second[0].words_N)
    with torch.inference_mode():
        assert objective.held_out() == objective.held_out()


@pytest.mark.parametrize(("name", "kind"), [("mlm", "bert"), ("clm", "gpt")])
def test_the_loss_is_the_mean_negative_log_likelihood_and_that_of_transformers(name, kind, model, corpus, checkpoint):
    language = model(kind)
    objective = prepared(name, language, corpus, batch=8)
    batch = objective.batches(1)[0]
    with torch.no_grad():
        loss = float(objective.loss(batch))
        auto = AutoModelForMaskedLM if name == "mlm" else AutoModelForCausalLM
        reference = auto.from_pretrained(checkpoint(kind)).eval()
        logits = reference(input_ids=batch.texts.ids_BL, attention_mask=batch.texts.mask_BL).logits
        probabilities = logits.double().softmax(dim=-1).numpy()
        asked = torch.full_like(batch.texts.ids_BL, -100)
        asked[batch.rows_N, batch.places_N] = batch.words_N
    asked_for = zip(batch.rows_N, batch.places_N, batch.words_N, strict=True)
    by_hand = [-np.log(probabilities[row, place, word]) for row, place, word in asked_for]
    assert loss == pytest.approx(np.mean(by_hand), abs=1e-4)
    flat = torch.nn.functional.cross_entropy(logits.flatten(0, 1), asked.flatten(), ignore_index=-100)
    assert loss == pytest.approx(float(flat), abs=1e-4)
    if name == "clm":  # every token but the first of each text is told, and no pad
        assert len(batch.words_N) == int((batch.texts.mask_BL.sum(dim=1) - 1).sum())


def test_only_masked_positions_have_a_gradient(model, corpus: Corpus):
    bert = model("bert")
    objective = prepared("mlm", bert, corpus, batch=4)
    batch = objective.batches(1)[0]
    states = bert.states(batch.texts).detach().requires_grad_(requires_grad=True)
    bert.states = lambda _: states
    objective.loss(batch).backward()
    moved = states.grad.abs().sum(dim=2) > 0
    asked = torch.zeros_like(moved)
    asked[batch.rows_N, batch.places_N] = True
    assert torch.equal(moved, asked)


def test_next_word_probabilities_sum_to_one_and_no_later_word_changes_them(model, corpus: Corpus):
    gpt = model("gpt")
    objective = prepared("clm", gpt, corpus)
    tokens, probabilities = objective.probabilities("dragons castles magic. bread")
    assert probabilities.shape == (len(tokens) - 1, gpt.rows)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    _, other = objective.probabilities("dragons castles magic. ovens sugar")
    np.testing.assert_allclose(other[:3], probabilities[:3], atol=1e-6)


def test_the_unigram_model_is_the_counts_of_what_is_learned(model, corpus: Corpus):
    objective = prepared("mlm", model("bert"), corpus)
    assert objective.unigram.sum() == pytest.approx(1)
    with torch.inference_mode():
        figures = objective.held_out()
    batch = next(iter(objective._held_batches()))
    best = int(objective.unigram.argmax())
    assert 0 <= figures["unigram_accuracy"] <= 1
    assert np.exp(figures["unigram_loss"]) == pytest.approx(figures["unigram_perplexity"])
    assert (objective.unigram[batch.words_N.numpy()] <= objective.unigram[best]).all()
    words = [w for ids in objective.texts for w in np.array(ids)[objective.tellable(ids)]]
    assert objective.unigram[best] == pytest.approx((words.count(best) + 1) / (len(words) + len(objective.unigram)))


def test_a_model_of_the_other_kind_is_refused(model, corpus: Corpus):
    with pytest.raises(ConfigError, match="clm needs a model that reads from left to right") as caught:
        prepared("clm", model("bert"), corpus)
    assert "mlm for BERT-like" in caught.value.hint
    with pytest.raises(ConfigError, match="mlm needs a model that reads both ways"):
        prepared("mlm", model("gpt"), corpus)


def test_texts_that_leave_nothing_to_tell_are_refused(model):
    with pytest.raises(DataError, match="mlm has 0 texts to learn from"):
        prepared("mlm", model("bert"), Corpus(texts=("\u200b", "\u200c", "\u200d")))
    with pytest.raises(ConfigError, match="more than all"):
        MaskedWords(MaskedConfig(masked=0.9, random=0.2))
    assert NextWord(ObjectiveConfig()).name == "clm"


def test_batches_have_like_lengths_and_leave_no_example_alone():
    lengths = np.random.default_rng(0).integers(1, 100, size=401)
    order = order_of(lengths, size=16, at_most=1_000, rng=np.random.default_rng(1))
    assert len(order) == 400
    assert len(set(order.tolist())) == 400
    widths = [np.ptp(lengths[order[start : start + 16]]) for start in range(0, 400, 16)]
    assert max(widths) < 20
