"""`penchant augment`: generated rows for users of whom little is known, beside the observed ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed

if TYPE_CHECKING:
    from penchant.models.adversarial.augmenting import Augmentation


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("augment")(augment)


def augment(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to write the augmented dataset to.")],
    share: Annotated[
        float | None,
        typer.Option(help="Generated rows over observed events, above 0 and at most 2.", show_default="0.2"),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="gan, sequence_gan, or resample: rows of other users.", show_default="sequence_gan"),
    ] = None,
    sparse: Annotated[
        int | None,
        typer.Option(help="A user with at most so many events is sparse and gets twins.", show_default="5"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings: [gan], [sequence_gan], [resample] and others.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    generator: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save the trained networks to a new folder.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Add twins of sparse users: their first events, and what a generator makes of them.

    Every row of a twin is marked. Models learn from them; no evaluation asks about them, and `penchant evaluate` leaves
    them out altogether. What was checked is printed and stands in the dataset's manifest.
    """
    from penchant.artifacts import check_place
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.data.folder import MANIFEST, save_dataset
    from penchant.models.adversarial.augmenting import AugmentConfig
    from penchant.models.adversarial.augmenting import augment as extend
    from penchant.models.adversarial.generator import AdversarialGenerator

    check_place(to, name=MANIFEST)
    settings: dict[str, Any] = read_toml(config) if config else {}
    given = {"share": share, "method": method, "sparse": sparse}
    settings |= {name: value for name, value in given.items() if value is not None}
    checked = AugmentConfig.of(settings, where="augment")
    dataset = Dataset.load(data)
    made = extend(dataset, checked, seed=seed, progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT))
    facts = {"of": dataset.fingerprint, "seed": seed, "settings": checked.model_dump(mode="json"), **made.facts()}
    save_dataset(made.dataset, to, report={**(dataset.report or {}), "augmentation": facts})
    if generator is not None and isinstance(made.generator, AdversarialGenerator):
        generator.mkdir(parents=True, exist_ok=True)
        made.generator.save(generator)
    if printed({"dataset": str(to), **facts}, json_file):
        return
    _show(made, to)


def _show(made: "Augmentation", to: Path) -> None:
    leaks, realism = made.leaks, made.realism
    test, floor = realism.two_sample, realism.floor_two_sample
    screen.out.print(
        f"[bold]{to}[/bold]: {made.rows:,} generated rows ({made.share:.1%} of the observed ones) of {made.twins:,} "
        f"twins of {made.sources:,} sparse users; {made.repeated_rows:,} of them repeat a source's."
    )
    screen.out.print(
        f"Told from observed rows by a classifier: {test.accuracy:.3f} ({test.low:.3f} to {test.high:.3f}); chance is "
        f"0.5, and observed rows are told from observed ones {floor.accuracy:.3f}."
    )
    screen.out.print(
        f"Items: correlation {realism.item_correlation:.2f} (observed with observed "
        f"{realism.floor_item_correlation:.2f}); pairs {realism.pair_correlation:.2f} "
        f"({realism.floor_pair_correlation:.2f}). Distinct rows {made.collapse['distinct']:.2f}, entropy "
        f"{made.collapse['entropy']:.2f}, coverage {made.collapse['coverage']:.2f}."
    )
    screen.out.print(
        f"Copies: {leaks.copied_members:.1%} of the rows stand in a learned user's, {leaks.copied_held_out:.1%} in one "
        f"never seen; membership is guessed with AUC {leaks.membership_auc:.3f}."
    )
    if leaks.leaks:
        screen.err.print(
            "[yellow]The rows are nearer to the users that were learned than to others: do not hand them on.[/yellow]"
        )
