"""What `penchant update` prints."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

COUNTED = {
    "events": "new events",
    "users": "new users",
    "items": "new items",
    "repeated": "known already",
    "forgotten": "forgotten by their users",
    "refused": "refused",
}


def update_view(told: Mapping[str, Any]) -> str:
    """What came, what the gate said, and what stands now."""
    lines = []
    if new := told.get("new"):
        parts = [f"{new[name]:,} {words}" for name, words in COUNTED.items() if new[name] or name == "events"]
        if new["event_types"]:
            parts.append(f"new event types: {', '.join(new['event_types'])}")
        lines.append(", ".join(parts))
    if verdict := told.get("verdict"):
        bound = verdict["new"]
        lines.append(
            f"new period: {verdict['champion_new']:.4f} → {verdict['challenger_new']:.4f} "
            f"({bound['value']:+.4f}, from {bound['low']:+.4f} to {bound['high']:+.4f}, {bound['cases']:,} cases)"
        )
        lines.append(
            f"old period: {verdict['champion_old']:.4f} → {verdict['challenger_old']:.4f} "
            f"(backward transfer {verdict['backward_transfer']:+.4f}, {verdict['old_cases']:,} cases)"
        )
        lines.append(_decided(verdict))
    if told["wins"]:
        lines.append(f"[bold]It wins[/bold]: {told['reason']}.")
        lines.append(
            f"[bold]{told['stands']}[/bold] stands. Back with: penchant rollback {told['bundle']}"
            if told["published"]
            else f"{told['stands']} stands: nothing was written. Publish with --publish."
        )
    else:
        stays = "" if told["reason"] == "nothing new to learn" else " keeps its place"
        lines.append(f"[bold]{told['stands']}[/bold]{stays}: {told['reason']}.")
    return "\n".join(lines)


def round_view(told: Mapping[str, Any]) -> str:
    """The same of a round of `penchant watch`: when it was, and why."""
    at = str(told["at"])[:19].replace("T", " ")
    due = f": {'; '.join(told['due'])}" if told.get("due") else ""
    if told.get("failed"):
        return f"{at}{due}\n[bold]It failed[/bold], and what stood stands: {escape(told['reason'])}"
    return f"{at}{due}\n{update_view(told)}"


def _decided(verdict: Mapping[str, Any]) -> str:
    if earned := verdict["logged"]:
        gain = earned["gain"]
        return (
            f"logged decisions decide: {earned['champion']:.4f} earned, {gain['value']:+.4f} "
            f"({gain['low']:+.4f} to {gain['high']:+.4f}, {gain['cases']:,} decisions of {earned['policy']}, "
            f"{earned['estimator']}; {earned['unsupported']:.1%} of the places would go to items not in the log)"
        )
    return f"held-out events decide: {escape(verdict['logged_refused'])}"
