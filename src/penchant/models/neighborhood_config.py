"""Settings of the item neighbours."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from penchant.config import Config
from penchant.models.interactions import SignalConfig

NOT_OF_COOCCURRENCE = ("signal", "damping", "weighted_mean")


class ItemKNNConfig(Config):
    """Settings of `ItemKNN`."""

    similarity: Literal["auto", "cooccurrence", "cosine", "pearson"] = "auto"
    """``auto``: of `orders` the one that is best for NDCG@10 on validation."""
    window: int = Field(default=8, ge=1)
    """Two events of a user are neighbours when at most this many steps apart."""
    forward: float = Field(default=1.0, ge=0)
    """Weight of "i came after j" for recommending i to who touched j."""
    backward: float = Field(default=0.5, ge=0)
    """Weight of "i came before j"."""
    distance_power: float = Field(default=0.7, ge=0)
    """A pair d steps apart weighs d to minus this. This and the three before it are settings of ``cooccurrence``."""
    signal: SignalConfig = SignalConfig()
    """What a user's events on an item amount to. This and the two after it are settings of the other similarities."""
    damping: float = Field(default=2.0, ge=0)
    """A similarity that rests on n shared users weighs n / (n + damping)."""
    weighted_mean: bool = False
    """Divide by the similarities summed: the textbook prediction of a rating, which ranks worse than the sum."""
    decay: float = Field(default=0.6, gt=0, le=1)
    """Weight of a history's event relative to the one after it."""
    max_neighbours: int = Field(default=1000, ge=1)
    """Neighbours kept for an item, the strongest."""

    @model_validator(mode="after")
    def _read_by_the_similarity(self) -> Self:
        fields = type(self).model_fields
        touched = [name for name in NOT_OF_COOCCURRENCE if getattr(self, name) != fields[name].default]
        if self.similarity == "cooccurrence" and touched:
            raise ValueError("signal, damping and weighted_mean are settings of the similarities cosine and pearson")
        if self.similarity == "auto" and self.weighted_mean:
            raise ValueError("weighted_mean is a setting of the similarities cosine and pearson: name one of them")
        if self.weighted_mean and self.signal.values == "touch":
            raise ValueError("the weighted mean of touches is 1 for every item: set signal.values to value or count")
        return self

    @property
    def orders(self) -> tuple[Self, ...]:
        """What ``auto`` chooses from: co-occurrence; and, for data whose order says nothing, the cosine with decay 1
        and with `damping`, or ten times that, because in short histories what few users share tells little.
        """
        unread = {name: type(self).model_fields[name].default for name in NOT_OF_COOCCURRENCE}
        updates: list[dict[str, Any]] = [{"similarity": "cooccurrence", **unread}]
        updates += [{"similarity": "cosine", "decay": 1.0, "damping": t * self.damping} for t in (1.0, 10.0)]
        return tuple(self.model_copy(update=update) for update in updates)

    def settled_as(self, other: "ItemKNNConfig") -> Self:
        """These settings; with the similarity that another's ``auto`` chose where these have it to be chosen too."""
        if self.similarity != "auto":
            return self
        return next(o for o in self.orders if o.similarity == other.similarity).model_copy(
            update={"damping": other.damping} if other.similarity == "cosine" else {}
        )
