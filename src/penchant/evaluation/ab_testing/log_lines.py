"""The lines of an experiment's log, whatever it is written in, each brought to its types or told what is wrong with it.

Nothing of a line is believed before it is looked at: ids and names are texts or numbers, never lists or tables, for a
list that became a text would be an arm of its own.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant.errors import SourceError
from penchant.evaluation.ab_testing.served import Line, is_feedback, lines_of

LATEST = 2**62
"""Microseconds from 1970, either way, up to which a moment is one"""
TOLD = 80
"""Characters of what a bad line says that its fault repeats"""


def lines(path: Path) -> Iterator[Line]:
    """Every line that is not blank. `SourceError` for a file that cannot be read, is empty, or has no such columns."""
    if is_feedback(path):
        yield from lines_of(path)
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}.", hint="Give a JSON lines or CSV file in UTF-8.") from None
    if not text.strip():
        raise SourceError(f"{path} is empty.", hint="Give a log with exposures and events.")
    yield from _of_json(text) if text.lstrip().startswith("{") else _of_csv(text, path)


def checked(record: dict[str, Any]) -> str:
    """Bring a record to its types in place, with `delivery`, by which it is known if it comes again; why it is none, ""
    where nothing is wrong.
    """
    kind = record.setdefault("kind", "exposure" if "arm" in record else "event")
    if kind not in ("exposure", "event"):  # no set: what a line says need not have a hash
        return f"kind is {_said(kind)}; exposure or event are allowed"
    needed = ("user_id", "arm" if kind == "exposure" else "event_type")
    for name in (*needed, "experiment", "segment", "event_id"):
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            return f"{name} is {_said(value)}, which is neither a text nor a number"
        record[name] = "" if value is None else str(value)
        if name in needed and not record[name].strip():
            return f"no {name}"
    moment = _moment(record.get("timestamp"))
    if moment is None:
        return f"timestamp {_said(record.get('timestamp'))} is neither microseconds nor ISO 8601"
    record["timestamp"] = moment
    for name in ("value", "propensity"):
        number = _number(record.get(name))
        if number is None and record.get(name) is not None:
            return f"{name} {_said(record[name])} is no finite number"
        record[name] = number
    chance = record["propensity"]
    if chance is not None and not 0 < chance < 1:
        return f"propensity {chance} is not between 0 and 1"
    try:
        whole = record["event_id"] or json.dumps(record, sort_keys=True, default=str)
    except RecursionError:
        return "nested too deep"
    record["delivery"] = f"{kind}\x1f{whole}"
    return ""


def _of_json(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):  # a text inside may hold what else ends a line for Python
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Line(number, {}, f"no JSON: {error}")
            continue
        yield Line(number, value) if isinstance(value, dict) else Line(number, {}, "no object")


def _of_csv(text: str, path: Path) -> Iterator[Line]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV: {error}.", hint="Give a JSON lines or CSV file in UTF-8.") from None
    if not {"user_id", "timestamp"} <= set(header):
        raise SourceError(f"{path} has no columns user_id and timestamp.", hint=f"Its header is: {', '.join(header)}.")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # a quote without its other half holds all that follows it
            yield Line(reader.reader.line_num, {}, f"no CSV: {error}")
            continue
        yield Line(reader.line_num, {k: v for k, v in row.items() if k and v not in (None, "")})


def _moment(value: object) -> int | None:
    """UTC microseconds; None for what is no moment."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float) or str(value).strip().lstrip("-").isdigit():
        number = _number(value)
        return int(number) if number is not None and abs(number) < LATEST else None
    try:
        told = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return int(told.timestamp() * 1e6)


def _number(value: object) -> float | None:
    """A finite number, or a text that is one; None for all else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # "--5", or more digits than a float holds
        return None
    return number if np.isfinite(number) else None


def _said(value: object) -> str:
    told = repr(value)
    return told if len(told) <= TOLD else f"{told[:TOLD]}…"
