"""The log as a bandit dataset with the field names of Open Bandit Pipeline, to and from files without pickle.

A round is a place of a slate: its propensity is conditional on the places before it, its position counts from 0, and
its action is the item's number in `item_ids`. Source: Saito, Aihara, Matsutani & Narita, "Open Bandit Dataset and
Pipeline", 2021.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant.errors import DataError, SourceError
from penchant.feedback.attribution import Rewarded
from penchant.types import DoubleArray, IntArray

FORMAT = 1
_ARRAYS = ("action", "position", "reward", "pscore", "context", "action_context")


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditFeedback:
    """N rounds in the words of Open Bandit Pipeline; `item_ids`, `slate_ids` and `user_ids` are ours besides."""

    n_rounds: int
    n_actions: int
    action: IntArray
    """(N,) in [0, n_actions)"""
    position: IntArray
    """(N,) from 0"""
    reward: DoubleArray
    """(N,)"""
    pscore: DoubleArray
    """(N,) p(item | places before)"""
    context: DoubleArray
    """(N, D); numbers as they are, each text of the context a column that is 1 where it held"""
    action_context: DoubleArray | None = None
    """(n_actions, F)"""
    context_names: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    slate_ids: tuple[str, ...] = ()
    """Of each round"""
    user_ids: tuple[str, ...] = ()
    """Of each round"""

    def fields(self) -> dict[str, Any]:
        """The dictionary that Open Bandit Pipeline's estimators and learners take."""
        found: dict[str, Any] = {"n_rounds": self.n_rounds, "n_actions": self.n_actions}
        return found | {name: getattr(self, name) for name in _ARRAYS}


def bandit_feedback(
    rewarded: Sequence[Rewarded], *, item_vectors: Mapping[str, Sequence[float]] | None = None
) -> BanditFeedback:
    """The places of decisions as rounds. Items are all that were eligible anywhere, in order of their ids.

    Raises `DataError` where there is no place, or `item_vectors` lacks an item.
    """
    places = [(one, place) for one in rewarded for place in range(len(one.decision.slots))]
    if not places:
        raise DataError("There is no decision with a place.", hint="Log decisions before exporting them.")
    items = tuple(sorted({item for one in rewarded for item in one.decision.eligible}))
    number = {item: n for n, item in enumerate(items)}
    names, contexts = context_columns([one.decision.context for one in rewarded])
    context_of = {id(one): row for one, row in zip(rewarded, contexts, strict=True)}
    slots = [one.decision.slots[place] for one, place in places]
    return BanditFeedback(
        n_rounds=len(places),
        n_actions=len(items),
        action=np.array([number[slot.item_id] for slot in slots], dtype=np.int64),
        position=np.array([place for _, place in places], dtype=np.int64),
        reward=np.array([one.rewards[place] for one, place in places], dtype=np.float64),
        pscore=np.array([slot.propensity for slot in slots], dtype=np.float64),
        context=np.stack([context_of[id(one)] for one, _ in places]),
        action_context=None if item_vectors is None else _vectors(items, item_vectors),
        context_names=names,
        item_ids=items,
        slate_ids=tuple(one.decision.slate_id for one, _ in places),
        user_ids=tuple(one.decision.user_id for one, _ in places),
    )


def context_columns(contexts: Sequence[Mapping[str, float | str]]) -> tuple[tuple[str, ...], DoubleArray]:
    """Contexts as numbers, (N, D), and the columns' names: ``hour`` for a number, ``device=phone`` for a text. A number
    that is missing is 0.
    """
    names = sorted(
        {f"{key}={value}" if isinstance(value, str) else key for one in contexts for key, value in one.items()}
    )
    column = {name: n for n, name in enumerate(names)}
    table = np.zeros((len(contexts), len(names)))
    for row, one in enumerate(contexts):
        for key, value in one.items():
            if isinstance(value, str):
                table[row, column[f"{key}={value}"]] = 1.0
            else:
                table[row, column[key]] = value
    return tuple(names), table


def save_feedback(feedback: BanditFeedback, path: Path) -> None:
    """Write ``path.npz`` (the arrays) and ``path.json`` (counts, names and ids)."""
    arrays = {name: getattr(feedback, name) for name in _ARRAYS if getattr(feedback, name) is not None}
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    rest = ("n_rounds", "n_actions", "context_names", "item_ids", "slate_ids", "user_ids")
    record = {"format": FORMAT, **{name: getattr(feedback, name) for name in rest}}
    path.with_suffix(".json").write_bytes(orjson.dumps(record))


def load_feedback(path: Path) -> BanditFeedback:
    """Read what `save_feedback` wrote. `SourceError` for files that are missing or damaged, `DataError` where their
    lengths disagree.
    """
    try:
        record = orjson.loads(path.with_suffix(".json").read_bytes())
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} is no saved bandit feedback: {error}.", hint="Give what an export wrote.") from None
    missing = {"n_rounds", "n_actions"} - set(record) | set(_ARRAYS[:5]) - set(found)
    if missing:
        raise SourceError(f"{path} lacks {', '.join(sorted(missing))}.", hint="Give what an export wrote.")
    if record.get("format") != FORMAT:
        raise SourceError(f"{path} has format {record.get('format')}; this reads {FORMAT}.", hint="Upgrade Penchant.")
    rounds = record["n_rounds"]
    for name in _ARRAYS[:5]:
        if len(found[name]) != rounds:
            raise DataError(f"{name} has {len(found[name])} rounds of {rounds}.", hint="Export the log anew.")
    return BanditFeedback(
        n_rounds=rounds,
        n_actions=record["n_actions"],
        action=found["action"],
        position=found["position"],
        reward=found["reward"],
        pscore=found["pscore"],
        context=found["context"],
        action_context=found.get("action_context"),
        context_names=tuple(record.get("context_names", ())),
        item_ids=tuple(record.get("item_ids", ())),
        slate_ids=tuple(record.get("slate_ids", ())),
        user_ids=tuple(record.get("user_ids", ())),
    )


def _vectors(items: Sequence[str], vectors: Mapping[str, Sequence[float]]) -> DoubleArray:
    missing = [item for item in items if item not in vectors]
    if missing:
        raise DataError(
            f"Item {missing[0]!r} has no vector ({len(missing)} have none).", hint="Give one for each item."
        )
    return np.array([list(vectors[item]) for item in items], dtype=np.float64)
