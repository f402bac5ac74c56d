"""`penchant compare`: other libraries and our models on one split, scored by one metric code."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, check_places, printed
from penchant.cli.interruption import resumable
from penchant.cli.options import EncoderName, names, whole_numbers
from penchant.errors import ConfigError

ALL_PEERS = "implicit,rectools,recbole,lenskit,cornac"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    data: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")
    ] = None,
    peers: Annotated[
        str, typer.Option(help="Libraries, or single algorithms such as implicit:als, with commas between them.")
    ] = ALL_PEERS,
    models: Annotated[
        str, typer.Option(help="Our models beside popularity and item_knn, which are always there.")
    ] = "interest",
    protocol: Annotated[str, typer.Option(help="leave-one-out or temporal.")] = "leave-one-out",
    k: Annotated[str, typer.Option("--k", help="List lengths.")] = "5,10",
    seeds: Annotated[str, typer.Option(help="Seeds of the fits, such as 0,1,2.")] = "0",
    trials: Annotated[
        int, typer.Option(help="Settings tried for every model alike, the first its defaults; chosen on validation.")
    ] = 1,
    environments: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the libraries' environments are: DIR/implicit, …")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each run; all processors by default.")] = None,
    minutes: Annotated[float, typer.Option(help="Time limit of each run.")] = 60.0,
    encoder: EncoderName = None,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="Whether our models may read the items' texts.")
    ] = True,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help='Settings: one table a model, such as ["implicit:als"], and [protocol].'
        ),
    ] = None,
    keep: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the split, every list and every log.")] = None,
    json_file: Json = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report for a browser.")] = None,
    make_environments: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Install the libraries into DIR with uv, and compare nothing.")
    ] = None,
    print_recipes: Annotated[
        bool, typer.Option("--print-recipes", help="Print how to install the libraries, as a script, and stop.")
    ] = False,
) -> None:
    """Compare other libraries with our models: each in a process of its own, on the same split, time beside quality."""
    from penchant.evaluation.peers import catalogue, compare_with_peers
    from penchant.evaluation.peers import environments as installed

    wanted = names(peers)
    if print_recipes or make_environments is not None:
        chosen = list(dict.fromkeys(peer.name for peer, _ in catalogue.chosen(wanted)))
        libraries = [catalogue.PEERS[name] for name in chosen]
        if print_recipes:
            folder = make_environments or environments or installed.default_folder()
            screen.out.file.write(installed.printed_recipes(libraries, folder))
        elif make_environments is not None:
            _make(installed.make_environments(libraries, make_environments, progress=screen.reporter()))
        return
    if data is None:
        raise ConfigError("No dataset was named.", hint="Give the folder of a dataset: penchant compare DIR")
    from penchant.cli.comparison_tables import show_comparison
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.data.splitting import SplitConfig
    from penchant.encoders.light import is_light
    from penchant.evaluation.peers.report import write_comparison_report
    from penchant.pipeline.encoding import cached_encoder

    check_places(report)
    if environments is not None:
        installed.check_folder(environments)
    settings = read_toml(config) if config else {}
    with resumable(None):  # asked to terminate, it ends the process it waits for, too
        result = compare_with_peers(
            data,
            peers=wanted,
            models=names(models),
            protocol=protocol,
            ks=whole_numbers(k, "--k"),
            seeds=whole_numbers(seeds, "--seeds"),
            trials=trials,
            split_config=SplitConfig.of(settings.pop("protocol", {}), where="protocol"),
            settings=settings,
            encoder=cached_encoder(encoder, Dataset.load(data).items if is_light(encoder) else None) if text else None,
            environments=environments,
            threads=threads,
            minutes=minutes,
            keep=keep,
            progress=screen.reporter(),
        )
    if not printed(result, json_file):
        show_comparison(result, screen.out)
    if report is not None:
        write_comparison_report(result, report)
        screen.err.print(f"[dim]report: {report}[/dim]")


def _make(faults: dict[str, str]) -> None:
    for peer, fault in faults.items():
        screen.out.print(f"{peer}: {'ready' if not fault else 'failed'}", markup=False)
        if fault:
            screen.err.print(fault, markup=False)
    if any(faults.values()):
        raise typer.Exit(1)
