"""What a comparison with peers found: frozen records whose field names are the names in its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from penchant.artifacts import write_json
from penchant.errors import NotFoundError
from penchant.evaluation.results import Comparison, Summary

Status = Literal["not installed", "failed", "timed out", "no usable answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestantResult:
    """One model, one seed, history excluded from the ranking or not; quality beside what its process cost."""

    model: str
    """A name of ours, or ``peer:algorithm``."""
    source: str
    """``penchant`` or the peer."""
    version: str
    exclude_history: bool
    seed: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals over users, of the metrics that have a value for each case."""
    fit_seconds: float
    score_seconds: float
    wall_seconds: float
    """The whole process: start, reading, fitting, ranking, writing."""
    cpu_seconds: float
    peak_rss_mb: float | None
    settings: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it said of itself, such as epochs, and whether it reads the history asked with."""
    notes: tuple[str, ...] = ()
    """What its lists lacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial of a search."""

    settings: Mapping[str, Any]
    validation: float | None
    """The value that decides; None where the run failed."""
    wall_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The trials of one model; `chosen` is the place of the best."""

    model: str
    metric: str
    trials: tuple[Trial, ...]
    chosen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A model without a result, and why."""

    model: str
    source: str
    seed: int
    status: Status
    message: str
    last_lines: str
    """The end of what it printed."""
    wall_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerComparison:
    """Everything a comparison found, and on what."""

    dataset: Mapping[str, Any]
    protocol: Mapping[str, Any]
    results: tuple[ContestantResult, ...]
    summaries: tuple[Summary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    """The model ahead against every other, and each of ours against the best peer."""
    searches: tuple[Search, ...] = ()
    failures: tuple[Failure, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, model: str, *, exclude_history: bool = True, seed: int | None = None) -> ContestantResult:
        """The result of a model, of its first seed where none is named; `NotFoundError` where there is none."""
        for result in self.results:
            if (result.model, result.exclude_history) == (model, exclude_history) and seed in {None, result.seed}:
                return result
        there = sorted({result.model for result in self.results})
        raise NotFoundError(f"No result of {model!r} with these settings.", hint=f"There are: {', '.join(there)}.")

    def save(self, path: Path) -> None:
        """Write the JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self)
