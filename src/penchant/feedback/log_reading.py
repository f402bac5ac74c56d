"""JSON lines of decisions and events, read back: what is bad is set aside with its line and reason, the rest is kept.

A ranking without our key tells nothing of propensities and is set aside; an interaction without it is read.
"""

from dataclasses import dataclass
from pathlib import Path

from penchant.data.quarantine import Fault, Quarantine
from penchant.errors import SourceError
from penchant.feedback.log_lines import BadLineError, read_line
from penchant.records import Decision, Event

SQLITE = b"SQLite format 3\x00"
"""How a store's file begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackLog:
    """What a file held: lines = decisions + events + other + blank + quarantined."""

    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]
    lines: int
    blank: int
    other: int
    """Lines of the schema that are neither: metadata of items and users"""
    faults: tuple[Fault, ...]
    """What was set aside"""


def is_store(path: Path) -> bool:
    """Whether a file is a server's store. `OSError` for one that cannot be read."""
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def read_log(path: Path, *, quarantine: Quarantine | None = None) -> FeedbackLog:
    """Read a log. A bad line is set aside with its number, column and reason, and, where one is given, written to the
    quarantine (which raises `BadRowError` where it is strict). `SourceError` for a file that is not there.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", hint="Give a file of JSON lines.") from None
    if raw.startswith(SQLITE):
        raise SourceError(f"{path} is a store, not a log.", hint=f"Write its log: penchant log {path} --to FILE.jsonl")
    decisions: list[Decision] = []
    events: list[Event] = []
    faults: list[Fault] = []
    blank = other = 0
    lines = raw.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            blank += 1
            continue
        try:
            read = read_line(line)
        except BadLineError as bad:
            fault = Fault(number, bad.column, bad.reason, line.decode("utf-8", "backslashreplace"))
            faults.append(fault)
            if quarantine is not None:
                quarantine.add(path.name, fault)
            continue
        if isinstance(read, Decision):
            decisions.append(read)
        elif isinstance(read, Event):
            events.append(read)
        else:
            other += 1
    return FeedbackLog(
        decisions=tuple(decisions),
        events=tuple(events),
        lines=len(lines),
        blank=blank,
        other=other,
        faults=tuple(faults),
    )
