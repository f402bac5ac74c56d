"""What the tracker looked at: properties of both read-outs, and whether leaving out what they point to matters."""

import numpy as np
import pytest

from penchant.models.sequential.attribution import attention_rollout, integrated_gradients

USERS = range(0, 240, 2)
REMOVED = 2


def history_of(fitted, user: int):
    return fitted.dataset.histories(np.array([user], dtype=np.int32))


def test_attention_is_shared_out_among_events_and_start(fitted):
    learned, _ = fitted
    tracker = learned.model.tracker
    for user in range(6):
        told = attention_rollout(tracker, history_of(learned, user))
        assert told.events_L.sum() + told.start == pytest.approx(1.0, abs=1e-6)
        assert told.events_L.min() >= 0
    empty = history_of(learned, 0).without_tail(99)
    told = attention_rollout(tracker, empty)
    assert len(told.events_L) == 0
    assert told.start == pytest.approx(1.0)


def test_one_layer_of_rollout_by_hand(fitted):
    """Two layers: R = ½(Ā_2 + 1) ½(Ā_1 + 1), its last row."""
    learned, _ = fitted
    tracker, history = learned.model.tracker, history_of(learned, 3)
    one, two = (tracker.attention(history, layer=layer).weights_BHSS[0].mean(axis=0) for layer in (0, 1))
    unit = np.eye(len(one))
    by_hand = (0.5 * (two + unit) @ (0.5 * (one + unit)))[-1]
    assert attention_rollout(tracker, history).events_L == pytest.approx(by_hand[1:], abs=1e-6)


def test_gradients_add_up_to_what_the_events_bring(fitted):
    """Completeness (Sundararajan et al. 2017): Σ φ = f(E) − f(Ē), but for the error of the integral."""
    learned, _ = fitted
    tracker = learned.model.tracker
    for user in range(0, 40, 5):
        history = history_of(learned, user)
        towards = tracker.item_vectors[int(history.items[-1])]
        shares, total = integrated_gradients(tracker, history, towards, steps=256)
        own = float((tracker.user_vectors(history) @ towards)[0])
        assert shares.sum() == pytest.approx(total, abs=0.03 * max(1.0, abs(own)))
        twice, _ = integrated_gradients(tracker, history, 2 * towards, steps=256)
        assert twice == pytest.approx(2 * shares, abs=1e-4)


def test_events_before_the_window_have_no_share(fitted):
    learned, _ = fitted
    tracker = learned.model.tracker
    long = (
        learned.dataset.histories()
        .take([0])
        .between(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.array([14]))
    )
    longer = type(long)(
        users=long.users,
        indptr=np.array([0, 70]),
        items=np.tile(long.items, 5),
        timestamps=np.arange(70),
        types=np.tile(long.types, 5),
        values=np.tile(long.values, 5),
        keys=np.arange(70),
    )
    window = tracker.config.max_length
    for shares in (
        attention_rollout(tracker, longer).events_L,
        integrated_gradients(tracker, longer, tracker.item_vectors[0])[0],
    ):
        assert len(shares) == 70
        assert not shares[: 70 - window].any()
        assert shares[70 - window :].any()


def test_leaving_out_what_was_looked_at_costs_more_than_leaving_out_any_events(fitted, capsys):
    """The score of what the tracker ranks first, without the two events of the largest share and without two others."""
    learned, _ = fitted
    tracker, rng = learned.model.tracker, np.random.default_rng(0)
    falls: dict[str, list[float]] = {"attention": [], "gradients": [], "random": []}
    for user in USERS:
        history = history_of(learned, user)
        scores = tracker.score(history)[0]
        first = int(scores.argmax())

        def fall(events) -> float:
            kept = np.ones(len(history.items), dtype=np.bool_)  # noqa: B023
            kept[list(events)] = False
            return float(scores[first] - tracker.score(history.keep(kept))[0, first])  # noqa: B023

        looked = attention_rollout(tracker, history).events_L
        rises, _ = integrated_gradients(tracker, history, tracker.item_vectors[first])
        falls["attention"].append(fall(np.argsort(-looked)[:REMOVED]))
        falls["gradients"].append(fall(np.argsort(-rises)[:REMOVED]))
        drawn = [fall(rng.choice(len(looked), REMOVED, replace=False)) for _ in range(4)]
        falls["random"].append(float(np.mean(drawn)))
    means = {name: float(np.mean(values)) for name, values in falls.items()}
    with capsys.disabled():
        told = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
        print(f"\nScore lost without {REMOVED} events, mean of {len(falls['random'])} users: {told}")  # noqa: T201
    for name in ("attention", "gradients"):
        ahead = np.array(falls[name]) - np.array(falls["random"])
        assert ahead.mean() > 2 * ahead.std(ddof=1) / np.sqrt(len(ahead)), name
