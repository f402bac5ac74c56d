"""The split as plain files, and a peer's answer read back.

A peer sees ids, times and values of the training events, the histories it is asked with, and the truth of the
validation: never the truth of the test. What it reads and writes is described in `runners/plain_split.py` and
`runners/peer_main.py`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import Split
from penchant.errors import DataError, PenchantError
from penchant.metrics.lists import Lists, read_lists, write_lists

PARTS = ("validation", "test")


class AnswerError(PenchantError):
    """What a peer wrote is not an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run says of itself, beside its lists."""

    version: str
    fit_seconds: float
    score_seconds: float
    peak_rss_mb: float | None
    """None where the process could not say."""
    variants: tuple[bool, ...]
    """The rankings its lists allow: with the history excluded (true), included (false)."""
    facts: dict[str, Any]
    """Whatever else it found out, such as epochs and whether training was cut short."""


def write_split(split: Split, folder: Path) -> None:
    """Write the training part and the questions of both other parts."""
    folder.mkdir(parents=True)
    train = split.train
    (folder / "items.json").write_bytes(orjson.dumps(train.items.ids))
    (folder / "users.json").write_bytes(orjson.dumps(train.users.ids))
    _write_events(train, folder / "train.csv")
    for part, cases in zip(PARTS, (split.validation, split.test), strict=True):
        histories = cases.histories
        lines = (
            (_user(train, cases, b), _ids(train, histories.items[histories.of(b)]), None) for b in range(len(cases))
        )
        write_lists(folder / f"{part}.jsonl", lines)
    cases = split.validation
    truth = ((_user(train, cases, b), _ids(train, cases.targets(b)), None) for b in range(len(cases)))
    write_lists(folder / "validation-truth.jsonl", truth)


def read_answer(path: Path) -> Lists:
    """The lists a run wrote; `AnswerError` where there are none, or where a line is no list."""
    try:
        return read_lists(path)
    except DataError as error:
        raise AnswerError(f"Its lists cannot be used: {error.message}", hint=error.hint) from None


def read_outcome(path: Path) -> Outcome:
    """What a run says of itself; `AnswerError` where it says nothing that can be read."""
    try:
        value = orjson.loads(path.read_bytes())
        peak = value.get("peak_rss_mb")
        variants = tuple({"excluded": True, "included": False}[name] for name in value.get("variants", VARIANTS))
        return Outcome(
            version=str(value["version"]),
            fit_seconds=float(value["fit_seconds"]),
            score_seconds=float(value["score_seconds"]),
            peak_rss_mb=None if peak is None else float(peak),
            variants=variants,
            facts=dict(value.get("facts", {})),
        )
    except OSError:
        raise AnswerError("It ended without saying how it went.", hint=f"It writes {path.name} last.") from None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnswerError(f"What it says of its run cannot be read: {error!r}.", hint=f"See {path.name}.") from None


VARIANTS = ("excluded", "included")


def _write_events(train: Dataset, path: Path) -> None:
    """The events that histories are made of, one a line; searches and the like are no peer's business."""
    histories = train.histories()
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    users, items = np.array(train.users.ids, dtype=object), np.array(train.items.ids, dtype=object)
    columns = users[owners], items[histories.items], histories.timestamps.tolist()
    values = ("" if np.isnan(value) else repr(value) for value in histories.values.tolist())
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id", "timestamp", "value"])
        rows.writerows(zip(*columns, values, strict=True))


def _user(train: Dataset, cases: Cases, b: int) -> str:
    return train.users.ids[int(cases.histories.users[b])]


def _ids(train: Dataset, rows: Any) -> Sequence[str]:
    return [train.items.ids[row] for row in rows.tolist()]
