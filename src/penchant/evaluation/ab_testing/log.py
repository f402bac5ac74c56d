"""The log of an experiment: who was shown which arm, and what users did; JSON lines or CSV, one record a line.

    {"kind": "exposure", "experiment": "dial", "user_id": "u1", "arm": "treatment", "timestamp": 1700000000000000}
    {"kind": "event", "user_id": "u1", "event_type": "purchase", "value": 12.5, "timestamp": "2023-11-14T22:20:00Z"}

`timestamp` is UTC microseconds or ISO 8601; `event_id`, `value`, `segment` and, of an exposure, `propensity` (of its
arm) are optional; `kind` may be left out where `arm` or `event_type` says it. A CSV file has these names in its header.
A server's store, and what `penchant log` wrote of it, are logs too (`served`). Events before a user's first exposure
are his past, which CUPED uses. Every record is used or left out by a named rule, and counted (`Accounts`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import DataError, NotFoundError
from penchant.evaluation.ab_testing.log_lines import checked, lines
from penchant.types import MICROSECONDS_PER_DAY

CLOCK_TOLERANCE = 600_000_000
"""Microseconds (10 minutes) by which clocks of two machines may disagree"""
MOST_FAULTS = 20
"""Faulty lines that are told one by one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something a user did."""

    event_type: str
    value: float | None
    timestamp: int


@dataclass(slots=True, kw_only=True)
class Unit:
    """A user of one experiment."""

    user_id: str
    arm: str
    exposed_at: int
    segment: str = ""
    propensity: float | None = None
    """Of his arm; None: its share"""
    past: list[Action] = field(default_factory=list)
    """Before the first exposure"""
    after: list[Action] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Accounts:
    """What became of every line: read = exposures + events used + those left out, by rule."""

    lines: int = 0
    exposures: int = 0
    repeated_exposures: int = 0
    """Further exposures of a user to the arm he is in: no fault"""
    events: int = 0
    past_events: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """By rule: bad_line, duplicate_delivery, other_experiment, user_in_two_arms, user_never_exposed, after_window;
    of a server's log also not_in_experiment, without_time, no_decision_or_event"""
    users_in_two_arms: int = 0
    faults: list[str] = field(default_factory=list)
    """The first bad lines: number and reason"""
    clock_went_back: int = 0
    """Lines more than 10 minutes earlier than one before them in the file; they are used as they are"""
    largest_jump_back: float = 0.0
    """Seconds"""
    clock_corrected: int = 0
    """Events up to 10 minutes before their user's exposure, but after it in the file: taken as after it"""

    def proved(self) -> bool:
        """Whether the counts add up to the lines."""
        used = self.exposures + self.repeated_exposures + self.events + self.past_events
        return used + sum(self.left_out.values()) == self.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentLog:
    """One experiment's users in the order of their first exposure, and what became of each line."""

    experiment: str
    units: tuple[Unit, ...]
    arms: tuple[str, ...]
    """Every arm that a line names, in alphabetical order, also those whose users were all left out"""
    ends_at: int
    """The last moment seen"""
    accounts: Accounts


def read_log(path: Path, *, experiment: str | None = None, window_days: float | None = None) -> ExperimentLog:
    """Read a log. With several experiments in it one must be named. `window_days`: events later than that after the
    first exposure are left out.

    `SourceError` for a file that is missing or empty; `NotFoundError` for an experiment that is not in it; `DataError`
    where no line is an exposure, or several experiments are.
    """
    accounts = Accounts()
    records: list[tuple[int, dict[str, Any]]] = []
    seen: set[str] = set()
    latest, ends_at = -(2**62), 0
    for number, record, fault, left_out in lines(path):
        accounts.lines += 1
        if left_out:
            accounts.left_out[left_out] += 1
            continue
        if fault := fault or checked(record):
            accounts.left_out["bad_line"] += 1
            if len(accounts.faults) < MOST_FAULTS:
                accounts.faults.append(f"line {number}: {fault}")
            continue
        if record["delivery"] in seen:
            accounts.left_out["duplicate_delivery"] += 1
            continue
        seen.add(record["delivery"])
        back = latest - record["timestamp"]
        if back > CLOCK_TOLERANCE:
            accounts.clock_went_back += 1
            accounts.largest_jump_back = max(accounts.largest_jump_back, back / 1e6)
        latest = max(latest, record["timestamp"])
        ends_at = max(ends_at, record["timestamp"])
        records.append((number, record))
    name = _chosen(records, experiment, path)
    units, torn, arms = _units(records, name, accounts)
    _assign(records, units, torn, accounts, window_days)
    kept = sorted(units.values(), key=lambda unit: (unit.exposed_at, unit.user_id))
    return ExperimentLog(
        experiment=name, units=tuple(kept), arms=tuple(sorted(arms)), ends_at=ends_at, accounts=accounts
    )


