"""JSON lines: one object a line. Columns are the union of all keys; a key met late is missing before.

With `literals` a line that is no JSON may be a Python dict as `repr` writes it (the Amazon metadata of 2014); it is
read by `ast.literal_eval`, which runs nothing.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from penchant.data.quarantine import Fault
from penchant.data.scanning import OverLong, TextFile, as_utf8
from penchant.data.sources.delimited import BLANK_LINE
from penchant.data.staging import Batch, Kind
from penchant.errors import SourceError

MOST_COLUMNS = 1000


class JsonLines:
    """Reads one file of JSON lines. Numbers and truth values become text as JSON writes them, objects JSON text."""

    skip_lines = 0

    def __init__(self, file: TextFile, *, literals: bool = False) -> None:
        self.file, self.literals = file, literals
        self._places: dict[str, int] = {}
        self._kinds: dict[str, set[type]] = {}

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
        batch = Batch(first_line=first_line, records=len(lines))
        for place, line in enumerate(lines):
            batch.text.append("")
            if not line or line.isspace():
                batch.dropped[BLANK_LINE] += 1
                continue
            try:
                value = self._value(line)
                if len(line) > self.file.max_record_bytes:
                    raise ValueError(f"longer than {self.file.max_record_bytes} bytes")
                batch.rows.append(self._row(value))
                batch.spans.append((place, place + 1))
                batch.text[place] = line.decode("utf-8", "replace")
            except ValueError as error:
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

    def _row(self, value: dict[str, Any]) -> list[str]:
        if not value.keys() <= self._places.keys():
            for key in value:
                if key not in self._places:
                    if len(self._places) >= MOST_COLUMNS:
                        raise ValueError(f"the file has more than {MOST_COLUMNS} different keys")
                    self._places[key] = len(self._places)
                    self._kinds[key] = set()
        row = [""] * len(self._places)
        for key, found in value.items():
            if found is None:
                continue
            self._kinds[key].add(type(found))
            row[self._places[key]] = found if isinstance(found, str) else _text(found)
        return row


def _text(value: Any) -> str:
    if isinstance(value, dict | list | bool):
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return repr(value)


def _literal(line: bytes) -> Any:
    try:
        return ast.literal_eval(line.decode("utf-8").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"neither JSON nor a Python literal: {error}") from None
