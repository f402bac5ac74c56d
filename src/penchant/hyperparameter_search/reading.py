"""A search space as a person writes it: a TOML file with the tables of the model's own settings.

A setting that is searched is a table of its own::

    dim = { choices = [32, 64, 96] }
    layers = { low = 1, high = 4 }                                # whole numbers where both ends are

    [training]
    learning_rate = { low = 1e-4, high = 1e-2, log = true }       # its logarithm is drawn evenly
    max_epochs = 12                                               # anything else is fixed

    heads = { choices = [2, 4], when = { layers = [3, 4] } }      # searched only where layers is one of these
"""

import math
from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigError
from penchant.hyperparameter_search.space import Choice, LogUniform, Part, Space, Uniform, When, Whole, put

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
    _check_conditions(space, where)
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
    value, when = dict(value), None
    if "when" in value:
        when = _when(value.pop("when"), where)
    if value.keys() not in OPTIONS:
        raise ConfigError(f"{where} has {', '.join(value)}.", hint=HINT)
    if "choices" in value:
        return Choice(_choices(value["choices"], where), when=when)
    low, high, log = value["low"], value["high"], value.get("log", False)
    if not (_is_number(low) and _is_number(high) and isinstance(log, bool) and low < high):
        raise ConfigError(f"{where}: low {low!r} and high {high!r} are no range.", hint=HINT)
    if log and low <= 0:
        raise ConfigError(f"{where}: a logarithm needs a low end above 0; {low!r} came.", hint=HINT)
    if isinstance(low, int) and isinstance(high, int):
        return Whole(low, high, log=log, when=when)
    if log:
        return LogUniform(low, high, when=when)
    return Uniform(low, high, digits=max(2, 2 - math.floor(math.log10(high - low))), when=when)


def _choices(values: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{where}: choices are a list of values; {values!r} came.", hint=HINT)
    kinds = {"number" if _is_number(value) else type(value).__name__ for value in values}
    if len(kinds) > 1:
        raise ConfigError(f"{where}: choices are of one type; {values!r} came.", hint=HINT)
    if any(value in values[:n] for n, value in enumerate(values)):
        raise ConfigError(f"{where}: a choice comes twice in {values!r}.", hint=HINT)
    return tuple(values)


def _when(value: Any, where: str) -> When:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConfigError(
            f"{where}: when is {value!r}.",
            hint='It names one setting and its values: when = { layers = [3, 4] }, or when = { "a.b" = [true] }.',
        )
    ((key, values),) = value.items()
    return When(key, _choices(values, f"{where}: when"))


def _check_conditions(space: Space, where: str) -> None:
    """A condition looks at a setting that is always searched, and can come true."""
    for key, part in space.items():
        if part.when is None:
            continue
        other = space.get(part.when.key)
        if other is None or other.when is not None:
            raise ConfigError(
                f"{where}: {key} waits for {part.when.key}, which is not searched in every trial.",
                hint=f"These are: {', '.join(name for name, one in space.items() if one.when is None) or 'none'}.",
            )
        if strangers := [value for value in part.when.values if not other.holds(value)]:
            raise ConfigError(
                f"{where}: {key} waits for {part.when.key} = {strangers[0]!r}, which it never is.",
                hint=f"{part.when.key} is searched in: {other}.",
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
