"""`penchant import`: any source to a dataset folder."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import screen


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_source)


def import_source(
    source: Annotated[Path, typer.Argument(help="A file, or a folder of interactions|items|users files.")],
    to: Annotated[Path, typer.Option("--to", help="The dataset folder to make.")],
    source_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="auto, csv, tsv, jsonl, parquet, sequences, recbole, movielens, amazon or goodbooks.",
        ),
    ] = "auto",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="user=COLUMN,item=COLUMN,timestamp=COLUMN,value=COLUMN,…")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    name: Annotated[str | None, typer.Option(help="The dataset's name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Read a source into a dataset folder; bad rows go to its quarantine/, and no record is lost."""
    from penchant.data.importing import ImportConfig, import_layouts
    from penchant.data.sources.detection import find_layout

    config = ImportConfig.of({"name": name, "map": pairs(mapping or []), "strict": strict})
    report = import_layouts(
        [find_layout(source, format=source_format)], to, config=config, progress=screen.reporter(quiet=as_json)
    )
    if as_json:
        screen.print_json(report.manifest())
    else:
        screen.out.print(f"{report.name}: {report.users} users, {report.items} items, {report.events} events")


def pairs(texts: list[str]) -> dict[str, str]:
    """``["user=uid,item=sku"]`` as a mapping."""
    found = {}
    for text in texts:
        for part in text.split(","):
            key, _, value = part.partition("=")
            if not key.strip() or not value.strip():
                raise typer.BadParameter(f"{part!r} is not FIELD=COLUMN")
            found[key.strip()] = value.strip()
    return found
