"""Where trainings compute: names of devices, and that nothing of a training stays behind on another one."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.domains import DomainWeights
from penchant.encoders.pretraining.catalogue import OBJECTIVES
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.catalogue import RECOMMENDERS
from penchant.models.language import next_item_tuning, task_network
from penchant.models.language.examples import Examples, Labels
from penchant.models.language.multi_task import MultiTask, MultiTaskConfig
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig
from penchant.models.language.prompts import cloze
from penchant.models.language.prompts.cloze import ClozeClassifier, ClozeConfig
from penchant.models.language.prompts.template import PromptValues
from penchant.models.language.text_rating import TextRating, TextRatingConfig
from penchant.models.neural import recommender
from penchant.models.neural.recommender import NeuralRecommender
from penchant.models.rating import rating_network
from penchant.models.rating.rating_network import RatingNetwork, RatingNetworkConfig
from penchant.models.sequential import concept_training, continuing
from penchant.models.sequential import training as tracker_training
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.continuing import ContinuingConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline import pretraining
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder
from penchant.training.devices import chosen_device, device_of
from penchant.training.model_card import read_card
from penchant.training.records import TrainingRecord
from penchant.training.sharding import Stages
from tests.models.language.prompts.conftest import filler
from tests.models.language.tiny import save_words
from tests.models.language.worlds import colour_world
from tests.models.test_signals import world as told_by
from tests.training.pretend_device import CPU, PRETEND, PretendDevice, pretending, where
from tests.worlds import genre_world

__all__ = ["filler"]

WORLD = genre_world(users=24)
ONE_EPOCH = {"max_epochs": 1, "evaluate_every": 1, "warmup_steps": 1}


def told_device(record: TrainingRecord | None) -> str:
    """Where a training says it was."""
    assert record is not None
    assert record.costs is not None
    return record.costs.device


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT."""
    return save_words(tmp_path_factory.mktemp("words"), ["volume", "epic", "crime", *map(str, range(15))], layers=2)


def test_a_gpu_is_taken_where_there_is_one_and_has_its_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(chosen_device(name)) for name in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "cpu",
    ]
    assert str(chosen_device("auto", place=1)) == "cuda:1"
    with pytest.raises(ConfigError, match="cuda:2, and this machine has 2 GPUs"):
        chosen_device("cuda:2")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpu", "no device 'gpu'"),
        ("", "no device ''"),
        ("cuda:128", "no device 'cuda:128'"),
        ("cuda:256", "no device 'cuda:256'"),
        ("cuda:9", "has 0 GPUs"),
        ("meta", "is meta"),
    ],
)
def test_a_device_that_is_not_there_is_refused(name: str, said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=said) as caught:
        chosen_device(name)
    assert "cpu" in caught.value.hint
    assert chosen_device("auto") == CPU


def test_the_pretended_device_refuses_what_a_gpu_refuses():
    with PretendDevice() as mode:
        module = nn.Linear(2, 2).to(PRETEND)
        assert device_of(module) == PRETEND
        here, there = torch.ones(3, 2), torch.ones(3, 2, device=PRETEND)
        assert module(there).device == PRETEND
        assert (there * 2.0 + torch.tensor(1.0))[torch.arange(2)].device == PRETEND
        for wrong in (lambda: module(here), lambda: here + there, lambda: torch.cat([here, there])):
            with pytest.raises(RuntimeError, match="two devices"):
                wrong()
        with pytest.raises(RuntimeError, match="two devices"):
            here[torch.arange(2)] = there[:2]
        with pytest.raises(RuntimeError, match="generator"):
            torch.multinomial(there, 1, generator=torch.Generator())
        with pytest.raises(TypeError, match="bring it to the CPU"):
            there.numpy()
        assert where(there.cpu()) == CPU
        assert where(there) == PRETEND
        assert mode.operations


