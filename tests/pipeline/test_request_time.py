"""A slate as served depends on when it is asked for, where the tracker reads the time of requests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel

ITEMS, HOUR = 12, 3_600_000_000
NAMES = ("otter", "badger", "heron", "newt", "vole", "kite", "adder", "stoat", "finch", "carp", "hare", "wren")
TRACKER: dict[str, Any] = {
    "dim": 16,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "batch_tokens": 128,
    "training": {"learning_rate": 0.01, "warmup_steps": 5, "evaluate_every": 6, "max_epochs": 30},
}


def walks(*, users: int = 90, length: int = 12) -> Dataset:
    """Walks over a ring of items: one step within a minute, five steps after 200 hours."""
    rng = np.random.default_rng(3)
    far = rng.random((users, length)) < 0.5
    places = (rng.integers(ITEMS, size=(users, 1)) + np.cumsum(np.where(far, 5, 1), axis=1)) % ITEMS
    times = 1_600_000_000_000_000 + np.cumsum(np.where(far, 200 * HOUR, HOUR // 60), axis=1)
    titles = np.array([f"the {name} of the river" for name in NAMES], dtype=object)
    return Dataset.of_rows(
        name="walks",
        users=Table(tuple(f"u{u}" for u in range(users))),
        items=Table(tuple(f"i{i}" for i in range(ITEMS)), {"title": titles}),
        user_rows=np.repeat(np.arange(users), length),
        item_rows=places.ravel(),
        timestamps=times.ravel(),
        clock="time",
    )


@pytest.fixture(scope="module", params=[True, False], ids=["read", "not read"])
def fitted(request):
    tracker = {**TRACKER, "signals": {"request_time": request.param}}
    settings = {"text": False, "model": {"tracker": tracker, "sources": []}}
    world = walks()
    config = InterestModelConfig.of(settings)
    return request.param, world, InterestModel(config=config).fit(world).fitted, config


def clock(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def firsts(world: Dataset, learned: Any, config: InterestModelConfig, gap: timedelta) -> list[int]:
    """By how many steps the first item served is from each user's last, asked so long after the last event."""
    found = []
    histories = world.histories()
    for user in range(0, 40, 2):
        events = histories.of(user)
        last = datetime.fromtimestamp(int(histories.timestamps[events][-1]) / 1e6, tz=UTC)
        model = InterestModel(config=config, now=clock(last + gap)).start(learned)
        slate = model.recommend(f"u{user}", 1, exclude_seen=False)
        found.append((int(slate.items[0].item_id[1:]) - int(histories.items[events][-1])) % ITEMS)
    return found


def test_the_list_changes_with_the_time_of_the_request(fitted):
    read, world, learned, config = fitted
    soon, later = (firsts(world, learned, config, gap) for gap in (timedelta(minutes=1), timedelta(hours=200)))
    if read:
        assert soon.count(1) >= 18
        assert later.count(5) >= 18
    else:
        assert soon == later
