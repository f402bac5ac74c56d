"""A whole pre-training: it learns, keeps what it should, is the same when stopped, and is saved whole."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForMaskedLM

from penchant.encoders import load_encoder
from penchant.encoders.pretraining.catalogue import OBJECTIVES
from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel, LanguageModelConfig
from penchant.encoders.pretraining.run import pretrain
from penchant.errors import ConfigError, NotFoundError, TrainingError, UnsupportedError
from penchant.training.loop import TrainingConfig
from penchant.training.runs import TrainingRun
from tests.encoders.tiny_models import save_tiny

QUICK = TrainingConfig(learning_rate=2e-3, max_epochs=4, evaluate_every=1, warmup_steps=2, clip_norm=1.0)


def trained(model, corpus, names, config=QUICK, **more):
    return pretrain(model, corpus, [OBJECTIVES.build(name, s) for name, s in names.items()], config=config, **more)


def of(report, name):
    return next(one for one in report.objectives if one.name == name)


def test_masked_words_are_told_better_than_by_frequency(model, corpus: Corpus):
    """In PLANTED texts a word's subject is told by its neighbours, so the unigram model can be beaten."""
    config = TrainingConfig(learning_rate=3e-3, max_epochs=30, evaluate_every=10, warmup_steps=5)
    report = trained(model("bert"), corpus, {"mlm": {"share": 0.3}}, config)
    mlm = of(report, "mlm")
    assert mlm.after["loss"] < mlm.after["unigram_loss"] < mlm.before["loss"]
    assert mlm.after["accuracy"] > mlm.after["unigram_accuracy"]


def test_next_words_perplexity_falls_below_that_of_frequency(model, corpus: Corpus):
    config = TrainingConfig(learning_rate=3e-3, max_epochs=12, evaluate_every=4, warmup_steps=5)
    clm = of(trained(model("gpt"), corpus, {"clm": {}}, config), "clm")
    assert clm.after["perplexity"] < clm.after["unigram_perplexity"] < clm.before["perplexity"]


def test_pairs_are_told_and_items_taken_together_come_near(model, corpus: Corpus):
    """PLANTED: users keep to one of two subjects, and so do the sentences of a text."""
    objectives = {"next_sentence": {"batch": 16}, "item_item": {"max_examples": 160, "temperature": 0.1}}
    config = TrainingConfig(learning_rate=2e-3, max_epochs=8, evaluate_every=4, warmup_steps=5)
    bert = model("bert")
    report = trained(bert, corpus, objectives, config)
    pairs, items = of(report, "next_sentence"), of(report, "item_item")
    assert pairs.after["accuracy"] > 0.6
    assert items.after["loss"] < items.before["loss"]
    held = corpus.pairs("items", at_most=160)[1]
    cosines = bert.vectors(held.left) @ bert.vectors(held.right).T
    others = cosines[held.right_keys[:, None] != held.right_keys[None, :]]
    assert cosines.diagonal().mean() > others.mean() + 0.1


