"""Do edits do what they say? Random (user, concept, edit) on slates as served, with all sources on.

    python experiments/interests/edits/measure.py BUNDLE [--config config.toml] [--out result.json]

Each draw takes a user, hides his last event (by the edit ``forget``: its item is the target), serves a slate, makes one
edit of a concept of one of his `latest` items, serves again, undoes it and serves a third time.

- exposure of a concept: Σ over the first k items of their activations of it and of those below it. ``more``, ``pin`` and
  ``less`` are to move it strictly. Counted apart, as saturated: ``less`` where it is 0, ``more`` and ``pin`` where all
  items that have any are served already.
- ``mute``: no item above the threshold among the first `deep`.
- NDCG@k on targets that do not activate the concept, before and after: what an edit costs elsewhere.
- undo: items, scores and reasons of the slate equal those before, and for some draws the profile.
"""

import argparse
import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import penchant
from penchant.config import read_toml
from penchant.interests.editing import EditingConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Edit, EditAction, Slate
from penchant.seeding import numpy_rng

ACTIONS: tuple[EditAction, ...] = ("more", "less", "pin", "mute")


class Measured:
    """Counts over draws."""

    def __init__(self) -> None:
        self.way: dict[str, Counter[str]] = defaultdict(Counter)
        self.ndcg: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.moved: dict[str, list[int]] = defaultdict(list)
        self.muted_served = self.undone = self.undo_differs = self.profiles = self.profile_differs = 0


def exposure(model: InterestModel, slate: Slate, concept: int) -> float:
    """Σ of the items' activations of a concept and of those below it."""
    vocabulary = model.fitted.vocabulary
    rows = model.fitted.dataset.items.rows([item.item_id for item in slate.items])
    return float(vocabulary.activations[rows][:, vocabulary.family[concept]].sum())


def ndcg(slate: Slate, target: str, k: int) -> float:
    """1 / log₂(rank + 1) of the one target among the first k."""
    return next((1 / math.log2(item.rank + 1) for item in slate.items[:k] if item.item_id == target), 0.0)


def saturated(action: EditAction, before: float, slate: Slate, deep: Slate, model: InterestModel, concept: int) -> bool:
    """Whether the exposure cannot move any further."""
    if action == "less":
        return before == 0
    best = model.fitted.vocabulary.activations[:, model.fitted.vocabulary.family[concept]].sum(axis=1)
    seen = {event.item_id for event in model.history(slate.user_id, limit=100_000)}
    ids = model.fitted.dataset.items.ids
    servable = sorted((float(a) for i, a in enumerate(np.asarray(best).ravel()) if ids[i] not in seen), reverse=True)
    return before >= sum(servable[: len(slate.items)]) - 1e-6


