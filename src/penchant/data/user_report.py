"""What one user did: how much, how lately, of what kinds, and with what."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.errors import NotFoundError
from penchant.types import MICROSECONDS_PER_DAY, IntArray

LATE_SHARE = 1 / 3
"""The last third of a user's events is compared with the ones before."""
_KINDS = ("categories", "tags", "authors", "brand")


@dataclass(frozen=True, kw_only=True)
class TopKind:
    """A category (or tag, author, brand) among a user's item events; an item counts for each it has."""

    name: str
    events: int
    share: float
    """Of the user's item events."""
    late_share: float
    """Of the last third of them: above `share`, it is rising."""


@dataclass(frozen=True, kw_only=True)
class UserReport:
    """Activity, recency, top categories and event mix of one user."""

    user_id: str
    attributes: Mapping[str, Any]
    events: int
    items: int
    repeats: float
    """Share of item events that meet an item again."""
    event_types: Mapping[str, int]
    first: str | None
    last: str | None
    active_days: int | None
    days_since_last: float | None
    """From the user's last event to the dataset's last."""
    per_active_day: float | None
    activity: Mapping[str, int]
    """Month → events where there are times; else tenth of the user's events is meaningless, and this is empty."""
    mean_value: float | None
    mean_value_of_all: float | None
    top: Mapping[str, list[TopKind]]
    """Column → its most frequent values."""
    recent: list[str]
    """Titles of the last items, newest first."""
    words: list[str]
    """Texts the user wrote or typed, newest first."""
    percentile: float
    """Share of users with fewer events."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def report_user(dataset: Dataset, user_id: str, *, top: int = 8, recent: int = 5) -> UserReport:
    """Report on a user. `NotFoundError` for one the dataset does not hold."""
    row = dataset.users.row(user_id)
    if row < 0:
        raise NotFoundError(
            f"{dataset.name} has no user {user_id!r}.",
            hint=f"Its users are called as {', '.join(map(repr, dataset.users.ids[:3]))}.",
        )
    events = dataset.events
    start, end = np.searchsorted(events.users, [row, row + 1])
    mine = slice(int(start), int(end))
    items = events.items[mine]
    items = items[items >= 0]
    values, everybody = events.values[mine], events.values
    stamps = events.timestamps[mine]
    timed = dataset.clock == "time" and len(stamps) > 0
    days = len(np.unique(stamps // MICROSECONDS_PER_DAY)) if timed else None
    counts = np.bincount(events.users, minlength=dataset.n_users)
    texts = events.texts[mine] if events.texts is not None else np.empty(0, dtype=object)
    return UserReport(
        user_id=user_id,
        attributes=dataset.users.attributes(row),
        events=len(stamps),
        items=len(np.unique(items)),
        repeats=1 - len(np.unique(items)) / len(items) if len(items) else 0.0,
        event_types=_mix(events.types[mine].astype(np.int64), dataset.event_types),
        first=_iso(int(stamps[0])) if timed else None,
        last=_iso(int(stamps[-1])) if timed else None,
        active_days=days,
        days_since_last=float(events.timestamps.max() - stamps[-1]) / MICROSECONDS_PER_DAY if timed else None,
        per_active_day=len(stamps) / days if days else None,
        activity=_months(stamps) if timed else {},
        mean_value=_mean(values),
        mean_value_of_all=_mean(everybody),
        top={name: found for name in _KINDS if (found := _top(dataset, items.astype(np.int64), name, top))},
        recent=[dataset.title(int(item)) for item in items[::-1][:recent]],
        words=[str(text) for text in texts[::-1] if text][:recent],
        percentile=float((counts < counts[row]).mean()),
    )


def _mix(types: IntArray, names: tuple[str, ...]) -> dict[str, int]:
    counts = Counter(names[int(code)] for code in types)
    return dict(counts.most_common())


def _top(dataset: Dataset, items: IntArray, column: str, most: int) -> list[TopKind]:
    values = dataset.items.columns.get(column)
    if values is None or not len(items):
        return []
    late = max(1, round(len(items) * LATE_SHARE))
    whole, last = Counter[str](), Counter[str]()
    for place, item in enumerate(items):
        found = values[item]
        for name in dict.fromkeys(found if isinstance(found, list) else [] if found is None else [str(found)]):
            whole[name] += 1
            last[name] += place >= len(items) - late
    ranked = sorted(whole.items(), key=lambda entry: (-entry[1], entry[0]))[:most]
    return [TopKind(name=str(name), events=n, share=n / len(items), late_share=last[name] / late) for name, n in ranked]


def _months(stamps: IntArray) -> dict[str, int]:
    months = stamps.astype("datetime64[us]").astype("datetime64[M]").astype(str)
    return dict(sorted(Counter(str(month) for month in months).items()))


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
