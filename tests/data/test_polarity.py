import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.polarity import consumption, polarity


def world() -> Dataset:
    return Dataset.of_rows(
        name="shown",
        users=Table(("u", "v")),
        items=Table(("a", "b", "c")),
        user_rows=np.array([0, 0, 0, 1]),
        item_rows=np.array([0, 1, 2, 0]),
        types=np.array([0, 1, 2, 0]),
        event_types=("click", "impression", "not_interested"),
    )


def test_what_was_turned_down_or_only_shown_is_no_consumption():
    kept = consumption(world())
    assert kept.events.items.tolist() == [0, 0]
    assert consumption(kept) is kept


def test_polarity_has_three_signs():
    data = world()
    assert polarity(data.histories(), data).tolist() == [1.0, 0.0, -1.0, 1.0]
