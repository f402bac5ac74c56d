"""What the tracker reads of an event beside its item, on worlds where the item alone does not tell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Cases
from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.sequential.config import InterestTrackerConfig, SignalsConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.models.sequential.signals import GAPS, SignalSources, buckets

SETTINGS: dict[str, Any] = {
    "dim": 16,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "batch_tokens": 128,
    "training": {"learning_rate": 0.01, "warmup_steps": 5, "evaluate_every": 6},
}
ITEMS, HOUR = 12, 3_600_000_000


def world(signal: str, *, users: int = 90, length: int = 12) -> Dataset:
    """Walks over a ring of items: the step that follows an event is 1 or 5, as the signal of that event says.

    ``types``, ``values`` and ``gaps`` speak of the event before; ``asked`` of the moment of the next event.
    """
    rng = np.random.default_rng(3)
    rows: list[int] = []
    items: list[int] = []
    times: list[int] = []
    types: list[int] = []
    values: list[float] = []
    for user in range(users):
        place, now = int(rng.integers(ITEMS)), 1_600_000_000_000_000 + int(rng.integers(1000)) * HOUR
        for _ in range(length):
            far = bool(rng.integers(2))
            rows.append(user)
            items.append(place)
            if signal == "gaps" and times and len(rows) > 1 and rows[-2] == user:
                now += 200 * HOUR if far else HOUR // 60
            elif signal != "asked":
                now += HOUR
            times.append(now)
            types.append(int(far) if signal == "types" else 0)
            values.append(5.0 if far else 1.0)
            if signal == "asked":
                now += 200 * HOUR if far else HOUR // 60
            place = (place + (5 if far else 1)) % ITEMS
    return Dataset.of_rows(
        name=f"told by {signal}",
        users=Table(tuple(f"u{u}" for u in range(users))),
        items=Table(tuple(f"i{i}" for i in range(ITEMS))),
        user_rows=np.array(rows),
        item_rows=np.array(items),
        timestamps=np.array(times),
        types=np.array(types),
        event_types=("click", "purchase"),
        values=np.array(values) if signal == "values" else None,
        clock="time",
    )


def fitted(data: Dataset, *, epochs: int = 24, **signals: Any) -> tuple[InterestTracker, Cases]:
    training, cases = held_out(data, FitOptions())
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "max_epochs": epochs}, "signals": signals}
    model = InterestTracker(InterestTrackerConfig.of(settings))
    return model.fit(training, options=FitOptions(validation=cases)), cases


@pytest.mark.parametrize(("signal", "field"), [("types", "types"), ("values", "values"), ("gaps", "time")])
def test_a_signal_tells_what_the_item_alone_does_not(signal, field):
    data = world(signal)
    on: dict[str, Any] = {field: "on"}
    off: dict[str, Any] = {field: "off"}
    reading, cases = fitted(data, **on)
    blind, _ = fitted(data, **off)
    first = [
        float((model.score(cases.histories).argmax(axis=1) == cases.target_items).mean()) for model in (reading, blind)
    ]
    assert first[0] > 0.9
    assert first[1] < 0.75


def test_the_time_of_the_request_moves_the_answer():
    data = world("asked")
    model, cases = fitted(data, epochs=36, request_time=True)
    last = np.array([cases.histories.timestamps[cases.histories.of(b)][-1] for b in range(len(cases))])
    answers = [
        model.score(replace(cases.histories, asked_at=last + gap)).argmax(axis=1) for gap in (HOUR // 60, 200 * HOUR)
    ]
    at = np.array([cases.histories.items[cases.histories.of(b)][-1] for b in range(len(cases))])
    assert ((answers[0] - at) % ITEMS == 1).mean() > 0.9
    assert ((answers[1] - at) % ITEMS == 5).mean() > 0.9
    silent = model.score(cases.histories).argmax(axis=1)
    assert np.isin((silent - at) % ITEMS, [1, 5]).mean() > 0.9


def test_a_type_that_training_did_not_see_adds_nothing():
    data = world("types")
    model, cases = fitted(data, epochs=2)
    some = cases.histories.take(slice(0, 5))
    unseen = [replace(some, types=np.full_like(some.types, code)) for code in (2, 7)]
    np.testing.assert_array_equal(model.score(unseen[0]), model.score(unseen[1]))


def test_signals_are_saved_with_the_model(tmp_path):
    data = world("values")
    model, cases = fitted(data, epochs=2, values="auto")
    model.save(tmp_path)
    np.testing.assert_array_equal(InterestTracker.load(tmp_path).score(cases.histories), model.score(cases.histories))


def test_a_place_reads_the_signals_that_the_whole_reading_does():
    data = world("asked")
    model, cases = fitted(data, epochs=2, request_time=True)
    histories = replace(cases.histories, asked_at=np.full(len(cases), 1_700_000_000_000_000)).take([0, 1, 2])
    encoder, signals = model._encoder, model._signals(histories)
    assert encoder is not None
    events, lengths = model._events(histories)
    with torch.inference_mode():
        states, _ = encoder(events, None, signals)
        torch.testing.assert_close(encoder.at(events, lengths, None, signals), states[torch.arange(3), lengths])


@pytest.mark.parametrize("field", ["types", "values", "time", "request_time"])
def test_a_signal_the_data_do_not_have_is_refused_by_name(field):
    data = Dataset.of_rows(
        name="bare",
        users=Table(("u",)),
        items=Table(("a", "b")),
        user_rows=np.zeros(4, dtype=int),
        item_rows=np.array([0, 1, 0, 1]),
    )
    asked = SignalsConfig.of({field: True if field == "request_time" else "on"})
    with pytest.raises(UnsupportedError, match="'bare' has"):
        SignalSources.of(data, asked)
    assert not SignalSources.of(data, SignalsConfig()).any


def test_buckets_are_logarithmic_and_end():
    seconds = torch.tensor([-5.0, 0.0, 1.0, 2.0, 3.0, 6.0, 7.0, 1e30])
    microseconds = (seconds * 1e6).clamp(max=9e18).long()
    assert buckets(microseconds).tolist() == [0, 0, 1, 1, 2, 2, 3, GAPS - 1]
