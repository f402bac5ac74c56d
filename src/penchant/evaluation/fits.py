"""Fitted models that several rows of an evaluation ask."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from penchant.data.dataset import Dataset
from penchant.evaluation.rows import Row
from penchant.interfaces import Recommender


@dataclass(slots=True)
class SharedFits:
    """Keeps a fitted model for rows that differ only in how it is asked, as long as one training part is at hand."""

    _rows: Counter[str] = field(default_factory=Counter)
    _train: Dataset | None = None
    _models: dict[tuple[str, int], tuple[Recommender, float]] = field(default_factory=dict)

    def expect(self, rows: Sequence[Row]) -> None:
        """The rows to come: a model that only one of them asks is not kept."""
        self._rows = Counter(_key(row) for row in rows)

    def find(self, row: Row, train: Dataset, *, seed: int) -> tuple[Recommender, float] | None:
        """The model fitted for another row on the same part with the same seed, and its seconds."""
        return self._models.get((_key(row), seed)) if train is self._train else None

    def keep(self, row: Row, train: Dataset, model: Recommender, seconds: float, *, seed: int) -> None:
        """Keep a model that was just fitted, where another row asks it too; those of another part are let go."""
        if train is not self._train:
            self._train, self._models = train, {}
        if self._rows[_key(row)] > 1:
            self._models[_key(row), seed] = model, seconds


def _key(row: Row) -> str:
    return row.model + orjson.dumps(row.settings, option=orjson.OPT_SORT_KEYS, default=str).decode()
