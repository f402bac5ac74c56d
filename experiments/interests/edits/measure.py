"""Do edits do what they say? Random (user, concept, edit) on slates as served, with all sources on.

    python experiments/interests/edits/measure.py BUNDLE DATASET [--config config.toml] [--out result.json]

BUNDLE was fitted without the last event of each user (`hold_out.py`), DATASET has it: its item is the target. Each draw
takes a user, serves a slate, makes one edit of a concept of one of his `latest` items, serves again, undoes it and
serves a third time.

- exposure of a concept: Σ over the first k items of their activations of it and of those below it. ``more``, ``pin``
  and ``less`` are to move it strictly. Counted apart, as saturated: ``less`` where it is 0, ``more`` and ``pin`` where
  it is the largest that any k servable items have.
- ``mute``: no item above the threshold among the first `deep`.
- NDCG@k on targets that do not activate the concept, before and after: what an edit costs elsewhere; the
  same expected over targets by the place they are found at, beside the least that a change of exposure costs
  (`by_place.py`).
- undo: items and scores of the slate equal those before, and for some draws the reasons and the profile.
- strengths: by how much the words moved their interest, in standard deviations, as the profile shows it.
"""

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from by_place import SHOWN, ByPlace, target_places

import penchant
from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.interests.editing import EditingConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Edit, EditAction, Slate
from penchant.seeding import numpy_rng

ACTIONS: tuple[EditAction, ...] = ("more", "less", "pin", "mute")


class Measured:
    """Counts over draws."""

    def __init__(self, by_place: ByPlace) -> None:
        self.by_place = by_place
        self.way: dict[str, Counter[str]] = defaultdict(Counter)
        self.ndcg: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.moved: dict[str, list[int]] = defaultdict(list)
        self.strengths: dict[str, list[float]] = defaultdict(list)
        self.muted_served = self.undone = self.undo_differs = self.profiles = self.profile_differs = 0


def exposure(model: InterestModel, slate: Slate, concept: int) -> float:
    """Σ of the items' activations of a concept and of those below it."""
    vocabulary = model.fitted.vocabulary
    rows = model.fitted.dataset.items.rows([item.item_id for item in slate.items])
    return float(vocabulary.activations[rows][:, vocabulary.family[concept]].sum())


def ndcg(slate: Slate, target: str, k: int) -> float:
    """1 / log₂(rank + 1) of the one target among the first k."""
    return next((1 / math.log2(item.rank + 1) for item in slate.items[:k] if item.item_id == target), 0.0)


def saturated(action: EditAction, before: float, slate: Slate, model: InterestModel, concept: int) -> bool:
    """Whether the exposure cannot move any further."""
    if action == "less":
        return before == 0
    best = model.fitted.vocabulary.activations[:, model.fitted.vocabulary.family[concept]].sum(axis=1)
    seen = {event.item_id for event in model.history(slate.user_id, limit=100_000)}
    ids = model.fitted.dataset.items.ids
    servable = sorted((float(a) for i, a in enumerate(np.asarray(best).ravel()) if ids[i] not in seen), reverse=True)
    return before >= sum(servable[: len(slate.items)]) - 1e-6


def draw(
    model: InterestModel,
    measured: Measured,
    targets: dict[str, str],
    rng: np.random.Generator,
    n: int,
    settings: dict[str, Any],
) -> None:
    """One (user, concept, edit)."""
    k, live, vocabulary = settings["k"], model.live, model.fitted.vocabulary
    dataset, users = model.fitted.dataset, sorted(targets)
    while True:
        user = users[int(rng.integers(len(users)))]
        latest = live.timeline.history(user).items[-settings["latest"] :]
        touched = np.unique(vocabulary.bears[latest].indices)
        if len(touched):
            break
    checked = n < settings["profile_checks"]
    action = ACTIONS[n % len(ACTIONS)]
    concept = int(touched[int(rng.integers(len(touched)))])
    before = model.recommend(user, k, explain=checked)
    profile = model.interests(user) if checked else None
    deeper = model.recommend(user, SHOWN, explain=False)
    edit = Edit(edit_id=f"edit-{n}", user_id=user, action=action, concept_id=vocabulary.concepts[concept].id)
    edit = model.complete(edit)
    model.take(edit)
    after = model.recommend(user, settings["deep"] if action == "mute" else k, explain=False)
    top = replace(after, items=after.items[:k])
    first, second = exposure(model, before, concept), exposure(model, top, concept)
    if action == "mute":
        rows = dataset.items.rows([item.item_id for item in after.items])
        threshold = model.config.editing.mute_above
        of = (vocabulary.activations if threshold else vocabulary.bears)[rows][:, vocabulary.family[concept]]
        measured.muted_served += int((np.asarray((of > threshold).sum(axis=1)).ravel() > 0).sum())
    else:
        sign = -1 if action == "less" else 1
        way = "right" if sign * (second - first) > 1e-9 else "wrong" if sign * (second - first) < -1e-9 else "unmoved"
        if way != "right" and saturated(action, first, before, model, concept):
            way = "saturated"
        measured.way[action][way] += 1
        rank = {item.item_id: item.rank for item in model.recommend(user, SHOWN, explain=False).items}
        rows = dataset.items.rows([item.item_id for item in deeper.items])
        of, bears = (
            np.asarray(a[rows][:, vocabulary.family[concept]].sum(axis=1)).ravel().tolist()
            for a in (vocabulary.activations, vocabulary.bears)
        )
        after_it = [rank.get(item.item_id, 0) for item in deeper.items]
        measured.by_place.add(action, of, [one == 0 for one in bears], after_it)
        measured.strengths[action].append(edit.strength or 0.0)
    measured.moved[action].append(k - len({i.item_id for i in before.items} & {i.item_id for i in top.items}))
    target = targets[user]
    if not vocabulary.bears[[dataset.items.row(target)]][:, vocabulary.family[concept]].sum():
        measured.ndcg[action].append((ndcg(before, target, k), ndcg(top, target, k)))
    model.take(model.complete(Edit(edit_id=f"undo-{n}", user_id=user, action="undo")))
    measured.undone += 1
    measured.undo_differs += model.recommend(user, k, explain=checked).items != before.items
    if profile is not None:
        measured.profiles += 1
        measured.profile_differs += model.interests(user) != profile


