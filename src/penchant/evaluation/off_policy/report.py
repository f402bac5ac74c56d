"""An off-policy evaluation as records for JSON, and as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from penchant.evaluation.drawing import Bar, Line, bars, lines
from penchant.evaluation.off_policy.estimates import Estimate
from penchant.evaluation.off_policy.evaluating import PolicyValue
from penchant.evaluation.report import plain
from penchant.feedback.attribution import AttributionReport

POINTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyReport:
    """What `penchant ope` found; its fields are the names in the JSON."""

    log: Mapping[str, Any]
    """``file``, ``lines``, ``decisions``, ``events``, ``other``, ``blank``, and ``quarantined`` by reason"""
    attribution: AttributionReport
    settings: Mapping[str, Any]
    """Window, rewards, level, seed"""
    value: PolicyValue
    environment: Mapping[str, Any]


def write_report(report: OffPolicyReport, path: Path) -> None:
    """Write the HTML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(report), encoding="utf-8")


def render_report(report: OffPolicyReport) -> str:
    """The report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("penchant.evaluation.off_policy", "."),
                jinja2.PackageLoader("penchant.evaluation", "."),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["value"] = shown
    environment.filters["span"] = span
    value = report.value
    parts = [
        ("All places of a slate", "Sum of the rewards of all places.", value.all_places, value.logged),
        (
            "The first place",
            "The reward of the first place alone, as a single choice.",
            value.first_place,
            value.first_logged,
        ),
    ]
    return environment.get_template("report.html.j2").render(
        report=report,
        value=value,
        parts=[
            {"name": name, "what": what, "estimates": found, "logged": logged, "chart": _bars(found, logged, name)}
            for name, what, found, logged in parts
            if found
        ],
        weights=_weights(value.weights),
        settings=plain(report.settings),
        environment=plain(report.environment),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def shown(number: float | None) -> str:
    """A number of a report; a dash for none."""
    return "–" if number is None else f"{number:,.4g}"


def span(interval: Sequence[float] | None) -> str:
    """An interval of a report."""
    return "–" if interval is None else f"{interval[0]:,.4g} to {interval[1]:,.4g}"


def _bars(estimates: Sequence[Estimate], logged: Estimate, name: str) -> str:
    """Bars from 0: what is below is drawn at 0, its number is in the table."""
    rows = []
    for series, one in enumerate((logged, *(found for found in estimates if found.value is not None))):
        low, high = one.intervals["bootstrap"]
        middle, low, high = (max(0.0, float(np.nan_to_num(end))) for end in (one.value or 0.0, low, high))
        rows.append(Bar(one.estimator, middle, low, high, series=min(series, 1)))
    return bars(rows, title=f"Value under the policy, {name.lower()}")


def _weights(weights: Sequence[float]) -> str:
    """The share of all weight that the heaviest share of slates carries."""
    total = sum(weights)
    if not total:
        return ""
    shares = np.cumsum(np.array(weights)) / total
    places = np.unique(np.linspace(0, len(shares) - 1, min(POINTS, len(shares))).astype(int))
    x = [0.0, *((place + 1) / len(shares) for place in places)]
    y = [0.0, *(float(shares[place]) for place in places)]
    return lines(
        [Line("weights of whole slates", x, y, series=0)],
        title="Who carries the estimate",
        x_label="share of slates, the heaviest first",
        y_label="share of all weight",
        diagonal=True,
    )
