"""How a list is made of its candidates: which reranker, how strongly, under which rules."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from penchant.config import Config
from penchant.interfaces import Reranker
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.rules import Rules


class Reranking(Config):
    """What comes between scores and a slate. Without a name and with empty rules the order is that of the scores."""

    name: str | None = None
    """A reranker, such as ``mmr``."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Its settings, such as ``{"weight": 0.3}``."""
    rules: Rules = Rules()
    pool: int = Field(default=100, ge=1)
    """Candidates that a reranker sees, the best by score; more where K is near to it."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        self.build()
        if self.name is None and self.settings:
            raise ValueError("settings are given, and no reranker is named")
        return self

    @classmethod
    def asked(
        cls,
        default: "Reranking",
        *,
        name: str | None = None,
        weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
    ) -> "Reranking":
        """A request's own wishes over the `default`.

        ``name="none"`` switches a default reranker off. `weight` alone changes the default reranker's. Rules given take
        the place of the default ones. Raises `ConfigError` and `NotFoundError` for what is not there.
        """
        chosen: dict[str, Any] = {"name": default.name, "settings": default.settings, "pool": default.pool}
        if name is not None:
            chosen |= {"name": None if name == "none" else name, "settings": {}}
        if weight is not None:
            chosen["settings"] = {**chosen["settings"], "weight": weight}
        if rules is None:
            chosen["rules"] = default.rules
        else:
            chosen["rules"] = rules if isinstance(rules, Rules) else Rules.of(rules, where="rules")
        return cls.of(chosen, where="rerank")

    @property
    def empty(self) -> bool:
        """Whether the order is that of the scores."""
        return self.name is None and self.rules.empty

    def build(self) -> Reranker | None:
        """The reranker; None where none is named."""
        return None if self.name is None else RERANKERS.build(self.name, self.settings)
