"""`penchant fit`: from a dataset to a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import Checkpoints, Resume, RunLog, Track
from penchant.cli.options import EncoderName
from penchant.cli.training import Device, Seed, tell_stopped, trained

if TYPE_CHECKING:
    from penchant.pipeline.fitting import Named


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fit")(fit)


def fit(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    to: Annotated[Path, typer.Option("--to", metavar="BUNDLE", help="Folder to write the fitted model to.")],
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings; see configs/.")] = None,
    encoder: EncoderName = None,
    after: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="The bundle that this one takes the place of; by default what is at BUNDLE."),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Resume = None,
    checkpoints: Checkpoints = None,
    log: RunLog = None,
    track: Track = "",
    json_file: Json = None,
) -> None:
    """Fit the interest model on a dataset and save it as a bundle that the other commands use.

    While it trains, its state is in BUNDLE.checkpoints (or in --checkpoints): stopped by Ctrl-C, by a kill or by the
    power, the same command with --resume goes on to the same bundle.
    """
    from penchant.artifacts import check_place
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.pipeline.bundle import named
    from penchant.pipeline.encoding import cached_encoder
    from penchant.pipeline.fitting import InterestModelConfig
    from penchant.pipeline.interest_model import InterestModel

    check_place(to)  # before the training, not after
    replaced = _replaced(to) if after is None else named(after)
    settings = InterestModelConfig.of(read_toml(config) if config else {}, where=str(config or "settings"))
    dataset = Dataset.load(data)
    with trained(
        "fit",
        to,
        seed=seed,
        device=device,
        checkpoints=checkpoints,
        resume=resume,
        log=log,
        track=track,
        quiet=json_file == STANDARD_OUTPUT,
    ) as options:
        reader = cached_encoder(encoder, dataset.items, device=options.device) if settings.text else None
        model = InterestModel(config=settings, encoder=reader, seed=seed)
        model.fit(
            dataset,
            progress=options.progress,
            checkpoints=options.checkpoints,
            resume=options.resume,
            run_log=options.run_log,
            trackers=options.trackers,
            device=options.device,
            after=replaced,
        )
        model.save(to)
    facts = model.fitted.facts
    if not printed({"bundle": str(to), **facts}, json_file):
        screen.out.print(f"[bold]{to}[/bold]: {dataset.n_users:,} users, {dataset.n_items:,} items, ", end="")
        screen.out.print(f"{facts['concepts']:,} concepts. Next: penchant serve {to}")
    tell_stopped(facts.get("stopped"), "the bundle")


def _replaced(place: Path) -> "Named | None":
    """The concepts of the bundle that is at `place`; None where there is none, or none that can be read."""
    from penchant.artifacts import MANIFEST
    from penchant.errors import BundleError
    from penchant.pipeline.bundle import named

    if not (place / MANIFEST).is_file():
        return None
    try:
        return named(place)
    except BundleError as error:
        screen.err.print(f"[yellow]{place} is replaced, and its concepts get no heirs: {error.message}[/yellow]")
        return None
