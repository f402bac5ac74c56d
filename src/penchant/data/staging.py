"""From a text file to something DuckDB cannot misread.

Readers (`penchant.data.sources`) cut a file into records and find the bad ones. What is left is either the file itself,
where every line of it proved plain (no quotes, no carriage returns, one width, valid UTF-8), or a copy whose fields
are joined by the unit separator, with no quoting at all, so that no quote and no line end can swallow a row.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Protocol

import numpy as np

from penchant.data.folder import quoted
from penchant.data.quarantine import Fault, Quarantine
from penchant.data.scanning import TextFile
from penchant.data.schema import unique_names
from penchant.types import IntArray

SEPARATOR = "\x1f"
ESCAPE = "\x1b"
_ESCAPES = str.maketrans(
    {"\n": ESCAPE + "n", "\r": ESCAPE + "r", SEPARATOR: ESCAPE + "u", "\0": ESCAPE + "0", ESCAPE: ESCAPE + "e"}
)
_UNESCAPES = (("n", 10), ("r", 13), ("u", 31), ("0", 0), ("e", 27))
_LINE_LIMIT = 2_097_152
"""DuckDB's own longest line; a longer one is announced to it."""


Kind = Literal["text", "string", "json_list", "typed"]
"""What is known of a column: nothing (``text``), that it holds strings, JSON lists, or values with an SQL type."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """Consecutive records of a file: either `plain` lines, or parsed `rows`, and the faults found among them."""

    first_line: int
    records: int
    """Physical records: kept, faulty and dropped."""
    plain: bytes | None = None
    """Whole lines, one record each, fields between `delimiter`, with nothing to quote or escape."""
    delimiter: bytes = b","
    longest: int = 0
    as_on_disk: bool = False
    """`plain` is what the file holds, byte for byte."""
    rows: list[list[str]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    """For each row its first physical line and the one after its last, as places in `text`."""
    text: Sequence[str | bytes] = ()
    """Physical lines from `first_line` on."""
    faults: list[Fault] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Rule → records dropped by it, such as ``blank_line``."""

    @property
    def n_rows(self) -> int:
        """Rows that go on."""
        return self.records if self.plain is not None else len(self.rows)

    def show(self, rows: list[int], *, before: int) -> Iterator["Shown"]:
        """Some of the batch's rows, in ascending order; `before` rows of the file come before the batch."""
        if self.plain is not None:
            lines = self.plain.split(b"\n")
            for row in rows:
                raw = lines[row].decode("utf-8", "replace")
                yield Shown(before + row, self.first_line + row, raw, raw.split(self.delimiter.decode()))
        else:
            for row in rows:
                start, end = self.spans[row]
                raw = "".join(_decoded(line) for line in self.text[start:end]).rstrip("\r\n")
                yield Shown(before + row, self.first_line + start, raw, self.rows[row])


def _decoded(line: str | bytes) -> str:
    return line if isinstance(line, str) else line.decode("utf-8", "replace")


class Shown(NamedTuple):
    """A row as it stands in its file."""

    row: int
    line: int
    """1-based physical line; row number in a Parquet file or frame."""
    raw: str
    values: Sequence[Any]
    """Its fields, in the order of the columns; the last may be missing (JSON lines)."""


class TextReader(Protocol):
    """Cuts one text file into records."""

    file: TextFile

    @property
    def columns(self) -> list[str]:
        """Column names; a reader of JSON lines knows the last of them only when the batches have ended."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What is known of columns beyond their text, when the batches have ended."""

    @property
    def skip_lines(self) -> int:
        """Physical lines before the first record: the header."""

    def batches(self, advance: Callable[[int], object] = lambda _: None) -> Iterator[Batch]:
        """The file's records in order; the same at every call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A source's column as DuckDB sees it."""

    sql: str
    """Its expression over the relation; NULL where the field is empty."""
    kind: Kind = "text"
    sql_type: str = "VARCHAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A file (or frame) whose structure is proved; what is left to check are its values."""

    name: str
    columns: Mapping[str, Column]
    relation: str
    """What stands after FROM; gives the rows in the file's order."""
    records: int
    """Physical records read: those of `rows`, those set aside and those dropped."""
    rows: int
    extra: int = 0
    """Rows beyond one per kept record, where a record holds several events (a sequence)."""
    quarantined: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    show: Callable[[IntArray], Iterator[Shown]]
    """Some rows, asked for in ascending order."""


