"""RecBole's atomic files: NAME.inter, .item, .user, .kg, .net; tab-separated, header ``field:type``, no quoting.

Types are ``token``, ``token_seq``, ``float``, ``float_seq``; a sequence's parts stand between spaces. A ``token_seq``
that is a title or a text is put back together as one.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from penchant.data.layout import Layout, Reading, SourceFile
from penchant.data.schema import ALIASES, Role, letters
from penchant.data.sources.delimited import Delimited
from penchant.data.staging import Column, Rows
from penchant.errors import SourceError

_ROLES: Mapping[str, Role] = {
    ".inter": "events",
    ".item": "items",
    ".user": "users",
    ".kg": "relations",
    ".net": "relations",
}
_TYPES = {"token", "token_seq", "float", "float_seq"}
_WORDS = {name for field in ("title", "text") for name in ALIASES["items"][field]}


def recbole(source: Path) -> Layout:
    """The layout of a folder of atomic files, or of one .inter file and those of its name beside it."""
    folder = source if source.is_dir() else source.parent
    stems = {path.stem for path in folder.glob("*.inter")} if source.is_dir() else {source.stem}
    if len(stems) != 1:
        found = ", ".join(sorted(stems)) or "none"
        raise SourceError(f"{folder} should hold one .inter file; found: {found}.", hint="Give the .inter file itself.")
    name = stems.pop()
    files, aside = [], []
    for path in sorted(folder.iterdir()):
        if path.stem != name or not path.is_file():
            continue
        if path.suffix in _ROLES:
            role = _ROLES[path.suffix]
            given = (
                {"subject": "head_id", "relation": "relation_id", "object": "tail_id"} if path.suffix == ".kg" else {}
            )
            ends = ("user", "user") if path.suffix == ".net" else (None, None)
            files.append(SourceFile(role=role, name=path.name, read=partial(_read, path), given=given, link_ends=ends))
        else:
            aside.append((path.name, "none of RecBole's .inter, .item, .user, .kg, .net"))
    if not any(file.role == "events" for file in files):
        raise SourceError(f"There is no {name}.inter in {folder}.", hint="Give a folder with a .inter file.")
    return Layout(format="recbole", name=name, files=tuple(files), left_aside=tuple(aside))


def _read(path: Path, reading: Reading, name: str) -> Rows:
    reader = Delimited(reading.text_file(path), delimiter="\t", quote="")
    types: dict[str, str] = {}
    for head in reader.columns:
        column, colon, kind = head.rpartition(":")
        if not colon or kind not in _TYPES:
            raise SourceError(
                f"{path.name}: the header {head!r} has no type after a colon.",
                hint=f"RecBole writes field:type, with one of {', '.join(sorted(_TYPES))}.",
            )
        types[column] = kind
    rows = reading.stage(reader, name=name)
    made = {
        column: _column(rows.columns[head], types[column], words=letters(column) in _WORDS)
        for column, head in zip(types, rows.columns, strict=True)
    }
    return replace(rows, columns=made)


def _column(column: Column, kind: str, *, words: bool) -> Column:
    parts: Callable[[str], str] = "CASE WHEN {0} IS NOT NULL THEN string_split({0}, ' ') END".format
    if kind == "token_seq" and not words:
        return Column(sql=parts(column.sql), kind="typed", sql_type="VARCHAR[]")
    if kind == "float_seq":
        return Column(sql=f"TRY_CAST({parts(column.sql)} AS DOUBLE[])", kind="typed", sql_type="DOUBLE[]")
    return Column(sql=column.sql, kind="text" if kind == "float" else "string")
