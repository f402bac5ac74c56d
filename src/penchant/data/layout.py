"""What a source is made of: its files, the role each plays, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import duckdb

from penchant.data.quarantine import Quarantine
from penchant.data.scanning import MAX_RECORD_BYTES, TextFile
from penchant.data.schema import Role
from penchant.data.staging import Column, Rows, TextReader, stage
from penchant.progress import SILENT, Progress

Computed = Callable[[Mapping[str, Column]], str]
"""SQL of a field from the columns of its file."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What files are read with."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    """For copies, on the target's disk."""
    quarantine: Quarantine
    progress: Progress = SILENT
    encoding: str = "auto"
    max_record_bytes: int = MAX_RECORD_BYTES
    delimiter: str | None = None
    header: bool = True
    quote: str = '"'
    _numbers: "count[int]" = field(default_factory=count)

    def text_file(
        self,
        path: Path,
        *,
        encoding: str = "auto",
        carriage_return_ends_lines: bool = True,
        max_record_bytes: int | None = None,
    ) -> TextFile:
        """A text file under these settings; an encoding asked for by the caller wins over the format's own."""
        return TextFile(
            path=path,
            encoding=encoding if self.encoding == "auto" else self.encoding,
            max_record_bytes=max_record_bytes or self.max_record_bytes,
            carriage_return_ends_lines=carriage_return_ends_lines,
        )

    def stage(self, reader: TextReader, *, name: str) -> Rows:
        """Scan a text file and make it readable, with progress over its bytes."""
        copy = self.folder / f"copy-{next(self._numbers)}.txt"
        with self.progress.task(f"Scan {name}", total=reader.file.size) as advance:
            return stage(reader, copy, self.quarantine, name=name, advance=advance)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file (or frame) of a source."""

    role: Role
    name: str
    """As shown in reports and quarantine: its path inside the source."""
    read: Callable[[Reading, str], Rows]
    """Reads the file; its name is handed in, as two sources may each have an `interactions.csv`."""
    table: str = ""
    """For a lookup: the table's name in the work database, which `computed` SQL of other files may read."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Field → column, where the format says so."""
    computed: Mapping[str, Computed] = field(default_factory=dict)
    """Fields and attributes made from several columns; they win over columns of the same name."""
    left_out: frozenset[str] = frozenset()
    """Columns that `computed` has used up."""
    relation_lists: Mapping[str, str] = field(default_factory=dict)
    """Columns that list related items → the name of the relation; they go to the relations, not to the attributes."""
    link_ends: tuple[str | None, str | None] = (None, None)
    """For a file of relations, what its subjects and objects are (``user``, ``item``); None: as its columns say."""
    event_type: str | None = None
    """The type of every event of the file; None: a column of it, or what its value column says."""
    rating_scale: tuple[float, float] | None = None
    """Lowest and highest rating the format allows; None: as found."""
    ordered: bool = False
    """The file's order is each user's order and repeats are real (sequences): nothing is a duplicate."""
    platform: str | None = None
    """The platform of every event of the file, where it has no such column."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A source, ready to be read."""

    format: str
    name: str
    files: tuple[SourceFile, ...]
    left_aside: tuple[tuple[str, str], ...] = ()
    """Files that are not imported, with the reason."""
    licence: str = ""
