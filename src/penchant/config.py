"""Checked settings: a frozen object beside each class, unknown keys refused, keyword-only."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from penchant.errors import ConfigError


class Config(BaseModel):
    """Base of every settings object. Build it with keywords, or with `of` from a mapping that a person wrote."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=False, validate_default=True, arbitrary_types_allowed=True
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


def describe(error: ValidationError) -> str:
    """The faults of a pydantic error in one line: key, what was wrong, what came."""
    faults = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        came = "" if fault["type"] in {"extra_forbidden", "missing"} else f" (came: {fault['input']!r})"
        reason = "no such setting" if fault["type"] == "extra_forbidden" else fault["msg"]
        faults.append(f"{key}: {reason}{came}" if key else f"{reason}{came}")
    return "; ".join(faults)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file into a mapping; `ConfigError` says where it is broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"No settings file at {path}.", hint="Give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}.", hint="See configs/ for examples.") from None
