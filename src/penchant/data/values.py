"""SQL of single values: what counts as missing, as yes, as an id."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from penchant.data.folder import quoted
from penchant.data.layout import SourceFile
from penchant.data.staging import Column, Rows

NOTHING = ("nan", "null", "none", "\\n", "<na>", "nat")
"""What ids and values are when there is none, in any case; empty and blank texts are the same."""
_WHITE = r"E' \t\r\n'"


def usable_columns(connection: duckdb.DuckDBPyConnection, file: SourceFile, rows: Rows) -> dict[str, Column]:
    """A file's columns without those left out, and with those its format computes."""
    columns = {name: column for name, column in rows.columns.items() if name not in file.left_out}
    for name, computed in file.computed.items():
        sql = computed(rows.columns)
        described = connection.execute(f"DESCRIBE SELECT {sql} FROM {rows.relation}").fetchone()
        columns[name] = Column(sql=sql, kind="typed", sql_type=str(described[1]) if described else "VARCHAR")
    return columns


def missing(sql: str) -> str:
    """Whether a text is empty, blank or a word for "nothing"."""
    # CASE looks no further once it knows, and these comparisons are cheap: 20 M ids pass here.
    words = ", ".join(quoted(word) for word in NOTHING)
    return (
        f"(CASE WHEN {sql} IS NULL THEN true WHEN {sql} < '!' THEN trim({sql}, {_WHITE}) = ''"
        f" WHEN strlen({sql}) <= {max(map(len, NOTHING))} THEN lower({sql}) IN ({words}) ELSE false END)"
    )


def yes(sql: str) -> str:
    """Whether a yes/no column says yes."""
    return f"(lower({sql}::VARCHAR) IN ('1', '1.0', 'true', 't', 'yes'))"


def id_text(connection: duckdb.DuckDBPyConnection, column: Column, relation: str) -> str:
    """SQL of an id as text: NULL where missing, whole numbers without ``.0``; otherwise as it is, spaces included.

    A text column loses ``.0`` only where each of its first rows ends so (a frame with missing ids wrote them as real).
    """
    sql = column.sql
    if column.kind == "typed" and column.sql_type != "VARCHAR":
        if column.sql_type in {"DOUBLE", "FLOAT"} or column.sql_type.startswith("DECIMAL"):
            return (
                f"CASE WHEN {sql} IS NULL OR isnan({sql}::DOUBLE) THEN NULL"
                f" WHEN {sql} = floor({sql}) THEN ({sql}::HUGEINT)::VARCHAR ELSE {sql}::VARCHAR END"
            )
        return f"{sql}::VARCHAR"
    found = connection.execute(
        f"SELECT bool_and(regexp_matches(v, '^\\d+\\.0$')) FROM (SELECT {sql} AS v FROM {relation} LIMIT 10000)"
        f" WHERE NOT {missing('v')}"
    ).fetchone()
    whole = found is not None and bool(found[0])
    return f"CASE WHEN {missing(sql)} THEN NULL ELSE {_whole(sql) if whole else sql} END"


def _whole(sql: str) -> str:
    return f"regexp_replace({sql}, '^(\\d+)\\.0$', '\\1')"


_WHOLE_NUMBER = r"^-?(0|[1-9]\d{0,17})$"
_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_LITERALS = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""


def typed_attributes(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], relation: str
) -> dict[str, tuple[str, str]]:
    """Attribute → (SQL, SQL type). A text column is a number, a truth value or a list only where all its values are.

    Numbers with leading zeros stay text: a postal code is not a number.
    """
    guessed = {name: column for name, column in columns.items() if column.kind == "text"}
    facts = _facts(connection, guessed, relation)
    found: dict[str, tuple[str, str]] = {}
    for name, column in columns.items():
        sql = column.sql
        text = f"CASE WHEN trim({sql}::VARCHAR, {_WHITE}) = '' THEN NULL ELSE {sql}::VARCHAR END"
        if column.kind == "typed":
            found[name] = _of_type(column)
        elif column.kind == "json_list":
            found[name] = f"({sql})::JSON::VARCHAR[]", "VARCHAR[]"
        elif column.kind == "string" or not facts[name].values:
            found[name] = text, "VARCHAR"
        elif facts[name].whole:
            found[name] = f"TRY_CAST({sql} AS BIGINT)", "BIGINT"
        elif facts[name].numbers:
            found[name] = f"TRY_CAST({sql} AS DOUBLE)", "DOUBLE"
        elif facts[name].truths:
            found[name] = f"TRY_CAST({sql} AS BOOLEAN)", "BOOLEAN"
        elif facts[name].lists:
            found[name] = list_of(connection, column, relation, plural=False), "VARCHAR[]"
        else:
            found[name] = text, "VARCHAR"
    return found


