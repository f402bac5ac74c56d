"""Options that several commands have, and options whose values are lists."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from penchant.errors import ConfigError

EncoderName = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|NAME",
        help="What reads the items' texts: a Hugging Face folder or id, or hashed, nmf or tfidf, learned from them.",
    ),
]


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``5,10`` as numbers; `ConfigError` names the option."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} takes whole numbers; {text!r} came.", hint=f"For example: {option} 5,10") from None


def shares(text: str, option: str) -> tuple[float, ...]:
    """``0.25,0.5,1`` as numbers; `ConfigError` names the option."""
    try:
        return tuple(float(part) for part in text.split(",") if part) if text else ()
    except ValueError:
        raise ConfigError(f"{option} takes numbers; {text!r} came.", hint=f"For example: {option} 0.25,0.5,1") from None


def seconds_of(text: str, option: str) -> float:
    """``90s``, ``30m``, ``24h`` or ``7d`` as seconds; `ConfigError` names the option."""
    number, unit = text[:-1], text[-1:]
    try:
        found = float(number) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit]
    except (KeyError, ValueError):
        found = 0.0
    if not 0 < found < float("inf"):
        raise ConfigError(f"{option} takes a time; {text!r} came.", hint=f"For example: {option} 30m, 24h or 7d")
    return found


def table_of(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A policy's settings in a file that has a table for each; `ConfigError` where they are no table."""
    table = settings.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"The settings of {name} are no table.", hint=f"Write them under [{name}].")
    return table


def names(text: str) -> tuple[str, ...]:
    """``popularity,item_knn`` as names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