def stage(
    reader: TextReader,
    copy: Path,
    quarantine: Quarantine,
    *,
    name: str,
    advance: Callable[[int], object] = lambda _: None,
) -> Rows:
    """Read a file through, send its bad records to `quarantine` under `name`, and make the rest readable for DuckDB.

    `copy` is where the copy goes, if one is needed. Peak memory is a few blocks whatever the file holds.
    """
    plain_so_far = records = rows = quarantined = 0
    longest, escaped = 0, False
    dropped: Counter[str] = Counter()
    out: IO[bytes] | None = None
    try:
        for batch in reader.batches(advance):
            records, rows, longest = records + batch.records, rows + batch.n_rows, max(longest, batch.longest)
            dropped.update(batch.dropped)
            for fault in batch.faults:
                quarantine.add(name, fault)
            quarantined += len(batch.faults)
            if out is None and batch.as_on_disk:
                plain_so_far += 1
                continue
            if out is None:
                out = copy.open("wb")
                for earlier in islice(reader.batches(), plain_so_far):
                    _write(out, earlier, len(reader.columns))
            written, wide = _write(out, batch, len(reader.columns))
            escaped, longest = escaped or written, max(longest, wide)
    finally:
        if out is not None:
            out.close()
    width, direct = len(reader.columns), out is None and rows > 0
    if out is None and not direct:
        copy.write_bytes(b"")
    kinds = reader.kinds
    return Rows(
        name=name,
        columns={
            column: Column(sql=_unescaped(f"c{place}") if escaped else f"c{place}", kind=kinds.get(column, "text"))
            for place, column in enumerate(unique_names(reader.columns))
        },
        relation=_relation(reader.file.path, _delimiter_of(reader), width, reader.skip_lines, longest, direct=True)
        if direct
        else _relation(copy, SEPARATOR, width, 0, longest, direct=False),
        records=records,
        rows=rows,
        extra=rows + quarantined + sum(dropped.values()) - records,
        quarantined=quarantined,
        dropped=dropped,
        show=partial(show_rows, reader),
    )


def _relation(file: Path, separator: str, width: int, skip: int, longest: int, *, direct: bool) -> str:
    """`read_csv` with nothing left to guess. A copy's last columns may be missing in its first rows (JSON lines)."""
    names = [f"c{place}" for place in range(width)] + ([] if direct or width > 1 else ["guard"])
    shape = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quoted(file)}, auto_detect = false, columns = {{{shape}}}, delim = {quoted(separator)}, quote = '',"
        f" escape = '', header = false, nullstr = '', new_line = '\\n', skip = {skip},"
        f" null_padding = {'false' if direct else 'true'}, compression = 'none',"
        f" max_line_size = {max(_LINE_LIMIT, longest + 1024)})"
    )


def _unescaped(sql: str) -> str:
    for letter, code in _UNESCAPES:
        sql = f"replace({sql}, chr(27) || '{letter}', chr({code}))"
    return sql


def show_rows(reader: TextReader, rows: IntArray) -> Iterator[Shown]:
    """Some rows of a file, given in ascending order: a second pass over it."""
    before = done = 0
    for batch in reader.batches() if len(rows) else ():
        until = int(np.searchsorted(rows, before + batch.n_rows))
        yield from batch.show([int(row) - before for row in rows[done:until]], before=before)
        before, done = before + batch.n_rows, until
        if done == len(rows):
            return


def _delimiter_of(reader: TextReader) -> str:
    return next(iter(reader.batches())).delimiter.decode()


def _write(out: IO[bytes], batch: Batch, width: int) -> tuple[bool, int]:
    """Write a batch to the copy; whether anything was escaped, and the longest line in bytes (an upper bound)."""
    if batch.plain is not None:
        separator = SEPARATOR.encode()
        data = batch.plain.replace(batch.delimiter, separator) if batch.delimiter != separator else batch.plain
        out.write(data.replace(b"\n", separator + b"\n") if width == 1 else data)
        return False, batch.longest
    lines = [SEPARATOR.join(row) for row in batch.rows]
    if not lines:
        return False, 0
    whole = "\n".join(lines)
    separators = sum(map(len, batch.rows)) - len(lines)
    escaped = (
        whole.count("\n") != len(lines) - 1
        or whole.count(SEPARATOR) != separators
        or any(character in whole for character in (ESCAPE, "\r", "\0"))
    )
    if escaped:
        lines = [_escaped(row, line) for row, line in zip(batch.rows, lines, strict=True)]
    end = SEPARATOR + "\n" if width == 1 else "\n"
    out.write((end.join(lines) + end).encode())
    return escaped, 4 * max(map(len, lines))


def _escaped(row: list[str], line: str) -> str:
    """`row` joined, with every character that has a meaning in the copy written otherwise."""
    if line.count(SEPARATOR) != len(row) - 1:
        return SEPARATOR.join([value.translate(_ESCAPES) for value in row])
    if ESCAPE in line:
        line = line.replace(ESCAPE, ESCAPE + "e")
    if "\n" in line:
        line = line.replace("\n", ESCAPE + "n")
    if "\r" in line:
        line = line.replace("\r", ESCAPE + "r")
    return line.replace("\0", ESCAPE + "0") if "\0" in line else line
