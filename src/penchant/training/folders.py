"""Folders of trainings' states: whose they are, what they hold, and how they are taken away."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from penchant.artifacts import read_manifest, replace_file, write_json
from penchant.errors import BundleError, CheckpointError
from penchant.progress import SILENT, Progress
from penchant.training.checkpoints import (
    AGAIN,
    CHOOSE,
    KIND,
    LOCK,
    MANIFEST,
    ONLY_AGAIN,
    differences,
    held,
    remove_arrays,
)

OWNER = "states-of.json"


@contextmanager
def states_of(
    work: Mapping[str, Any], folder: Path | None, *, resume: bool | None, progress: Progress = SILENT
) -> Iterator[None]:
    """Keep the states of a piece of work in a folder while the block runs, and take them away at its end.

    `work` says what it is: states of other work are refused. Where the block ends in an error the states stay, so that
    the work can go on. None keeps nothing. Raises `CheckpointError` where there are states and nobody said what to do
    with them (`resume` is None), or that cannot be gone on from.
    """
    if folder is None:
        yield
        return
    if resume is None and unfinished(folder):
        raise CheckpointError(f"{folder} holds the states of earlier trainings.", hint=CHOOSE)
    if resume:
        _check_owner(folder, work)
        if not unfinished(folder):
            progress.note(f"There is no state in {folder} to go on from: trainings begin.")
    else:
        clear(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / OWNER, lambda file: write_json(file, dict(work)))
    except OSError as error:
        raise CheckpointError(
            f"The states of trainings cannot be written to {folder}: {error.strerror or error}.",
            hint="Choose another folder.",
        ) from None
    try:
        yield
    except BaseException:
        if not unfinished(folder):
            clear(folder)
        raise
    clear(folder)


def unfinished(folder: Path) -> list[Path]:
    """The folders at and below `folder` that hold the state of a training that has made a step."""
    return sorted(file.parent for file in folder.rglob(MANIFEST) if _begun(file))


def seconds_kept(folder: Path) -> float:
    """The training time that the states at and below `folder` hold; a damaged one counts nothing."""
    total = 0.0
    for place in unfinished(folder):
        with contextlib.suppress(BundleError, KeyError, TypeError):
            total += read_manifest(place, kind=KIND, name=MANIFEST, verify=False)["facts"]["seconds"]
    return total


def clear(folder: Path) -> None:
    """Remove the states at and below `folder`, and the folders that are empty then; nothing else.

    `CheckpointError` where another process is using them.
    """
    places = {file.parent for pattern in (MANIFEST, LOCK, OWNER) for file in folder.rglob(pattern)}
    for place in places:
        with held(place):
            (place / MANIFEST).unlink(missing_ok=True)
            remove_arrays(place)
            for name in (LOCK, OWNER):
                (place / name).unlink(missing_ok=True)
    below = {parent for place in places for parent in (place, *place.parents) if parent.is_relative_to(folder)}
    for place in sorted(below, reverse=True):
        with contextlib.suppress(OSError):  # not empty: not ours alone
            place.rmdir()


def _begun(manifest: Path) -> bool:
    try:
        facts = orjson.loads(manifest.read_bytes())["facts"]
        return bool(facts["epoch"] > 1 or facts["done"] or facts["stopped"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):  # damaged: whoever wants to go on is told
        return True


def _check_owner(folder: Path, work: Mapping[str, Any]) -> None:
    if not (folder / OWNER).exists():
        return
    try:
        was = dict(orjson.loads((folder / OWNER).read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError, ValueError):
        raise CheckpointError(f"{folder / OWNER} is damaged.", hint=ONLY_AGAIN) from None
    if told := differences(was, orjson.loads(orjson.dumps(dict(work)))):
        raise CheckpointError(
            f"The states in {folder} are of other work: {'; '.join(told)}.",
            hint=f"Give the same data and settings to go on. {AGAIN}",
        )
