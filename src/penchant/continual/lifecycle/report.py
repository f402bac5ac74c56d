"""What a run came to: for each stage, what it was before and what it is after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.artifacts import write_json
from penchant.continual.lifecycle.ranking import OWN
from penchant.continual.lifecycle.work import Work

JSON, TEXT = "report.json", "report.md"
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """A figure of a stage."""

    stage: str
    what: str
    before: float | None
    """None where there was nothing before"""
    after: float
    lower_is_better: bool = False
    note: str = ""

    @property
    def better(self) -> bool:
        """Whether it is better than before."""
        return self.before is not None and (
            self.after < self.before if self.lower_is_better else self.after > self.before
        )


def rows_of(told: Mapping[str, Told]) -> list[ReportRow]:
    """The rows of all stages that were done, in their order."""
    found = {"pretrain": _pretrain, "finetune": _finetune, "profile": _profile, "rank": _rank}
    found |= {"feedback": _feedback, "update": _update}
    return [row for stage, rows in found.items() if stage in told for row in rows(told[stage])]


def write_report(work: Work) -> dict[str, Any]:
    """The report as a table to read and as JSON with all that every stage told."""
    rows = rows_of(work.told)
    write_json(work.place / JSON, {"rows": [asdict(row) for row in rows], "stages": dict(work.told)})
    (work.place / TEXT).write_text(markdown(work.told, rows), encoding="utf-8")
    return {"report": TEXT}


def markdown(told: Mapping[str, Told], rows: Sequence[ReportRow]) -> str:
    """The report as a page."""
    data = told["data"]
    lines = [
        f"# A run on {data['name']}",
        "",
        f"{data['users']:,} users, {data['items']:,} items; learned from {data['past_events']:,} events, "
        f"{data['later_events']:,} kept for later.",
        "",
        "| stage | what | before | after | |",
        "|---|---|---:|---:|---|",
        *(f"| {row.stage} | {row.what} | {figure(row.before)} | {figure(row.after)} | {row.note} |" for row in rows),
        "",
    ]
    if "update" in told:
        lines += [f"{verdict(told['update'])}", ""]
    for user_id, interests in told.get("profile", {}).get("profiles", {}).items():
        lines += [f"## User {user_id}", "", *(f"- {one}" for one in interests), ""]
    return "\n".join(lines)


def verdict(told: Told) -> str:
    """What the update came to, in a sentence."""
    return f"{'The new version stands' if told['wins'] else 'The old version stays'}: {told['reason']}."


def figure(value: float | None) -> str:
    """A number as tables show it."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.4f}"


def _pretrain(told: Told) -> Iterator[ReportRow]:
    for one in told["objectives"]:
        for name, lower in (("loss", True), ("accuracy", False), ("nearest", False)):
            if name in one["after"]:
                yield ReportRow(
                    stage="pretrain",
                    what=f"{one['name']} {name}",
                    before=one["before"].get(name),
                    after=one["after"][name],
                    lower_is_better=lower,
                    note="held-out texts",
                )
    before, after = told["retrieval"]["before"] or {}, told["retrieval"]["after"] or {}
    for name in ("recall@10", "mrr"):
        if name in after:
            yield ReportRow(
                stage="pretrain",
                what=f"next item by text, {name}",
                before=before.get(name),
                after=after[name],
                note="held-out users",
            )


def _finetune(told: Told) -> Iterator[ReportRow]:
    for kind, after in told["after"].items():
        yield ReportRow(
            stage="finetune",
            what=f"items by text, NDCG@10, {kind} items",
            before=told["before"][kind],
            after=after,
            note=f"{told['trained']:,} of {told['total']:,} weights",
        )


def _profile(told: Told) -> Iterator[ReportRow]:
    yield ReportRow(stage="profile", what="concepts with names", before=None, after=told["concepts"])
    yield ReportRow(stage="profile", what="item space that they explain", before=None, after=told["explained"])


def _rank(told: Told) -> Iterator[ReportRow]:
    own = told["models"][OWN]
    low, high = own["interval"]
    for name, other in told["models"].items():
        if name != OWN:
            yield ReportRow(
                stage="rank",
                what=f"NDCG@{told['k']}, {name} → {OWN}",
                before=other["ndcg"],
                after=own["ndcg"],
                note=f"{low:.4f} to {high:.4f}, p {other['p']:.3f}",
            )


def _feedback(told: Told) -> Iterator[ReportRow]:
    served, explored, best = told["served"], told["explored"], told["held_best"]
    if served["places"]:
        yield ReportRow(
            stage="explore",
            what="share of places that find out",
            before=0.0,
            after=explored["places"] / served["places"],
            note=f"{explored['places']:,} of {served['places']:,}",
        )
    for what, other, part in (
        ("taken later of a place, held best → as served", best, served),
        ("taken later of a place, held best → explored", best, explored),
    ):
        if part["places"] and other["places"]:
            yield ReportRow(
                stage="feedback",
                what=what,
                before=other["taken"] / other["places"],
                after=part["taken"] / part["places"],
                note=f"{part['taken']:,} of {part['places']:,}",
            )


def _update(told: Told) -> Iterator[ReportRow]:
    found = told.get("verdict")
    if not found:
        return
    new = found["new"]
    for name, cases, note in (
        ("new", new["cases"], f"{new['low']:+.4f} to {new['high']:+.4f}"),
        ("old", found["old_cases"], ""),
    ):
        if cases:
            yield ReportRow(
                stage="update",
                what=f"NDCG@{told['gate']['k']} of {name} events",
                before=found[f"champion_{name}"],
                after=found[f"challenger_{name}"],
                note=f"{note} {cases:,} cases".strip(),
            )
