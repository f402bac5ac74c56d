"""Rules in one line each, as options of a command and parameters of an address have them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from penchant.errors import ConfigError
from penchant.reranking.rules import Rules

Value = TypeVar("Value")

BOOST = "ID=AMOUNT or column:value=AMOUNT, such as categories:Fantasy=0.5"
QUOTA = "ID=LEAST..MOST or column:value=LEAST..MOST, such as categories:Fantasy=1..3; =2 is at most 2, =1.. at least 1"
PIN = "PLACE=ID, such as 1=b17"
SEEN = "exclude, include, after:EVENTS such as after:20, or demote:PENALTY such as demote:0.5"


def rules_of(
    *,
    allow: Sequence[str] = (),
    deny: Sequence[str] = (),
    boost: Sequence[str] = (),
    quota: Sequence[str] = (),
    pin: Sequence[str] = (),
    seen: str | None = None,
) -> Rules | None:
    """Rules from lines; None where there is no line. `ConfigError` names a line that cannot be read and its form."""
    if not (allow or deny or boost or quota or pin or seen):
        return None
    settings: dict[str, Any] = {
        "allow": tuple(allow),
        "deny": tuple(deny),
        "boost": dict(_pair(line, "boost", BOOST, float) for line in boost),
        "quota": dict(_pair(line, "quota", QUOTA, _limits) for line in quota),
        "pin": {place: item for item, place in (_pair(_turned(line), "pin", PIN, int) for line in pin)},
        **(_seen(seen) if seen else {}),
    }
    if len(settings["pin"]) < len(pin):
        raise ConfigError("Two items are pinned to one place.", hint=f"A pin is {PIN}.")
    return Rules.of(settings, where="rules")


def _pair(line: str, rule: str, form: str, read: Callable[[str], Value]) -> tuple[str, Value]:
    """``NAME=VALUE``, cut at the last equals sign."""
    name, equals, value = line.rpartition("=")
    try:
        if not equals or not name:
            raise ValueError
        return name, read(value.strip())
    except ValueError:
        raise ConfigError(f"{line!r} is no {rule}.", hint=f"A {rule} is {form}.") from None


def _turned(line: str) -> str:
    """A pin ``PLACE=ID`` as ``ID=PLACE``: an id may hold an equals sign, a place may not."""
    place, equals, item = line.partition("=")
    return f"{item}{equals}{place}"


def _limits(text: str) -> dict[str, int]:
    least, dots, most = text.partition("..")
    if not dots:
        return {"most": int(text)}
    return {name: int(n) for name, n in (("least", least), ("most", most)) if n}


def _seen(text: str) -> dict[str, Any]:
    kind, colon, amount = text.partition(":")
    try:
        if kind == "after" and colon:
            return {"seen": kind, "seen_after": int(amount)}
        if kind == "demote" and colon:
            return {"seen": kind, "seen_penalty": float(amount)}
        if colon or kind not in {"exclude", "include", "after", "demote"}:
            raise ValueError
    except ValueError:
        raise ConfigError(f"{text!r} is no way to treat seen items.", hint=f"It is {SEEN}.") from None
    return {"seen": kind}
