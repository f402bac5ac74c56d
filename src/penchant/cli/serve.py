"""`penchant serve`: the HTTP API and the console on a local port."""

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.options import table_of
from penchant.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    bundle: Annotated[Path, typer.Argument(help="A bundle made by `penchant fit`.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8_420,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    store: Annotated[
        str | None,
        typer.Option(help="Where events, edits and slates are kept: sqlite:///PATH or a path. Beside the bundle."),
    ] = None,
    experiment: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Serve an experiment: its name, and a table [arms.NAME] for each arm."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Choose by this policy, such as softmax; without, by the dial."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings of policies: one table for each, by its name.")
    ] = None,
    monitoring: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What /metrics watches: window, and bounds in a table [alerts]."),
    ] = None,
    access_log: Annotated[bool, typer.Option(help="A JSON line on stderr for each request.")] = True,
) -> None:
    """Serve a bundle: API and console, until Ctrl-C."""
    from penchant.config import read_toml
    from penchant.feedback import open_stores
    from penchant.pipeline.interest_model import load
    from penchant.serving import create_app, server
    from penchant.serving.experiments import ServedExperiment, Trial
    from penchant.serving.monitoring import MonitoringConfig

    watched = None if monitoring is None else MonitoringConfig.of(read_toml(monitoring), where=str(monitoring))
    told = None if experiment is None else ServedExperiment.of(read_toml(experiment), where=str(experiment))
    wish = _policy(policy, config)
    listener = server.bind(host, port)  # before the bundle is read: a taken port is told at once
    with listener:
        model = load(bundle)
        trial = None if told is None else Trial.of(told, load)
        with open_stores(store if store is not None else server.default_store(bundle)) as stores:
            server.log_to_stderr(access=access_log)
            app = create_app(model, stores, progress=screen.reporter(), trial=trial, monitoring=watched, policy=wish)
            at = server.address(listener)
            server.serve(app, listener, started=lambda: typer.echo(f"Penchant answers at {at} (Ctrl-C stops it)"))
            typer.echo("Stopped.")


def _policy(name: str | None, file: Path | None) -> dict[str, Any] | None:
    """The policy to serve by, with its settings in a file."""
    from penchant.config import read_toml
    from penchant.pipeline.exploring import Exploration
    from penchant.pipeline.named_policy import Chooser

    settings = {} if file is None else read_toml(file)
    if name is None:
        if file is not None:
            raise ConfigError(
                f"{file} has settings of policies, and none was named.",
                hint="Give --policy NAME, or leave --config out.",
            )
        return None
    wish = {**table_of(settings, name), "name": name}
    Chooser.asked(Exploration(), policy=wish)
    return wish
