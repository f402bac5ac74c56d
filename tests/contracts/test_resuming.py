"""What every registered recommender promises of a fit that is cut short."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.config import Config
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import Advance, Progress
from penchant.training.folders import unfinished
from penchant.training.loop import TrainingConfig
from tests.contracts.test_recommenders import HISTORIES, OPTIONS, SETTINGS, data_for

STEPS = 3
"""Of a training, before it is cut short."""


class CutShort(Progress):
    """Ctrl-C after some steps of a training that keeps its state in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = STEPS

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG002
        def advance(n: int = 1, status: str = "") -> None:
            self.left -= bool(unfinished(self.folder))
            if not self.left:
                signal.raise_signal(signal.SIGINT)  # amid an epoch, where the state is hardest to get right

        yield advance


def is_trained(config: Config) -> bool:
    """Whether a training's settings are among a model's, or among those of its parts."""
    values = [getattr(config, name) for name in type(config).model_fields]
    return any(isinstance(v, TrainingConfig) or (isinstance(v, Config) and is_trained(v)) for v in values)


TRAINED = sorted(name for name in SETTINGS if is_trained(RECOMMENDERS[name].config.of(SETTINGS[name])))


@pytest.mark.parametrize("name", TRAINED)
def test_a_fit_cut_short_goes_on_to_the_same_scores(name, tmp_path):
    data, kept = data_for(name), replace(OPTIONS, checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):  # where it does not come: hand `run=training_run(…)` to `train`
        RECOMMENDERS.build(name, SETTINGS[name]).fit(data, options=replace(kept, progress=CutShort(tmp_path)))
    resumed = RECOMMENDERS.build(name, SETTINGS[name]).fit(data, options=replace(kept, resume=True))
    whole = RECOMMENDERS.build(name, SETTINGS[name]).fit(data, options=OPTIONS)
    np.testing.assert_array_equal(resumed.score(HISTORIES), whole.score(HISTORIES))


def test_the_trained_models_are_known():
    assert {"tracker", "interest", "rating_network"} <= set(TRAINED)
