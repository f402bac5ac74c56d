"""Settings chosen on validation, never on the test."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import optuna
import pytest

from penchant.config import Config, read_toml
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.splitting import SplitConfig, split, splits
from penchant.errors import CheckpointError, ConfigError, NotFoundError, ProtocolError
from penchant.evaluation import evaluate
from penchant.evaluation.tuning import tune
from penchant.hyperparameter_search.space import Choice, Space, Uniform, Whole
from penchant.interfaces import Recommender
from penchant.registry import Registry
from penchant.seeding import numpy_rng
from penchant.types import FloatArray
from tests.evaluation.worlds import N_ITEMS, Scorer, make_world
from tests.worlds import genre_world

WORLD = make_world()


class BlurredConfig(Config):
    """How badly `Blurred` sees."""

    noise: float = 3.0
    step: int = 2
    pairs: int = 2


class Blurred(Scorer):
    """Knows the next step of the world, but for noise, and steps in the wrong width unless `step` is 1."""

    config: BlurredConfig
    fits: ClassVar[list[Dataset]] = []
    asked: ClassVar[list[Histories]] = []
    stop_at: ClassVar[int | None] = None

    def __init__(self, config: BlurredConfig) -> None:
        Recommender.__init__(self, config)
        if config.pairs % 2:
            raise ConfigError("pairs is odd")
        self.fitted = None

    def fit(self, dataset, *, options=None):
        if self.stop_at == len(self.fits):
            raise KeyboardInterrupt
        self.fits.append(dataset)
        return super().fit(dataset, options=options)

    def score(self, histories: Histories) -> FloatArray:
        self.asked.append(histories)
        rng = numpy_rng(0, "blurred", str(int(histories.keys.sum())))
        scores = self.config.noise * rng.random((len(histories), N_ITEMS))
        last = histories.items[histories.indptr[1:] - 1]
        scores[np.arange(len(histories)), (last + self.config.step) % N_ITEMS] += 1.0
        return scores.astype(np.float32)


REGISTRY: Registry[Recommender] = Registry("recommender")
REGISTRY.register("blurred", config=BlurredConfig, cls=Blurred, summary="")
SPACE: Space = {"noise": Uniform(0.2, 4.0), "step": Choice((1, 2))}


@pytest.fixture(autouse=True)
def fresh():
    Blurred.fits, Blurred.asked, Blurred.stop_at = [], [], None


def run(folder, **options: Any):
    return tune(WORLD, "blurred", **{"space": SPACE, "folder": folder, "trials": 8, "registry": REGISTRY, **options})


def test_the_best_settings_are_those_that_see_best(tmp_path):
    result = run(tmp_path)
    assert len(result.trials) == 8
    assert result.trials[0].settings == {}
    drawn = [trial for trial in result.trials[1:] if trial.settings["step"] == 1]
    assert {trial.settings["step"] for trial in result.trials[1:]} == {1, 2}
    assert result.best.settings["step"] == 1
    assert result.best.settings["noise"] == min(trial.settings["noise"] for trial in drawn)
    worst = [trial.value for trial in result.trials[1:] if trial.settings["step"] == 2]
    assert max(worst) < result.best.value
    again = run(tmp_path / "again")
    assert [(t.settings, t.value) for t in again.trials] == [(t.settings, t.value) for t in result.trials]
    assert run(tmp_path / "other", seed=1).trials[1].settings != result.trials[1].settings


def test_no_trial_learns_from_the_test_or_is_asked_about_it(tmp_path):
    run(tmp_path, trials=2)
    made = split(WORLD)
    for fitted in Blurred.fits:
        np.testing.assert_array_equal(fitted.events.keys, made.train.events.keys)
    hidden = set(WORLD.events.keys.tolist()) - set(made.train.events.keys.tolist())
    assert not hidden & {key for asked in Blurred.asked for key in asked.keys.tolist()}


@pytest.mark.parametrize("grouping", ["users", "time"])
def test_cross_validation_gives_mean_and_spread_and_keeps_folds_apart(tmp_path, grouping):
    result = run(tmp_path, trials=2, cross_validation=grouping, split_config=SplitConfig(folds=4))
    for trial in result.trials:
        assert len(trial.folds) == 4
        assert trial.value == pytest.approx(np.mean(trial.folds))
        assert trial.spread == pytest.approx(np.std(trial.folds, ddof=1))
        assert trial.spread > 0
    outer = split(WORLD)
    folds = list(splits(outer.train, f"k-fold-{grouping}", config=SplitConfig(folds=4)))  # type: ignore[arg-type]
    for n, (fitted, asked) in enumerate(zip(Blurred.fits, Blurred.asked, strict=True)):
        np.testing.assert_array_equal(fitted.events.keys, folds[n % 4].train.events.keys)
        np.testing.assert_array_equal(asked.keys, folds[n % 4].test.histories.keys)
        assert set(asked.keys.tolist()) <= set(outer.train.events.keys.tolist())


def test_the_value_is_the_metric_of_the_validation_cases_by_hand(tmp_path):
    result = run(tmp_path, trials=1, metric="ndcg@5")
    cases = split(WORLD).validation
    scores = REGISTRY.build("blurred").score(cases.histories)
    gains = []
    for b in range(len(cases)):
        target = int(cases.targets(b)[0])
        seen = set(cases.histories.items[cases.histories.of(b)].tolist()) - {target}
        rank = sum(scores[b, i] > scores[b, target] for i in range(N_ITEMS) if i not in seen)
        gains.append(1 / np.log2(rank + 2) if rank < 5 else 0.0)
    assert result.best.value == pytest.approx(np.mean(gains))


def test_stopped_it_goes_on_and_fits_no_trial_twice(tmp_path):
    whole = run(tmp_path / "whole", trials=5)
    Blurred.fits, Blurred.stop_at = [], 3
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", trials=5)
    Blurred.stop_at = None
    with pytest.raises(CheckpointError, match="earlier search"):
        run(tmp_path / "cut", trials=5)
    found = run(tmp_path / "cut", trials=5, resume=True)
    assert len(Blurred.fits) == 5
    assert [(t.settings, t.value) for t in found.trials] == [(t.settings, t.value) for t in whole.trials]
    assert run(tmp_path / "cut", trials=6, resume=True).trials[:5] == found.trials
    with pytest.raises(CheckpointError, match="metric was ndcg@10 and is mrr@5"):
        run(tmp_path / "cut", trials=6, resume=True, metric="mrr@5")


def test_what_is_written_is_read_by_the_other_commands(tmp_path):
    result = run(tmp_path)
    settings = read_toml(tmp_path / "evaluate.toml")
    assert settings == {"blurred": dict(result.best.settings)}
    evaluate(WORLD, ["blurred"], registry=REGISTRY, settings=settings)
    assert not (tmp_path / "fit.toml").exists()
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["best"]["number"] == result.best.number
    assert len(written["trials"]) == 8
    assert sorted(file.name for file in tmp_path.iterdir() if "trial" not in file.name) == [
        "evaluate.toml", "result.json", "study.json",
    ]  # fmt: skip


def test_draws_that_are_no_settings_are_given_up(tmp_path):
    result = run(tmp_path, space={"pairs": Whole(1, 8)}, trials=5)
    assert sorted(trial.settings["pairs"] for trial in result.trials[1:]) == [2, 4, 6, 8]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"space": {"nois": Uniform(0, 1)}}, ConfigError, "nois: no such setting"),
        ({"fixed": {"nois": 1}}, ConfigError, "nois: no such setting"),
        ({"trials": 0}, ConfigError, "one trial or more"),
        ({"workers": 0}, ConfigError, "one worker or more"),
        ({"workers": 2, "run_log": Path("log.jsonl")}, ConfigError, "cannot write one log"),
        ({"metric": "accuracy"}, ConfigError, "no metric to tune by"),
        ({"metric": "ndcg@0"}, ConfigError, "no metric to tune by"),
        ({"metric": "ndcg@²"}, ConfigError, "no metric to tune by"),
        ({"protocol": "k-fold-users"}, ConfigError, "no test part"),
        ({"protocol": "leave-two-out"}, ConfigError, "No protocol"),
        (
            {"protocol": "temporal", "split_config": SplitConfig(validation_share=0)},
            ProtocolError,
            "no validation part",
        ),
    ],
)
def test_wrong_options_are_told_before_anything_is_fitted_or_written(tmp_path, options, error, told):
    with pytest.raises(error, match=told):
        run(tmp_path / "study", **options)
    assert not Blurred.fits
    assert not (tmp_path / "study").exists()


def test_what_learns_finds_the_best_settings_as_well_and_knows_the_defaults(tmp_path):
    result = run(tmp_path, method="tpe", trials=16, storage=f"sqlite:///{tmp_path}/search.db")
    assert result.best.settings["step"] == 1
    assert result.protocol["method"] == "tpe"
    assert len(result.trials) == 16
    study = optuna.load_study(study_name="blurred", storage=f"sqlite:///{tmp_path}/search.db")
    assert study.best_value == result.best.value
    assert study.trials[0].params == {"noise": 3.0, "step": 2}  # the defaults, which lie in the space


def test_a_grid_is_tried_whole_unless_told_otherwise(tmp_path):
    space: Space = {"noise": Choice((0.2, 1.0, 4.0)), "step": Choice((1, 2))}
    result = run(tmp_path, method="grid", trials=None, space=space)
    assert [trial.settings for trial in result.trials] == [
        {}, *({"noise": noise, "step": step} for noise in (0.2, 1.0, 4.0) for step in (1, 2)),
    ]  # fmt: skip
    assert len(run(tmp_path / "cut", method="grid", trials=3, space=space).trials) == 3


def test_a_trial_that_is_behind_after_some_folds_is_given_up(tmp_path):
    space: Space = {"noise": Choice((0.2, 0.25, 0.3, 0.35, 0.4, 4.0)), "step": Choice((1, 2))}
    result = run(
        tmp_path, method="grid", trials=None, space=space, pruning="median", cross_validation="users",
        split_config=SplitConfig(folds=4),
    )  # fmt: skip
    given_up = [trial for trial in result.trials if trial.pruned]
    assert given_up
    assert all(trial.value is None and len(trial.folds) == 0 for trial in given_up)
    assert all("others were better there" in trial.failure for trial in given_up)
    assert {report.training for trial in given_up for report in trial.reports} == {"folds"}
    assert result.best.settings["step"] == 1
    assert len(Blurred.fits) < 4 * len(result.trials)


def test_epochs_decide_which_trainings_are_given_up_and_width_and_depth_are_searched(tmp_path):
    space: Space = {
        "layers": Choice((1, 2)),
        "dim": Choice((8, 16)),
        "training.learning_rate": Choice((0.0, 0.01, 0.02)),
    }
    fixed = {"batch_tokens": 512, "training": {"max_epochs": 3, "evaluate_every": 1, "warmup_steps": 1}}
    heard: list[str] = []

    class Heard:
        def begin(self, run, facts):  # noqa: ARG002
            heard.append(run)

        def epoch(self, record):
            pass

        def end(self, record, costs):
            pass

    result = tune(
        WORLD, "tracker", space, fixed=fixed, folder=tmp_path, method="grid", pruning="median", trackers=[Heard()],
    )  # fmt: skip
    assert len(result.trials) == 1 + 2 * 2 * 3
    given_up = [trial for trial in result.trials if trial.pruned]
    assert given_up
    assert any(trial.settings["training"]["learning_rate"] == 0.0 for trial in given_up)
    for trial in result.trials:
        assert {report.training for report in trial.reports} == {"fold 1"}
        assert [report.step for report in trial.reports] == list(range(1, len(trial.reports) + 1))
    assert all(len(trial.reports) == 3 for trial in result.trials if not trial.pruned)
    assert len(heard) == len(result.trials)
    assert not (tmp_path / "states").exists()
    assert {(t.settings["layers"], t.settings["dim"]) for t in result.trials[1:]} == {(1, 8), (1, 16), (2, 8), (2, 16)}


def test_workers_tune_as_one_does_and_are_sent_what_an_encoder_said_without_it(tmp_path):
    class Unsendable:
        """Letters counted; holds what Python cannot send."""

        folder = None
        name, licence, identity, dim = "letters", "", "letters-1", 4
        held = staticmethod(lambda: None)

        def __init__(self):
            self.asked = lambda: None

        def encode(self, texts, *, progress=None):  # noqa: ARG002
            found = np.array([[text.count(letter) + 1.0 for letter in "aeio"] for text in texts], dtype=np.float32)
            return found / np.linalg.norm(found, axis=1, keepdims=True)

    world = genre_world(users=24)
    space: Space = {"decay": Choice((0.5, 0.9))}
    options: dict[str, Any] = {"encoder": Unsendable(), "method": "grid"}
    alone = tune(world, "content_based", space, folder=tmp_path / "a", **options)
    together = tune(world, "content_based", space, folder=tmp_path / "b", workers=2, **options)
    assert [t.value for t in together.trials] == [t.value for t in alone.trials]
    assert all(trial.value is not None for trial in alone.trials)


def test_a_model_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="No recommender is called 'nobody'"):
        tune(WORLD, "nobody", SPACE, folder=tmp_path, registry=REGISTRY)