def test_one_seed_gives_one_model_and_a_stopped_training_goes_on_to_it(model, corpus: Corpus, tmp_path: Path):
    names: dict[str, dict[str, object]] = {"mlm": {}, "simcse": {}}
    config = QUICK.model_copy(update={"max_epochs": 2})
    whole, stopped, resumed = model("bert"), model("bert"), model("bert")
    trained(whole, corpus, names, config, seed=4)

    def run(*, resume: bool | None) -> TrainingRun:
        return TrainingRun(name="x", identity={}, folder=tmp_path, resume=resume, log=None)

    objectives = [OBJECTIVES.build(name) for name in names]
    left, loss = 4, objectives[0].loss

    def cut_short(batch):
        nonlocal left
        left -= 1
        if not left:
            signal.raise_signal(signal.SIGINT)
        return loss(batch)

    objectives[0].loss = cut_short  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        pretrain(stopped, corpus, objectives, config=config, seed=4, run=run(resume=None))
    trained(resumed, corpus, names, config, seed=4, run=run(resume=True))
    for (name, one), other in zip(whole.method.state_dict().items(), resumed.method.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_saved_it_is_read_alike_by_all_and_has_its_head(model, corpus: Corpus, tmp_path: Path):
    bert = model("bert")
    trained(bert, corpus, {"mlm": {}}, QUICK.model_copy(update={"max_epochs": 1}))
    bert.save(tmp_path)
    texts = ["dragons wizards", "bread"]
    expected = bert.vectors(texts)
    np.testing.assert_allclose(
        load_encoder(tmp_path, settings={"precision": "float32"}).encode(texts), expected, atol=1e-5
    )
    np.testing.assert_allclose(SentenceTransformer(str(tmp_path), device="cpu").encode(texts), expected, atol=1e-5)
    again = LanguageModel(LanguageModelConfig(path=str(tmp_path)))
    assert again.own_head
    batch, states = bert.padded(bert.singles(texts)), torch.randn(3, bert.dim)
    assert torch.equal(again.logits(states), bert.logits(states))
    reference = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        logits = reference(input_ids=batch.ids_BL, attention_mask=batch.mask_BL).logits
        torch.testing.assert_close(logits, bert.logits(bert.states(batch)), atol=1e-4, rtol=1e-4)


def test_lora_leaves_the_rest_alone_and_merges(model, corpus: Corpus, checkpoint, tmp_path: Path):
    bert = model("bert", method={"name": "lora", "rank": 2})
    before = load_file(checkpoint("bert") / "model.safetensors")
    trained(bert, corpus, {"item_item": {"max_examples": 60}}, QUICK)
    bert.save(tmp_path)
    after = load_file(tmp_path / "model.safetensors")
    assert set(after) == set(before)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert all("layer" in name and name.endswith("weight") for name in moved)
    vectors = load_encoder(tmp_path, settings={"precision": "float32"}).encode(["dragons wizards"])
    np.testing.assert_allclose(vectors, bert.vectors(["dragons wizards"]), atol=1e-5)


def test_with_the_head_alone_the_vectors_stay(model, corpus: Corpus):
    bert = model("bert", method="head_only")
    before = bert.vectors(["dragons"])
    report = trained(bert, corpus, {"mlm": {}})
    assert of(report, "mlm").after["loss"] < of(report, "mlm").before["loss"]
    np.testing.assert_array_equal(bert.vectors(["dragons"]), before)


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt", "llama", "multilingual", "opt"])
def test_other_families_have_heads_that_are_known(family: str, tmp_path: Path):
    model = LanguageModel(LanguageModelConfig(path=str(save_tiny(family, tmp_path))))
    batch = model.padded(model.singles(["a red nail polish", "red"]))
    model.method.eval()
    with torch.no_grad():
        logits = model.network(input_ids=batch.ids_BL, attention_mask=batch.mask_BL).logits
        kept = batch.mask_BL.bool()
        torch.testing.assert_close(model.logits(model.states(batch))[kept], logits[kept], atol=1e-4, rtol=1e-4)
    assert model.own_head == (family in {"gpt", "multilingual", "opt"}) or family == "llama"


def test_what_cannot_be_pretrained_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint):
    def load(path: object, **settings: object) -> None:
        LanguageModel(LanguageModelConfig.of({"path": str(path), **settings}))

    with pytest.raises(UnsupportedError, match="without a head for words"):
        load(save_tiny("t5", tmp_path / "t5"))
    bare = save_tiny("bert", tmp_path / "bare")
    (bare / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match="no tokenizer"):
        load(bare)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotFoundError, match="could not be had"):
        load("nobody/nothing")
    with pytest.raises(ConfigError, match="leaves no plain model"):
        load(checkpoint("bert"), method="prefix_tuning")


def test_a_learning_rate_that_diverges_is_told(model, corpus: Corpus):
    with pytest.raises(TrainingError, match="diverged") as caught:
        trained(model("bert"), corpus, {"mlm": {}}, QUICK.model_copy(update={"learning_rate": 1e30, "warmup_steps": 0}))
    assert "learning rate" in caught.value.hint
