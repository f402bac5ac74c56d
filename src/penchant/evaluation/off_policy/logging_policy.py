"""The policy that served, by its name: with settings that a person says, or with those that the log has."""

from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigError
from penchant.evaluation.off_policy.evaluating import DIAL, UNIFORM, target_policy
from penchant.evaluation.off_policy.replaying import Asked, FromLog
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Policy
from penchant.records import Decision

OTHER_POLICY = "other_policy"
UNKNOWN_SETTINGS = "unknown_settings"


class AsLogged(FromLog):
    """A policy with the settings that each of its decisions has; of a decision without any, its default ones."""

    def __init__(self, name: str) -> None:
        """`NotFoundError` for a name that is not there."""
        self.name = name
        self._default = POLICIES.build(name)

    def lacks(self, decision: Decision) -> str:
        """``other_policy`` of a decision that this one did not take, such as a stranger's, who is served what is
        popular; ``unknown_settings`` where those in the log are none that it has.
        """
        if decision.policy != self.name:
            return OTHER_POLICY
        try:
            self.of(decision)
        except ConfigError:
            return UNKNOWN_SETTINGS
        return ""

    def of(self, decision: Decision) -> Policy:
        """The policy as it served a decision that lacks nothing."""
        return POLICIES.build(self.name, decision.settings) if decision.settings else self._default


def logging_policy(name: str, settings: Mapping[str, Any] | None = None) -> Asked:
    """The policy that served; without `settings` as the log tells it."""
    return target_policy(name, settings) if settings or name in {DIAL, UNIFORM} else AsLogged(name)
