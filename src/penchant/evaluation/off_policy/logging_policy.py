"""The policy that served, by its name: with settings that a person says, or with those that the log has."""

from collections.abc import Mapping
from typing import Any

from penchant.evaluation.off_policy.evaluating import DIAL, UNIFORM, target_policy
from penchant.evaluation.off_policy.replaying import Asked, FromLog
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Policy
from penchant.records import Decision


class AsLogged(FromLog):
    """A policy with the settings that each decision has of it; of a decision without any, its default ones."""

    def __init__(self, name: str) -> None:
        """`NotFoundError` for a name that is not there."""
        self.name = name
        self._default = POLICIES.build(name)

    def lacks(self, decision: Decision) -> str:  # noqa: ARG002 - it can always be asked
        """Nothing."""
        return ""

    def of(self, decision: Decision) -> Policy:
        """The policy as it served. `ConfigError` for settings that it does not have."""
        return POLICIES.build(self.name, decision.settings) if decision.settings else self._default


def logging_policy(name: str, settings: Mapping[str, Any] | None = None) -> Asked:
    """The policy that served; without `settings` as the log tells it."""
    return target_policy(name, settings) if settings or name in {DIAL, UNIFORM} else AsLogged(name)
