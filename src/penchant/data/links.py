"""Links in memory: friends, related items, knowledge; rows where an end is in the catalogue, ids where it is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import duckdb
import numpy as np

from penchant.errors import NotFoundError
from penchant.types import AnyArray, BoolArray, IntArray, RowArray

End = Literal["user", "item", "other"]
ENDS: tuple[End, ...] = ("user", "item", "other")
"""What an end of a link may be; ``other`` is an id that is neither a user's nor an item's."""


@dataclass(frozen=True, kw_only=True)
class Links:
    """E links as columns: subject, relation, object.

    An end is a row of the users, of the items or of `others`, as its kind says (codes in `ENDS`).
    """

    names: tuple[str, ...]
    """What the relations are called."""
    relations: RowArray
    """(E,) codes in `names`"""
    subjects: RowArray
    subject_kinds: RowArray
    objects: RowArray
    object_kinds: RowArray
    others: tuple[str, ...] = ()
    """Ids of ends outside the catalogue."""

    def __len__(self) -> int:
        return len(self.relations)

    @classmethod
    def of_pairs(cls, name: str, kind: End, subjects: Sequence[int], objects: Sequence[int]) -> Self:
        """Links of one relation between users or between items, from rows."""
        n = len(subjects)
        kinds = np.full(n, ENDS.index(kind), dtype=np.int32)
        return cls(
            names=(name,),
            relations=np.zeros(n, dtype=np.int32),
            subjects=np.asarray(subjects, dtype=np.int32),
            subject_kinds=kinds,
            objects=np.asarray(objects, dtype=np.int32),
            object_kinds=kinds,
        )

    def between(self, kind: End, names: Sequence[str] | None = None) -> tuple[RowArray, RowArray]:
        """Subject and object rows of the links whose ends are both of a kind, of all relations or of those named.

        A link of an end to itself is left out. `NotFoundError` for a relation that is not there.
        """
        chosen = self._named(names)
        code = ENDS.index(kind)
        chosen &= (self.subject_kinds == code) & (self.object_kinds == code) & (self.subjects != self.objects)
        return self.subjects[chosen], self.objects[chosen]

    def count(self, kind: End) -> dict[str, int]:
        """Relation → how many of its links are between two ends of a kind; relations without one are left out."""
        code = ENDS.index(kind)
        both = self.relations[(self.subject_kinds == code) & (self.object_kinds == code)]
        found = np.bincount(both, minlength=len(self.names))
        return {name: int(n) for name, n in zip(self.names, found, strict=True) if n}

    def _named(self, names: Sequence[str] | None) -> BoolArray:
        if names is None:
            return np.ones(len(self), dtype=np.bool_)
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            raise NotFoundError(
                f"The dataset has no relation {', '.join(map(repr, unknown))}.",
                hint=f"Its relations: {', '.join(self.names)}.",
            )
        return np.isin(self.relations, [self.names.index(name) for name in names])


def read_links(connection: duckdb.DuckDBPyConnection, file: str) -> Links:
    """The links of a relations file, an SQL literal; `user_ids` and `item_ids` (row, id) are tables there.

    An end is what its column says it is. Where that is not said, the ends of a relation are taken for what more of
    their ids belong to, items where it is equal.
    """
    columns = {str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet({file})").fetchall()}
    kind = {end: f"r.{end}_kind" if f"{end}_kind" in columns else "NULL" for end in ("subject", "object")}
    found = connection.execute(
        "SELECT r.relation, r.subject, r.object, coalesce(su.row, -1) AS subject_user, coalesce(si.row, -1) AS"
        " subject_item, coalesce(ou.row, -1) AS object_user, coalesce(oi.row, -1) AS object_item,"
        f" coalesce({kind['subject']}, '') AS subject_kind, coalesce({kind['object']}, '') AS object_kind"
        f" FROM read_parquet({file}, file_row_number = true) r"
        " LEFT JOIN user_ids su ON su.id = r.subject LEFT JOIN item_ids si ON si.id = r.subject"
        " LEFT JOIN user_ids ou ON ou.id = r.object LEFT JOIN item_ids oi ON oi.id = r.object"
        " ORDER BY r.file_row_number"
    ).fetchnumpy()
    names, relations = np.unique(np.asarray(found["relation"], dtype=str), return_inverse=True)
    others: dict[str, int] = {}
    rows: dict[str, RowArray] = {}
    kinds: dict[str, RowArray] = {}
    for end in ("subject", "object"):
        in_users, in_items = np.asarray(found[f"{end}_user"]), np.asarray(found[f"{end}_item"])
        told = np.asarray(found[f"{end}_kind"], dtype=str)
        code = _kinds(told, in_users >= 0, in_items >= 0, relations, len(names))
        place = np.where(code == 0, in_users, in_items)
        outside = np.flatnonzero((code == 2) | (place < 0))
        code[outside] = 2
        ids = found[end]
        place[outside] = [others.setdefault(str(ids[row]), len(others)) for row in outside]
        rows[end], kinds[end] = place.astype(np.int32), code
    return Links(
        names=tuple(map(str, names)),
        relations=relations.astype(np.int32),
        subjects=rows["subject"],
        subject_kinds=kinds["subject"],
        objects=rows["object"],
        object_kinds=kinds["object"],
        others=tuple(others),
    )


def write_links(connection: duckdb.DuckDBPyConnection, links: Links, file: str) -> None:
    """Write a relations file, an SQL literal; `user_ids` and `item_ids` (row, id) are tables there."""
    connection.register("other_source", {"id": np.array([*links.others, ""], dtype=object)})
    connection.register("name_source", {"id": np.array([*links.names, ""], dtype=object)})
    connection.execute("CREATE TEMP TABLE other_ids AS SELECT (row_number() OVER ()) - 1 AS row, id FROM other_source")
    connection.execute("CREATE TEMP TABLE name_ids AS SELECT (row_number() OVER ()) - 1 AS row, id FROM name_source")
    columns: dict[str, AnyArray] = {
        "place": np.arange(len(links)),
        "relation": links.relations,
        "subject": links.subjects,
        "subject_kind": links.subject_kinds,
        "object": links.objects,
        "object_kind": links.object_kinds,
    }
    connection.register("links", columns)
    ids = {
        end: f"CASE {end}_kind WHEN 0 THEN {end}_u.id WHEN 1 THEN {end}_i.id ELSE {end}_o.id END AS {end}"
        for end in ("subject", "object")
    }
    kinds = ", ".join(
        f"CASE {end}_kind WHEN 0 THEN 'user' WHEN 1 THEN 'item' ELSE 'other' END AS {end}_kind"
        for end in ("subject", "object")
    )
    joins = "".join(
        f" LEFT JOIN {table} {end}_{letter} ON {end}_{letter}.row = {end} AND {end}_kind = {code}"
        for end in ("subject", "object")
        for code, (letter, table) in enumerate((("u", "user_ids"), ("i", "item_ids"), ("o", "other_ids")))
    )
    connection.execute(
        f"COPY (SELECT {ids['subject']}, n.id AS relation, {ids['object']}, {kinds}"
        f" FROM links JOIN name_ids n ON n.row = relation{joins} ORDER BY place)"
        f" TO {file} (FORMAT parquet, COMPRESSION zstd)"
    )


def _kinds(told: AnyArray, in_users: BoolArray, in_items: BoolArray, relations: IntArray, n: int) -> RowArray:
    """(E,) codes in `ENDS`: what was told, else what the relation's ends belong to."""
    code = np.where(told == "user", 0, np.where(told == "item", 1, 2)).astype(np.int32)
    untold = told == ""
    users = np.bincount(relations, weights=untold & in_users, minlength=n)
    items = np.bincount(relations, weights=untold & in_items, minlength=n)
    guessed = np.where((users == 0) & (items == 0), 2, np.where(items >= users, 1, 0)).astype(np.int32)
    code[untold] = guessed[relations[untold]]
    return code
