"""The files a saved recommender is made of: its name and settings as JSON, its arrays as safetensors."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from penchant.artifacts import read_arrays, write_arrays, write_json
from penchant.config import Config
from penchant.errors import BundleError, UnsupportedError
from penchant.types import AnyArray

SETTINGS = "model.json"
ARRAYS = "model.safetensors"

C = TypeVar("C", bound=Config)
T = TypeVar("T")


def write_model(
    folder: Path,
    name: str,
    config: Config,
    *,
    arrays: Mapping[str, AnyArray] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a recommender's registered name, settings, further JSON `facts` and arrays into an existing folder."""
    write_json(folder / SETTINGS, {"model": name, "config": config.model_dump(mode="json"), "facts": dict(facts or {})})
    if arrays:
        write_arrays(folder / ARRAYS, arrays)


def read_model(
    folder: Path, name: str, config: type[C], *, needs: Collection[str] = ()
) -> tuple[C, dict[str, Any], dict[str, AnyArray]]:
    """Settings, facts and arrays written by `write_model`.

    `BundleError` where they are missing or another model's, or where an array or fact that the model `needs` is.
    """
    found = saved_name(folder)
    if found != name:
        raise BundleError(f"{folder} holds the model {found!r}, not {name!r}.", hint=f"Load it as {found!r}.")
    saved = _read(folder)
    arrays = read_arrays(folder / ARRAYS) if (folder / ARRAYS).exists() else {}
    facts = dict(saved["facts"])
    lacking = sorted(set(needs) - arrays.keys() - facts.keys())
    if lacking:
        raise BundleError(
            f"{folder}: the saved {name} lacks {', '.join(lacking)}.",
            hint="Copy the folder again whole, or fit the model again.",
        )
    return config.of(saved["config"], where=str(folder / SETTINGS)), facts, arrays


def saved_name(folder: Path) -> str:
    """The registered name of the recommender saved in a folder."""
    return str(_read(folder)["model"])


def fitted(learned: T | None, model: str) -> T:
    """What a model learned; `UnsupportedError` where it is asked before it was fitted (`learned` is None)."""
    if learned is None:
        raise UnsupportedError(f"The model {model!r} is not fitted yet.", hint="Call `fit`, or `load` a saved one.")
    return learned


def _read(folder: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = orjson.loads((folder / SETTINGS).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise BundleError(
            f"{folder / SETTINGS} is missing or damaged.", hint="Copy the folder again whole, or fit the model again."
        ) from None
    if not isinstance(saved, dict) or not {"model", "config", "facts"} <= saved.keys():
        raise BundleError(f"{folder / SETTINGS} is not a model's.", hint="Give the folder of a saved model.")
    return saved
