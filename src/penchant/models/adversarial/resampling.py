"""The plain way to have more rows: some of those there are, once more."""

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.errors import DataError
from penchant.models.adversarial.generator import GeneratorConfig, RowGenerator
from penchant.models.adversarial.rows import NOTHING, AttributeCoding, Rows
from penchant.models.saving import fitted
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng
from penchant.types import FloatArray, IntArray


class Resampling(RowGenerator):
    """Bootstrap of observed rows: behind a condition come consecutive items of a user drawn with replacement.

    Nothing is learned and the condition is not read: what a network's rows are worth is measured against as many of
    these. A history that is shorter than what is asked for is followed by another user's. No item comes twice in a row.
    """

    name = "resample"

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        self.config = config or GeneratorConfig()
        self._rows: list[IntArray] | None = None
        self._coding = AttributeCoding({})

    def fit(
        self,
        dataset: Dataset,
        *,
        users: IntArray | None = None,
        seed: int = 0,  # noqa: ARG002
        progress: Progress = SILENT,  # noqa: ARG002
    ) -> "Resampling":
        """Keep the histories."""
        histories = dataset.histories(None if users is None else np.asarray(users, dtype=np.int32))
        if dataset.n_items < 2 or not (histories.lengths >= 2).any():
            raise DataError(
                f"Nothing to draw rows from in {dataset.name!r}: {dataset.n_items} items, and no user with two item "
                "events.",
                hint="Import a catalogue of at least two items and users with at least two events.",
            )
        self._rows = [
            histories.items[histories.of(b)].astype(np.int64) for b in np.flatnonzero(histories.lengths).tolist()
        ]
        return self

    def generate(self, conditions: Rows, *, seed: int) -> Rows:
        """Fill rows with stretches of drawn users' histories."""
        rows, rng = fitted(self._rows, self.name), numpy_rng(seed, self.name)
        items = np.full_like(conditions.items, NOTHING)
        for b in range(len(conditions)):
            row = conditions.items[b, : conditions.given[b]].tolist()
            wanted, known = int(conditions.lengths[b]), set(row)
            for _ in range(100):  # a condition that knows all of a small catalogue leaves nothing to draw
                if len(row) >= wanted:
                    break
                drawn = rows[int(rng.integers(len(rows)))]
                start = int(rng.integers(max(len(drawn) - (wanted - len(row)), 0) + 1))
                for item in drawn[start:].tolist():
                    if len(row) < wanted and item not in known:
                        row.append(item)
                        known.add(item)
            items[b, : len(row)] = row
        return Rows(
            items=items,
            given=conditions.given,
            lengths=(items >= 0).sum(axis=1).astype(np.int64),
            attributes=conditions.attributes,
        )

    def attributes(self, users: Table, rows: IntArray) -> FloatArray:
        """(B, 0): none are read."""
        return self._coding.matrix(users, rows)
