"""CSV, TSV and kin: records cut exactly as Python's `csv` module cuts them, bad ones found without losing their
neighbours.

A chunk of lines that holds no quote, one width and valid UTF-8 is passed on as it is after a few vector operations; the
others go through `csv` with `strict=True`. A quote that never closes, or closes in the middle of a field, costs its own
line only: reading starts again at the line after it.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from penchant.data.quarantine import Fault
from penchant.data.scanning import OverLong, TextFile, as_utf8
from penchant.data.staging import ESCAPE, SEPARATOR, Batch, Kind
from penchant.errors import SchemaError, SourceError

BLANK_LINE = "blank_line"
_NEWLINE = 10


class Delimited:
    """Reads one delimited file. `columns` names them where the file has no header; `quote` is empty where the format
    knows no quoting. `ragged` lets a record have fewer fields than the header (missing ones are empty).
    """

    def __init__(
        self, file: TextFile, *, delimiter: str = ",", quote: str = '"', columns: Sequence[str] | None = None
    ) -> None:
        if len(delimiter) != 1 and quote:
            raise SchemaError(
                f"The delimiter {delimiter!r} is longer than a character.", hint="Give one character, or no quoting."
            )
        self.file, self.delimiter, self.quote = file, delimiter, quote
        self._given = list(columns) if columns is not None else None
        self._separator = delimiter.encode() if len(delimiter) == 1 else SEPARATOR.encode()

    @property
    def columns(self) -> list[str]:
        """The header's names, as they are."""
        return self._given if self._given is not None else self._header[0]

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Nothing is known of the columns but their text."""
        return {}

    @property
    def skip_lines(self) -> int:
        """Physical lines up to the end of the header."""
        return 0 if self._given is not None else self._header[1]

    @cached_property
    def width(self) -> int:
        """Fields a record must have."""
        return len(self.columns)

    @cached_property
    def _header(self) -> tuple[list[str], int]:
        """The first record that is not blank and the number of physical lines up to its end."""
        for chunk in self.file.chunks():
            if isinstance(chunk, OverLong):
                raise SourceError(
                    f"{self.file.path}: line {chunk.line} has {chunk.size} bytes, before any header was found.",
                    hint="Check that the file is a table with a header line.",
                )
            data = as_utf8(chunk.data, self.file.encoding)
            try:
                lines = list(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
                end, fields = self._first_record(lines)
            except csv.Error as error:
                raise SourceError(
                    f"{self.file.path}: the header cannot be read: {error}.", hint="Mend the file's first line."
                ) from None
            if fields:
                try:
                    "".join(fields).encode()
                except UnicodeEncodeError:
                    raise SourceError(
                        f"{self.file.path}: the header is not UTF-8.",
                        hint="Give the file's --encoding, such as latin-1, gb18030 or utf-16.",
                    ) from None
                return fields, end
        raise SourceError(f"{self.file.path} is empty.", hint="Give a file with a header line and rows.")

    def _first_record(self, lines: list[str]) -> tuple[int, list[str]]:
        if not self.quote:
            place = next((k for k, line in enumerate(lines) if line.strip("\r\n")), None)
            return (0, []) if place is None else (place + 1, lines[place].rstrip("\r\n").split(self.delimiter))
        reader = csv.reader(iter(lines), delimiter=self.delimiter, quotechar=self.quote, strict=True)
        for fields in reader:
            if fields:
                return reader.line_num, fields
        return 0, []

    def batches(self, advance: Callable[[int], object] = lambda _: None) -> Iterator[Batch]:
        """The file's records in order."""
        to_skip, untouched = self.skip_lines, self.file.is_plain_utf8
        carry, carry_line = b"", 0
        for chunk in self.file.chunks(advance):
            if isinstance(chunk, OverLong):
                if carry:
                    yield self._parsed(carry, carry_line, final=True)[0]
                    carry = b""
                yield self._over_long(chunk)
                continue
            first_line, data = chunk.first_line, as_utf8(chunk.data, self.file.encoding)
            if to_skip:
                first_line, data, to_skip = first_line + to_skip, _after_lines(data, to_skip), 0
            if not data:
                continue
            if not carry and (plain := self._plain(data, first_line, as_on_disk=untouched)):
                yield plain
                continue
            if carry:
                data, first_line = carry + data, carry_line
            batch, carry, carry_line = self._parsed(data, first_line, final=False)
            yield batch
        if carry:
            yield self._parsed(carry, carry_line, final=True)[0]

    def _plain(self, data: bytes, first_line: int, *, as_on_disk: bool) -> Batch | None:
        """The lines as they are, where each proves to be one good record."""
        if self.quote and self.quote.encode() in data:
            return None
        if b"\r" in data:
            data, as_on_disk = data.replace(b"\r\n", b"\n"), False
            if b"\r" in data:
                return None
        if b"\0" in data or SEPARATOR.encode() in data or ESCAPE.encode() in data or not _is_utf8(data):
            return None
        if not data.endswith(b"\n"):
            data += b"\n"
        joined = data.replace(self.delimiter.encode(), self._separator) if len(self.delimiter) > 1 else data
        codes = np.frombuffer(joined, dtype=np.uint8)
        ends = np.flatnonzero(codes == _NEWLINE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        longest = int((ends - starts).max()) + 1
        between = self.width - 1
        if longest > self.file.max_record_bytes or (not between and bool((ends == starts).any())):
            return None
        marks = np.flatnonzero(codes == self._separator[0])
        if len(marks) != between * len(ends):
            return None
        if between:
            per_line = marks.reshape(len(ends), between)
            if (per_line[:, 0] < starts).any() or (per_line[:, -1] > ends).any():
                return None
        return Batch(
            first_line=first_line,
            records=len(ends),
            plain=data,
            delimiter=self.delimiter.encode(),
            longest=longest,
            as_on_disk=as_on_disk and between > 0 and len(self.delimiter) == 1,
        )

    def _parsed(self, data: bytes, first_line: int, *, final: bool) -> tuple[Batch, bytes, int]:
        """Records of whole lines, the bytes of a record that goes on after them, and that record's line."""
        damaged = not _is_utf8(data)
        text = data.decode("utf-8", "surrogateescape" if damaged else "strict")
        lines = list(io.StringIO(text, newline=""))
        batch = Batch(first_line=first_line, records=0, text=lines)
        # Where this holds, a record with the right number of fields is good: 20 M of them pass here.
        innocent = not damaged and "\0" not in text and len(data) <= self.file.max_record_bytes
        place = self._quoted(batch, lines, innocent, final) if self.quote else self._unquoted(batch, lines, innocent)
        batch.records = len(batch.rows) + len(batch.faults) + sum(batch.dropped.values())
        rest = "".join(lines[place:]).encode("utf-8", "surrogateescape")
        return batch, rest, first_line + place

    def _unquoted(self, batch: Batch, lines: list[str], innocent: bool) -> int:
        width, delimiter = self.width, self.delimiter
        for place, line in enumerate(lines):
            bare = line.rstrip("\r\n")
            fields = bare.split(delimiter) if bare else []
            if innocent and len(fields) == width:
                batch.rows.append(fields)
                batch.spans.append((place, place + 1))
            else:
                self._take(batch, lines[place : place + 1], place, fields)
        return len(lines)

    def _quoted(self, batch: Batch, lines: list[str], innocent: bool, final: bool) -> int:
        """Parse `lines`; the place of the first line of a record that has no end yet."""
        place, size, width = 0, len(lines), self.width
        with _field_limit(2 * self.file.max_record_bytes):
            while place < size:
                reader = csv.reader(
                    map(lines.__getitem__, range(place, size)),
                    delimiter=self.delimiter,
                    quotechar=self.quote,
                    strict=True,
                )
                begun = start = place
                place = size
                try:
                    for fields in reader:
                        end = begun + reader.line_num
                        if innocent and len(fields) == width:
                            batch.rows.append(fields)
                            batch.spans.append((start, end))
                        elif not self._take(batch, lines[start:end], start, fields):
                            place = start + 1
                            break
                        start = end
                except csv.Error as error:
                    unfinished = begun + reader.line_num == size
                    if unfinished and not final and sum(map(len, lines[start:])) <= self.file.max_record_bytes:
                        return start
                    self._fault(batch, lines[start : start + 1], start, self._csv_fault(error))
                    place = start + 1
        return size

    def _take(self, batch: Batch, lines: list[str], start: int, fields: list[str]) -> bool:
        """Keep, drop or refuse the record of `lines`, at place `start`; False where only its first line was refused."""
        if not fields:
            batch.dropped[BLANK_LINE] += 1
        elif len(fields) != self.width:
            if len(lines) > 1:
                self._fault(batch, lines[:1], start, f"a quote opens here and takes in the next {len(lines) - 1} lines")
                return False
            self._fault(batch, lines, start, f"{len(fields)} fields where the header has {self.width}")
        elif reason := damage(lines):
            self._fault(batch, lines, start, reason)
        elif sum(map(len, lines)) > self.file.max_record_bytes:
            self._fault(batch, lines, start, f"longer than {self.file.max_record_bytes} bytes")
        else:
            batch.rows.append(fields)
            batch.spans.append((start, start + len(lines)))
        return True

    def _csv_fault(self, error: csv.Error) -> str:
        if "end of data" in str(error):
            return "a quote opens here and never closes"
        if "expected after" in str(error):
            return "a quoted field goes on after its closing quote"
        if "field limit" in str(error):
            return f"longer than {self.file.max_record_bytes} bytes"
        return str(error)

    @staticmethod
    def _fault(batch: Batch, lines: Sequence[str], start: int, reason: str) -> None:
        raw = "".join(lines).rstrip("\r\n")
        batch.faults.append(Fault(batch.first_line + start, None, reason, raw))

    def _over_long(self, line: OverLong) -> Batch:
        reason = f"a line of {line.size} bytes, longer than {self.file.max_record_bytes}"
        fault = Fault(line.line, None, reason, line.head.decode("utf-8", "replace"))
        return Batch(first_line=line.line, records=1, faults=[fault])


def header_of(path: Path) -> set[str]:
    """The column names of a CSV file; none where it cannot be read as one."""
    try:
        return set(Delimited(TextFile(path=path)).columns)
    except SourceError:
        return set()


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def damage(lines: Sequence[str]) -> str:
    """Why a record's text cannot be kept: a NUL byte, or bytes that are not UTF-8; empty where it can."""
    text = "".join(lines)
    if "\0" in text:
        return "a NUL byte"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"byte 0x{ord(text[error.start]) - 0xDC00:02X} at character {error.start + 1} is not UTF-8"
    return ""


def _after_lines(data: bytes, count: int) -> bytes:
    lines = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    used = sum(len(next(lines, "").encode("utf-8", "surrogateescape")) for _ in range(count))
    return data[used:]


@contextmanager
def _field_limit(size: int) -> Iterator[None]:
    """Python's `csv` keeps one limit for the process: it is raised for one chunk and put back."""
    before = csv.field_size_limit(size)
    try:
        yield
    finally:
        csv.field_size_limit(before)
