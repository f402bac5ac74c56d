"""Bad rows are set aside, not lost: each with its file, line, column, reason and raw text."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import orjson

from penchant.errors import BadRowError

RAW_CHARACTERS = 1000
"""How much of a bad row's text is kept."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one record."""

    line: int
    """1-based physical line in a text file; row number in a Parquet file or frame."""
    column: str | None
    """None where the whole record is broken."""
    reason: str
    raw: str


class Quarantine:
    """One JSON lines file per source file: ``{"file", "line", "column", "reason", "raw"}``.

    With `strict` the first fault is raised as `BadRowError` instead.
    """

    def __init__(self, folder: Path, *, strict: bool = False) -> None:
        self._folder, self._strict = folder, strict
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()
        self.counts: Counter[str] = Counter()
        """File → faults."""
        self.reasons: Counter[tuple[str, str]] = Counter()
        """(file, kind of reason) → faults; what came is left out, so that like faults are counted together."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, name: str, fault: Fault, *, kind: str = "") -> None:
        """Set a record of the file `name` aside; `kind` groups faults in the summary (the reason, where not given)."""
        if self._strict:
            column = f", column {fault.column!r}" if fault.column else ""
            raise BadRowError(
                f"{name} line {fault.line}{column}: {fault.reason}. The row: {fault.raw[:120]!r}",
                hint="Mend the row, or leave --strict out to set bad rows aside in quarantine/.",
            )
        if name not in self._files:
            self._folder.mkdir(exist_ok=True)
            self._files[name] = self._stack.enter_context((self._folder / f"{file_name(name)}.jsonl").open("wb"))
        raw = fault.raw if len(fault.raw) <= RAW_CHARACTERS else fault.raw[:RAW_CHARACTERS] + "…"
        record = {
            "file": name,
            "line": fault.line,
            "column": fault.column,
            "reason": fault.reason,
            "raw": raw.encode("utf-8", "backslashreplace").decode("utf-8"),
        }
        self._files[name].write(orjson.dumps(record) + b"\n")
        self.counts[name] += 1
        self.reasons[name, kind or fault.reason] += 1


def file_name(name: str) -> str:
    """A source's name as the name of one file: no folders."""
    return name.replace("/", "_").replace("\\", "_").lstrip(".") or "rows"
