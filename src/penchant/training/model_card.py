"""A model card (Mitchell et al. 2019): what a saved model is, what it learned from, how good it is, what it cost.

Energy is an estimate, not a measurement: see `penchant.training.costs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from penchant.artifacts import FORMAT_VERSION, MANIFEST, describe, replace_file, write_json
from penchant.data.dataset import Dataset
from penchant.errors import BundleError
from penchant.training.costs import WATTS_PER_CORE
from penchant.training.journal import LOG, Journal, JournalEntry

TEXT, FACTS = "MODEL_CARD.md", "model_card.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCard:
    """What stands in ``model_card.json``."""

    name: str
    kind: str
    """Such as ``bundle`` or ``fine-tuned encoder``."""
    made: str = ""
    """When, ISO 8601; "" where it is not told."""
    penchant: str = ""
    licence: str = ""
    """Of what it was made from: the base model's, the data's; "" where none is known."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """``name``, ``fingerprint``, ``licence``, ``users``, ``items``, ``events``"""
    base: Mapping[str, Any] = field(default_factory=dict)
    """The encoder it reads with or was fine-tuned from: ``name``, ``identity``, ``licence``"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, Any] = field(default_factory=dict)
    """See `total_costs`."""
    intended: str = ""
    limits: str = ""


def total_costs(entries: Sequence[JournalEntry]) -> dict[str, Any]:
    """What all trainings of a fit cost together: seconds, busy seconds and watt hours summed, the highest peak of
    memory, and the sizes of the largest module. Empty where nothing was trained; no watt hours where one is not known.
    """
    costs = [entry.costs for entry in entries if entry.costs is not None]
    if not costs:
        return {}
    energy = [one.watt_hours for one in costs]
    return {
        "trainings": len(costs),
        "seconds": round(sum(one.seconds for one in costs), 3),
        "busy_seconds": round(sum(one.busy_seconds for one in costs), 3),
        "peak_memory": max(one.peak_memory for one in costs),
        "trainable": max(one.trainable for one in costs),
        "parameters": max(one.parameters for one in costs),
        "device": ", ".join(dict.fromkeys(one.device for one in costs)),
        "processes": max(one.processes for one in costs),
        "watt_hours": None if None in energy else round(sum(one or 0.0 for one in energy), 4),
        "watts_per_core": WATTS_PER_CORE,
    }


def write_card(folder: Path, card: PublishedCard) -> None:
    """Write ``MODEL_CARD.md`` and ``model_card.json`` into an existing folder."""
    write_json(folder / FACTS, {"format_version": FORMAT_VERSION, **asdict(card)})
    (folder / TEXT).write_text(text_of(card), encoding="utf-8")


def keep_card(folder: Path, card: PublishedCard, journal: Journal | None = None, *, manifest: str = MANIFEST) -> None:
    """Add the card, and what the `journal` of its trainings remembers, to a folder that was saved with a manifest
    called so, whose list of files then holds them too. `BundleError` where there is no such manifest.
    """
    try:
        told = dict(orjson.loads((folder / manifest).read_bytes()))
        listed = dict(told["files"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise BundleError(f"{folder} has no {manifest} that can be read.", hint="Save the model again.") from None
    write_card(folder, card)
    if journal is not None:
        journal.write(folder)
    added = [folder / name for name in (TEXT, FACTS, LOG) if (folder / name).is_file()]
    told["files"] = listed | {file.name: describe(file) for file in added}
    replace_file(folder / manifest, lambda file: write_json(file, told))


def about(data: Dataset) -> dict[str, Any]:
    """What a card says of the data."""
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "licence": data.licence,
        "users": data.n_users,
        "items": data.n_items,
        "events": len(data.events),
    }


def read_card(folder: Path) -> PublishedCard:
    """The card of a folder. `BundleError` where there is none, or none that can be read."""
    try:
        told = dict(orjson.loads((folder / FACTS).read_bytes()))
        told.pop("format_version")
        return PublishedCard(**told)
    except FileNotFoundError:
        raise BundleError(f"{folder} has no {FACTS}.", hint="Save the model again: a new one has its card.") from None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise BundleError(f"{folder / FACTS} is damaged.", hint="Save the model again.") from None


def text_of(card: PublishedCard) -> str:
    """The card as a page: a section for everything that is known."""
    costs = dict(card.costs)
    if (peak := costs.pop("peak_memory", None)) is not None:
        costs["peak memory, MiB"] = round(peak / 2**20)
    watts = costs.pop("watts_per_core", WATTS_PER_CORE)
    costs = {name.replace("_", " "): value for name, value in costs.items()}
    head = {"kind": card.kind, "made": card.made, "by": f"Penchant {card.penchant}" if card.penchant else ""}
    parts = [
        f"# {card.name}",
        _table({**head, "licence": card.licence or "not known"}),
        _section("What it is for", card.intended),
        _section("Data", _table(card.data)),
        _section("Reads with", _table(card.base)),
        _section("How good it is", _table(_flat(card.metrics))),
        _section("What it cost", _table(costs)),
        f"Energy is estimated: busy core seconds · {watts:g} W / 3600, and on a GPU what it drew at the end times the "
        "seconds. Cooling and power supply are not in it."
        if card.costs
        else "",
        _section("Settings", _table(_flat(card.settings))),
        _section("Limits", card.limits),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(heading: str, text: str) -> str:
    return f"## {heading}\n\n{text}" if text else ""


def _table(rows: Mapping[str, Any]) -> str:
    told = {name: value for name, value in rows.items() if value not in ("", None)}
    if not told:
        return ""
    cells = [f"| {_cell(name)} | {_cell(value)} |" for name, value in told.items()]
    return "\n".join(["| | |", "|---|---|", *cells])


def _cell(value: Any) -> str:
    told = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return " ".join(told.split()).replace("|", "\\|")


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found
