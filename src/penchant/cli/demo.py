"""`penchant demo`: the whole path on bundled books, from raw data to a page in the browser."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset
    from penchant.evaluation.results import EvaluationResult
    from penchant.interfaces import Encoder, Recommender
    from penchant.pipeline.interest_model import InterestModel
    from penchant.progress import Progress

MODELS = ("popularity", "item_knn", "interest")
TRAINING = {"tracker": {"training": {"max_epochs": 6}}}
"""Enough to be ahead of item-kNN, in a third of the demo's three minutes; `penchant fit` trains to the end."""
READERS = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where it keeps its data and bundle.")] = Path(".penchant/demo"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="End by serving API and console, or not.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8_420,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    explore: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the recommendations spent on finding out what else is liked.")
    ] = 0.2,
) -> None:
    """Import the bundled books, train, compare, show three readers' interests in words, and serve it all."""
    from penchant.data.dataset import Dataset
    from penchant.pipeline.encoding import cached_encoder

    begun = time.perf_counter()
    progress = screen.reporter()
    if serve:
        _free_or_fail(port)
    data = folder / "data"
    _step(1, "Import books and what readers thought of them")
    _import(data, progress)
    dataset = Dataset.load(data)

    _step(2, "Train on all but each reader's last book, then look for that book among all others")
    encoder = cached_encoder(None)
    ranker, result = _compare(dataset, encoder, progress, seed)
    _table(result)

    _step(3, "What is each reader interested in, and what should they read next?")
    model = _interest_model(dataset, ranker, encoder, progress, seed)
    for reader in telling_readers(model, READERS):
        _show(model, reader, explore)

    bundle = folder / "bundle"
    model.save(bundle)
    screen.out.print(f"\n{time.perf_counter() - begun:.0f} s in all. The model is in {bundle}.")
    if serve:
        from penchant.cli.serve import serve as serve_bundle

        _step(4, "Serve it")
        serve_bundle(bundle, port=port, host="127.0.0.1", store=None, access_log=False)


def _free_or_fail(port: int) -> None:
    """A taken port is told before three minutes of training, not after."""
    from penchant.serving import server

    server.bind("127.0.0.1", port).close()


def _import(data: Path, progress: "Progress") -> None:
    from penchant.bundled import BOOKS, LICENCE
    from penchant.data.importing import ImportConfig, import_source

    config = ImportConfig(name="goodbooks", licence=LICENCE)
    report = import_source(BOOKS, data, config=config, progress=progress)
    screen.out.print(f"{report.events:,} ratings of {report.items:,} books by {report.users:,} readers.")


def _compare(
    dataset: "Dataset", encoder: "Encoder", progress: "Progress", seed: int
) -> tuple["Recommender", "EvaluationResult"]:
    from penchant.evaluation import evaluate

    kept: dict[str, Recommender] = {}

    def keep(name: str, _: int, model: "Recommender") -> None:
        kept[name] = model

    result = evaluate(
        dataset,
        MODELS,
        ks=(10,),
        exclude_history=True,
        seeds=(seed,),
        settings={"interest": TRAINING},
        encoder=encoder,
        fitted=keep,
        progress=progress,
    )
    return kept["interest"], result


def _interest_model(
    dataset: "Dataset", ranker: Any, encoder: "Encoder", progress: "Progress", seed: int
) -> "InterestModel":
    from penchant.pipeline.fitting import InterestModelConfig
    from penchant.pipeline.interest_model import InterestModel

    ranker.refresh(dataset)
    config = InterestModelConfig(nouns=("book", "books"), model=ranker.config)
    return InterestModel(config=config, encoder=encoder, seed=seed).fit(dataset, model=ranker, progress=progress)


def telling_readers(model: "InterestModel", n: int, *, looked_at: int = 40) -> list[str]:
    """The `n` of the first `looked_at` readers whose interests show the most different trends, then the surest."""
    found = []
    for reader in model.fitted.dataset.users.ids[:looked_at]:
        interests = model.interests(reader, limit=6).interests
        trends = {interest.trend for interest in interests if interest.strength > 0}
        found.append((-len(trends), -sum(i.strength * i.confidence for i in interests), reader))
    return [reader for _, _, reader in sorted(found)[:n]]


def _step(number: int, what: str) -> None:
    screen.out.print(f"\n[bold]{number}. {what}[/bold]")


def _table(result: "EvaluationResult") -> None:
    from penchant.cli.metric_tables import evaluation_view

    screen.out.print(evaluation_view(result, width=min(screen.out.width, 100)))


def _show(model: "InterestModel", reader: str, explore: float) -> None:
    from penchant.cli.views import discoveries_view, profile_view, slate_view

    last = "; ".join(event.title for event in model.history(reader, limit=3))
    screen.out.rule(f"Reader {reader}", align="left")
    screen.out.print(f"[dim]Last read: {last}[/dim]\n")
    screen.out.print(profile_view(model.interests(reader, limit=6), evidence=1))
    screen.out.print()
    screen.out.print(slate_view(model.recommend(reader, 5, explore=explore)))
    found = model.discover(reader, 2)
    titles = {item_id: model.item(item_id).title for interest in found.interests for item_id in interest.items}
    screen.out.print("\n[dim]Worth a try:[/dim]")
    screen.out.print(discoveries_view(found, titles=titles))
