"""`penchant update` and `penchant rollback`: a bundle that goes on learning, and its versions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.use import Bundle


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("update")(update)
    app.command("rollback")(rollback)


def update(
    bundle: Bundle,
    events: Annotated[
        Path,
        typer.Option("--events", metavar="DATASET|STORE", help="A dataset that grew or the new events, or a store."),
    ],
    publish: Annotated[
        bool, typer.Option("--publish", help="Let the new version stand where it wins; without, only tell.")
    ] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings: [learning], [gate].")] = None,
    margin: Annotated[
        float | None, typer.Option("--margin", min=0, help="By how much NDCG it has to be better, beyond doubt.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="PATH", help="What reads the items' texts, where it is not the embedded one.")
    ] = None,
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
    from penchant.config import read_toml
    from penchant.continual.coming import coming
    from penchant.continual.triggers import TriggerConfig
    from penchant.continual.updating import UpdateConfig, held_back
    from penchant.continual.updating import update as updated
    from penchant.encoders.light import is_light
    from penchant.errors import ConfigError
    from penchant.pipeline import publishing
    from penchant.pipeline.encoding import cached_encoder
    from penchant.pipeline.interest_model import load

    said: dict[str, Any] = read_toml(config) if config else {}
    if margin is not None:
        said = {**said, "gate": {**said.get("gate", {}), "margin": margin}}
    settings = UpdateConfig.of(said, where=str(config or "settings"))
    when = TriggerConfig(after_events=after_events, after_hours=after_hours, on_drift=on_drift)
    if not bundle.is_dir():
        raise ConfigError(f"No bundle at {bundle}.", hint="Make one with `penchant fit DIR --to BUNDLE`.")
    progress = screen.reporter(quiet=json_file == STANDARD_OUTPUT)
    champion = load(bundle)
    came = coming(events, champion)
    told: dict[str, Any] = {"bundle": str(bundle), "stands": publishing.current(bundle).name, "published": False}
    waits = held_back(champion, came, when)
    if waits is None:
        if champion.config.text:
            own = dict(champion.fitted.facts.get("encoder") or {}).get("name")
            named = own if encoder is None and is_light(own) else encoder
            reader = None if own is None and encoder is None else cached_encoder(named, champion.fitted.dataset.items)
        else:
            reader = None
        found = updated(champion, came, settings, encoder=reader, seed=seed, progress=progress)
        told |= found.told
        told["wins"] = found.model is not None
        told["reason"] = "nothing new to learn" if found.verdict is None else found.verdict.reason
        if found.model is not None and publish:
            place = publishing.publish(bundle, found.model.save)
            told |= {"published": True, "stands": place.name}
    else:
        told |= {"wins": False, "reason": waits}
    if not printed(told, json_file):
        screen.out.print(update_view(told), soft_wrap=True)


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
