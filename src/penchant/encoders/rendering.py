"""Attribute values as words."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from penchant.errors import ConfigError


def words(value: Any, *, at_most: int) -> str:
    """An attribute's value in words: "" where missing, the first `at_most` distinct ones of several, spaces tidied.

    Lists of lists (Amazon's category paths) are read through. A whole number has no decimals.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        parts = dict.fromkeys(part for part in (words(v, at_most=at_most) for v in _flat(value)) if part)
        return ", ".join(list(parts)[:at_most])
    return " ".join(str(value).split())


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in sorted(values, key=str) if isinstance(values, set | frozenset) else values:
        if isinstance(value, list | tuple | set | frozenset | np.ndarray):
            yield from _flat(value)
        else:
            yield value


def check_wordings(wordings: Mapping[str, str]) -> None:
    """`ValueError` (for pydantic) unless every wording has exactly one ``{}`` for the value."""
    for name, wording in wordings.items():
        if wording.count("{}") != 1 or wording.replace("{}", "").count("{") or wording.replace("{}", "").count("}"):
            raise ValueError(
                f"the wording of {name!r} needs one {{}} for the value, as in 'by {{}}'; came: {wording!r}"
            )


def check_fields(fields: Iterable[str], columns: Iterable[str], *, what: str) -> None:
    """`ConfigError` that names the fields which are no columns."""
    there = sorted(columns)
    if unknown := sorted(set(fields) - set(there)):
        raise ConfigError(
            f"The {what} template names {', '.join(unknown)}, which the {what}s do not have.",
            hint=f"Their attributes: {', '.join(there) or 'none'}.",
        )
