"""What the commands that train have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.interruption import followed, resumable

if TYPE_CHECKING:
    from penchant.interfaces import FitOptions

Device = Annotated[
    str,
    typer.Option(metavar="NAME", help="Where trainings compute: cpu, cuda, cuda:1; auto is a GPU where there is one."),
]
Seed = Annotated[int, typer.Option(min=0)]


@contextmanager
def trained(
    work: str,
    to: Path,
    *,
    seed: int,
    device: str,
    checkpoints: Path | None,
    resume: bool | None,
    log: Path | None,
    track: str,
    quiet: bool,
) -> "Iterator[FitOptions]":
    """The options of the trainings in the block, whose states are kept beside `to` for as long as it runs.

    Whatever can be refused at once (a tracker, a device) is refused before a state is touched. Stopped, the command
    says how to go on.
    """
    from penchant.interfaces import FitOptions
    from penchant.training.devices import chosen_device
    from penchant.training.folders import states_of

    progress, trackers, place = screen.reporter(quiet=quiet), followed(track, to), str(chosen_device(device))
    kept = checkpoints or to.with_name(f"{to.name}.checkpoints")
    with resumable(kept), states_of({"work": work}, kept, resume=resume, progress=progress):
        yield FitOptions(
            seed=seed,
            progress=progress,
            checkpoints=kept,
            resume=resume,
            run_log=log,
            trackers=trackers,
            device=place,
        )


def tell_stopped(stopped: object, what: str) -> None:
    """A warning where a training diverged."""
    if stopped == "diverged":
        screen.err.print(f"[yellow]The training diverged; {what} has the best weights from before it did.[/yellow]")
