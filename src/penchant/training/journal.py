"""Everything that the trainings of one fit did, kept in memory until there is a folder to write it to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.runs import RunLog

LOG = "training.jsonl"


@dataclass(slots=True)
class JournalEntry:
    """One training as it went."""

    run: str
    facts: Mapping[str, Fact]
    epochs: list[EpochRecord] = field(default_factory=list)
    record: TrainingRecord | None = None
    costs: Costs | None = None


class Journal:
    """A `Tracker` that remembers; a run told again takes the place of what was told of it."""

    def __init__(self) -> None:
        self._entries: dict[str, JournalEntry] = {}
        self._open = ""

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """The trainings, in the order in which they began."""
        return tuple(self._entries.values())

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """A training begins."""
        self._entries[run], self._open = JournalEntry(run, dict(facts)), run

    def epoch(self, record: EpochRecord) -> None:
        """An epoch has ended."""
        self._entries[self._open].epochs.append(record)

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """The training has ended."""
        self._entries[self._open].record, self._entries[self._open].costs = record, costs

    def write(self, folder: Path) -> None:
        """Write ``training.jsonl``, in the lines of `RunLog`; nothing where nothing was trained."""
        log = RunLog(folder / LOG)
        for entry in self.entries:
            log.begin(entry.run, entry.facts)
            for record in entry.epochs:
                log.epoch(record)
            if entry.record is not None and entry.costs is not None:
                log.end(entry.record, entry.costs)
