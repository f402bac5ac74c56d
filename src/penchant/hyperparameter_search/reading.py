"""A search space as a person writes it: a TOML file with the tables of the model's own settings.

A setting that is searched is a table of its own::

    dim = { choices = [32, 64, 96] }
    layers = { low = 1, high = 4 }                                # whole numbers where both ends are

    [training]
    learning_rate = { low = 1e-4, high = 1e-2, log = true }       # its logarithm is drawn evenly
    max_epochs = 12                                               # anything else is fixed
"""

import math
from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigError
from penchant.hyperparameter_search.space import Choice, LogUniform, Part, Space, Uniform, Whole, put

HINT = "For example: { choices = [32, 64] }, { low = 1, high = 4 } or { low = 1e-4, high = 1e-2, log = true }."
OPTIONS = ({"choices"}, {"low", "high"}, {"low", "high", "log"})


def space_of(settings: Mapping[str, Any], *, where: str) -> tuple[Space, dict[str, Any]]:
    """What is searched, by its name with points, and what is fixed.

    `ConfigError` for a range that is none, and where nothing is searched.
    """
    space: dict[str, Part] = {}
    fixed: dict[str, Any] = {}
    _read(settings, "", space, fixed, where)
    if not space:
        raise ConfigError(f"{where} searches nothing: every setting in it is fixed.", hint=HINT)
    return space, fixed


def _read(settings: Mapping[str, Any], before: str, space: dict[str, Part], fixed: dict[str, Any], where: str) -> None:
    for name, value in settings.items():
        key = before + name
        if not isinstance(value, Mapping):
            put(fixed, key, value)
        elif {"choices", "low", "high"} & value.keys():
            space[key] = _part(value, f"{where}: {key}")
        else:
            _read(value, f"{key}.", space, fixed, where)


def _part(value: Mapping[str, Any], where: str) -> Part:
    if value.keys() not in OPTIONS:
        raise ConfigError(f"{where} has {', '.join(value)}.", hint=HINT)
    if "choices" in value:
        if not isinstance(value["choices"], list) or not value["choices"]:
            raise ConfigError(f"{where}: choices are a list of values; {value['choices']!r} came.", hint=HINT)
        return Choice(tuple(value["choices"]))
    low, high, log = value["low"], value["high"], value.get("log", False)
    if not (_is_number(low) and _is_number(high) and isinstance(log, bool) and low < high):
        raise ConfigError(f"{where}: low {low!r} and high {high!r} are no range.", hint=HINT)
    if log and low <= 0:
        raise ConfigError(f"{where}: a logarithm needs a low end above 0; {low!r} came.", hint=HINT)
    if isinstance(low, int) and isinstance(high, int):
        return Whole(low, high, log=log)
    if log:
        return LogUniform(low, high)
    return Uniform(low, high, digits=max(2, 2 - math.floor(math.log10(high - low))))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