def events_in(path: Path, left_out: Counter[str]) -> Iterator[Action]:
    """The events of any log, whoever's they are, each once. What cannot be read is counted in `left_out`, by reason."""
    seen: set[str] = set()
    for _, record, fault, rule in lines(path):
        if rule:
            left_out[rule] += 1
        elif fault or checked(record):
            left_out["bad_line"] += 1
        elif record["kind"] == "event":
            if record["delivery"] in seen:
                left_out["duplicate_delivery"] += 1
                continue
            seen.add(record["delivery"])
            yield Action(event_type=record["event_type"], value=record["value"], timestamp=record["timestamp"])


def _chosen(records: list[tuple[int, dict[str, Any]]], wanted: str | None, path: Path) -> str:
    names = sorted({record["experiment"] for _, record in records if record["kind"] == "exposure"})
    if not names:
        raise DataError(f"{path} has no exposure.", hint='Log who saw which arm: {"kind": "exposure", …}.')
    if wanted is not None and wanted not in names:
        raise NotFoundError(f"No exposure of {wanted!r} is in {path}.", hint=f"There are: {', '.join(names)}.")
    if wanted is None and len(names) > 1:
        raise DataError(f"{path} has {len(names)} experiments.", hint=f"Name one of: {', '.join(names)}.")
    return wanted if wanted is not None else names[0]


def _units(
    records: list[tuple[int, dict[str, Any]]], name: str, accounts: Accounts
) -> tuple[dict[str, Unit], set[str], set[str]]:
    """Users with one arm each; those with two, who are left out whole; and all arms named."""
    arms: dict[str, set[str]] = {}
    for _, record in records:
        if record["kind"] == "exposure" and record["experiment"] == name:
            arms.setdefault(record["user_id"], set()).add(record["arm"])
    torn = {user for user, found in arms.items() if len(found) > 1}
    accounts.users_in_two_arms = len(torn)
    units: dict[str, Unit] = {}
    for _, record in records:
        if record["kind"] != "exposure":
            continue
        user = record["user_id"]
        if record["experiment"] != name:
            accounts.left_out["other_experiment"] += 1
        elif user in torn:
            accounts.left_out["user_in_two_arms"] += 1
        elif user in units:
            accounts.repeated_exposures += 1
            units[user].exposed_at = min(units[user].exposed_at, record["timestamp"])
        else:
            accounts.exposures += 1
            units[user] = Unit(
                user_id=user,
                arm=record["arm"],
                exposed_at=record["timestamp"],
                segment=record["segment"],
                propensity=record["propensity"],
            )
    return units, torn, {arm for found in arms.values() for arm in found}


def _assign(
    records: list[tuple[int, dict[str, Any]]],
    units: dict[str, Unit],
    torn: set[str],
    accounts: Accounts,
    window: float | None,
) -> None:
    """Give each event to its user, as past or after."""
    exposed: set[str] = set()
    for _, record in records:
        user = record["user_id"]
        if record["kind"] == "exposure":
            exposed.add(user)
            continue
        unit = units.get(user)
        if unit is None:
            accounts.left_out["user_in_two_arms" if user in torn else "user_never_exposed"] += 1
            continue
        action = Action(event_type=record["event_type"], value=record["value"], timestamp=record["timestamp"])
        elapsed = action.timestamp - unit.exposed_at
        if -CLOCK_TOLERANCE <= elapsed < 0 and user in exposed:
            accounts.clock_corrected += 1
            elapsed = 0
        if elapsed < 0:
            accounts.past_events += 1
            unit.past.append(action)
        elif window is not None and elapsed > window * MICROSECONDS_PER_DAY:
            accounts.left_out["after_window"] += 1
        else:
            accounts.events += 1
            unit.after.append(action)
