"""Records to table rows and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from penchant.records import Decision, Edit, Event, Exploring, LoggedSlot, Reason, RecommendedItem, Slate

EVENT_COLUMNS = ("event_id", "user_id", "item_id", "event_type", "timestamp", "value", "text", "slate_id")
EDIT_COLUMNS = ("edit_id", "user_id", "action", "concept_id", "event_id", "text", "undoes", "strength", "edited_at")
_SLATE_COLUMNS = ("slate_id", "user_id", "generated_at", "bundle", "policy", "cold", "note")
_EXPLORED_COLUMNS = ("concept_id", "concept", "text")
_ITEM_COLUMNS = (
    "item_id",
    "title",
    "rank",
    "score",
    "explored",
    "propensity",
    "other",
    "residual",
    "probability",
    "rerank_adjustment",
)


def event_row(event: Event) -> dict[str, Any]:
    """An event's columns, without its place in the log."""
    return {name: getattr(event, name) for name in EVENT_COLUMNS}


def event_of(row: Mapping[str, Any]) -> Event:
    """The event of a row."""
    return Event(**{name: row[name] for name in EVENT_COLUMNS})


def edit_row(edit: Edit) -> dict[str, Any]:
    """An edit's columns, without its place in the log."""
    return {name: getattr(edit, name) for name in EDIT_COLUMNS}


def edit_of(row: Mapping[str, Any]) -> Edit:
    """The edit of a row, also of one from before edits could name anything but a concept."""
    return Edit(**{name: row[name] for name in EDIT_COLUMNS if name in row})


def slate_row(slate: Slate) -> dict[str, Any]:
    """A slate's own columns."""
    row = {name: getattr(slate, name) for name in _SLATE_COLUMNS}
    return {**row, "timings_ms": _json(slate.timings_ms)}


def item_rows(slate: Slate) -> list[dict[str, Any]]:
    """The rows of a slate's items, in the order they were served."""
    return [
        {
            **{name: getattr(item, name) for name in _ITEM_COLUMNS},
            "slate_id": slate.slate_id,
            "position": position,
            "reasons": _json(item.reasons),
        }
        for position, item in enumerate(slate.items)
    ]


def explored_rows(slate: Slate) -> list[dict[str, Any]]:
    """A row for each explored item of a slate: what it tries."""
    tried = [(position, item.exploring) for position, item in enumerate(slate.items)]
    return [
        {"slate_id": slate.slate_id, "position": position, **{name: getattr(what, name) for name in _EXPLORED_COLUMNS}}
        for position, what in tried
        if what is not None
    ]


def decision_row(decision: Decision, share: float) -> dict[str, Any]:
    """A decision's columns."""
    named = {name: getattr(decision, name) for name in ("slate_id", "user_id", "decided_at", "request_id")}
    return {**named, "exploration_share": share, "decision": _json(decision)}


def decision_of(row: Mapping[str, Any]) -> Decision:
    """The decision of a row."""
    told: dict[str, Any] = orjson.loads(row["decision"])
    listed: dict[str, Any] = {name: tuple(told.pop(name)) for name in ("eligible", "scores", "variances", "looks")}
    slots = tuple(LoggedSlot(**slot) for slot in told.pop("slots"))
    return Decision(**told, **listed, slots=slots)


def slate_of(
    row: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    explored: Sequence[Mapping[str, Any]],
    *,
    decided: Mapping[str, Any] | None,
) -> Slate:
    """The slate of its row, its items' rows in order, those of what it explored, and that of its decision."""
    own = {name: row[name] for name in _SLATE_COLUMNS}
    tried = {what["position"]: Exploring(**{name: what[name] for name in _EXPLORED_COLUMNS}) for what in explored}
    arm = None if decided is None else decision_of(decided).context.get("arm")
    return Slate(
        **own,
        timings_ms=orjson.loads(row["timings_ms"]),
        items=tuple(_item_of(item, tried.get(item["position"])) for item in items),
        exploration_share=0.0 if decided is None else decided["exploration_share"],
        arm=None if arm is None else str(arm),
    )


def _item_of(row: Mapping[str, Any], exploring: Exploring | None) -> RecommendedItem:
    reasons = tuple(
        Reason(**{**reason, "evidence": tuple(reason["evidence"])}) for reason in orjson.loads(row["reasons"])
    )
    return RecommendedItem(**{name: row[name] for name in _ITEM_COLUMNS}, reasons=reasons, exploring=exploring)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
