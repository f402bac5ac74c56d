"""A good JSON line with one value in it replaced by any other."""

from collections.abc import Iterator

import orjson
from hypothesis import strategies as st

_ODD = st.sampled_from(
    ["--5", "5" * 5_000, "", " ", "0", "-", "²", "1e400", "NaN", "9999-12-31T23:59:59-23:59", "\u2028"]
)
_WHOLE = st.integers(-(2**63), 2**64 - 1)
_PLAIN = st.none() | st.booleans() | _WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text() | _ODD
JSON_VALUES = st.recursive(
    _PLAIN, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(), some, max_size=3)
)


def places(value: object, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*here, key)
        yield from places(part, (*here, key))


def mutated(line: bytes) -> st.SearchStrategy[bytes]:
    """The line with one of its values, at any depth, replaced."""

    def replaced(place: tuple[str | int, ...], value: object) -> bytes:
        record = orjson.loads(line)
        part = record
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        return orjson.dumps(record)

    return st.builds(replaced, st.sampled_from(list(places(orjson.loads(line)))), JSON_VALUES)