def test_layers_on_two_devices_give_what_they_give_on_one():
    torch.manual_seed(0)
    layers = [nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)]
    whole, inputs = nn.Sequential(*copy.deepcopy(layers)), torch.randn(6, 4)
    wanted = whole(inputs)
    wanted.sum().backward()
    with PretendDevice():
        stages = Stages.cut(layers, [CPU, PRETEND])
        found = stages(inputs)
        assert found.device == PRETEND
        found.sum().backward()
        torch.testing.assert_close(found.cpu(), wanted)
    for one, other in zip(stages.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendDevice]:
    """The device ``pretend`` is there for all that train."""
    modules = (next_item_tuning, task_network, cloze, recommender, tracker_training, concept_training, continuing)
    with pretending(monkeypatch, *modules, pretraining, rating_network) as mode:
        yield mode


NEURAL = ("attentive_cf", "autoencoder", "bert4rec", "caser", "gru4rec", "neumf", "sasrec", "two_tower")


def test_every_neural_recommender_is_asked():
    assert tuple(n for n in RECOMMENDERS if issubclass(RECOMMENDERS[n].cls, NeuralRecommender)) == NEURAL


@pytest.mark.parametrize("name", NEURAL)
def test_neural_recommenders_train_there_and_serve_from_the_processor(name: str, pretend: PretendDevice):
    model = RECOMMENDERS.build(name, {"training": ONE_EPOCH})
    assert isinstance(model, NeuralRecommender)
    model.fit(WORLD, options=FitOptions(device="pretend"))
    assert pretend.operations > 100
    assert np.isfinite(model.score(WORLD.histories())).all()
    assert told_device(model.record) == str(PRETEND)


def test_the_tracker_trains_there_through_concepts_and_goes_on(pretend: PretendDevice):
    data = told_by("types", users=24)
    texts = np.random.default_rng(0).standard_normal((data.n_items, 6)).astype(np.float32)
    options = FitOptions(device="pretend", item_vectors=texts)
    read = {"types": "on", "time": "on"}
    concepts = {"epochs": 1, "dictionary": {"least_items": 2}}
    settings = {"dim": 16, "layers": 1, "training": ONE_EPOCH, "concepts": concepts, "signals": read}
    tracker = InterestTracker(InterestTrackerConfig.of(settings)).fit(data, options=options)
    tracker.through_concepts(data, sp.csr_array(np.eye(4)[np.arange(data.n_items) % 4]), options=options)
    assert told_device(tracker.record) == told_device(tracker.concept_record) == str(PRETEND)
    new = np.arange(len(data.histories().items)) % 5 == 0
    further = tracker.continued(
        data,
        learned_N=new,
        replayable_N=~new,
        counted_I=data.item_counts(),
        config=ContinuingConfig(epochs=1, anchor=0.01, importance="fisher"),
        options=options,
    )
    assert told_device(further.record) == str(PRETEND)
    assert np.isfinite(further.score(data.histories())).all()


@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_every_objective_trains_there(kind: str, pretend: PretendDevice, tmp_path: Path):
    told: dict[str, dict[str, int]] = {"mlm": {}} if kind == "bert" else {"clm": {}}
    others = {name: {"max_examples": 64} for name in OBJECTIVES if name not in {"mlm", "clm", "next_sentence"}}
    config = PretrainingConfig.of(
        {
            "start": "scratch",
            "architecture": {"kind": kind, "max_length": 24},
            "tokenizer": {"vocabulary": 300},
            "training": ONE_EPOCH,
            "objectives": told | others,
        }
    )
    report = pretrain_encoder(WORLD, tmp_path / kind, config, options=FitOptions(device="pretend"))
    assert report.training["device"] == str(PRETEND)
    assert read_card(tmp_path / kind).costs["device"] == str(PRETEND)
    assert pretend.operations > 1000


@pytest.mark.parametrize(
    ("method", "loss"),
    [
        ("full", "softmax"),
        ("lora", "binary"),
        ("adalora", "pairwise"),
        ("adapter", "softmax"),
        ("head_only", "softmax"),
    ],
)
def test_an_encoder_is_tuned_there(method: str, loss: str, pretend: PretendDevice, words: Path):
    config = NextItemTuningConfig.of(
        {
            "encoder": {"path": str(words), "max_length": 8, "method": method},
            "loss": loss,
            "batch": 16,
            "new_share": 0.1,
            "head_training": ONE_EPOCH,
            "training": ONE_EPOCH,
        }
    )
    tuned = NextItemTuning(config).fit(WORLD, options=FitOptions(device="pretend"))
    assert {told_device(record) for record in tuned.records.values()} == {str(PRETEND)}
    assert pretend.operations > 500
    assert device_of(tuned.encoder.method.model) == CPU


