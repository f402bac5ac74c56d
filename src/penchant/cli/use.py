"""`penchant recommend`, `interests` and `similar`: a bundle in use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.errors import ConfigError

if TYPE_CHECKING:
    from penchant.pipeline.exploring import Share

Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder made by `penchant fit`.")]
User = Annotated[str, typer.Option("--user", help="The user's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("recommend")(recommend)
    app.command("interests")(interests)
    app.command("similar")(similar)


def recommend(
    bundle: Bundle,
    user: Annotated[str | None, typer.Option("--user", help="The user's id.")] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="WORDS", help="Instead of a user: what is wanted, in words; 'no …' leaves out."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each item is here.")] = False,
    seen: Annotated[bool, typer.Option("--seen", help="Also items the user knows already.")] = False,
    seen_policy: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="The same more finely: exclude, include, after:EVENTS (again once so many came since) or "
            "demote:PENALTY.",
        ),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="mmr, dpp, calibrated, novelty or popularity_debias; none for none."),
    ] = None,
    rerank_weight: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much the reranker counts against the scores.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="ITEMS", help="Only these: an item's id, or column:value such as tags:crime. Repeatable."),
    ] = None,
    deny: Annotated[list[str] | None, typer.Option(metavar="ITEMS", help="Never these. Repeatable.")] = None,
    boost: Annotated[
        list[str] | None, typer.Option(metavar="ITEMS=AMOUNT", help="Added to their scores. Repeatable.")
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option(metavar="ITEMS=LEAST..MOST", help="How many of them; =2 is at most two. Repeatable."),
    ] = None,
    pin: Annotated[list[str] | None, typer.Option(metavar="PLACE=ID", help="At its place. Repeatable.")] = None,
    explore: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", help="Share of places spent on finding out, from 0 to 1, or auto: some items are explored."
        ),
    ] = None,
    most_explored: Annotated[int | None, typer.Option(min=0, help="Explored items, at most.")] = None,
    never_explored_at: Annotated[
        list[int] | None,
        typer.Option(metavar="PLACE", min=1, help="A place, from 1, that is never explored. Repeatable."),
    ] = None,
    never_explored: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONCEPT", help="A concept's id (see `penchant concepts`): no item of it is explored. Repeatable."
        ),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Ignored tries of an interest after which it is tried no more.")
    ] = None,
    surprise: Annotated[bool, typer.Option("--surprise", help="Surprise me: the same as --explore 1.")] = False,
    json_file: Json = None,
) -> None:
    """Recommend items to a user, or for words alone; an unknown user gets the popular ones, and is told so."""
    from penchant.cli.views import slate_view
    from penchant.pipeline.exploring import wish_of
    from penchant.pipeline.interest_model import load
    from penchant.reranking.wording import rules_of

    rules = rules_of(
        allow=allow or (),
        deny=deny or (),
        boost=boost or (),
        quota=quota or (),
        pin=pin or (),
        seen=seen_policy,
    )
    dial = wish_of(
        _share(explore, surprise=surprise),
        most=most_explored,
        never_at=never_explored_at or (),
        never=never_explored or (),
        patience=patience,
    )
    told = explain or json_file is not None
    if text is None:
        if user is None:
            raise ConfigError("Neither a user nor a text came.", hint="Give --user ID, or --text 'what is wanted'.")
        slate = load(bundle).recommend(
            user,
            k,
            exclude_seen=not seen,
            explain=told,
            rerank=rerank,
            rerank_weight=rerank_weight,
            rules=rules,
            explore=dial,
        )
    else:
        if user is not None or dial is not None:
            raise ConfigError(
                "--text asks for words alone; a user or something to explore came with it.",
                hint="Leave --user and --explore out, or record the words as an event of the user.",
            )
        slate = load(bundle).recommend_by_text(
            text, k, explain=told, rerank=rerank, rerank_weight=rerank_weight, rules=rules
        )
    if not printed(slate, json_file):
        screen.out.print(slate_view(slate, explain=explain))


def _share(explore: str | None, *, surprise: bool) -> "Share | None":
    """The share that the options ask for, None for none. `ConfigError` for what is no share."""
    if explore is None:
        return 1.0 if surprise else None
    if surprise:
        raise ConfigError("--surprise is --explore 1, and both came.", hint="Leave one of them out.")
    if explore == "auto":
        return "auto"
    try:
        return float(explore)
    except ValueError:
        raise ConfigError(
            f"--explore is {explore!r}; it is a share from 0 to 1, or auto.", hint="Try --explore 0.2."
        ) from None


def interests(
    bundle: Bundle,
    user: Annotated[str | None, typer.Option("--user", help="The user's id.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Instead of a user: write every user's profile, a line of JSON each."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="With --to: processes that read profiles.")] = 1,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many interests.")] = 12,
    as_of: Annotated[
        int | None, typer.Option(help="Read the profile as it was: after so many events, or at a UTC microsecond.")
    ] = None,
    evidence: Annotated[int, typer.Option(min=0, help="Events shown behind each interest.")] = 2,
    json_file: Json = None,
) -> None:
    """Say what a user is interested in, how surely, and on what evidence."""
    from penchant.cli.views import profile_view
    from penchant.pipeline.interest_model import load
    from penchant.pipeline.profile_export import export_profiles

    if (user is None) == (to is None):
        raise ConfigError(
            f"{'Neither' if user is None else 'Both'} a user {'nor' if user is None else 'and'} a file for all came.",
            hint="Give --user ID, or --to FILE.jsonl for all users.",
        )
    if to is not None:
        quiet = json_file == STANDARD_OUTPUT
        told = export_profiles(
            bundle, to, limit=limit, as_of=as_of, workers=workers, progress=screen.reporter(quiet=quiet)
        )
        if not printed(told, json_file):
            screen.out.print(f"[bold]{told.file}[/bold]: the profiles of {told.users:,} users.", soft_wrap=True)
        return
    profile = load(bundle).interests(str(user), as_of=as_of, limit=limit)
    if not printed(profile, json_file):
        screen.out.print(profile_view(profile, evidence=evidence))


def similar(
    bundle: Bundle,
    item: Annotated[str, typer.Option("--item", help="The item's id.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    json_file: Json = None,
) -> None:
    """List the items nearest to an item, with what they share."""
    from penchant.cli.views import similar_view
    from penchant.pipeline.interest_model import load

    items = load(bundle).similar(item, k)
    if not printed({"item_id": item, "items": items}, json_file):
        screen.out.print(similar_view(items))
