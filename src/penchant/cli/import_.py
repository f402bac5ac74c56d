"""`penchant import`: any source to a dataset folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.errors import ConfigError

if TYPE_CHECKING:
    from penchant.data.conservation import Report
    from penchant.data.importing import Origin


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_command)


def import_command(
    source: Annotated[
        Path, typer.Argument(help="A file, or a folder of interactions|items|users files in any tabular format.")
    ],
    to: Annotated[Path, typer.Option("--to", help="The dataset folder to make.", show_default=False)],
    source_format: Annotated[
        str,
        typer.Option(
            "--format", help="auto, csv, tsv, jsonl, parquet, sequences, recbole, movielens, amazon or goodbooks."
        ),
    ] = "auto",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,…",
            help="Columns by field: user, item, timestamp, position, value, event_type, text, title, categories, tags.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    name: Annotated[str | None, typer.Option(help="The dataset's name; its source's where not given.")] = None,
    clock: Annotated[str, typer.Option(help="auto, time or position: what the time column holds.")] = "auto",
    time_format: Annotated[str | None, typer.Option(help="strptime pattern of the times, such as %d/%m/%Y.")] = None,
    rating_scale: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Ratings outside it are bad rows, such as 1,5.")
    ] = None,
    types: Annotated[str | None, typer.Option(metavar="TYPE,…", help="Event types to keep.")] = None,
    rename_types: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=NAME,…", help="New names of event types, such as pv=view.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of text files: UTF-8 unless a mark or this says otherwise.")] = "auto",
    delimiter: Annotated[str | None, typer.Option(help="Of CSV files; found in the header where not given.")] = None,
    quote: Annotated[str, typer.Option(help="Around fields of CSV and TSV files; '' for none.")] = '"',
    header: Annotated[bool, typer.Option("--header/--no-header", help="Without: columns are called 1, 2, 3 …")] = True,
    platform: Annotated[str | None, typer.Option(help="The platform of the events, such as web.")] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PLATFORM=]SOURCE", help="A further export of the same users, merged into one history each."
        ),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="The data's licence, kept with it.")] = None,
    memory: Annotated[str, typer.Option(help="DuckDB's share of the memory.")] = "1GB",
    json_file: Json = None,
) -> None:
    """Read a source into a dataset folder. Bad rows go to its quarantine/ and no record is lost."""
    from penchant.data.importing import ImportConfig, import_source

    config = ImportConfig.of(
        {
            "name": name,
            "map": pairs(mapping or [], option="--map"),
            "strict": strict,
            "clock": clock,
            "time_format": time_format,
            "rating_scale": _two(rating_scale),
            "types": None if types is None else frozenset(part.strip() for part in types.split(",") if part.strip()),
            "rename_types": {old: new[0] for old, new in pairs(rename_types or [], option="--rename-types").items()},
            "encoding": encoding,
            "delimiter": {"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter),
            "quote": quote,
            "header": header,
            "licence": licence,
            "memory_limit": memory,
        },
        where="import",
    )
    report = import_source(
        source,
        to,
        format=source_format,
        platform=platform,
        merge=[_origin(one) for one in merge or []],
        config=config,
        progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT),
    )
    if not printed(report.manifest(), json_file):
        show(report, to)


def show(report: "Report", folder: Path) -> None:
    """Print what an import read and what it made of it."""
    from rich.markup import escape
    from rich.table import Table

    from penchant.data.conservation import RULES

    times = f" ({', '.join(report.times)})" if report.times else ""
    screen.out.print(
        f"[bold]{escape(report.name)}[/bold] → {escape(str(folder))}\n"
        f"{report.events:,} events · {report.users:,} users · {report.items:,} items"
        + (f" · {report.relations:,} relations" if report.relations else "")
        + f" · clock: {report.clock}{times}"
        + (f" · ratings {report.rating_scale[0]:g}–{report.rating_scale[1]:g}" if report.rating_scale else ""),
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("file", "role", "records", "kept", "set aside", "dropped"):
        table.add_column(title, justify="left" if title in {"file", "role"} else "right")
    for account in report.files:
        numbers = (account.records, account.kept, account.quarantined, sum(account.dropped.values()))
        table.add_row(escape(account.file), account.role, *(f"{number:,}" for number in numbers))
    screen.out.print(table)
    screen.out.print(
        "Event types: " + ", ".join(f"{name} {n:,}" for name, n in report.event_types.items()), markup=False
    )
    for rule, n in report.rules().items():
        screen.out.print(f"{n:>10,}  {rule}: {RULES[rule]}", soft_wrap=True)
    for file, reason, n in report.reasons[:10]:
        screen.out.print(f"{n:>10,}  set aside from {file}: {reason}", markup=False, soft_wrap=True)
    if report.quarantined:
        screen.out.print(
            f"The rows set aside are in {folder / 'quarantine'}, with line, column and reason.", soft_wrap=True
        )
    for file, reason in report.left_aside[:10]:
        screen.out.print(f"not imported: {file} ({reason})", style="dim", markup=False, soft_wrap=True)


def pairs(texts: list[str], *, option: str) -> dict[str, tuple[str, ...]]:
    """``["user=uid,item=sku", "user=member"]`` as field → columns."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        for part in text.split(","):
            key, _, value = (piece.strip() for piece in part.partition("="))
            if not key or not value:
                raise ConfigError(f"{option}: {part!r} is not NAME=VALUE.", hint="Write it as user=uid,item=sku.")
            found[key] = (*found.get(key, ()), value)
    return found


def _two(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--rating-scale: {text!r} is not two numbers.", hint="Write it as 1,5.") from None
    return low, high


def _origin(text: str) -> "Origin":
    from penchant.data.importing import Origin

    platform, equals, path = text.partition("=")
    named = bool(equals) and "/" not in platform
    return Origin(path=Path(path if named else text), platform=platform if named else None)
