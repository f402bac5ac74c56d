"""The rows of an evaluation: a registered model under its own name, or a variant of one under a name of its choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from penchant.data.histories import Cases
from penchant.errors import ConfigError
from penchant.reranking.settings import Reranking
from penchant.seeding import numpy_rng

MODEL, SHUFFLED, RERANK = "model", "shuffle_histories", "rerank"
"""Settings of a row that are no settings of its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is built and how it is asked."""

    model: str
    """The registered name."""
    settings: Mapping[str, Any]
    shuffled: bool
    """Asked with each history's events in a random order: a control, for what a model makes of the order."""
    reranking: Reranking = field(default_factory=Reranking)
    """What becomes of its scores before they are measured."""

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any] | None) -> "Row":
        """The row called `name`. Its settings may name the registered ``model`` it is a variant of, say
        ``shuffle_histories = true``, and hold a table ``rerank`` (see `Reranking`); the rest are the model's.
        """
        given = dict(settings or {})
        model, shuffled = given.pop(MODEL, name), given.pop(SHUFFLED, False)
        reranking = Reranking.of(given.pop(RERANK, {}), where=f"{name}: {RERANK}")
        if not isinstance(model, str) or not isinstance(shuffled, bool):
            raise ConfigError(
                f"{name}: {MODEL} is {model!r} and {SHUFFLED} is {shuffled!r}.",
                hint=f"{MODEL} is the name of a model, {SHUFFLED} is true or false.",
            )
        return cls(model=model, settings=given, shuffled=shuffled, reranking=reranking)

    def asked(self, cases: Cases, *, seed: int) -> Cases:
        """The cases as this row is asked them. In a shuffled history the events change places; the times stay."""
        if not self.shuffled:
            return cases
        histories = cases.histories
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        order = np.lexsort((numpy_rng(seed, "shuffled histories").random(len(owners)), owners))
        events = {field: getattr(histories, field)[order] for field in ("items", "types", "values", "keys")}
        return replace(cases, histories=replace(histories, **events))
