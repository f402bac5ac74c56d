"""Frames of pandas, polars, pyarrow and others to a dataset, through the same checks as files."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import narwhals as nw
import numpy as np
import orjson
from narwhals.typing import IntoFrame

from penchant.data.dataset import Dataset
from penchant.data.folder import identifier, load_dataset, plain
from penchant.data.importing import ImportConfig, import_layouts
from penchant.data.layout import Layout, Reading, SourceFile
from penchant.data.schema import Role, unique_names
from penchant.data.staging import Column, Rows, Shown
from penchant.errors import SchemaError
from penchant.types import AnyArray, IntArray

_INTEGERS = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)
_REALS = (nw.Float32, nw.Float64, nw.Decimal, nw.UInt64, nw.Int128, nw.UInt128)


def dataset_from_frames(
    interactions: IntoFrame,
    items: IntoFrame | None = None,
    users: IntoFrame | None = None,
    *,
    name: str = "frames",
    settings: Mapping[str, Any] | None = None,
) -> Dataset:
    """A dataset from frames. `settings` are those of `ImportConfig`; ``strict`` is on unless they say otherwise.

    Raises `SchemaError` for a missing column and `BadRowError` for the first bad row; with ``strict`` off bad rows are
    left out and counted in the dataset's `report`.
    """
    config = ImportConfig.of({"strict": True, "name": name, **(settings or {})}, where="from_frames")
    given: tuple[tuple[Role, str, IntoFrame | None], ...] = (
        ("events", "interactions", interactions),
        ("items", "items", items),
        ("users", "users", users),
    )
    files = tuple(
        SourceFile(role=role, name=title, read=partial(_read, _eager(frame, title)))
        for role, title, frame in given
        if frame is not None
    )
    with TemporaryDirectory(prefix="penchant-") as folder:
        target = Path(folder) / "dataset"
        import_layouts([Layout(format="frames", name=name, files=files)], target, config=config)
        dataset = load_dataset(target, verify=False)
        if dataset.event_ids is not None:  # the file they are read from is about to go
            return replace(dataset, event_ids=dict(dataset.event_ids.items()))
        return dataset


def _eager(frame: IntoFrame, title: str) -> nw.DataFrame[Any]:
    try:
        known = nw.from_native(frame)
    except TypeError:
        raise SchemaError(
            f"{title} is a {type(frame).__name__}, not a frame.", hint="Give a pandas, polars or pyarrow frame."
        ) from None
    return known.collect() if isinstance(known, nw.LazyFrame) else known


def _read(frame: nw.DataFrame[Any], reading: Reading, name: str) -> Rows:
    """The frame's columns as arrays that DuckDB scans."""
    view = identifier(f"frame {name}")
    names = unique_names([str(column) for column in frame.columns])
    arrays: dict[str, AnyArray] = {}
    columns: dict[str, Column] = {}
    for place, column in enumerate(names):
        arrays[f"c{place}"], kind = _array(frame[frame.columns[place]])
        columns[column] = replace(kind, sql=f"c{place}")
    if not arrays:
        raise SchemaError(f"{name} has no columns.", hint="Give a frame with user and item columns.")
    reading.connection.register(f"frame {name}", arrays)

    def show(rows: IntArray) -> Iterator[Shown]:
        for row in rows.tolist():
            values = {column: plain(frame[frame.columns[place]][row]) for place, column in enumerate(names)}
            raw = orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
            yield Shown(row, row + 1, raw, list(values.values()))

    return Rows(
        name=name, columns=columns, relation=view, records=len(frame), rows=len(frame), dropped=Counter(), show=show
    )


def _array(series: nw.Series[Any]) -> tuple[AnyArray, Column]:
    """A column as an array without Python objects where its type allows, and what DuckDB will make of it."""
    kind = series.dtype
    empty = series.is_null()
    if kind in _INTEGERS and not empty.any():
        return series.to_numpy(), Column(sql="", kind="typed", sql_type="BIGINT")
    if kind in _INTEGERS or kind in _REALS:
        return series.cast(nw.Float64).to_numpy(), Column(sql="", kind="typed", sql_type="DOUBLE")
    if kind == nw.Boolean and not empty.any():
        return np.asarray(series.to_numpy(), dtype=bool), Column(sql="", kind="typed", sql_type="BOOLEAN")
    if kind == nw.Datetime:
        microseconds = series.dt.timestamp("us").cast(nw.Float64).to_numpy()
        return np.asarray(microseconds, dtype=np.float64), Column(sql="", kind="typed", sql_type="DOUBLE")
    values = [plain(value) for value in series.to_list()]
    lists = any(isinstance(value, list) for value in values)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if _nothing(value) else _text(value) for value in values]
    if any(isinstance(value, bytes) for value in values):
        raise SchemaError(f"The column {series.name!r} holds bytes.", hint="Decode them to text.")
    only_texts = all(isinstance(value, str) or _nothing(value) for value in values)
    return texts, Column(sql="", kind="json_list" if lists else "string" if only_texts else "text")


def _nothing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124 — NaN and NaT are not themselves


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict | bool):
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    return str(value)
