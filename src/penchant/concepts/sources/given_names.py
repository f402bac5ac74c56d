"""A given list of names, without order."""

from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from penchant.concepts.placement import Finder
from penchant.concepts.proposals import Catalogue, ConceptSource, Proposal
from penchant.concepts.words import is_name, key
from penchant.config import Config
from penchant.errors import SourceError
from penchant.types import FloatArray, IntArray


class GivenNamesConfig(Config):
    """Which names, and how items are found for them."""

    path: Path | None = None
    """A text file with one name a line; ``name | other name | …`` gives further names for the same. Empty lines and
    lines that begin with # are left out."""
    names: tuple[str, ...] = ()
    """Names written into the settings, in the same form."""
    by_meaning: bool = True
    """Where a language model is there: a name that too few texts have is placed on the items nearest to it."""
    min_similarity: float = Field(default=0.35, gt=0, le=1)
    """The least cosine of such an item to the name."""
    max_share: float = Field(default=0.02, gt=0, le=1)
    """The most such items, as a share of the catalogue."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.path is None and not self.names:
            raise ValueError("needs a path or names")
        return self


class GivenNames(ConceptSource):
    """Each name stands for the items whose title or description has it, else for those nearest to it in meaning.

    The nearest are the items with the highest cosine to the name's vector, which is also how much they are of it; at
    most the share `max_share`, but as many as support asks for, and none below `min_similarity`.
    """

    config: GivenNamesConfig

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """`SourceError` for a file that cannot be read or has no names; a name that comes twice counts once."""
        names = self._names()
        finder = Finder({name: (name, *others) for name, others in names.items()}, catalogue.words)
        rows: dict[str, list[int]] = {name: [] for name in names}
        for row, parts in enumerate(catalogue.texts):
            for name in finder.find(parts):
                rows[name].append(row)
        nearest = self._nearest(catalogue, [n for n in names if len(rows[n]) < catalogue.min_items])
        told = []
        for name, others in names.items():
            places = np.array(rows[name], dtype=np.int64)
            proposal = Proposal(
                kind="name",
                name=name,
                rows=places,
                weights=np.ones(len(places), dtype=np.float32),
                aliases=others,
                given=True,
            )
            if name in nearest:
                near, weights = nearest[name]
                beside = ~np.isin(near, places)
                both = np.concatenate([places, near[beside]])
                order = np.argsort(both)
                proposal = replace(
                    proposal, rows=both[order], weights=np.concatenate([proposal.weights, weights[beside]])[order]
                )
            if len(proposal.rows):
                told.append(proposal)
        return told

    def _names(self) -> dict[str, tuple[str, ...]]:
        lines = list(self.config.names)
        if self.config.path is not None:
            try:
                lines += self.config.path.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(
                    f"The names in {self.config.path} cannot be read: {error}.", hint="Give a text file in UTF-8."
                ) from None
        names: dict[str, tuple[str, ...]] = {}
        seen: set[str] = set()
        for line in lines:
            if line.lstrip().startswith("#"):
                continue
            told = [part.strip() for part in line.split("|") if is_name(part)]
            if told and key(told[0]) not in seen:
                seen.add(key(told[0]))
                names[told[0]] = tuple(told[1:])
        if not names:
            raise SourceError(
                f"There is no name in {self.config.path or 'the settings of given_names'}.",
                hint="Write one name a line.",
            )
        return names

    def _nearest(self, catalogue: Catalogue, names: list[str]) -> dict[str, tuple[IntArray, FloatArray]]:
        """For each name the nearest items and their cosines."""
        if not names or not self.config.by_meaning or catalogue.encoder is None or not len(catalogue.items):
            return {}
        encoder, vectors = catalogue.read("given_names")
        most = max(int(self.config.max_share * len(vectors)), catalogue.min_items)
        told = {}
        for name, near in zip(names, encoder.encode(names, progress=catalogue.progress) @ vectors.T, strict=True):
            best = np.argsort(-near, kind="stable")[:most]
            best = best[near[best] >= self.config.min_similarity]
            told[name] = best.astype(np.int64), near[best].astype(np.float32)
        return told
