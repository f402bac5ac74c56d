"""The dial as a log tells it: the probabilities that it would have had with another share, given the draw it made.

    π(n | places before, draw) = (1 − e) [n = best] + e q(n)        see `penchant.exploration.dial`

A decision keeps by what each candidate of its look around was drawn, and the scale and ε of that look, so that q
follows from the log for any share e, budget and places. The draw is a part of the request here, like a user's history:
it does not depend on what was shown, and the dial that is asked would have drawn it with the same chance. So weights
π(· | draw) / p(· | draw) are unbiased.

Which interests were worth a try, with which items and how even the look was, stands as logged: of a dial with other
settings there the log tells nothing.
"""

import re
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.evaluation.off_policy.replaying import FromLog
from penchant.exploration.dial import DialConfig, DrawnDial
from penchant.interfaces import Policy
from penchant.records import Decision

NO_LOOK = "no_look_around"
UNTOLD = "look_not_told"
_PLACES = re.compile(r"\d+(,\d+)*")


class LoggedDialConfig(Config):
    """The dial that is asked; what is left out is as it was at each decision."""

    share: float | None = Field(default=None, ge=0, le=1)
    """e"""
    most: int | None = Field(default=None, ge=0)
    """Explored places of a slate, at most"""
    never_at: tuple[int, ...] | None = None
    """Places, from 1, that are never explored"""
    epsilon: float | None = Field(default=None, gt=0, le=1)
    """ε: the part of a look around that is uniform"""

    @field_validator("never_at")
    @classmethod
    def _from_one(cls, places: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return places if places is None else DialConfig(never_at=places).never_at


class LoggedDial(FromLog):
    """The dial that served, with another share, budget or ε."""

    def __init__(self, config: LoggedDialConfig) -> None:
        self.config = config

    def lacks(self, decision: Decision) -> str:
        """``no_look_around`` where something is to be explored and no look was made, as at a share of 0: which
        interests were worth a try is then not in the log. ``look_not_told`` where one was made, and not its scale.
        """
        if self._share(decision) == 0:
            return ""
        if not decision.looks:
            return NO_LOOK
        told = decision.context
        numbers = (told.get("look_scale"), told.get("look_epsilon"), told.get("look_most", 0))
        whole = all(isinstance(value, int | float) for value in numbers)
        return "" if whole and _PLACES.fullmatch(str(told.get("look_never_at", "1"))) else UNTOLD

    def of(self, decision: Decision) -> Policy:
        """The dial given the draw of a decision that lacks nothing."""
        share = self._share(decision)
        looks = np.array(decision.looks or [None] * len(decision.eligible), dtype=np.float64)
        explorable = np.isfinite(looks)
        drawn = np.where(explorable, looks, 0.0)
        if share == 0:
            return DrawnDial(DialConfig(share=0.0), explorable_N=explorable, drawn_N=drawn, scale=0.0)
        told, asked = decision.context, self.config
        settings: dict[str, Any] = {
            "share": share,
            "most": told.get("look_most") if asked.most is None else asked.most,
            "never_at": _places(told.get("look_never_at")) if asked.never_at is None else asked.never_at,
            "epsilon": told["look_epsilon"] if asked.epsilon is None else asked.epsilon,
        }
        config = DialConfig.of(settings, where=f"the log, slate {decision.slate_id}")
        return DrawnDial(config, explorable_N=explorable, drawn_N=drawn, scale=float(told["look_scale"]))

    def _share(self, decision: Decision) -> float:
        """The share at a decision. Strangers get popular items, of which the dial explores none."""
        if decision.context.get("cold"):
            return 0.0
        if self.config.share is not None:
            return self.config.share
        logged = decision.context.get("exploration_share", 0.0)
        if not isinstance(logged, int | float) or not 0 <= logged <= 1:
            raise ConfigError(
                f"The share of slate {decision.slate_id!r} is {logged!r}, which is none from 0 to 1.",
                hint="Name the share to ask for.",
            )
        return float(logged)


def _places(text: object) -> tuple[int, ...]:
    return () if text is None else tuple(int(place) for place in str(text).split(","))
