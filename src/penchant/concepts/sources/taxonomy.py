"""A given taxonomy: names in a tree."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pydantic import Field

from penchant.concepts.placement import Finder
from penchant.concepts.proposals import Catalogue, Collected, ConceptSource, Proposal
from penchant.concepts.words import is_name, key
from penchant.config import Config
from penchant.errors import ConfigError, SchemaError, SourceError


class TaxonomyConfig(Config):
    """Which tree, and how items are found in it."""

    path: Path
    """A CSV file with the columns id, name, parent and optionally words, or a JSON list of objects with these keys.

    An empty parent is a root; `words` are further names, in CSV separated by ``|``."""
    column: str | None = None
    """The attribute whose values are ids or names of the tree. None: an item is where its title or description has the
    name or one of the words."""
    kind: str = Field(default="taxonomy", min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A name of a tree."""

    id: str
    name: str
    parent: str | None
    words: tuple[str, ...] = ()


class Taxonomy(ConceptSource):
    """The names of a tree that a person gave. An item of a name is also of every name above it."""

    config: TaxonomyConfig

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """`SourceError`, `SchemaError` as `read_taxonomy`; `ConfigError` for a column that the items do not have."""
        nodes = read_taxonomy(self.config.path)
        names = Collected(self.config.kind)
        for row, found in enumerate(self._items(catalogue, nodes)):
            above = {ancestor for id_ in found for ancestor in _upwards(id_, nodes)}
            for id_ in sorted(above):
                names.add(row, nodes[id_].name)
        of_key = {key(node.name): node for node in nodes.values()}
        told = []
        for proposal in names.proposals():
            node = of_key[proposal.key[1]]
            parent = None if node.parent is None else (self.config.kind, key(nodes[node.parent].name))
            told.append(replace(proposal, name=node.name, parent=parent, aliases=node.words, given=True))
        return told

    def _items(self, catalogue: Catalogue, nodes: Mapping[str, Node]) -> Iterator[set[str]]:
        """For each item the ids it is placed at."""
        if self.config.column is None:
            finder = Finder({node.id: (node.name, *node.words) for node in nodes.values()}, catalogue.words)
            for parts in catalogue.texts:
                yield finder.find(parts)
            return
        values = catalogue.items.columns.get(self.config.column)
        if values is None:
            raise ConfigError(
                f"taxonomy: items have no column {self.config.column!r}.",
                hint=f"They have: {', '.join(sorted(catalogue.items.columns))}.",
            )
        by_name = {key(name): node.id for node in nodes.values() for name in (*node.words, node.name)}
        for value in values:
            texts = {str(v) for v in _flat(value)}
            yield {t for t in texts if t in nodes} | {by_name[key(t)] for t in texts if key(t) in by_name}


def read_taxonomy(path: Path) -> dict[str, Node]:
    """The nodes of a file by id, in its order.

    Raises `SourceError` for a file that is missing or broken, and `SchemaError`, which names the node, for one without
    id or name, an id or name that comes twice, a parent that is not there, and a node that is above itself.
    """
    nodes: dict[str, Node] = {}
    by_name: dict[str, str] = {}
    for place, entry in enumerate(_entries(path), 1):
        id_, name = _text(entry.get("id")), _text(entry.get("name"))
        if not id_ or not is_name(name):
            raise _refused(path, f"entry {place} has no {'name' if id_ else 'id'}: {dict(entry)!r}")
        if id_ in nodes:
            raise _refused(path, f"the id {id_!r} comes twice")
        if key(name) in by_name:
            raise _refused(path, f"{id_!r} and {by_name[key(name)]!r} are both called {name!r}")
        words = entry.get("words") or ()
        aliases = words.split("|") if isinstance(words, str) else [_text(word) for word in words]
        told = tuple(alias.strip() for alias in aliases if is_name(alias))
        nodes[id_] = Node(id=id_, name=name, parent=_text(entry.get("parent")) or None, words=told)
        by_name[key(name)] = id_
    for node in nodes.values():
        if node.parent is not None and node.parent not in nodes:
            raise _refused(path, f"the parent {node.parent!r} of {node.id!r} is not there")
        walk = [node.id]
        while (parent := nodes[walk[-1]].parent) is not None and parent in nodes:
            if parent in walk:
                raise _refused(path, f"{parent!r} is above itself: {' > '.join([*walk, parent])}")
            walk.append(parent)
    return nodes


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"The taxonomy {path} cannot be read: {error}.", hint="Give a CSV or JSON file in UTF-8."
        ) from None
    if path.suffix.lower() == ".json":
        try:
            entries = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{path} is not JSON: {error}.", hint="It should be a list of objects.") from None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise _refused(path, "it is not a list of objects")
        return entries
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := {"id", "name", "parent"} - set(reader.fieldnames or ()):
        raise _refused(path, f"it has no column {', '.join(sorted(missing))}")
    return list(reader)


def _text(value: Any) -> str:
    """A cell as text, "" for what is missing (also a number that is none)."""
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) else str(value).strip()


def _refused(path: Path, reason: str) -> SchemaError:
    return SchemaError(
        f"The taxonomy {path} cannot be used: {reason}.",
        hint="Each node needs an id and a name of its own, and a parent that is a node's id or empty.",
    )


def _upwards(id_: str, nodes: Mapping[str, Node]) -> Iterator[str]:
    place: str | None = id_
    while place is not None:
        yield place
        place = nodes[place].parent


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, np.ndarray)):
        for part in value:
            yield from _flat(part)
    elif value is not None:
        yield value
