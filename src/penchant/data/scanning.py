"""Our own pass over the bytes of a text file, in bounded memory: DuckDB loses rows silently on what this pass finds.

A file is cut into chunks of whole physical lines. A line longer than the limit is never held: its first bytes are kept
for the quarantine file and the rest is skipped, so a single line of any size costs the memory of one block. Byte order
marks are stripped, UTF-16 and UTF-32 are turned into UTF-8, gzip is recognised by its first bytes, and a file that is
missing, empty, cut short or binary is refused with what to do about it.
"""

import codecs
import gzip
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from penchant.errors import SourceError

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 8 << 20
HEAD_BYTES = 1000
"""How much of an over-long line is kept to show."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = {"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"}
"""Encodings whose line ends are not single bytes: decoded before the bytes are cut into lines."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole physical lines, each with its line end (the file's last may lack it). UTF-8, but for damaged bytes."""

    first_line: int
    data: bytes


@dataclass(frozen=True, slots=True)
class OverLong:
    """A physical line above the limit: its number, size in bytes and first bytes."""

    line: int
    size: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A text file and how to read it. `encoding` ``auto`` is UTF-8, or what a byte order mark says."""

    path: Path
    encoding: str = "auto"
    max_record_bytes: int = MAX_RECORD_BYTES
    carriage_return_ends_lines: bool = True
    """A lone carriage return ends a line, as for Python's `csv`; not so in JSON lines, where it is white space."""
    block_bytes: int = BLOCK_BYTES

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @property
    def is_plain_utf8(self) -> bool:
        """Whether the bytes on disk are what `chunks` gives: not packed, no byte order mark, UTF-8."""
        with self.path.open("rb") as raw:
            start = raw.read(4)
        marked = start.startswith(b"\x1f\x8b") or any(start.startswith(mark) for mark, _ in _MARKS)
        return not marked and self.encoding in {"auto", "utf-8"}

    def chunks(self, advance: Callable[[int], object] = lambda _: None) -> Iterator[Chunk | OverLong]:
        """The file's lines in order; `advance` is told of the bytes read from disk.

        Raises `SourceError` where the file is missing, unreadable, cut short or not text.
        """
        line, carry, skipped, head, half_end = 1, b"", 0, b"", False
        with closing(self.blocks(advance)) as blocks:
            for block in blocks:
                rest = block[1:] if half_end and block.startswith(b"\n") else block
                half_end = False
                if skipped:
                    end = self._first_end(rest)
                    skipped += len(rest) if end < 0 else end
                    if end < 0:
                        continue
                    yield OverLong(line, skipped, head)
                    half_end = rest[:end].endswith(b"\r") and end == len(rest)
                    line, skipped, rest = line + 1, 0, rest[end:]
                data = carry + rest
                cut = self._last_end(data)
                if cut:
                    yield Chunk(line, data[:cut])
                    line += self.count_lines(data[:cut])
                carry = data[cut:]
                if len(carry) > self.max_record_bytes:
                    skipped, head, carry = len(carry), carry[:HEAD_BYTES], b""
        if skipped:
            yield OverLong(line, skipped, head)
        elif carry:
            yield Chunk(line, carry)

    def count_lines(self, data: bytes) -> int:
        """Physical lines in whole lines of bytes."""
        ends = data.count(b"\n")
        if self.carriage_return_ends_lines and b"\r" in data:
            ends += data.count(b"\r") - data.count(b"\r\n")
        return ends

    def blocks(self, advance: Callable[[int], object] = lambda _: None) -> Generator[bytes]:
        """The file's bytes, decompressed, without byte order mark, as UTF-8 where the encoding is known."""
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                if not packed and self.path.suffix == ".gz" and self.size:
                    raise SourceError(
                        f"{self.path} is named .gz but holds no gzip data.", hint="Rename it, or fetch it again."
                    )
                if packed:
                    with gzip.open(raw) as unpacked:
                        yield from self._decoded(cast("IO[bytes]", unpacked), raw, advance)
                else:
                    yield from self._decoded(raw, raw, advance)
        except FileNotFoundError:
            raise SourceError(f"No file at {self.path}.", hint="Check the path.") from None
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise SourceError(
                f"{self.path} is cut short or damaged: its gzip data ends before its end.",
                hint="Fetch the file again whole; `gzip -t FILE` tells when it is.",
            ) from None
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read: {error.strerror or error}.", hint="Check the file."
            ) from None

    def _decoded(self, stream: IO[bytes], raw: IO[bytes], advance: Callable[[int], object]) -> Iterator[bytes]:
        place = 0
        encoding, decoder = "", None
        while block := stream.read(self.block_bytes):
            now = raw.tell()
            advance(now - place)
            place = now
            if not encoding:
                encoding, block = self._begin(block)
                if encoding in _WIDE:
                    decoder = codecs.getincrementaldecoder(encoding)("strict")
            if decoder is not None:
                yield self._transcoded(decoder, block, final=False)
            elif block:
                yield block
        if decoder is not None:
            self._transcoded(decoder, b"", final=True)

    def _begin(self, block: bytes) -> tuple[str, bytes]:
        """The encoding, and the first block without its byte order mark."""
        named = "" if self.encoding == "auto" else codec_name(self.encoding)
        for mark, marked in _MARKS:
            if block.startswith(mark) and named in {"", marked}:
                return (marked, block) if marked in _WIDE else (marked, block[len(mark) :])
        encoding = named or "utf-8"
        sample = block[:65536]
        if encoding not in _WIDE and sample.count(0) > len(sample) // 20:
            raise SourceError(
                f"{self.path} is not text: {sample.count(0)} of its first {len(sample)} bytes are NUL.",
                hint="If it is UTF-16 without a byte order mark, give --encoding utf-16-le.",
            )
        return encoding, block

    def _transcoded(self, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool) -> bytes:
        try:
            return decoder.decode(block, final).encode("utf-8")
        except UnicodeError as error:
            raise SourceError(
                f"{self.path} cannot be decoded: {error}.", hint="Save the file as UTF-8, or give its --encoding."
            ) from None

    def _first_end(self, data: bytes) -> int:
        """The place after the first line end, −1 where there is none."""
        newline = data.find(b"\n")
        if self.carriage_return_ends_lines:
            stop = len(data) if newline < 0 else newline - 1
            returned = data.find(b"\r", 0, max(stop, 0))
            if returned >= 0:
                return returned + 1
        return newline + 1 if newline >= 0 else -1

    def _last_end(self, data: bytes) -> int:
        """The place after the last line end, 0 where there is none; a final CR may be half of CR LF and waits."""
        last = data.rfind(b"\n")
        if self.carriage_return_ends_lines and b"\r" in data[last + 1 :]:
            last = max(last, data.rfind(b"\r", 0, len(data) - 1))
        return last + 1


def codec_name(encoding: str) -> str:
    """An encoding's normalised name; `SourceError` where Python knows none of that name."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise SourceError(
            f"No encoding is called {encoding!r}.", hint="Give one such as utf-8, latin-1, gb18030, shift_jis, utf-16."
        ) from None


def as_utf8(data: bytes, encoding: str) -> bytes:
    """Whole lines in an encoding with single-byte line ends as UTF-8; bytes that do not decode stay as they are."""
    if encoding in {"auto", "utf-8"} or encoding in _WIDE or data.isascii():
        return data
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeDecodeError:
        return data.decode(encoding, "surrogateescape").encode("utf-8", "surrogateescape")
