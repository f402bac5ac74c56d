"""Each contestant in turn: trials judged on validation, the best run with every seed, its lists measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from penchant.data.partition import Split
from penchant.evaluation.case_values import CaseValues, list_values, mean_metrics, means_and_intervals
from penchant.evaluation.peers.contestant import Answer, Conditions, Contestant, Fault, run
from penchant.evaluation.peers.list_scoring import rank_lists
from penchant.evaluation.peers.results import ContestantResult, Failure, Search, Trial
from penchant.hyperparameter_search.space import draws
from penchant.metrics.diversity import ItemSimilarity
from penchant.metrics.names import title
from penchant.metrics.ranking import ndcg_at

Part = Literal["validation", "test"]


@dataclass(kw_only=True)
class Tournament:
    """What is the same for all, and what has been found so far."""

    split: Split
    folder: Path
    conditions: Conditions
    ks: tuple[int, ...]
    similarity: ItemSimilarity
    trials: int
    seeds: tuple[int, ...]
    results: list[ContestantResult] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    values: dict[tuple[str, int, bool], CaseValues] = field(default_factory=dict)
    """(model, seed, history excluded) → values of each case"""

    @property
    def metric(self) -> str:
        """What trials are judged by."""
        return f"ndcg@{self.ks[-1]}"

    def enter(self, contestant: Contestant) -> str:
        """Run a contestant, all its trials and seeds; one line that says how it went."""
        best = self._search(contestant)
        if isinstance(best, Fault):
            return self._fail(contestant, self.seeds[0], best)
        settings, first = best
        said = self._add(contestant, settings, first, seed=self.seeds[0])
        for seed in self.seeds[1:]:
            answer = self._run(contestant, settings, f"seed-{seed}", seed=seed, ask=("test",))
            if isinstance(answer, Fault):
                said = self._fail(contestant, seed, answer)
            else:
                self._add(contestant, settings, answer, seed=seed)
        return said

    def _search(self, contestant: Contestant) -> tuple[Mapping[str, Any], Answer] | Fault:
        """The settings with the best validation value, the first of equals, and what they answered."""
        tried = draws(
            contestant.space, self.trials, name=contestant.name, seed=self.seeds[0], fixed=contestant.settings
        )
        searching = len(tried) > 1
        ask: tuple[Part, ...] = ("validation", "test") if searching else ("test",)
        trials: list[Trial] = []
        fault: Fault | None = None
        best: tuple[float, int, Answer] | None = None
        for n, settings in enumerate(tried):
            found = self._run(contestant, settings, f"trial-{n}", seed=self.seeds[0], ask=ask)
            if isinstance(found, Fault):
                fault = fault or found
                trials.append(Trial(settings=settings, validation=None, wall_seconds=found.wall_seconds))
                if found.status == "not installed":
                    break
                continue
            value = self._validation(found) if searching else 0.0
            trials.append(Trial(settings=settings, validation=value, wall_seconds=found.ended.wall_seconds))
            if best is None or value > best[0]:
                best = value, n, found
        if best is None:
            return fault or Fault(status="failed", message="No trial was run.")
        _, chosen, answer = best
        if searching:
            self.searches.append(Search(model=contestant.name, metric=self.metric, trials=tuple(trials), chosen=chosen))
        return tried[chosen], answer

    def _run(
        self, contestant: Contestant, settings: Mapping[str, Any], what: str, *, seed: int, ask: tuple[Part, ...]
    ) -> Answer | Fault:
        folder = self.folder / "runs" / contestant.name.replace(":", "-") / what
        return run(contestant, settings, folder, seed=seed, ask=ask, conditions=self.conditions)

    def _validation(self, answer: Answer) -> float:
        """NDCG at the largest k of the validation cases, history excluded where the lists allow it."""
        cases, k = self.split.validation, self.ks[-1]
        ranked = rank_lists(answer.lists["validation"], cases, self.split.train, k=k, exclude_history=True)
        return float(ndcg_at(ranked.ranks, cases.target_indptr, k).mean())

    def _add(self, contestant: Contestant, settings: Mapping[str, Any], answer: Answer, *, seed: int) -> str:
        outcome, headline = answer.outcome, ""
        for exclude in outcome.variants:
            ranked = rank_lists(
                answer.lists["test"], self.split.test, self.split.train, k=self.ks[-1], exclude_history=exclude
            )
            found = list_values(ranked.ranks, ranked.lists, self.split, ks=self.ks, similarity=self.similarity)
            metrics, intervals = means_and_intervals(found)
            self.values[contestant.name, seed, exclude] = found
            headline = headline or f"{title(self.metric)} {mean_metrics(found)[self.metric]:.4f}"
            cut = ("Training was cut short by the time limit",) if outcome.facts.get("cut_short") else ()
            self.results.append(
                ContestantResult(
                    model=contestant.name,
                    source=contestant.source,
                    version=outcome.version,
                    exclude_history=exclude,
                    seed=seed,
                    metrics=metrics,
                    intervals=intervals,
                    fit_seconds=round(outcome.fit_seconds, 3),
                    score_seconds=round(outcome.score_seconds, 3),
                    wall_seconds=round(answer.ended.wall_seconds, 3),
                    cpu_seconds=round(answer.ended.cpu_seconds, 3),
                    peak_rss_mb=None if answer.peak_rss_mb is None else round(answer.peak_rss_mb, 1),
                    settings=settings,
                    facts=outcome.facts,
                    notes=(*ranked.notes, *cut),
                )
            )
        return f"{headline}, {answer.ended.wall_seconds:,.1f} s"

    def _fail(self, contestant: Contestant, seed: int, fault: Fault) -> str:
        self.failures.append(
            Failure(
                model=contestant.name,
                source=contestant.source,
                seed=seed,
                status=fault.status,
                message=fault.message,
                last_lines=fault.last_lines,
                wall_seconds=round(fault.wall_seconds, 3),
            )
        )
        return f"{fault.status}: {fault.message}"

    def whole(self) -> Sequence[str]:
        """The models with a result of every seed, in the order they were run."""
        models = dict.fromkeys(result.model for result in self.results)
        return [m for m in models if all(any(r.model == m and r.seed == s for r in self.results) for s in self.seeds)]
