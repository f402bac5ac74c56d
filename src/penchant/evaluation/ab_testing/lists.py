"""Interleaved lists as files: made from two rankers' exported lists, and judged by what users took of them.

    {"user_id": "u1", "items": ["b3", "b9"]}                               a ranker's list, as `evaluate` exports them
    {"user_id": "u1", "items": ["b3", "b7"], "teams": ["A", "B"]}          the two interleaved
    {"user_id": "u1", "item_id": "b7"}                                     something taken; `event_type` is optional

What was taken also comes from a server's store or what `penchant log` wrote of it. Every line is used or left out by a
named rule, and counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from penchant.errors import DataError, SourceError
from penchant.evaluation.ab_testing.interleaving import Interleaved, Preference, credit, preference, team_draft
from penchant.evaluation.ab_testing.served import events_of, is_feedback
from penchant.seeding import numpy_rng


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsReport:
    """Which ranker users prefer, and what became of the lines."""

    preference: Preference
    lists: int
    taken: int
    """Lines that gave credit, repeated ones among them"""
    left_out: Mapping[str, int]
    """``no_list`` for the user, ``not_on_list``, ``other_event``, ``without_item``"""


def interleave(
    a: Mapping[str, Sequence[str]], b: Mapping[str, Sequence[str]], k: int, *, seed: int
) -> Iterator[tuple[str, Interleaved]]:
    """For each user that both have a list for, the two interleaved; a coin of the user's own says who begins.
    `DataError` where they share no user.
    """
    shared = [user for user in a if user in b]
    if not shared:
        raise DataError("No user has a list of both rankers.", hint="Export lists of the same users.")
    for user in shared:
        yield user, team_draft(a[user], b[user], k, rng=numpy_rng(seed, "interleave", user))


def read_interleaved(path: Path) -> dict[str, Interleaved]:
    """User → the list that was shown, as `interleave` made it."""
    found: dict[str, Interleaved] = {}
    for number, record in _lines(path):
        user, items, teams = (record.get(name) for name in ("user_id", "items", "teams"))
        if not isinstance(items, list) or not isinstance(teams, list) or len(items) != len(teams):
            items, teams = [], ["none"]
        known = all(isinstance(one, str) for one in items) and all(team in ("A", "B") for team in teams)
        if not isinstance(user, str) or user in found or not known:
            raise SourceError(
                f"{path}, line {number}, is no interleaved list of a user, or his second.",
                hint='Give what `penchant abtest interleave` wrote: {"user_id", "items", "teams"}.',
            )
        found[user] = Interleaved(items=tuple(items), teams=tuple(teams))
    return found


def judge(
    shown: Mapping[str, Interleaved], taken: Path, *, events: Sequence[str] = (), level: float = 0.95
) -> ListsReport:
    """Who is preferred. `events` are the types that count; none: all but impressions."""
    clicked: dict[str, list[str]] = {user: [] for user in shown}
    left_out: Counter[str] = Counter()
    used = 0
    for user, item, kind in _taken(taken):
        if (events and kind not in events) or (not events and kind == "impression"):
            left_out["other_event"] += 1
        elif item is None:
            left_out["without_item"] += 1
        elif user not in shown:
            left_out["no_list"] += 1
        elif item not in shown[user].items:
            left_out["not_on_list"] += 1
        else:
            clicked[user].append(item)
            used += 1
    of_users = ((user, credit(one, clicked[user])) for user, one in shown.items())
    found = preference(((user, found["A"], found["B"]) for user, found in of_users), level=level)
    return ListsReport(preference=found, lists=len(shown), taken=used, left_out=dict(left_out))


def _taken(path: Path) -> Iterator[tuple[str, str | None, str]]:
    if is_feedback(path):
        yield from ((event.user_id, event.item_id, event.event_type) for event in events_of(path))
        return
    for number, record in _lines(path):
        user, item = record.get("user_id"), record.get("item_id")
        if not isinstance(user, str) or not (item is None or isinstance(item, str)):
            raise SourceError(f"{path}, line {number}, is no event of a user.", hint="Give user_id and item_id.")
        yield user, item, str(record.get("event_type") or "")


def write_interleaved(path: Path, lists: Iterable[tuple[str, Interleaved]]) -> Counter[str]:
    """Write them; how many, and how many places each team has."""
    told: Counter[str] = Counter()
    with path.open("wb") as file:
        for user, one in lists:
            file.write(orjson.dumps({"user_id": user, "items": one.items, "teams": one.teams}) + b"\n")
            told["lists"] += 1
            told.update(one.teams)
    return told


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", hint="Give a file of JSON lines.") from None
    for number, line in enumerate(raw.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{path}, line {number}, is no JSON: {error}.", hint="Give JSON lines.") from None
        if not isinstance(record, dict):
            raise SourceError(f"{path}, line {number}, is no JSON object.", hint="Give JSON lines.")
        yield number, record
