"""The result, put together from what each split found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penchant.data.dataset import Dataset
from penchant.data.partition import cautions
from penchant.evaluation.bench import Bench, Costs
from penchant.evaluation.case_values import CaseValues, averaged, described, joined, mean_metrics
from penchant.evaluation.comparing import compare, summarise
from penchant.evaluation.measuring import environment
from penchant.evaluation.results import CurvePoint, EvaluationResult, ModelResult

Findings = dict[tuple[str, int], list[tuple[Costs, dict[bool, CaseValues]]]]
"""(model, seed) → for each split what it cost and, for each variant, what it was worth."""

COUNTED = ("train_events", "validation_cases", "test_cases")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecord:
    """What is remembered of a split once it has been used."""

    hash: str
    facts: Mapping[str, Any]
    asked: int
    """Test cases asked, after sampling."""
    similar_by: str
    """What diversity was measured by."""


def assemble(
    dataset: Dataset,
    protocol: str,
    bench: Bench,
    findings: Findings,
    records: Sequence[SplitRecord],
    *,
    curve: tuple[CurvePoint, ...],
    seeds: Sequence[int],
    sample_users: int | None,
) -> EvaluationResult:
    """Join the splits, average, compare."""
    whole = {
        (model, seed, variant): joined([values[variant] for _, values in parts])
        for variant in bench.exclude
        for (model, seed), parts in findings.items()
    }
    results = tuple(
        ModelResult(
            model=model,
            exclude_history=variant,
            seed=seed,
            **_costs([costs for costs, _ in findings[model, seed]]),
            **described(found, ks=bench.ks),
            folds=_folds([values[variant] for _, values in findings[model, seed]]),
            settings=dict(bench.settings.get(model, {})),
        )
        for (model, seed, variant), found in whole.items()
    )
    models = tuple(dict.fromkeys(model for model, _ in findings))
    over_seeds = {
        (model, variant): averaged([whole[model, seed, variant] for seed in seeds])
        for model in models
        for variant in bench.exclude
    }
    return EvaluationResult(
        dataset={
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "users": dataset.n_users,
            "items": dataset.n_items,
            "events": len(dataset.events),
        },
        protocol={
            "name": protocol,
            "k": list(bench.ks),
            "ranking": "full: every item of the catalogue",
            "exclude_history": list(bench.exclude),
            "seeds": list(seeds),
            "sample_users": sample_users,
            "asked": sum(record.asked for record in records),
            "fitted_on_validation": False,
            "text": bench.text,
            "diversity_by": records[0].similar_by,
            "peak_rss_is": next(iter(findings.values()))[0][0].peak_is,
            "split_hash": records[0].hash if len(records) == 1 else [record.hash for record in records],
            **_facts(records),
        },
        results=results,
        summaries=summarise(results, over_seeds),
        comparisons=tuple(
            comparison
            for variant in bench.exclude
            for comparison in compare(
                {model: over_seeds[model, variant] for model in models}, ks=bench.ks, exclude_history=variant
            )
        ),
        learning_curve=curve,
        environment=environment(),
        notes=tuple(_notes(records, findings, sample_users)),
    )


def _costs(parts: Sequence[Costs]) -> dict[str, Any]:
    """Of several splits: seconds add up, the peak is the highest."""
    return {
        "fit_seconds": round(sum(part.fit_seconds for part in parts), 3),
        "score_seconds": round(sum(part.score_seconds for part in parts), 3),
        "peak_rss_mb": round(max(part.peak_mb for part in parts), 1),
    }


def _folds(parts: Sequence[CaseValues]) -> tuple[dict[str, float], ...]:
    return tuple(mean_metrics(part) for part in parts) if len(parts) > 1 else ()


def _facts(records: Sequence[SplitRecord]) -> dict[str, Any]:
    """The split's facts; over several splits the counts add up to a list and the number of the fold goes."""
    facts = dict(records[0].facts)
    if len(records) > 1:
        facts.pop("fold", None)
        facts |= {name: [record.facts[name] for record in records] for name in COUNTED}
    return facts


def _notes(records: Sequence[SplitRecord], findings: Findings, sample_users: int | None) -> list[str]:
    facts = records[0].facts
    notes = cautions(facts)
    if facts.get("time_respected") is False:
        notes.append("Training holds events later than some test events of the same user (later events are kept).")
    resumed = sorted({model for (model, _), parts in findings.items() if any(costs.resumed for costs, _ in parts)})
    if resumed:
        notes.append(
            f"The training of {', '.join(resumed)} was stopped and went on: its fit seconds are those up to the states "
            "kept and those since."
        )
    if sample_users is not None:
        notes.append(f"A sample of {sample_users:,} users was asked.")
    return notes