@pytest.mark.parametrize("method", ["prefix_tuning", "prompt_tuning", "p_tuning", "ia3", "top_layers"])
def test_every_other_method_reads_where_it_is(method: str, pretend: PretendDevice, words: Path):
    config = FineTunedEncoderConfig.of({"path": str(words), "max_length": 24, "method": method})
    encoder = FineTunedEncoder(config, seed=0)
    texts = [("epic volume 1", None), ("", None), ("crime", "epic")]
    here = encoder.eval()(texts)
    encoder.to(PRETEND)
    encoder.put_head(torch.eye(encoder.dim), torch.zeros(encoder.dim))
    there = encoder(texts)
    assert there.device == PRETEND
    there.sum().backward()
    torch.testing.assert_close(there.cpu(), here)
    domains = DomainWeights(encoder)
    domains.keep("one")
    assert domains.vectors("one", texts).shape == (3, encoder.dim)
    assert pretend.operations


def test_tasks_and_pairs_are_learned_there(pretend: PretendDevice, words: Path):
    model = {"path": str(words), "max_length": 24}
    yes = Examples(
        texts=[(f"epic volume {k}" if k % 2 else "crime", "epic") for k in range(24)],
        values=np.arange(24, dtype=np.float64) % 2,
        meaning=Labels(names=("no", "yes")),
        users=np.arange(24),
    )
    rated = replace(yes, values=1 + np.arange(24, dtype=np.float64) % 3, meaning=Labels(scale=(1.0, 3.0)))
    config = MultiTaskConfig.of({"language_model": model, "training": ONE_EPOCH, "weighting": "uncertainty"})
    both = MultiTask(config).fit({"like": yes, "rating": rated}, device="pretend")
    assert told_device(both.record) == str(PRETEND)
    assert np.isfinite(both.probabilities("like", yes.texts)).all()
    again = MultiTask(config).fit({"like": yes}, start=both, device="pretend")
    assert told_device(again.record) == str(PRETEND)
    data = colour_world()[0]
    for head in ("rating", "class", "liked"):
        pairs = TextRating(TextRatingConfig.of({"language_model": model, "training": ONE_EPOCH, "head": head}))
        pairs.fit(data, options=FitOptions(device="pretend"))
        assert told_device(pairs.record) == str(PRETEND)


@pytest.mark.parametrize("head", ["rating", "class", "liked"])
def test_the_network_that_rates_trains_there_and_serves_from_the_processor(head: str, pretend: PretendDevice):
    data = colour_world()[0]
    settings = {"head": head, "class_weights": "balanced"} if head == "class" else {"head": head}
    # Without dropout, which draws its own way on each device.
    config = RatingNetworkConfig.of({**settings, "dropout": 0.0, "training": ONE_EPOCH})
    there, here = (RatingNetwork(config).fit(data, options=FitOptions(device=name)) for name in ("pretend", "cpu"))
    assert told_device(there.record) == str(PRETEND)
    assert told_device(here.record) == "cpu"
    assert pretend.operations > 100
    pairs = np.zeros(4, dtype=np.int64), np.arange(4, dtype=np.int32)
    found, expected = (model.predict(data.histories(), *pairs) for model in (there, here))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_gap_is_learned_to_be_filled_there(pretend: PretendDevice, filler: Path):
    config = ClozeConfig.of(
        {
            "path": str(filler),
            "template": {"text": "liked {liked} ; {item} is {mask}"},
            "verbaliser": {"words": {"like": ["good", "fine"], "dislike": ["bad"]}},
            "training": ONE_EPOCH,
        }
    )
    classifier, values = ClozeClassifier(config), [PromptValues(item=one, liked=("red",)) for one in ("blue", "green")]
    record = classifier.fit(values, ["like", "dislike"], seed=0, device="pretend")
    assert told_device(record) == str(PRETEND)
    assert np.isfinite(classifier.probabilities(values)).all()
    assert pretend.operations > 100