def held_out(fitted: Dataset, whole: Dataset) -> dict[str, str]:
    """User → the item of the one event that he has in `whole` only."""
    found = {}
    for user, (short, long) in enumerate(zip(fitted.histories().lengths, whole.histories().lengths, strict=True)):
        if short and long == short + 1:
            found[whole.users.ids[user]] = whole.items.ids[int(whole.histories(np.array([user])).items[-1])]
    return found


def elsewhere_of(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Mean NDCG before and after, the relative change and its standard error (of paired differences)."""
    before, after = np.array(pairs).T
    mean, change = float(before.mean()), after - before
    return {
        "targets": len(pairs),
        "ndcg_before": mean,
        "ndcg_after": float(after.mean()),
        "relative_change": float(change.mean()) / mean if mean else None,
        "standard_error": float(change.std(ddof=1)) / math.sqrt(len(pairs)) / mean if mean and len(pairs) > 1 else None,
    }


def told(measured: Measured) -> dict[str, Any]:
    """What the result file says."""
    ways = {}
    for action, way in sorted(measured.way.items()):
        free = way["right"] + way["wrong"] + way["unmoved"]
        ways[action] = {**{name: way[name] for name in ("right", "wrong", "unmoved", "saturated")}}
        ways[action]["right_of_unsaturated"] = way["right"] / free if free else None
    elsewhere = {action: elsewhere_of(pairs) for action, pairs in sorted(measured.ndcg.items())}
    together = [pair for action in ("more", "less", "pin") for pair in measured.ndcg[action]]
    elsewhere["more, less and pin"] = elsewhere_of(together)
    strengths = {
        action: dict(zip(("median", "95 %", "largest"), np.percentile(found, [50, 95, 100]).tolist(), strict=True))
        for action, found in sorted(measured.strengths.items())
    }
    return {
        "exposure_in_the_first_k": ways,
        "items_replaced_in_the_first_k": {a: float(np.mean(m)) for a, m in sorted(measured.moved.items())},
        "strengths": strengths,
        "muted_items_served": measured.muted_served,
        "ndcg_on_targets_without_the_concept": elsewhere,
        "ndcg_expected_by_place": measured.by_place.told(),
        "undo": {
            "slates": measured.undone,
            "slates_that_differ": measured.undo_differs,
            "profiles": measured.profiles,
            "profiles_that_differ": measured.profile_differs,
        },
    }


def main() -> None:
    """Read the command line and do it."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--config", type=Path, default=here / "config.toml")
    parser.add_argument("--draws", type=int, help="Instead of those of the configuration.")
    parser.add_argument("--out", type=Path, default=here / "result.json")
    options = parser.parse_args()
    settings = read_toml(options.config)
    if options.draws:
        settings["draws"] = options.draws
    model = penchant.load(options.bundle)
    if "editing" in settings:
        editing = EditingConfig.of(settings["editing"])
        model.config = model.config.model_copy(update={"editing": editing})
        model.start(model.fitted)
    rng = numpy_rng(int(settings["seed"]), "edits")
    targets = held_out(model.fitted.dataset, Dataset.load(options.dataset))
    measured = Measured(ByPlace(target_places(model, targets), int(settings["k"])))
    draws = int(settings["draws"])
    start = time.perf_counter()
    for n in range(draws):
        draw(model, measured, targets, rng, n, settings)
        if (n + 1) % 50 == 0:
            print(f"{n + 1} of {draws} in {time.perf_counter() - start:.0f} s", flush=True)
    result = {
        "dataset": {"name": model.fitted.dataset.name, "fingerprint": model.fitted.dataset.fingerprint},
        "settings": settings,
        "editing": model.config.editing.model_dump(),
        "draws": draws,
        "users_with_a_target": len(targets),
        **told(measured),
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
