"""What a task with few labels gains from one that is learned beside it by the same encoder, task by task."""

from typing import Any

import numpy as np

from penchant.metrics.roc import roc_auc
from penchant.models.language.behaviour_text import BehaviourTemplate
from penchant.models.language.examples import Examples
from penchant.models.language.multi_task import MultiTask, MultiTaskConfig
from penchant.models.language.task_data import TextRendering, likes, ratings
from tests.models.language.worlds import ONE_WORD, colour_world

COLOURS = TextRendering(behaviour=BehaviourTemplate(**ONE_WORD))


def settings(path) -> MultiTaskConfig:
    told: dict[str, Any] = {
        "language_model": {"path": str(path), "max_length": 24},
        "batch": 16,
        "training": {"learning_rate": 1e-2, "max_epochs": 8, "warmup_steps": 10},
        "calibrate": False,
    }
    return MultiTaskConfig.of(told)


def asked(model: MultiTask, task: str, test: Examples, *, liked: np.ndarray) -> float:
    told = model.probabilities(task, test.texts) if task == "like" else model.ratings(task, test.texts)
    return roc_auc(liked, told)


def test_likes_of_which_few_are_known_are_told_better_beside_ratings_and_ratings_lose_nothing(bert):
    """Both depend on whether the item's colour is the user's, which 16 examples do not show and 400 do."""
    few = likes(colour_world(users=120, seed=1)[0], rendering=COLOURS)
    balanced = np.concatenate([np.flatnonzero(few.values == value)[:8] for value in (0.0, 1.0)])
    few = few.take(balanced)
    many = ratings(colour_world(users=200, seed=2)[0], rendering=COLOURS)
    test = likes(colour_world(users=80, seed=3)[0], rendering=COLOURS)
    liked = test.values == 1
    tasks = {"like": few, "rating": many}
    rows: dict[str, dict[str, float]] = {name: {} for name in tasks}
    for name, task in tasks.items():
        rows[name]["alone"] = asked(MultiTask(settings(bert)).fit({name: task}, validation={}), name, test, liked=liked)
    both = MultiTask(settings(bert)).fit(tasks, validation={})
    assert both.tasks == ("like", "rating")
    for name in tasks:
        rows[name]["beside the other"] = asked(both, name, test, liked=liked)
    assert rows["like"]["alone"] < 0.8
    assert rows["like"]["beside the other"] > rows["like"]["alone"] + 0.1
    assert rows["rating"]["beside the other"] > rows["rating"]["alone"] - 0.05
    assert rows["rating"]["beside the other"] > 0.9
