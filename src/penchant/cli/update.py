"""`penchant update`, `watch` and `rollback`: a bundle that goes on learning, and its versions."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.options import seconds_of
from penchant.cli.use import Bundle

if TYPE_CHECKING:
    from penchant.continual.updating import UpdateConfig

Events = Annotated[
    Path, typer.Option("--events", metavar="DATASET|STORE", help="A dataset that grew or the new events, or a store.")
]
ConfigFile = Annotated[
    Path | None, typer.Option(metavar="FILE.toml", help="Settings: [learning], [gate], [logged], blend_cases.")
]
Reader = Annotated[
    str | None, typer.Option(metavar="PATH", help="What reads the items' texts, where it is not the embedded one.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("update")(update)
    app.command("watch")(watch)
    app.command("rollback")(rollback)


def update(
    bundle: Bundle,
    events: Events,
    publish: Annotated[
        bool, typer.Option("--publish", help="Let the new version stand where it wins; without, only tell.")
    ] = False,
    config: ConfigFile = None,
    margin: Annotated[
        float | None, typer.Option("--margin", min=0, help="By how much NDCG it has to be better, beyond doubt.")
    ] = None,
    encoder: Reader = None,
    after_events: Annotated[int | None, typer.Option(min=1, help="Only after so many new events.")] = None,
    after_hours: Annotated[float | None, typer.Option(min=0.01, help="Only so long after the last fit.")] = None,
    on_drift: Annotated[bool, typer.Option("--on-drift", help="Only where what users take has changed.")] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json_file: Json = None,
) -> None:
    """Let a bundle learn from new events without forgetting, and publish it where it is surely better.

    The new version is written beside the bundle and a pointer is switched: killed at any moment, the old one stands.
    Exit code 0 also where the old one keeps its place or nothing is new: what was done is told.
    """
    from penchant.cli.update_views import update_view
    from penchant.continual.rounds import Order, update_bundle
    from penchant.continual.triggers import TriggerConfig

    when = TriggerConfig(after_events=after_events, after_hours=after_hours, on_drift=on_drift)
    order = Order(
        bundle=bundle,
        events=events,
        settings=_settings(config, margin),
        encoder=encoder,
        publish=publish,
        seed=seed,
    )
    progress = screen.reporter(quiet=json_file == STANDARD_OUTPUT)
    told = update_bundle(order, when, now=_now, progress=progress)
    if not printed(told, json_file):
        screen.out.print(update_view(told), soft_wrap=True)


def watch(
    bundle: Bundle,
    events: Events,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="So long after the last fit or try: 30m, 24h, 7d.")
    ] = None,
    after_events: Annotated[int | None, typer.Option(min=1, help="After so many new events.")] = None,
    on_drift: Annotated[bool, typer.Option("--on-drift", help="Where what users take has changed.")] = False,
    look: Annotated[str, typer.Option(metavar="TIME", help="How often to look whether an update is due.")] = "10m",
    config: ConfigFile = None,
    encoder: Reader = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json_file: Json = None,
) -> None:
    """Keep a bundle up to date until Ctrl-C: update it whenever one of the conditions holds, publish what wins.

    A round that fails is told, and the next goes on. What stands stands until a new version is whole. As JSON each
    round is a line, added to what a file has.
    """
    import time

    from penchant.cli.update_views import round_view
    from penchant.continual.rounds import Order, Told
    from penchant.continual.rounds import watch as watched
    from penchant.continual.triggers import TriggerConfig

    hours = None if every is None else seconds_of(every, "--every") / 3600
    when = TriggerConfig(after_events=after_events, after_hours=hours, on_drift=on_drift)
    order = Order(
        bundle=bundle, events=events, settings=_settings(config, None), encoder=encoder, publish=True, seed=seed
    )

    def tell(told: Told) -> None:
        line = screen.as_json(told, line=True)
        if json_file == STANDARD_OUTPUT:
            typer.echo(line, nl=False)
            return
        if json_file is not None:
            try:
                with json_file.open("a", encoding="utf-8") as file:
                    file.write(line)
            except OSError as error:  # a full disk ends no watch
                screen.err.print(f"{json_file} cannot be written: {error.strerror or error}. The round went on.")
        screen.out.print(round_view(told), soft_wrap=True)

    try:
        watched(
            order,
            when,
            look_every=seconds_of(look, "--look"),
            now=_now,
            wait=time.sleep,
            tell=tell,
            progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT),
        )
    except KeyboardInterrupt:
        screen.err.print("Stopped.")


def _settings(config: Path | None, margin: float | None) -> "UpdateConfig":
    from penchant.config import read_toml
    from penchant.continual.updating import UpdateConfig

    said: dict[str, Any] = read_toml(config) if config else {}
    gate = said.get("gate", {})
    if margin is not None and isinstance(gate, dict):  # else the settings say what is wrong with it
        said = {**said, "gate": {**gate, "margin": margin}}
    return UpdateConfig.of(said, where=str(config or "settings"))


def _now() -> datetime:
    return datetime.now(UTC)


def rollback(
    bundle: Bundle,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Name of a version; the one before, without.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Let the version of a bundle that stood before stand again."""
    from penchant.pipeline.publishing import roll_back

    now = roll_back(bundle, to=to)
    if not printed({"bundle": str(bundle), "stands": now.current, "versions": now.versions}, json_file):
        screen.out.print(f"{bundle}: [bold]{now.current}[/bold] stands, of {', '.join(now.versions)}.", soft_wrap=True)