def list_of(connection: duckdb.DuckDBPyConnection, column: Column, relation: str, *, plural: bool) -> str:
    """SQL of a column as a list of texts without blanks, NULL where none is left.

    Lists, JSON lists and Python's written lists are read as such. Other texts are split at the first of ``|``, ``;``,
    and, where the name is `plural`, a comma that any of the first rows holds.
    """
    sql = column.sql
    if column.kind == "json_list":
        parts = f"({sql})::JSON::VARCHAR[]"
    elif column.sql_type.endswith("[]"):
        parts = f"({sql})::VARCHAR[]"
    else:
        text = f"{sql}::VARCHAR"
        facts = connection.execute(
            "SELECT bool_and(v LIKE '[%]'), bool_or(contains(v, '|')), bool_or(contains(v, ';')),"
            f" bool_or(contains(v, ',')) FROM (SELECT {text} AS v FROM {relation} LIMIT 20000) WHERE NOT {missing('v')}"
        ).fetchone()
        bracketed, bar, semicolon, comma = facts or (False,) * 4
        if bracketed:
            literal = f"list_transform(regexp_extract_all({text}, {quoted(_LITERALS)}), lambda x: x[2:-2])"
            parts = f"CASE WHEN json_valid({text}) THEN TRY_CAST({text} AS JSON)::VARCHAR[] ELSE {literal} END"
        else:
            split = "|" if bar else ";" if semicolon else "," if comma and plural else None
            parts = f"string_split({text}, '{split}')" if split else f"[{text}]"
    kept = f"list_filter(list_transform({parts}, lambda x: trim(x, {_WHITE})), lambda x: x <> '')"
    return f"CASE WHEN len({kept}) > 0 THEN {kept} END"


@dataclass(frozen=True, slots=True)
class _Facts:
    values: int
    whole: bool
    numbers: bool
    truths: bool
    lists: bool


def _facts(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], relation: str) -> dict[str, _Facts]:
    """What all values of each text column are, in one pass."""
    if not columns:
        return {}
    asked = []
    for column in columns.values():
        v = f"CASE WHEN NOT {missing(column.sql)} THEN trim({column.sql}, {_WHITE}) END"
        asked.append(
            f"count({v}), bool_and(regexp_matches({v}, {quoted(_WHOLE_NUMBER)})),"
            f" bool_and(regexp_matches({v}, {quoted(_NUMBER)})), bool_and(lower({v}) IN ('true', 'false')),"
            f" bool_and({v} LIKE '[%]')"
        )
    row = connection.execute(f"SELECT {', '.join(asked)} FROM {relation}").fetchone() or ()
    return {
        name: _Facts(int(row[5 * k]), *(bool(fact) for fact in row[5 * k + 1 : 5 * k + 5]))
        for k, name in enumerate(columns)
    }


def _of_type(column: Column) -> tuple[str, str]:
    sql, sql_type = column.sql, column.sql_type
    if sql_type == "BOOLEAN":
        return sql, sql_type
    if sql_type in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}:
        return f"{sql}::BIGINT", "BIGINT"
    if sql_type in {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT"} or (
        sql_type.startswith("DECIMAL") and "[" not in sql_type
    ):
        number = f"{sql}::DOUBLE"
        return f"CASE WHEN isfinite({number}) THEN {number} END", "DOUBLE"
    if sql_type in {"FLOAT[]", "DOUBLE[]"}:
        return f"{sql}::DOUBLE[]", "DOUBLE[]"
    if sql_type.endswith("[]") and "STRUCT" not in sql_type and "[][]" not in sql_type:
        return f"{sql}::VARCHAR[]", "VARCHAR[]"
    if sql_type.startswith(("STRUCT", "MAP")) or sql_type.endswith("[]"):
        return f"to_json({sql})::VARCHAR", "VARCHAR"
    text = f"{sql}::VARCHAR"
    return f"CASE WHEN trim({text}, {_WHITE}) = '' THEN NULL ELSE {text} END", "VARCHAR"
