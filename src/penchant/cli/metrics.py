"""`penchant metrics score`: anybody's exported lists, scored by the code that scores ours."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.cli.options import whole_numbers

commands = typer.Typer(help="Metrics of ranked lists.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands, name="metrics")


@commands.command("score")
def score(
    lists: Annotated[Path, typer.Option("--lists", metavar="FILE", help="Ranked lists, JSON lines, one user a line.")],
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="What each user chose, in the same form.")],
    k: Annotated[str, typer.Option("--k", help="List lengths.")] = "5,10",
    json_file: Json = None,
) -> None:
    """Score ranked lists against the truth: one line a user, {"user_id": "u1", "items": ["i9", "i2"]}, best first."""
    from penchant.cli.metric_tables import scores_view
    from penchant.metrics.lists import read_lists, score_lists

    scores = score_lists(read_lists(lists), read_lists(truth), ks=whole_numbers(k, "--k"))
    if not printed(scores, json_file):
        screen.out.print(scores_view(scores))
