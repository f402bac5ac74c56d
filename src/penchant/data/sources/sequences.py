"""One user a line, then item ids, oldest first. Separated by tabs, else commas, else white space: as the first line is.

A record is a line: one that cannot be used goes to quarantine whole.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from penchant.data.layout import Layout, Reading, SourceFile
from penchant.data.quarantine import Fault
from penchant.data.scanning import OverLong, TextFile, as_utf8
from penchant.data.sources.delimited import BLANK_LINE, damage
from penchant.data.staging import Batch, Kind, Rows
from penchant.data.values import NOTHING
from penchant.errors import SourceError

MAX_LINE_BYTES = 64 << 20
"""A line holds a user's whole history, so the limit is wider than a row's."""


class Sequences:
    """Reads one file of sequences into rows of (user_id, item_id)."""

    skip_lines = 0
    columns = ["user_id", "item_id"]  # noqa: RUF012 — the reader's interface, never changed
    kinds: Mapping[str, Kind] = {"user_id": "string", "item_id": "string"}

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self._separator: str | None = None

    def batches(self, advance: Callable[[int], object] = lambda _: None) -> Iterator[Batch]:
        """The file's lines in order."""
        seen = False
        for chunk in self.file.chunks(advance):
            if isinstance(chunk, OverLong):
                reason = f"a line of {chunk.size} bytes, longer than {self.file.max_record_bytes}"
                fault = Fault(chunk.line, None, reason, chunk.head.decode("utf-8", "replace"))
                yield Batch(first_line=chunk.line, records=1, faults=[fault])
                continue
            text = as_utf8(chunk.data, self.file.encoding).decode("utf-8", "surrogateescape")
            if not seen:
                first = next((line for line in text.split("\n") if line.strip()), "")
                self._separator = "\t" if "\t" in first else "," if "," in first else None
                seen = bool(first)
            yield self._parsed(text, chunk.first_line)
        if not seen:
            raise SourceError(f"{self.file.path} is empty.", hint="Give lines of a user id and item ids.")

    def _parsed(self, text: str, first_line: int) -> Batch:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not lines[-1]:
            lines.pop()
        batch = Batch(first_line=first_line, records=len(lines), text=lines)
        for place, line in enumerate(lines):
            ids = [part.strip() for part in line.split(self._separator)] if line.strip() else []
            while ids and not ids[-1]:  # a separator at the end of the line
                ids.pop()
            if not ids:
                batch.dropped[BLANK_LINE] += 1
            elif fault := self._fault(line, ids):
                batch.faults.append(Fault(first_line + place, *fault, line))
            elif len(ids) == 1:
                batch.dropped["user_without_items"] += 1
            else:
                batch.rows.extend([ids[0], item] for item in ids[1:])
                batch.spans.extend([(place, place + 1)] * (len(ids) - 1))
        return batch

    @staticmethod
    def _fault(line: str, ids: list[str]) -> tuple[str | None, str] | None:
        if reason := damage([line]):
            return None, reason
        for place, id_ in enumerate(ids):
            if not id_ or (len(id_) <= 4 and id_.lower() in NOTHING):
                return ("user_id", "no user") if place == 0 else ("item_id", f"no item in place {place}")
        return None


def sequences(source: Path) -> Layout:
    """The layout of a file of sequences."""
    if source.is_dir():
        raise SourceError(f"{source} is a folder.", hint="Give the file of sequences itself.")

    def read(reading: Reading, name: str) -> Rows:
        file = reading.text_file(source, max_record_bytes=MAX_LINE_BYTES)
        return reading.stage(Sequences(file), name=name)

    file = SourceFile(role="events", name=source.name, read=read, ordered=True)
    return Layout(format="sequences", name=source.name.split(".")[0], files=(file,))
