"""Checked settings: a frozen object beside each class, unknown keys refused, keyword-only."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from penchant.errors import ConfigError


class Config(BaseModel):
    """Base of every settings object. Build it with keywords, or with `of` from a mapping that a person wrote.

    Numbers are finite; a setting that may be infinite says so (`Field(allow_inf_nan=True)`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=False,
        validate_default=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None = None, *, where: str = "") -> Self:
        """Check `settings` and build the object.

        Raises `ConfigError` that names each wrong key, what came, and the keys that exist.
        """
        try:
            return cls(**(settings or {}))
        except ValidationError as error:
            raise ConfigError(
                f"{where or cls.__name__}: {describe(error)}",
                hint=f"Settings here: {', '.join(sorted(cls.model_fields))}.",
            ) from None

    @model_validator(mode="before")
    @classmethod
    def _left_out_stays(cls, settings: Any) -> Any:
        """Where a setting is a table with a default of its own, what a given table leaves out stays as that default has
        it, and does not fall back to what the table's class has elsewhere.
        """
        if not isinstance(settings, Mapping):
            return settings
        known = {name: field for name, field in cls.model_fields.items() if isinstance(settings.get(name), Mapping)}
        merged = {
            name: _merged(field.get_default(call_default_factory=True), settings[name]) for name, field in known.items()
        }
        return {**settings, **merged}

    def changed(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What was set here, with `settings` in its place where they say something; not checked yet."""
        was = {name: getattr(self, name) for name in self.model_fields_set}
        return was | {name: _merged(was.get(name), came) for name, came in settings.items()}


def _merged(was: Any, came: Any) -> Any:
    if not (isinstance(was, Config) and isinstance(came, Mapping)):
        return came
    name = getattr(was, "name", None)  # of a choice by name
    return was.changed(came) if came.get("name", name) == name else came


def describe(error: ValidationError) -> str:
    """The faults of a pydantic error in one line: key, what was wrong, what came."""
    faults = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        came = "" if fault["type"] in {"extra_forbidden", "missing"} else f" (came: {fault['input']!r})"
        reason = "no such setting" if fault["type"] == "extra_forbidden" else fault["msg"]
        faults.append(f"{key}: {reason}{came}" if key else f"{reason}{came}")
    return "; ".join(faults)


def to_toml(settings: Mapping[str, Any]) -> str:
    """Settings as a TOML file that `read_toml` reads back: numbers, texts, booleans, lists and tables of these."""
    return _table(settings, ())


def _table(settings: Mapping[str, Any], path: tuple[str, ...]) -> str:
    tables = {key: value for key, value in settings.items() if isinstance(value, Mapping)}
    values = [f"{_key(key)} = {_value(value)}\n" for key, value in settings.items() if key not in tables]
    heading = f"[{'.'.join(map(_key, path))}]\n" if path and (values or not tables) else ""
    parts = ["".join([heading, *values]), *(_table(value, (*path, key)) for key, value in tables.items())]
    return "\n".join(part for part in parts if part)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file into a mapping; `ConfigError` says where it is broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"No settings file at {path}.", hint="Give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}.", hint="See configs/ for examples.") from None
