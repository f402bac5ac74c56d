"""JSON lines: one object a line. Columns are the union of all keys; a key met late is missing before.

With `literals` a line that is no JSON may be a Python dict as `repr` writes it (the Amazon metadata of 2014); it is
read by `ast.literal_eval`, which runs nothing.
"""

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from penchant.data.quarantine import Fault
from penchant.data.scanning import OverLong, TextFile, as_utf8
from penchant.data.sources.delimited import BLANK_LINE
from penchant.data.staging import Batch, Kind
from penchant.errors import SourceError

LARGEST = 2.0**63
MOST_COLUMNS = 1000
MOST_SHAPES = 10_000
"""Combinations of keys and types that are remembered at a time."""


class JsonLines:
    """Reads one file of JSON lines. Numbers and truth values become text as JSON writes them, objects JSON text."""

    skip_lines = 0

    def __init__(self, file: TextFile, *, literals: bool = False) -> None:
        self.file, self.literals = file, literals
        self._places: dict[str, int] = {}
        self._kinds: dict[str, set[type]] = {}
        self._shapes: dict[tuple[tuple[str, ...], tuple[type, ...]], tuple[list[int] | None, bool]] = {}

    @property
    def columns(self) -> list[str]:
        """Keys in the order in which the file first shows them."""
        return list(self._places)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Keys whose values are all strings, or all lists."""
        known: dict[str, Kind] = {}
        for name, types in self._kinds.items():
            if types <= {str}:
                known[name] = "string"
            elif types == {list}:
                known[name] = "json_list"
        return known

    def batches(self, advance: Callable[[int], object] = lambda _: None) -> Iterator[Batch]:
        """The file's records in order."""
        seen = False
        for chunk in self.file.chunks(advance):
            if isinstance(chunk, OverLong):
                reason = f"a line of {chunk.size} bytes, longer than {self.file.max_record_bytes}"
                fault = Fault(chunk.line, None, reason, chunk.head.decode("utf-8", "replace"))
                seen = True
                yield Batch(first_line=chunk.line, records=1, faults=[fault])
            else:
                if not seen and chunk.data.lstrip()[:1] == b"[":
                    raise SourceError(
                        f"{self.file.path} is a JSON array, not JSON lines.",
                        hint="Write one object a line, for example with: jq -c '.[]' FILE > FILE.jsonl.",
                    )
                seen = True
                yield self.parse(as_utf8(chunk.data, self.file.encoding), chunk.first_line)
        if not seen:
            raise SourceError(f"{self.file.path} is empty.", hint="Give a file with one JSON object a line.")

    def parse(self, data: bytes, first_line: int) -> Batch:
        """The records of whole lines."""
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        batch = Batch(first_line=first_line, records=len(lines), text=lines)
        for place, line in enumerate(lines):
            if not line or line.isspace():
                batch.dropped[BLANK_LINE] += 1
                continue
            try:
                value = self._value(line)
                if len(line) > self.file.max_record_bytes:
                    raise ValueError(f"longer than {self.file.max_record_bytes} bytes")
                batch.rows.append(self._row(value, line))
                batch.spans.append((place, place + 1))
            except (ValueError, TypeError) as error:
                raw = line.decode("utf-8", "backslashreplace")
                batch.faults.append(Fault(first_line + place, None, str(error), raw.rstrip("\r")))
        return batch

    def _value(self, line: bytes) -> dict[str, Any]:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if not (self.literals and line.lstrip().startswith(b"{")):
                raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
            value = _literal(line)
        if not isinstance(value, dict):
            raise ValueError(f"a JSON {type(value).__name__} where an object was expected")  # noqa: TRY004
        return value

    def _row(self, value: dict[str, Any], line: bytes) -> list[str]:
        """The values in the order of the columns. Lines of one shape share the work of finding their places."""
        keys, found = tuple(value), list(value.values())
        types = tuple(map(type, found))
        if float in types and any(type(one) is float and abs(one) >= LARGEST for one in found):
            # orjson reads whole numbers beyond 64 bits as the nearest float, which is another id.
            with suppress(ValueError):
                found = list(json.loads(line).values())
        shape = self._shapes.get((keys, types))
        if shape is None:
            shape = self._shape(keys, types)
        places, plain = shape
        texts = found if plain else [one if type(one) is str else _text(one) for one in found]
        if places is None and len(texts) == len(self._places):
            return texts
        row = [""] * len(self._places)
        for place, text in zip(range(len(texts)) if places is None else places, texts, strict=True):
            row[place] = text
        return row

    def _shape(self, keys: tuple[str, ...], types: tuple[type, ...]) -> tuple[list[int] | None, bool]:
        """The places of keys among the columns (None: the first columns in order), and whether all values are texts."""
        new = [key for key in keys if key not in self._places]
        if len(self._places) + len(new) > MOST_COLUMNS:
            raise ValueError(f"the file has more than {MOST_COLUMNS} different keys")
        for key in new:
            self._places[key] = len(self._places)
            self._kinds[key] = set()
        for key, kind in zip(keys, types, strict=True):
            if kind is not type(None):
                self._kinds[key].add(kind)
        places = [self._places[key] for key in keys]
        shape = (None if places == list(range(len(keys))) else places), all(kind is str for kind in types)
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        self._shapes[keys, types] = shape
        return shape


def _text(value: Any) -> str:
    kind = type(value)
    if kind is int or kind is float:
        return repr(value)
    if value is None:
        return ""
    if kind is dict or kind is list or kind is bool:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    return repr(value)


def _literal(line: bytes) -> Any:
    try:
        value = ast.literal_eval(line.decode("utf-8").strip())
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)  # half of a surrogate pair is no text
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"neither JSON nor a Python literal: {error}") from None
    return value
