"""The comparison as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from penchant.evaluation.drawing import Bar, bars
from penchant.evaluation.peers.results import ContestantResult, PeerComparison
from penchant.evaluation.report import plain
from penchant.evaluation.results import Summary
from penchant.metrics.names import BEYOND_ACCURACY, shown, title

OURS, THEIRS = 0, 1


def write_comparison_report(result: PeerComparison, path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_comparison_report(result), encoding="utf-8")


def render_comparison_report(result: PeerComparison) -> str:
    """The report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("penchant.evaluation.peers", "."), jinja2.PackageLoader("penchant.evaluation", ".")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"metric": title, "number": shown, "settings": _settings}
    k = max(result.protocol["k"])
    variants = [exclude for exclude in (True, False) if any(s.exclude_history == exclude for s in result.summaries)]
    return environment.get_template("comparison.html.j2").render(
        result=result,
        k=k,
        metrics=[f"{name}@{k}" for name in ("ndcg", "recall", "mrr", "coverage")],
        variants=[_variant(result, exclude, k) for exclude in variants],
        settings=[_described(result, model) for model in dict.fromkeys(one.model for one in result.results)],
        facts=plain(result.protocol),
        environment=plain(result.environment),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _variant(result: PeerComparison, exclude: bool, k: int) -> dict[str, Any]:
    metric = f"ndcg@{k}"
    summaries = sorted(
        (one for one in result.summaries if one.exclude_history == exclude), key=lambda one: -one.mean[metric]
    )
    name = "History excluded from the ranking" if exclude else "History included in the ranking"
    runs = {
        one.model: [r for r in result.results if (r.model, r.exclude_history) == (one.model, exclude)]
        for one in summaries
    }
    drawn = [
        Bar(one.model, one.mean[metric], *one.intervals[metric], series=OURS if _ours(runs[one.model]) else THEIRS)
        for one in summaries
    ]
    return {
        "name": name,
        "bars": bars(drawn, title=f"NDCG@{k}, {name.lower()}"),
        "rows": [
            {"summary": one, "ours": _ours(runs[one.model]), "costs": mean_costs(runs[one.model])} for one in summaries
        ],
        "best": _best(summaries),
        "comparisons": [c for c in result.comparisons if (c.exclude_history, c.metric) == (exclude, metric)],
    }


def mean_costs(runs: Sequence[ContestantResult]) -> list[str]:
    """Seconds of fit, lists, wall and processor, means over seeds; of memory the highest, in MiB."""
    columns = (
        [run.fit_seconds for run in runs],
        [run.score_seconds for run in runs],
        [run.wall_seconds for run in runs],
        [run.cpu_seconds for run in runs],
    )
    peaks = [run.peak_rss_mb for run in runs if run.peak_rss_mb is not None]
    return [*(f"{sum(one) / len(one):,.1f}" for one in columns), f"{max(peaks):,.0f}" if peaks else "–"]


def _ours(runs: Sequence[ContestantResult]) -> bool:
    return runs[0].source == "penchant"


def _best(summaries: Sequence[Summary]) -> Mapping[str, float]:
    names = [name for name in summaries[0].mean if not name.startswith(BEYOND_ACCURACY)]
    return {name: max(one.mean[name] for one in summaries) for name in names}


def _described(result: PeerComparison, model: str) -> dict[str, str]:
    runs = [one for one in result.results if one.model == model]
    facts = {name: value for name, value in runs[0].facts.items() if not isinstance(value, list)}
    return {
        "model": model,
        "version": runs[0].version,
        "settings": _settings(runs[0].settings),
        "facts": ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()),
        "notes": "; ".join(dict.fromkeys(note for run in runs for note in run.notes)),
    }


def _settings(settings: Mapping[str, Any]) -> str:
    """Settings in one line, tables with a point."""
    parts = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            parts += [f"{name}.{inner}" for inner in _settings(value).split(", ")]
        else:
            parts.append(f"{name} = {value}")
    return ", ".join(parts) or "none"
