"""The profiles of all users of a bundle, written to a file as they are read."""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import orjson
from threadpoolctl import threadpool_limits

from penchant.artifacts import replace_file
from penchant.data.generated import is_generated
from penchant.errors import ConfigError, UnsupportedError
from penchant.pipeline.interest_model import InterestModel, load
from penchant.progress import SILENT, Progress

BLOCK = 32
"""Users a worker reads before it hands over what it read."""
AHEAD = 4
"""Blocks that each worker may be ahead of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    file: str
    users: int
    bytes: int


def export_profiles(
    bundle: Path,
    to: Path,
    *,
    limit: int = 12,
    as_of: int | None = None,
    workers: int = 1,
    progress: Progress = SILENT,
) -> Exported:
    """Write the profile of every user, as `InterestModel.interests` reads it, to a file with one line of JSON each, in
    the order of the bundle's users; twins, whom a generator made, are left out.

    The file is the same for any number of `workers`, processes that each read the bundle for themselves and compute on
    one thread: a profile is many small products, at whose ends threads would wait for each other. What is held in
    memory is the bundle once a process and a bounded number of profiles, however many users there are. The file takes
    its place when it is whole. Raises `BundleError` for a bundle that cannot be read, `ConfigError` for a file that
    cannot be written and for no worker, `UnsupportedError` where a worker dies.
    """
    if workers < 1:
        raise ConfigError(f"There are {workers} workers.", hint="Give one or more.")
    if to.suffix != ".jsonl":
        raise ConfigError(f"{to} is to hold lines of JSON.", hint="Give it a name that ends in .jsonl.")
    model = load(bundle)
    data = model.fitted.dataset
    users = [user for user, made_up in zip(data.users.ids, is_generated(data), strict=True) if not made_up]
    blocks = [users[start : start + BLOCK] for start in range(0, len(users), BLOCK)]
    written = 0

    def write(file: Path) -> None:
        nonlocal written
        with file.open("wb") as out, progress.task("Profiles", total=len(users)) as advance:
            found = (
                _alone(model, blocks, limit, as_of) if workers == 1 else _many(bundle, blocks, limit, as_of, workers)
            )
            for block, lines in zip(blocks, found, strict=True):
                written += out.write(lines)
                advance(len(block))

    try:
        replace_file(to, write)
    except BrokenProcessPool:
        raise UnsupportedError(
            "A worker died: killed, or out of memory.", hint="Give fewer workers: each holds the bundle in memory."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{to} cannot be written: {error.strerror or error}.", hint="Make room, or choose another place."
        ) from None
    return Exported(file=str(to), users=len(users), bytes=written)


def _alone(model: InterestModel, blocks: Sequence[Sequence[str]], limit: int, as_of: int | None) -> Iterator[bytes]:
    with threadpool_limits(1):
        yield from (_lines(model, block, limit, as_of) for block in blocks)


def _many(
    bundle: Path, blocks: Sequence[Sequence[str]], limit: int, as_of: int | None, workers: int
) -> Iterator[bytes]:
    """In the order of the blocks; no more are under way than the workers need."""
    # Spawned: a forked process would have torch's threads in whatever state they were.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin) as pool:
        under_way: deque[Future[bytes]] = deque()
        try:
            for block in blocks:
                under_way.append(pool.submit(_read, bundle, block, limit, as_of))
                if len(under_way) >= workers * AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for one in under_way:
                one.cancel()


def _begin() -> None:
    """In a worker: Ctrl-C is for the process that started it, and the machine is shared."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threadpool_limits(1)


@cache
def _opened(bundle: Path) -> InterestModel:
    """In a worker: read once."""
    return load(bundle)


def _read(bundle: Path, block: Sequence[str], limit: int, as_of: int | None) -> bytes:
    return _lines(_opened(bundle), block, limit, as_of)


def _lines(model: InterestModel, block: Sequence[str], limit: int, as_of: int | None) -> bytes:
    profiles = (model.interests(user, as_of=as_of, limit=limit) for user in block)
    return b"".join(orjson.dumps(one, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n" for one in profiles)