def draw(model: InterestModel, measured: Measured, rng: np.random.Generator, n: int, settings: dict[str, Any]) -> None:
    """One (user, concept, edit)."""
    k, live, vocabulary = settings["k"], model.live, model.fitted.vocabulary
    dataset = model.fitted.dataset
    while True:
        user = dataset.users.ids[int(rng.integers(dataset.n_users))]
        if len(live.timeline.history(user).items) >= settings["least_events"]:
            break
    last = model.history(user, limit=1)[0]
    target = str(last.item_id)
    hide = model.complete(Edit(edit_id=f"hide-{n}", user_id=user, action="forget", event_id=last.event_id))
    model.take(hide)
    latest = live.timeline.history(user).items[-settings["latest"] :]
    touched = np.unique(vocabulary.bears[latest].indices)
    action = ACTIONS[n % len(ACTIONS)]
    if not len(touched):
        return
    concept = int(touched[int(rng.integers(len(touched)))])
    concept_id = vocabulary.concepts[concept].id
    before = model.recommend(user, k)
    profile = model.interests(user) if n < settings["profile_checks"] else None
    asked = model.complete(Edit(edit_id=f"edit-{n}", user_id=user, action=action, concept_id=concept_id))
    model.take(asked)
    after = model.recommend(user, settings["deep"] if action == "mute" else k)
    top = after if action != "mute" else Slate(**{f: getattr(after, f) for f in SLATE} | {"items": after.items[:k]})
    first, second = exposure(model, before, concept), exposure(model, top, concept)
    if action == "mute":
        rows = dataset.items.rows([item.item_id for item in after.items])
        above = live.edits(user).excluded(vocabulary.family, vocabulary.activations, vocabulary.bears)
        of = vocabulary.bears[rows][:, vocabulary.family[concept]]
        measured.muted_served += int((np.asarray((of > model.config.editing.mute_above).sum(axis=1)).ravel() > 0).sum())
        measured.muted_served += int(above[rows].sum())
    else:
        sign = -1 if action == "less" else 1
        way = "right" if sign * (second - first) > 1e-9 else "wrong" if sign * (second - first) < -1e-9 else "unmoved"
        if way != "right" and saturated(action, first, before, after, model, concept):
            way = "saturated"
        measured.way[action][way] += 1
    measured.moved[action].append(k - len({i.item_id for i in before.items} & {i.item_id for i in top.items}))
    row = dataset.items.row(target)
    if not vocabulary.bears[[row]][:, vocabulary.family[concept]].sum():
        measured.ndcg[action].append((ndcg(before, target, k), ndcg(top, target, k)))
    model.take(model.complete(Edit(edit_id=f"undo-{n}", user_id=user, action="undo")))
    measured.undone += 1
    measured.undo_differs += model.recommend(user, k).items != before.items
    if profile is not None:
        measured.profiles += 1
        measured.profile_differs += model.interests(user) != profile
    model.take(model.complete(Edit(edit_id=f"show-{n}", user_id=user, action="undo", undoes=hide.edit_id)))


SLATE = ("user_id", "slate_id", "generated_at", "bundle", "policy", "items")


def told(measured: Measured) -> dict[str, Any]:
    """What the result file says."""
    ways = {}
    for action, way in sorted(measured.way.items()):
        free = way["right"] + way["wrong"] + way["unmoved"]
        ways[action] = {**{name: way[name] for name in ("right", "wrong", "unmoved", "saturated")}}
        ways[action]["right_of_unsaturated"] = way["right"] / free if free else None
    elsewhere = {}
    for action, pairs in sorted(measured.ndcg.items()):
        before, after = np.array(pairs).mean(axis=0)
        elsewhere[action] = {
            "targets": len(pairs),
            "ndcg_before": before,
            "ndcg_after": after,
            "relative_change": (after - before) / before if before else None,
        }
    pairs = [pair for action in ("more", "less", "pin") for pair in measured.ndcg[action]]
    before, after = np.array(pairs).mean(axis=0)
    elsewhere["more, less and pin"] = {
        "targets": len(pairs),
        "ndcg_before": before,
        "ndcg_after": after,
        "relative_change": (after - before) / before if before else None,
    }
    return {
        "exposure_in_the_first_k": ways,
        "items_replaced_in_the_first_k": {a: float(np.mean(m)) for a, m in sorted(measured.moved.items())},
        "muted_items_served": measured.muted_served,
        "ndcg_on_targets_without_the_concept": elsewhere,
        "undo": {
            "slates": measured.undone,
            "slates_that_differ": measured.undo_differs,
            "profiles": measured.profiles,
            "profiles_that_differ": measured.profile_differs,
        },
    }


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--config", type=Path, default=here / "config.toml")
    parser.add_argument("--out", type=Path, default=here / "result.json")
    options = parser.parse_args()
    settings = read_toml(options.config)
    model = penchant.load(options.bundle)
    if "editing" in settings:
        editing = EditingConfig.of(settings["editing"])
        model.config = model.config.model_copy(update={"editing": editing})
        model.start(model.fitted)
    seed = int(settings["seed"])
    rng, measured = numpy_rng(seed, "edits"), Measured()
    for n in range(int(settings["draws"])):
        draw(model, measured, rng, n, settings)
    result = {
        "dataset": {"name": model.fitted.dataset.name, "fingerprint": model.fitted.dataset.fingerprint},
        "settings": settings,
        "editing": model.config.editing.model_dump(),
        "draws": int(settings["draws"]),
        **told(measured),
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
