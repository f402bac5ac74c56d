"""Save and load without pickle: a folder of `manifest.json`, `*.safetensors` and `*.parquet`.

A folder is written under a temporary name beside its place and renamed when whole, so a crash leaves the old one. The
manifest lists each file's size and hash; a folder cut in half, altered or of a newer format is refused by name.
"""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from penchant.errors import BundleError
from penchant.types import AnyArray

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a system says of a disk, a quota or a file that has no room left."""


@contextmanager
def new_folder(path: Path, manifest: Mapping[str, Any], *, name: str = MANIFEST) -> Iterator[Path]:
    """A temporary folder that takes `path`'s place, with its manifest, when the block ends without an error.

    `manifest` may be filled inside the block; it is read when the block ends. `name` is the manifest's file name.
    Raises `BundleError` for a place that cannot be written or that holds anything else, see `check_place`, and for a
    disk that is full or fails: what was there before stays.
    """
    path = path.absolute()
    check_place(path, name=name)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield temporary
        files = {f.relative_to(temporary).as_posix(): describe(f) for f in sorted(temporary.rglob("*")) if f.is_file()}
        write_json(temporary / name, {"format_version": FORMAT_VERSION, **manifest, "files": files})
        check_place(path, name=name)
        _replace(temporary, path)
    except (OSError, SafetensorError) as error:
        if isinstance(error, OSError) and error.errno not in {*FULL, errno.EIO, errno.EROFS}:
            raise
        raise _unwritable(path, error, hint="Make room, or choose another place.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_place(path: Path, *, name: str = MANIFEST) -> None:
    """Refuse, before any work is done, a place where a folder cannot be put.

    Free are: nothing, an empty folder, and a folder that Penchant wrote and nobody added to: what is there is replaced,
    and nothing else is ever removed. Raises `BundleError`.
    """
    path = path.absolute()
    try:
        if not path.exists():
            nearest = next(parent for parent in path.parents if parent.exists())
            if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
                raise NotADirectoryError(f"{nearest} is not a folder that can be written to")
            return
        strangers = _strangers(path, name) if path.is_dir() else [path.name]
    except OSError as error:
        raise _unwritable(path, error) from None
    if strangers:
        shown = ", ".join(strangers[:3]) + (" …" if len(strangers) > 3 else "")
        raise BundleError(
            f"{path} exists and is not a Penchant folder alone: it holds {shown}.",
            hint="Choose another name, or remove it.",
        )


def _strangers(path: Path, name: str) -> list[str]:
    """Files of a folder that its manifest does not list; all of them where it has no manifest of ours."""
    found = [f.relative_to(path).as_posix() for f in path.rglob("*") if not f.is_dir()]
    try:
        manifest = orjson.loads((path / name).read_bytes())
        ours = {*manifest["files"], name} if int(manifest["format_version"]) >= 1 and manifest["kind"] else set()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        ours = set()
    return sorted(set(found) - ours)


def _unwritable(path: Path, error: Exception, *, hint: str = "Choose another place.") -> BundleError:
    return BundleError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.", hint=hint)


def read_manifest(path: Path, *, kind: str, name: str = MANIFEST, verify: bool = True) -> dict[str, Any]:
    """The manifest of a folder of the given `kind`, after its files have been checked against it.

    `verify=False` checks that the files are there, not their bytes. Raises `BundleError` where the folder is missing,
    of another kind, of a newer format, cut in half or altered.
    """
    if not (path / name).is_file():
        maker = "penchant import SOURCE --to DIR" if kind == "dataset" else "penchant fit DIR --to BUNDLE"
        raise BundleError(f"No {kind} at {path}: it has no {name}.", hint=f"Make one with `{maker}`.")
    try:
        manifest: dict[str, Any] = orjson.loads((path / name).read_bytes())
        version, found = int(manifest["format_version"]), manifest["kind"]
        files: dict[str, dict[str, Any]] = dict(manifest["files"]) if version <= FORMAT_VERSION else {}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise BundleError(f"{path / name} is damaged.", hint="Make the folder again.") from None
    if found != kind:
        raise BundleError(f"{path} holds a {found}, not a {kind}.", hint=f"Give the folder of a {kind}.")
    if version > FORMAT_VERSION:
        raise BundleError(
            f"{path} has format {version}; this Penchant reads up to {FORMAT_VERSION}.",
            hint="Upgrade Penchant to load it.",
        )
    for file_name, expected in files.items():
        file = path / file_name
        if not file.is_file():
            raise BundleError(f"{path}: {file_name} is missing.", hint="Copy the folder again whole, or make it again.")
        if verify and describe(file) != expected:
            raise BundleError(
                f"{path}: {file_name} is cut short or altered.", hint="Copy the folder again whole, or make it again."
            )
    return manifest


def write_json(path: Path, value: Any) -> None:
    """Write JSON, keys as given, indented, and flush it to disk."""
    with path.open("wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file beside `path`, flush it to disk and put it in its place: the old or the new, never half.

    The rename itself is on disk when this returns. `OSError` where the disk is full, whatever was writing to it.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        try:
            write(temporary)
        except SafetensorError as error:  # it has an error of its own for what the system says
            raise OSError(str(error)) from None
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        if hasattr(os, "O_DIRECTORY"):
            place = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(place)
            finally:
                os.close(place)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write named arrays to a safetensors file."""
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, path)


def read_arrays(path: Path) -> dict[str, AnyArray]:
    """Read the named arrays of a safetensors file; `BundleError` where it is damaged."""
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise BundleError(
            f"{path} cannot be read: {error}.", hint="Copy the folder again whole, or make it again."
        ) from None


def describe(file: Path) -> dict[str, Any]:
    """Size and hash of a file, as a manifest's `files` holds them."""
    with file.open("rb") as handle:
        return {"bytes": file.stat().st_size, "blake2b": hashlib.file_digest(handle, _hash).hexdigest()}


def _hash() -> Any:
    return hashlib.blake2b(digest_size=16)


def _replace(new: Path, place: Path) -> None:
    """Put the folder `new` at `place`; the old one stays whole until the new one stands."""
    if not place.exists():
        new.rename(place)
        return
    old = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.old")
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
