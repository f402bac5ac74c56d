"""How a command that was stopped says how to go on."""

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.delivery import checked_place

if TYPE_CHECKING:
    from penchant.training.tracker import Tracker

Checkpoints = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where trainings keep their state while they run, so that they can go on."),
]
Resume = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="Go on where a run that was stopped left off, to the same result; or begin again. Neither: begin, but "
        "refuse where there is something to go on from.",
    ),
]
RunLog = Annotated[
    Path | None,
    typer.Option(
        "--log", metavar="FILE", callback=checked_place, help="Add lines of JSON that tell how each training went."
    ),
]

Track = Annotated[
    str,
    typer.Option(
        "--track",
        metavar="NAME,…",
        help="Draw the curves of trainings with tensorboard, wandb, wandb_offline or mlflow; files go to .runs beside "
        "what is written.",
    ),
]


def followed(track: str, place: Path) -> "tuple[Tracker, ...]":
    """The trackers that --track names, for a command that writes to `place`; `ConfigError` for a wrong name."""
    from penchant.cli.options import names
    from penchant.training.tracking.catalogue import trackers_named

    return trackers_named(names(track), place.with_name(f"{place.name}.runs"))


@contextmanager
def resumable(folder: Path | None, *, also: str = "") -> Iterator[None]:
    """Ctrl-C and SIGTERM end the command with one line: where the state is and how to go on. Exit codes 130 and 143.

    `also` is a file of the folder that is worth going on from, beside the states of trainings.
    """
    handled = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminate) if handled else None
    try:
        yield
    except KeyboardInterrupt:
        _tell(folder, also)
        raise typer.Exit(128 + signal.SIGINT) from None
    except _TerminatedError:
        _tell(folder, also)
        raise typer.Exit(128 + signal.SIGTERM) from None
    finally:
        if handled:
            signal.signal(signal.SIGTERM, before)


class _TerminatedError(BaseException):
    """Somebody asked the process to end."""


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _TerminatedError


def _tell(folder: Path | None, also: str) -> None:
    from penchant.training.folders import unfinished

    if folder is None or not (unfinished(folder) or (also and (folder / also).exists())):
        print("Interrupted. Nothing was done that could be kept: run the command again.", file=sys.stderr)
        return
    words = [word for word in sys.argv[1:] if word not in {"--resume", "--no-resume"}]
    command = shlex.join(["penchant", *words, "--resume"])
    print(f"Interrupted. What was done is kept in {folder}. Go on with: {command}", file=sys.stderr)
