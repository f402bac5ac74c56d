"""What became of earlier work, read from what it left on disk: model cards, bundles, searches and trainings' logs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from penchant.artifacts import MANIFEST
from penchant.errors import BundleError, NotFoundError
from penchant.training.model_card import FACTS, read_card

STUDY, RESULT = "study.json", "result.json"
PARTS = ("settings", "data", "base", "metrics", "costs")
DEEP = 4
"""Folders below each other in which runs are looked for."""
UNTOLD = ("costs.watts_per_core",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One piece of work: what it was told, what it learned from, how good it got, what it cost."""

    name: str
    path: str
    kind: str
    """``bundle``, ``search``, ``trainings``, or what its card says."""
    made: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that two runs do not have in common; None where one does not have it."""

    part: str
    """One of `PARTS`."""
    name: str
    first: Any
    second: Any


def read_run(path: Path) -> RunRecord:
    """The run at a path: a folder with a card, a bundle, a search's folder, or a log of trainings (``*.jsonl``).

    `NotFoundError` where there is nothing, `BundleError` for what is no run or is damaged.
    """
    if not path.exists():
        raise NotFoundError(f"Nothing is at {path}.", hint="Give a bundle, an encoder, a search's folder or a log.")
    try:
        for holds, read in _READERS.items():
            if path.is_dir() and (path / holds).is_file():
                return read(path)
        if path.is_file() and path.suffix == ".jsonl":
            return _of_log(path)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise BundleError(f"{path} is damaged.", hint="Look at its files, or make it again.") from None
    raise BundleError(
        f"{path} is no run: it has no {', '.join(_READERS)} and is no .jsonl log.",
        hint="Give a bundle, an encoder that Penchant saved, a search's folder or a log of trainings.",
    )


def runs_below(folder: Path) -> tuple[tuple[RunRecord, ...], tuple[str, ...]]:
    """The runs at and below a folder, by path, and what could not be read. What lies within a run is part of it."""
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is no folder.", hint="Give one that holds bundles, encoders or searches.")
    found: list[RunRecord] = []
    faults: list[str] = []
    _look(folder, DEEP, found, faults)
    return tuple(found), tuple(faults)


def run_differences(first: RunRecord, second: RunRecord) -> tuple[Difference, ...]:
    """What the two do not have in common, part by part, in the order of the first."""
    told: list[Difference] = []
    for part in PARTS:
        one, other = _flat(getattr(first, part)), _flat(getattr(second, part))
        for name in [*one, *(name for name in other if name not in one)]:
            if one.get(name) != other.get(name) and f"{part}.{name}" not in UNTOLD:
                told.append(Difference(part=part, name=name, first=one.get(name), second=other.get(name)))
    return tuple(told)


def _look(folder: Path, deep: int, found: list[RunRecord], faults: list[str]) -> None:
    if any((folder / holds).is_file() for holds in _READERS):
        try:
            found.append(read_run(folder))
        except BundleError as error:
            if "holds a" not in error.message:
                faults.append(error.message)
        return
    for place in sorted(folder.iterdir()):
        if place.is_dir() and deep and not place.name.startswith("."):
            _look(place, deep - 1, found, faults)
        elif place.suffix == ".jsonl" and place.is_file():
            try:
                found.append(read_run(place))
            except BundleError:  # lines of JSON of another kind
                continue


def _of_card(folder: Path) -> RunRecord:
    card = asdict(read_card(folder))
    parts = {part: dict(card[part]) for part in PARTS}
    return RunRecord(name=str(card["name"]), path=str(folder), kind=str(card["kind"]), made=str(card["made"]), **parts)


def _of_study(folder: Path) -> RunRecord:
    identity = dict(orjson.loads((folder / STUDY).read_bytes())["identity"])
    data = {"fingerprint": identity.pop("data")} if "data" in identity else {}
    metrics: dict[str, Any] = {}
    costs: dict[str, Any] = {}
    if (folder / RESULT).is_file():
        result = orjson.loads((folder / RESULT).read_bytes())
        data = dict(result["dataset"])
        metrics = {result["protocol"]["metric"]: result["best"]["value"], "best trial": result["best"]["number"]}
        costs = {"trials": len(result["trials"]), "seconds": round(sum(t["seconds"] for t in result["trials"]), 3)}
        identity["best"] = result["best"]["settings"]
    return RunRecord(
        name=folder.name, path=str(folder), kind="search", settings=identity, data=data, metrics=metrics, costs=costs
    )


def _of_bundle(folder: Path) -> RunRecord:
    told = orjson.loads((folder / MANIFEST).read_bytes())
    if told["kind"] != "bundle":
        raise BundleError(f"{folder} holds a {told['kind']}, no run.", hint="Give a bundle, an encoder or a search.")
    facts = dict(told["facts"])
    return RunRecord(
        name=folder.name,
        path=str(folder),
        kind="bundle",
        made=str(facts.get("fitted_at", "")),
        settings=dict(told["config"]),
        data=dict(told["dataset"]),
        base=dict(facts.get("encoder") or {}),
        metrics=dict(facts.get("validation") or {}),
    )


def _of_log(file: Path) -> RunRecord:
    lines = [orjson.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]
    if not lines or not all("run" in line and "part" in line for line in lines):
        raise BundleError(f"{file} is no log of trainings.", hint="Give what --log wrote.")
    settings: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    costs: dict[str, Any] = {}
    for line in lines:
        run = line["run"]
        if line["part"] == "begin":
            settings[run] = line["facts"]
        elif line["part"] == "end":
            ended = {"best_value", "best_epoch", "stopped", "start_value"}
            metrics[run] = {name: line[name] for name in ended & line.keys()}
            costs[run] = {name: line[name] for name in line if name not in {"run", "part", *ended}}
    return RunRecord(name=file.stem, path=str(file), kind="trainings", settings=settings, metrics=metrics, costs=costs)


_READERS = {FACTS: _of_card, STUDY: _of_study, MANIFEST: _of_bundle}


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found
