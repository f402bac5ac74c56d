"""Named rules over a dataset's description, each with a limit and what to do. A check can block on any of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.data.describe import Description
from penchant.errors import QualityError

ANY = "any"
"""Names all rules together in `--fail-on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Fails where the value is above the limit (or below it, where `at_least`)."""

    name: str
    counts: str
    """What the value counts, in words."""
    value: Callable[[Description], float | None]
    """None: it does not arise (a share of ratings where there are none)."""
    limit: float
    at_least: bool = False
    share: bool = True
    """The value is a share, shown in per cent."""
    hint: str = ""
    detail: Callable[[Description], str] = lambda _: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found in one dataset."""

    rule: str
    holds: bool
    value: float | None
    limit: float
    counts: str
    """What the value counts."""
    found: str
    """The value as a person reads it, with the names of what was found."""
    expected: str
    hint: str
    """What to do; empty where the rule holds."""

    @property
    def message(self) -> str:
        """The finding in one line."""
        return f"{self.rule}: {self.counts}: {self.found}; expected {self.expected}"

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def _leaks(kind: str) -> tuple[Callable[[Description], float], Callable[[Description], str]]:
    def names(description: Description) -> list[str]:
        return [f"{leak.table}.{leak.column}" for leak in description.leaks if leak.kind == kind]

    return (lambda description: float(len(names(description)))), (lambda description: ", ".join(names(description)))


def _emptiest(description: Description) -> tuple[float, str]:
    columns = [
        (share, f"{table}.{column}")
        for table, shares in description.missing.items()
        for column, share in shares.items()
        if not (table == "events" and column in {"value", "text", "item_id"})
    ]
    return max(columns, default=(0.0, ""))


def _dropped(description: Description) -> float:
    return description.rules.get("exact_duplicate", 0) / max(description.records, 1)


def _one_label(description: Description) -> float | None:
    labels = description.values.get("labels") or {}
    if len(labels) < 2:
        return None
    return float(max(labels.values()) / sum(labels.values()))


def _longest_gap(description: Description) -> float | None:
    if not description.days or "whole_log_longest" not in description.gaps:
        return None
    return description.gaps["whole_log_longest"] / description.days


def _rules() -> tuple[Rule, ...]:
    aggregates, related, tags, lookahead = (_leaks(k) for k in ("aggregate", "related_items", "tags", "lookahead"))
    drop = "Leave the columns out of what a model reads, or recompute them from the training part."
    return (
        Rule(
            name="few_events",
            counts="events to learn from",
            value=lambda d: float(d.counts["events"]),
            limit=10_000,
            at_least=True,
            share=False,
            hint="Tens of thousands of events are wanted; with fewer, popularity and content-based models do best.",
        ),
        Rule(
            name="few_users",
            counts="users with events",
            value=lambda d: float(d.counts["users_with_events"]),
            limit=100,
            at_least=True,
            share=False,
            hint="Collect more users before comparing models: figures of so few are mostly chance.",
        ),
        Rule(
            name="one_event_users",
            counts="users with a single event",
            value=lambda d: d.one_event_users,
            limit=0.5,
            hint="They cannot be evaluated by leaving their last event out; rank for them by popularity and content.",
        ),
        Rule(
            name="cold_items",
            counts="items without an event",
            value=lambda d: d.cold_items,
            limit=0.5,
            hint="Only their text can place them: see that titles and descriptions are there.",
        ),
        Rule(
            name="popularity_skew",
            counts="events on the most popular 1 % of the items",
            value=lambda d: d.top_share,
            limit=0.5,
            hint="Look at coverage and novelty beside accuracy; a popularity list will look good here.",
        ),
        Rule(
            name="missing_text",
            counts="items without title, text, categories and tags",
            value=lambda d: 1 - d.text_coverage.get("any", 0.0),
            limit=0.2,
            hint="Import an items file with titles: interests are named from the catalogue's words.",
        ),
        Rule(
            name="missing_values",
            counts="rows without a value in the emptiest column",
            value=lambda d: _emptiest(d)[0],
            limit=0.5,
            hint="Impute it on the training part (penchant.data.imputation), or leave it out.",
            detail=lambda d: _emptiest(d)[1],
        ),
        Rule(
            name="quarantined",
            counts="records of the source set aside as bad",
            value=lambda d: d.quarantined / max(d.records, 1),
            limit=0.01,
            hint="Read quarantine/: each row has its line, column and reason. Mend the source and import again.",
        ),
        Rule(
            name="duplicates",
            counts="records that were exact duplicates",
            value=_dropped,
            limit=0.05,
            hint="They were dropped. Find out why the export writes rows twice.",
        ),
        Rule(
            name="repeated_pairs",
            counts="events that meet an item again",
            value=lambda d: d.repeated_pairs,
            limit=0.5,
            hint="Evaluate with and without the history in the ranking: repeats are easy to foresee.",
        ),
        Rule(
            name="tied_last_events",
            counts="users with several items at their last time",
            value=lambda d: d.tied_last_events,
            limit=0.2,
            hint="Which of them is last is the file's order, not the user's. Leave-one-out figures depend on it.",
        ),
        Rule(
            name="time_gaps",
            counts="of the time span in the longest gap without any event",
            value=_longest_gap,
            limit=0.2,
            hint="Part of the log may be missing. Import that part, or cut the data at the gap.",
        ),
        Rule(
            name="future_times",
            counts="events in the future",
            value=lambda d: float(d.future_events) if d.days is not None else None,
            limit=0,
            share=False,
            hint="Check the unit and the time zone of the time column (--time-format).",
        ),
        Rule(
            name="label_balance",
            counts="ratings that are the most frequent one",
            value=_one_label,
            limit=0.8,
            hint="A classifier that always says it looks good: report macro-averaged figures.",
        ),
        Rule(
            name="leak_aggregates",
            counts="attributes that are figures over everybody and all time",
            value=aggregates[0],
            limit=0,
            share=False,
            hint=drop,
            detail=aggregates[1],
        ),
        Rule(
            name="leak_related_items",
            counts="lists of related items made from what everybody did",
            value=related[0],
            limit=0,
            share=False,
            hint="Using these links in a sequential test leaks the future; leave them out.",
            detail=related[1],
        ),
        Rule(
            name="leak_tags",
            counts="columns of tags that users may have given",
            value=tags[0],
            limit=0,
            share=False,
            hint="Where users gave them, build them from the training part's tag events only.",
            detail=tags[1],
        ),
        Rule(
            name="leak_lookahead",
            counts="attributes known only at the end of the data",
            value=lookahead[0],
            limit=0,
            share=False,
            hint=drop,
            detail=lookahead[1],
        ),
    )


RULES: Mapping[str, Rule] = {rule.name: rule for rule in _rules()}


def check_quality(description: Description, *, limits: Mapping[str, float] | None = None) -> list[Finding]:
    """What every rule found, in the order of `RULES`; `limits` replace rules' own.

    Raises `QualityError` where they name a rule that does not exist.
    """
    known(limits or {})
    findings = []
    for rule in RULES.values():
        limit, value = (limits or {}).get(rule.name, rule.limit), rule.value(description)
        holds = value is None or (value >= limit if rule.at_least else value <= limit)
        detail = rule.detail(description)
        bound = "none" if limit == 0 else f"{'at least' if rule.at_least else 'at most'} {_shown(rule, limit)}"
        findings.append(
            Finding(
                rule=rule.name,
                holds=holds,
                value=value,
                limit=limit,
                counts=rule.counts,
                found="–" if value is None else _shown(rule, value) + (f" ({detail})" if detail else ""),
                expected=bound,
                hint="" if holds else rule.hint,
            )
        )
    return findings


def known(names: Sequence[str] | Mapping[str, Any]) -> None:
    """Raise `QualityError` for a rule that does not exist."""
    wrong = [name for name in names if name not in RULES and name != ANY]
    if wrong:
        raise QualityError(
            f"No quality rule is called {', '.join(map(repr, wrong))}.", hint=f"Rules: {', '.join(RULES)}, or any."
        )


def block(findings: Sequence[Finding], rules: Sequence[str]) -> None:
    """Raise `QualityError` where one of `rules` does not hold: what was found, and what to do."""
    known(rules)
    failed = [finding for finding in findings if not finding.holds and (finding.rule in rules or ANY in rules)]
    if failed:
        raise QualityError(
            " ".join(f"{finding.message}." for finding in failed),
            hint=" ".join(dict.fromkeys(finding.hint for finding in failed)),
        )


def _shown(rule: Rule, value: float) -> str:
    return f"{value:.1%}" if rule.share else f"{value:,.0f}"
