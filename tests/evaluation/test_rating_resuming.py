"""An evaluation of ratings that was stopped goes on to the same numbers."""

from typing import ClassVar, Self

import numpy as np
import pytest
import torch
from torch import nn

from penchant.config import Config
from penchant.data.dataset import Dataset, Table
from penchant.errors import CheckpointError
from penchant.evaluation.rating_evaluation import evaluate_ratings
from penchant.interfaces import FitOptions, RatingPredictor, Recommender
from penchant.registry import Registry
from penchant.training.folders import unfinished
from penchant.training.loop import TrainingConfig, train
from penchant.training.runs import training_run


class LearnedConfig(Config):
    """Settings of `Learned`."""

    training: TrainingConfig = TrainingConfig(max_epochs=4, learning_rate=0.1, warmup_steps=0)


class Learned(RatingPredictor):
    """A bias for each item, learned step by step."""

    config: LearnedConfig
    steps: ClassVar[int] = 0
    stop_at: ClassVar[int | None] = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        options = options or FitOptions()
        torch.manual_seed(options.seed)
        self.module = nn.Embedding(dataset.n_items, 1)
        events = dataset.events

        def loss(rows):
            type(self).steps += 1
            if self.steps == self.stop_at:
                raise KeyboardInterrupt
            guess = self.module(torch.from_numpy(events.items.astype(np.int64))[rows])[:, 0]
            return (guess - torch.from_numpy(events.values.astype(np.float32))[rows]).square().mean()

        train(
            self.module,
            batches=lambda _: list(torch.randperm(len(events)).split(16)),
            loss=loss,
            evaluate=None,
            config=self.config.training,
            run=training_run(options, dataset=dataset, config=self.config, name="learned"),
        )
        return self

    def predict(self, histories, cases_P, items_P):  # noqa: ARG002
        with torch.inference_mode():
            return self.module(torch.from_numpy(items_P.astype(np.int64)))[:, 0].double().numpy()

    @property
    def n_items(self) -> int:
        return self.module.num_embeddings

    def save(self, folder):
        raise NotImplementedError

    @classmethod
    def load(cls, folder):
        raise NotImplementedError


REGISTRY: Registry[Recommender] = Registry("recommender")
REGISTRY.register("learned", config=LearnedConfig, cls=Learned, summary="")


def world() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset.of_rows(
        name="rated",
        users=Table(tuple(f"u{n}" for n in range(12))),
        items=Table(tuple(f"i{n}" for n in range(9))),
        user_rows=np.repeat(np.arange(12), 8),
        item_rows=np.concatenate([rng.permutation(9)[:8] for _ in range(12)]),
        values=rng.integers(1, 6, size=96).astype(np.float64),
        rating_scale=(1.0, 5.0),
    )


def test_a_stopped_evaluation_of_ratings_goes_on(tmp_path, monkeypatch):
    def run(**options):
        monkeypatch.setattr(Learned, "steps", 0)
        return evaluate_ratings(world(), ["learned"], registry=REGISTRY, seeds=[0, 1], **options)

    whole = run()
    each = Learned.steps // 2
    monkeypatch.setattr(Learned, "stop_at", each + each // 2)
    with pytest.raises(KeyboardInterrupt):
        run(checkpoints=tmp_path / "kept")
    monkeypatch.setattr(Learned, "stop_at", None)
    assert len(unfinished(tmp_path / "kept")) == 2
    with pytest.raises(CheckpointError, match="earlier trainings"):
        run(checkpoints=tmp_path / "kept")
    found = run(checkpoints=tmp_path / "kept", resume=True, run_log=tmp_path / "log.jsonl")
    assert Learned.steps < each
    assert [one.scores for one in found.results] == [one.scores for one in whole.results]
    assert not (tmp_path / "kept").exists()
    assert (tmp_path / "log.jsonl").read_text().count('"part":"train"') == 8
