"""Vectors kept on disk by encoder and text, so that a second run encodes only what changed."""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import ConfigError
from penchant.interfaces import Encoder, plain
from penchant.progress import SILENT, Advance, Progress
from penchant.types import FloatArray

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum INTEGER NOT NULL)"
_WAIT_SECONDS = 30.0
_RUN = 4096
"""Texts encoded between two writes: what an interrupted run may lose."""


class _Part(Progress):
    """Progress of a part of a task that is shown already."""

    def __init__(self, outer: Progress, advance: Advance) -> None:
        self.outer, self.advance = outer, advance

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG002
        yield self.advance

    def note(self, text: str) -> None:
        self.outer.note(text)


class CachedEncoder:
    """An encoder with its vectors kept in a folder: one SQLite file for each encoder identity.

    A row is the hash of a text, its vector and a checksum. Writes are transactions, so a crash leaves whole rows, and
    several processes may share a folder. A damaged file is set aside and a damaged row ignored: their texts are encoded
    again. Where the folder cannot be written, texts are encoded without it, and the progress notes say so.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self.encoder = encoder
        name = hashlib.blake2b(encoder.identity.encode(), digest_size=16).hexdigest()
        self.file = Path(folder) / f"{name}.sqlite"

    @property
    def name(self) -> str:
        """The name of the encoder behind the cache."""
        return self.encoder.name

    @property
    def licence(self) -> str:
        """The licence of the encoder behind the cache."""
        return self.encoder.licence

    @property
    def folder(self) -> Path | None:
        """Where the encoder behind the cache lies."""
        return self.encoder.folder

    @property
    def identity(self) -> str:
        """The identity of the encoder behind the cache."""
        return self.encoder.identity

    @property
    def dim(self) -> int:
        """D"""
        return self.encoder.dim

    @property
    def plain(self) -> "CachedEncoder":
        """See `penchant.interfaces.TunedEncoder`; its vectors are kept in the same folder."""
        inner = plain(self.encoder)
        return self if inner is self.encoder else CachedEncoder(inner, self.file.parent)

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors, (len(texts), D), read where they are kept and encoded (then kept) where not."""
        if isinstance(texts, str):
            raise ConfigError("encode takes several texts; one came.", hint="Put it in a list.")
        keys = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        known = self._read(set(keys), progress)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        pending = list(missing.items())
        if pending:
            with progress.task("Encoding texts", total=len(pending)) as advance:
                for run in (pending[start : start + _RUN] for start in range(0, len(pending), _RUN)):
                    known |= self._fresh(dict(run), _Part(progress, advance))
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, self.dim), dtype=np.float32)

    def encode_both(self, texts: Sequence[str], *, progress: Progress = SILENT) -> tuple[FloatArray, FloatArray]:
        """See `penchant.interfaces.TunedEncoder`."""
        return self.encode(texts, progress=progress), self.plain.encode(texts, progress=progress)

    def _fresh(self, texts: dict[bytes, str], progress: Progress) -> dict[bytes, FloatArray]:
        """Vectors that were not kept, and are now; those of `plain` with them, which cost no more."""
        other = self.plain
        if other is self:
            readings = [(self, self.encoder.encode(list(texts.values()), progress=progress))]
        else:
            tuned: Any = self.encoder  # a `TunedEncoder`, since it has another reading
            both = tuned.encode_both(list(texts.values()), progress=progress)
            readings = list(zip((self, other), both, strict=True))
        found = [dict(zip(texts, vectors, strict=True)) for _, vectors in readings]
        for (reading, _), vectors in zip(readings, found, strict=True):
            reading._write(vectors, progress)
        return found[0]

    def _read(self, keys: set[bytes], progress: Progress) -> dict[bytes, FloatArray]:
        known: dict[bytes, FloatArray] = {}
        if not self.file.exists():
            return known
        try:
            with self._open() as database:
                wanted = list(keys)
                for some in (wanted[start : start + 500] for start in range(0, len(wanted), 500)):
                    marks = ",".join("?" * len(some))
                    rows = database.execute(
                        f"SELECT text, vector, checksum FROM vectors WHERE text IN ({marks})", some
                    ).fetchall()
                    known.update(
                        (key, np.frombuffer(blob, np.float32)) for key, blob, check in rows if self._whole(blob, check)
                    )
        except sqlite3.Error as error:
            if "no such table" not in str(error):  # another process has made the file and not yet its table
                self._set_aside(error, progress)
        return known

    def _write(self, vectors: dict[bytes, FloatArray], progress: Progress) -> None:
        rows = [(key, blob, zlib.crc32(blob)) for key, blob in ((k, v.tobytes()) for k, v in vectors.items())]
        for last in (False, True):
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self._open() as database, database:
                    database.execute(_SCHEMA)
                    database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
                return
            except (sqlite3.Error, OSError) as error:
                if last or not self._set_aside(error, progress):
                    progress.note(f"Vectors are not kept: {self.file} cannot be written ({error}).")
                    return

    def _whole(self, blob: bytes, checksum: int) -> bool:
        return isinstance(blob, bytes) and len(blob) == 4 * self.dim and zlib.crc32(blob) == checksum

    def _set_aside(self, error: Exception, progress: Progress) -> bool:
        """Rename a damaged file out of the way; False where the trouble is not the file's contents."""
        shape = isinstance(error, sqlite3.OperationalError) and "column" in str(error)
        if not (shape or type(error) is sqlite3.DatabaseError):
            return False
        try:
            self.file.replace(self.file.with_suffix(".damaged"))
        except OSError:
            return False
        progress.note(f"{self.file} is damaged ({error}): set aside, its texts are encoded again.")
        return True

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file, timeout=_WAIT_SECONDS)) as database:
            yield database
