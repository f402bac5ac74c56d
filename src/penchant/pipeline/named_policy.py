"""A policy of `penchant.exploration.policies` asked for by name, in place of the dial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from penchant.errors import ConfigError
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Policy
from penchant.pipeline.exploring import Exploration, Share

PolicyWish: TypeAlias = str | Mapping[str, Any]
"""A policy's name, or its name and settings: ``{"name": "softmax", "temperature": 0.5}``."""
DIAL = "dial"
"""What serves where nothing else is asked for. Its settings are those of `Exploration`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPolicy:
    """A policy with the name it was asked for by."""

    name: str
    policy: Policy

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """`NotFoundError` for a name that is not there, `ConfigError` for a setting that the policy does not have."""
        return cls(name=name, policy=POLICIES.build(name, settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """What chooses among the candidates of a request."""

    exploration: Exploration
    """Of the dial; a share of 0 where another policy was named"""
    named: NamedPolicy | None = None
    """None: the dial"""

    @classmethod
    def asked(
        cls,
        default: Exploration,
        *,
        explore: Share | Mapping[str, Any] | Exploration | None = None,
        policy: PolicyWish | None = None,
    ) -> Self:
        """What a request says over the `default`. The dial takes settings as `policy` or as `explore`, not as both;
        another policy has no `explore`. `ConfigError` and `NotFoundError` say what is wrong or not there.
        """
        if policy is None:
            return cls(exploration=default.asked(explore))
        name, settings = _read(policy)
        if name == DIAL and not (settings and explore is not None):
            return cls(exploration=default.asked(settings or explore))
        if explore is not None:
            raise ConfigError(
                f"explore is a setting of the dial, and came with the policy {name}"
                + (" and its settings." if name == DIAL else "."),
                hint="Give one of them.",
            )
        return cls(exploration=default.model_copy(update={"share": 0.0}), named=NamedPolicy.of(name, settings))


def over(default: PolicyWish | None, explore: Share | Mapping[str, Any]) -> Share | dict[str, Any] | Mapping[str, Any]:
    """What a request says of exploration over a `default` policy: where that is the dial, what the request leaves open
    is as set there.
    """
    if default is None or not (settings := _read(default)[1]) or _read(default)[0] != DIAL:
        return explore
    return {**settings, **(explore if isinstance(explore, Mapping) else {"share": explore})}


def _read(wish: PolicyWish) -> tuple[str, dict[str, Any]]:
    if isinstance(wish, str):
        return wish, {}
    settings = dict(wish)
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(
            f"A policy is asked for by its name; {dict(wish)!r} has none.",
            hint=f'Say {{"name": "softmax", "temperature": 0.5}}. There are: {", ".join(POLICIES)}.',
        )
    return name, settings
