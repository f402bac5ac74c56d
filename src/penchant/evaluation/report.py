"""The evaluation as one HTML file that needs nothing else: charts, tables, and how it was measured."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from penchant.evaluation.bands import Band
from penchant.evaluation.drawing import Bar, Line, bars, lines, steps
from penchant.evaluation.results import EvaluationResult, ModelResult, Summary
from penchant.metrics.names import BEYOND_ACCURACY, shown, title


def write_report(result: EvaluationResult, path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(result), encoding="utf-8")


def render_report(result: EvaluationResult) -> str:
    """The report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("penchant.evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"metric": title, "number": shown}
    models = list(dict.fromkeys(one.model for one in result.results))
    return environment.get_template("report.html.j2").render(
        result=result,
        k=max(result.protocol["k"]),
        models=models,
        variants=[_variant(result, models, exclude) for exclude in result.protocol["exclude_history"]],
        curve=_learning_curve(result, models),
        facts=plain(result.protocol),
        environment=plain(result.environment),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _variant(result: EvaluationResult, models: Sequence[str], exclude: bool) -> dict[str, Any]:
    """What the page shows with the history excluded, or included."""
    k = max(result.protocol["k"])
    top = max(one.intervals[f"ndcg@{k}"][1] for one in result.summaries)
    summaries = [one for one in result.summaries if one.exclude_history == exclude]
    firsts = [result.of(model, exclude_history=exclude) for model in models]
    name = "History excluded from the ranking" if exclude else "History included in the ranking"
    return {
        "name": name,
        "bars": bars(_bars(summaries, models, f"ndcg@{k}"), title=f"NDCG@{k}, {name.lower()}", top=top),
        "metrics": list(summaries[0].mean),
        "summaries": summaries,
        "best": _best(summaries),
        "costs": {model: _cost(result, model, exclude) for model in models},
        "comparisons": [c for c in result.comparisons if (c.exclude_history, c.metric) == (exclude, f"ndcg@{k}")],
        "roc": _roc(firsts, name),
        "history": _bands([(one.model, one.by_history_length) for one in firsts], f"ndcg@{k}", "events in the history"),
        "popularity": _bands(
            [(one.model, one.by_item_popularity) for one in firsts], f"ndcg@{k}", "how often the item was in training"
        ),
        "folds": [(one.model, [fold[f"ndcg@{k}"] for fold in one.folds]) for one in firsts if one.folds],
    }


def _bars(summaries: Sequence[Summary], models: Sequence[str], metric: str) -> list[Bar]:
    ordered = sorted(summaries, key=lambda one: -one.mean[metric])
    return [Bar(s.model, s.mean[metric], *s.intervals[metric], series=models.index(s.model)) for s in ordered]


def _best(summaries: Sequence[Summary]) -> Mapping[str, float]:
    names = [name for name in summaries[0].mean if not name.startswith(BEYOND_ACCURACY)]
    return {name: max(one.mean[name] for one in summaries) for name in names} if len(summaries) > 1 else {}


def _cost(result: EvaluationResult, model: str, exclude: bool) -> dict[str, float]:
    runs = [one for one in result.results if (one.model, one.exclude_history) == (model, exclude)]
    return {
        "fit": sum(run.fit_seconds for run in runs) / len(runs),
        "score": sum(run.score_seconds for run in runs) / len(runs),
        "peak": max(run.peak_rss_mb for run in runs),
    }


def _roc(firsts: Sequence[ModelResult], name: str) -> str:
    curves = [
        Line(
            f"{one.model}: area {one.metrics['auc']:.4f}",
            one.roc["false_positive_rate"],
            one.roc["true_positive_rate"],
            series=n,
        )
        for n, one in enumerate(firsts)
    ]
    return lines(
        curves,
        title=f"ROC curves, {name.lower()}",
        x_label="share of other items ranked above",
        y_label="share of targets found",
        diagonal=True,
    )


def _bands(models: Sequence[tuple[str, Sequence[Band]]], metric: str, x_label: str) -> dict[str, Any]:
    bands = models[0][1]
    series = [
        Line(model, list(map(float, range(len(found)))), [band.metrics[metric] for band in found], series=n)
        for n, (model, found) in enumerate(models)
    ]
    labels = [band.band for band in bands]
    chart = steps(series, labels, title=f"{title(metric)} by {x_label}", x_label=x_label, y_label=title(metric))
    rows = [(model, [band.metrics[metric] for band in found]) for model, found in models]
    return {"chart": chart, "bands": bands, "rows": rows}


def _learning_curve(result: EvaluationResult, models: Sequence[str]) -> str | None:
    if not result.learning_curve:
        return None
    metric = f"ndcg@{max(result.protocol['k'])}"
    first = result.learning_curve[0].exclude_history
    points = {
        model: [p for p in result.learning_curve if (p.model, p.exclude_history) == (model, first)] for model in models
    }
    series = [
        Line(model, [float(p.train_events) for p in found], [p.metrics[metric] for p in found], series=n)
        for n, (model, found) in enumerate(points.items())
    ]
    return lines(series, title="Learning curve", x_label="training events", y_label=title(metric), points=True)


def plain(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts as pairs of texts."""
    return [
        (name.replace("_", " "), ", ".join(map(_text, value)) if isinstance(value, list | tuple) else _text(value))
        for name, value in facts.items()
    ]


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:,}" if isinstance(value, int) and abs(value) < 10**12 else str(value)
