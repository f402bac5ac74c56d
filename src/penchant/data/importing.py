"""From any source to a dataset folder: scan, check, clean, number, sort, write, and prove that no record was lost."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, field_validator

from penchant.artifacts import new_folder
from penchant.config import Config
from penchant.data.checking import check_files
from penchant.data.conservation import Report
from penchant.data.events import EventSettings
from penchant.data.finishing import finish
from penchant.data.folder import KIND, MANIFEST, quoted
from penchant.data.layout import Layout, Reading
from penchant.data.quarantine import Quarantine
from penchant.data.scanning import MAX_RECORD_BYTES
from penchant.data.schema import COMMON_TYPES, check_given, letters
from penchant.data.sources.detection import find_layout
from penchant.errors import SourceError
from penchant.progress import SILENT, Progress


class ImportConfig(Config):
    """How a source is read."""

    name: str | None = None
    """The dataset's name; None: the source's."""
    map: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Field → column, or several of which a file takes the first it has; wins over the columns' own names."""
    rename_types: Mapping[str, str] = Field(default_factory=dict)
    """Event type of the source → its name in the dataset."""
    strict: bool = False
    """Raise at the first bad row instead of setting it aside."""
    clock: Literal["auto", "time", "position"] = "auto"
    time_format: str | None = None
    """strptime pattern of the time column."""
    rating_scale: tuple[float, float] | None = None
    """Lowest and highest rating; a rating outside is a bad row. None: what the format says, or as found."""
    types: frozenset[str] | None = None
    """Event types to keep; the others are dropped and counted."""
    encoding: str = "auto"
    delimiter: str | None = None
    quote: str = Field(default='"', max_length=1)
    """Quotes fields of CSV and TSV files; empty where they know no quoting."""
    header: bool = True
    """False: the first line is a row; columns are called 1, 2, 3 …"""
    max_record_bytes: int = Field(default=MAX_RECORD_BYTES, ge=1024)
    memory_limit: str = Field(default="1GB", pattern=r"^\d+(\.\d+)? ?([KMGT]i?B|B)$")
    """DuckDB's share; what does not fit goes to a temporary folder inside the target."""
    threads: int | None = Field(default=None, ge=1)
    licence: str | None = None
    """None: what the format's own licence says."""

    @field_validator("map", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {field: (one,) if isinstance(one, str) else one for field, one in value.items()}

    @field_validator("rating_scale")
    @classmethod
    def _ascending(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError("the lowest rating must be below the highest")
        return value


class Origin(Config):
    """A source to merge: where it is, its format and the platform its events come from."""

    path: Path
    format: str = "auto"
    platform: str | None = None


def import_source(
    source: Path | str,
    target: Path | str,
    *,
    format: str = "auto",  # noqa: A002
    platform: str | None = None,
    merge: Sequence[Origin] = (),
    config: ImportConfig | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Read a source, and those to `merge` with it, into the dataset folder `target`.

    A merge gives every event the platform of its source and calls kinds of events by their common names. Raises what
    `import_layouts` does.
    """
    origins = [Origin(path=Path(source), format=format, platform=platform), *merge]
    layouts = [_tagged(find_layout(one.path, format=one.format), one, of=len(origins)) for one in origins]
    config = config or ImportConfig()
    if merge:
        config = config.model_copy(update={"rename_types": {**COMMON_TYPES, **_folded(config.rename_types)}})
    return import_layouts(layouts, Path(target), config=config, progress=progress)


def _tagged(layout: Layout, origin: Origin, *, of: int) -> Layout:
    """The layout with its platform, and with names that tell its files from those of the others."""
    platform = origin.platform or (layout.name if of > 1 else None)
    files = tuple(
        replace(file, name=f"{platform}/{file.name}" if of > 1 else file.name, platform=platform)
        for file in layout.files
    )
    return replace(layout, files=files)


def _folded(names: Mapping[str, str]) -> dict[str, str]:
    return {letters(name): new for name, new in names.items()}


def import_layouts(
    layouts: Sequence[Layout], target: Path, *, config: ImportConfig | None = None, progress: Progress = SILENT
) -> Report:
    """Read sources into one dataset folder at `target`, which takes its place only when whole.

    Several layouts (platforms) merge into one history per user. Raises `SourceError` and `SchemaError` for a source
    that cannot be used, `BadRowError` under `strict`, `ConservationError` where records read are not records kept,
    set aside and dropped by a named rule.
    """
    config = config or ImportConfig()
    check_given(config.map)
    names = [file.name for layout in layouts for file in layout.files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SourceError(f"Two sources are both called {', '.join(sorted(twice))}.", hint="Give each its --platform.")
    manifest: dict[str, Any] = {}
    with new_folder(target, manifest, name=MANIFEST) as folder, _work_database(folder, config) as (connection, work):
        with Quarantine(folder / "quarantine", strict=config.strict) as quarantine:
            reading = Reading(
                connection=connection,
                folder=work,
                quarantine=quarantine,
                progress=progress,
                encoding=config.encoding,
                delimiter=config.delimiter,
                header=config.header,
                quote=config.quote,
                max_record_bytes=config.max_record_bytes,
            )
            settings = EventSettings(
                clock=config.clock,
                time_format=config.time_format,
                rating_scale=config.rating_scale,
                type_names=_folded(config.rename_types),
            )
            with _readable():
                tables, accounts = check_files(layouts, reading, settings=settings, given=config.map)
                report = finish(
                    reading,
                    tables,
                    accounts,
                    layouts,
                    folder,
                    name=config.name or layouts[0].name,
                    types=config.types,
                    rating_scale=config.rating_scale,
                )
        if config.licence is not None:
            report = replace(report, licence=config.licence)
        manifest.update(kind=KIND, **report.manifest())
    return report


@contextmanager
def _readable() -> Iterator[None]:
    """What DuckDB cannot read is the source's fault; SQL it does not understand is ours and passes as it is."""
    try:
        yield
    except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.InternalException):
        raise
    except duckdb.OutOfMemoryException as error:
        raise SourceError(f"The import needs more memory: {error}.", hint="Give --memory, such as 2GB.") from None
    except duckdb.Error as error:
        raise SourceError(
            f"A file of the source is damaged: {str(error).splitlines()[0]}.", hint="Fetch the source again whole."
        ) from None


@contextmanager
def _work_database(folder: Path, config: ImportConfig) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A database that spills to a folder on the target's disk, gone when the block ends.

    In memory and spilling it is four times as fast as a database file, which is compressed as it is written.
    """
    work = folder / "work"
    work.mkdir()
    connection = duckdb.connect()
    try:
        connection.execute(f"SET memory_limit = {quoted(config.memory_limit)}")
        connection.execute(f"SET temp_directory = {quoted(work / 'spill')}")
        connection.execute("SET preserve_insertion_order = true")
        connection.execute("SET TimeZone = 'UTC'")
        if config.threads is not None:
            connection.execute(f"SET threads = {config.threads}")
        yield connection, work
    finally:
        connection.close()
        for path in sorted(work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        work.rmdir()
