"""What a model learned: items by their vectors, where a user's states look, and how its training went."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

from penchant.artifacts import read_manifest
from penchant.errors import BundleError, NotFoundError
from penchant.pipeline.interest_model import InterestModel
from penchant.plots.files import COLOURS, GREY, figure, short
from penchant.types import DoubleArray, FloatArray

TOLD_CONCEPTS = 9
LAST_EVENTS = 24


def principal_plane(vectors_ID: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """The two directions along which vectors differ most: places (I, 2), and the share of the variance each explains.

    ``Z − z̄ = U S Vᵀ``: places are ``(Z − z̄) V₁₂`` (Pearson 1901), the sign such that the largest loading is positive.
    """
    centred = vectors_ID.astype(np.float64) - vectors_ID.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    top = axes[:, ::-1][:, :2]
    top = top * np.sign(top[np.abs(top).argmax(axis=0), np.arange(top.shape[1])])
    return centred @ top, values[::-1][:2] / max(float(values.sum()), 1e-12)


def draw_model(model: InterestModel, bundle: Path, folder: Path, *, user_id: str | None, form: str) -> Iterator[str]:
    """Write the pictures there is something for, and tell each; `NotFoundError` for an unknown user."""
    yield draw_items(model, folder / f"items.{form}")
    yield draw_attention(model, user_id, folder / f"attention.{form}")
    yield draw_training(bundle, folder / f"training.{form}")


def draw_items(model: InterestModel, file: Path) -> str:
    """Items on the plane of their vectors, in the colour of their broad concept; the largest concepts have one."""
    fitted, vocabulary = model.fitted, model.fitted.vocabulary
    places, shares = principal_plane(fitted.model.tracker.item_vectors)
    broad = [c for c, concept in enumerate(vocabulary.concepts) if concept.parent is None]
    mass = np.zeros((max(len(broad), 1), len(places)))
    for row, c in enumerate(broad):
        mass[row] = np.asarray(vocabulary.activations[:, vocabulary.family[c]].sum(axis=1)).ravel()
    own = np.where(mass.max(axis=0) > 0, mass.argmax(axis=0), -1)
    sizes = np.bincount(own[own >= 0], minlength=len(broad) or 1)
    told = [b for b in np.argsort(-sizes, kind="stable")[:TOLD_CONCEPTS].tolist() if sizes[b]]
    with figure(file, width=9.0, height=6.4) as drawn:
        axes = drawn.add_subplot()
        others = ~np.isin(own, told)
        axes.scatter(places[others, 0], places[others, 1], s=5, color=GREY, alpha=0.35, linewidths=0, label="others")
        for n, b in enumerate(told):
            name = short(vocabulary.concepts[broad[b]].name, 32)
            axes.scatter(
                places[own == b, 0], places[own == b, 1], s=8, color=COLOURS[n], alpha=0.75, linewidths=0, label=name
            )
        axes.set_xlabel(f"first principal axis ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second ({shares[1]:.0%})")
        axes.set_title(f"{len(places):,} {model.config.nouns[1]} by their vectors", loc="left")
        drawn.legend(loc="outside right upper", frameon=False, markerscale=2)
    return f"{file}: {len(places):,} items on {shares.sum():.0%} of their variance"


def draw_attention(model: InterestModel, user_id: str | None, file: Path) -> str:
    """Where each of a user's last states looked in the last layer, mean over heads."""
    live, fitted = model.live, model.fitted
    if user_id is None:
        user_id = fitted.dataset.users.ids[int(fitted.dataset.histories().lengths.argmax())]
    elif not live.timeline.known(user_id):
        raise NotFoundError(f"No user {user_id!r} in this model.", hint="Leave --user out for the most active user.")
    history = live.consumed(live.timeline.history(user_id)).tail(fitted.model.tracker.config.max_length)
    weights = fitted.model.tracker.attention(history).weights_BHSS[0].mean(axis=0)
    titles = ["(start)", *(short(fitted.dataset.title(int(row)), 34) for row in history.items)]
    weights, titles = weights[-LAST_EVENTS:, -LAST_EVENTS:], titles[-LAST_EVENTS:]
    with figure(file, width=10.0, height=8.0) as drawn:
        axes = drawn.add_subplot()
        seen = axes.imshow(weights, cmap="Blues", vmin=0.0)
        axes.set_yticks(range(len(titles)), titles, fontsize=7)
        axes.set_xticks(range(len(titles)), titles, fontsize=7, rotation=90)
        axes.set_ylabel("after this event …")
        axes.set_xlabel("… the tracker looked at this one")
        axes.set_title(f"{short(user_id, 40)}: attention of the last layer", loc="left")
        drawn.colorbar(seen, ax=axes, shrink=0.6, label="share")
    return f"{file}: the last {len(titles)} states of {user_id}"


def draw_training(bundle: Path, file: Path) -> str:
    """Loss and validation value by epoch, as the bundle's record has them; where it has none, nothing is drawn."""
    read_manifest(bundle, kind="bundle")
    place = bundle / "model" / "tracker" / "model.json"
    try:
        record = orjson.loads(place.read_bytes())["facts"].get("training")
    except (OSError, KeyError, orjson.JSONDecodeError):
        raise BundleError(
            f"{place} is missing or damaged.", hint="Copy the bundle again whole, or fit again."
        ) from None
    if not record:
        return f"{file}: not drawn, this bundle has no record of its training"
    epochs = record["epochs"]
    with figure(file, width=8.0, height=4.4) as drawn:
        left = drawn.add_subplot()
        left.plot([e["epoch"] for e in epochs], [e["loss"] for e in epochs], color=COLOURS[0], marker="o", label="loss")
        left.set_xlabel("epoch")
        left.set_ylabel("loss, nats", color=COLOURS[0])
        right = left.twinx()
        for name, style in (("validation", "-"), ("training", "--")):
            told = [(e["epoch"], e[name]) for e in epochs if e.get(name) is not None]
            if told:
                right.plot(*zip(*told, strict=True), color=COLOURS[1], linestyle=style, marker="o", label=name)
        right.set_ylabel("NDCG@10", color=COLOURS[1])
        right.spines["right"].set_visible(True)
        left.axvline(record["best_epoch"], color=GREY, linestyle=":", linewidth=1.0)
        drawn.legend(loc="outside upper right", ncols=3, frameon=False)
        left.set_title(f"Training: {len(epochs)} epochs, the best is {record['best_epoch']}", loc="left")
    return f"{file}: {len(epochs)} epochs"
