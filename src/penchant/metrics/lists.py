"""Ranked lists as files: anybody's recommendations, scored by the same code as our own.

JSON lines, one user each: ``{"user_id": "u1", "items": ["i9", "i2"], "scores": [3.1, 2.0]}``, best first, `scores`
optional; the truth is the same without scores. Ids may be texts or whole numbers.

Rules, each counted in the result: **repeats** an item twice in a list counts at its first place and the list closes
up behind it · **missing users** a user of the truth without a list counts zero · **unknown users** a list of a user
the truth does not have is left out · **nothing to find** a user whose truth is empty is left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant.errors import BadRowError, SourceError
from penchant.metrics.ranking import UNRANKED, check_ks, ranking_metrics
from penchant.metrics.significance import bootstrap_intervals, by_user

SHOWN = 5
"""Example ids given for each rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Ranked lists, or the truth about them, by user."""

    items: Mapping[str, Sequence[str]]
    repeats: int
    """How many repeated items were taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListScores:
    """Metrics of exported lists. `intervals` are 95 % bootstrap intervals over users."""

    users: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    missing_users: int
    unknown_users: int
    users_with_nothing_to_find: int
    repeats: int
    shortest_list: int
    notes: tuple[str, ...]


def read_lists(path: Path) -> Lists:
    """Read ranked lists or a truth.

    `SourceError` where the file is missing or holds no line, `BadRowError` with the line's number where a line is not
    such an object.
    """
    items: dict[str, Sequence[str]] = {}
    repeats = 0
    for number, line in _lines(path):
        user, ranked = _parse(line, where=f"{path}, line {number}")
        if user in items:
            raise BadRowError(f"{path}, line {number}: user {user!r} has a list already.", hint="One line a user.")
        distinct = tuple(dict.fromkeys(ranked))
        repeats += len(ranked) - len(distinct)
        items[user] = distinct
    if not items:
        raise SourceError(f"{path} holds no lists.", hint='One JSON line a user: {"user_id": "u1", "items": ["i9"]}.')
    return Lists(items=items, repeats=repeats)


def score_lists(lists: Lists, truth: Lists, *, ks: Sequence[int] = (5, 10), seed: int = 0) -> ListScores:
    """Every ranking metric at every k, over the users of the truth who have something to find."""
    ks = check_ks(ks)
    asked = {user: found for user, found in truth.items.items() if found}
    if not asked:
        raise SourceError("No user of the truth has an item to find.", hint="Give the items each user chose later.")
    missing = [user for user in asked if user not in lists.items]
    unknown = [user for user in lists.items if user not in truth.items]
    ranks: list[int] = []
    for user, targets in asked.items():
        places = {item: place for place, item in enumerate(lists.items.get(user, ()))}
        ranks += [places.get(item, UNRANKED) for item in targets]
    indptr = np.cumsum([0, *map(len, asked.values())]).astype(np.int64)
    values = ranking_metrics(np.array(ranks, dtype=np.int64), indptr, ks)
    stacked = by_user(np.stack(list(values.values()), axis=1), np.arange(len(asked)))
    low, high = bootstrap_intervals(stacked, seed=seed)
    shortest = min((len(lists.items[user]) for user in asked if user in lists.items), default=0)
    notes = [
        _note(missing, "of the truth have no list and count as zero"),
        _note(unknown, "have a list but are not in the truth and are left out"),
        _note([u for u, found in truth.items.items() if not found], "have nothing to find and are left out"),
        f"{lists.repeats} repeated items were taken out of the lists" if lists.repeats else "",
        f"the shortest list has {shortest} items: places beyond it count as misses" if shortest < ks[-1] else "",
    ]
    return ListScores(
        users=len(asked),
        metrics=dict(zip(values, stacked.means.tolist(), strict=True)),
        intervals=dict(zip(values, zip(low.tolist(), high.tolist(), strict=True), strict=True)),
        missing_users=len(missing),
        unknown_users=len(unknown),
        users_with_nothing_to_find=len(truth.items) - len(asked),
        repeats=lists.repeats,
        shortest_list=shortest,
        notes=tuple(note for note in notes if note),
    )


def write_lists(
    path: Path, lists: Iterator[tuple[str, Sequence[str], Sequence[float] | None]], *, append: bool = False
) -> None:
    """Write (user, items, scores) as JSON lines, the form `read_lists` reads; `scores` None for a truth."""
    with path.open("ab" if append else "wb") as file:
        for user, items, scores in lists:
            line: dict[str, Any] = {"user_id": user, "items": list(items)}
            if scores is not None:
                line["scores"] = list(scores)
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield number, text
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", hint="Give a file of JSON lines.") from None


def _parse(line: bytes, *, where: str) -> tuple[str, list[str]]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _bad(where, f"not JSON ({error})") from None
    if not isinstance(value, dict) or "user_id" not in value or "items" not in value:
        raise _bad(where, "it has no user_id and items")
    if not isinstance(value["items"], list):
        raise _bad(where, f"items is a {type(value['items']).__name__}, not a list")
    scores = value.get("scores")
    if scores is not None:
        if not isinstance(scores, list) or len(scores) != len(value["items"]):
            raise _bad(where, f"{len(value['items'])} items and scores of another length")
        if not all(isinstance(s, int | float) and not isinstance(s, bool) and math.isfinite(s) for s in scores):
            raise _bad(where, "a score is not a finite number")
    return _id(value["user_id"], where), [_id(item, where) for item in value["items"]]


def _id(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _bad(where, f"an id is {value!r}, neither a text nor a whole number")
    return str(value)


def _bad(where: str, fault: str) -> BadRowError:
    return BadRowError(f"{where}: {fault}.", hint='A line is {"user_id": "u1", "items": ["i9", "i2"]}, best first.')


def _note(users: Sequence[str], what: str) -> str:
    if not users:
        return ""
    examples = ", ".join(users[:SHOWN]) + (", …" if len(users) > SHOWN else "")
    return f"{len(users)} user{'s' if len(users) > 1 else ''} {what}: {examples}"
