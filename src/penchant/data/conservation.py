"""The account of an import: every physical record read is kept, set aside, or dropped by a named rule."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.data.dataset import Clock
from penchant.errors import ConservationError

RULES: Mapping[str, str] = {
    "blank_line": "lines without anything are dropped",
    "exact_duplicate": "rows equal to an earlier one in every column are dropped",
    "other_event_type": "rows whose event type was not asked for are dropped",
    "duplicate_id_merged": "later rows of an item or user fill what its first row leaves empty, and are dropped",
    "user_without_items": "sequence lines that hold a user and nothing else are dropped",
    "empty_text": "texts without a visible character become missing",
    "event_type_filled": "rows without an event type get the file's own",
    "value_nan": "values written as NaN, null or none become missing",
    "unknown_item_id": "items that only events name get a row of their own",
    "unknown_user_id": "users that only events name get a row of their own",
    "event_type_renamed": "event types are renamed to the common name of their kind",
}
"""What each cleaning rule does. The first five drop records; the others repair them."""


@dataclass(kw_only=True)
class FileAccount:
    """What became of the physical records of one file."""

    file: str
    role: str
    records: int
    kept: int = 0
    quarantined: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """For the manifest and `--json`."""
        return {
            "file": self.file,
            "role": self.role,
            "records": self.records,
            "kept": self.kept,
            "quarantined": self.quarantined,
            "dropped": dict(sorted(self.dropped.items())),
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an import read and what it made of it."""

    name: str
    format: str
    clock: Clock
    event_types: Mapping[str, int]
    """Type → events, most frequent first."""
    rating_scale: tuple[float, float] | None
    licence: str
    users: int
    items: int
    events: int
    relations: int
    files: Sequence[FileAccount]
    repairs: Mapping[str, int]
    """Rule that changed rows without dropping them → how many."""
    times: Mapping[str, int]
    """How times were read → rows."""
    reasons: Sequence[tuple[str, str, int]]
    """(file, reason, rows) of what was set aside, most frequent first."""
    columns: Mapping[str, Mapping[str, str]]
    """File → field → the source's column."""
    left_aside: Sequence[tuple[str, str]]

    @property
    def quarantined(self) -> int:
        """Records set aside."""
        return sum(account.quarantined for account in self.files)

    def rules(self) -> dict[str, int]:
        """Every rule that had an effect → records."""
        total = Counter(self.repairs)
        for account in self.files:
            total.update(account.dropped)
        return {rule: n for rule, n in total.items() if n}

    def manifest(self) -> dict[str, Any]:
        """What `dataset.json` holds."""
        return {
            "name": self.name,
            "clock": self.clock,
            "event_types": list(self.event_types),
            "rating_scale": self.rating_scale,
            "licence": self.licence,
            "counts": {
                "users": self.users,
                "items": self.items,
                "events": self.events,
                "relations": self.relations,
                "by_type": dict(self.event_types),
            },
            "source": {
                "format": self.format,
                "columns": {file: dict(columns) for file, columns in self.columns.items()},
                "times": dict(self.times),
                "left_aside": [{"file": file, "reason": reason} for file, reason in self.left_aside],
            },
            "conservation": [account.as_json() for account in self.files],
            "rules": [{"rule": rule, "count": n, "what": RULES[rule]} for rule, n in self.rules().items()],
            "quarantine": [{"file": file, "reason": reason, "count": n} for file, reason, n in self.reasons],
        }


def prove(accounts: Sequence[FileAccount]) -> None:
    """Raise `ConservationError` for the first file whose records do not add up."""
    for account in accounts:
        dropped = sum(account.dropped.values())
        if account.records != account.kept + account.quarantined + dropped:
            raise ConservationError(
                f"{account.file}: {account.records} records read, but {account.kept} kept + {account.quarantined} set"
                f" aside + {dropped} dropped make {account.kept + account.quarantined + dropped}.",
                hint="Nothing was written. Please report this with a sample of the file.",
            )


def quarantine_summary(reasons: Mapping[tuple[str, str], int], *, most: int = 50) -> list[tuple[str, str, int]]:
    """(file, reason, rows), most frequent first."""
    ranked = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(file, reason, n) for (file, reason), n in ranked[:most]]
