"""The replay of a user's interests, against the profile as of each moment."""

from dataclasses import replace
from time import process_time
from unittest.mock import Mock

import numpy as np
import pytest

from penchant.errors import ConfigError
from penchant.pipeline.interest_model import InterestModel
from penchant.pipeline.replaying import MOST_MOMENTS
from penchant.records import Event
from tests.pipeline.conftest import NOW

CHESS = 3


def same_as_profiles(model, user: str, told) -> None:
    for m, moment in enumerate(told.moments):
        profile = model.interests(user, as_of=moment.as_of, limit=99)
        assert profile.events == moment.events
        by_concept = {interest.concept_id: interest for interest in profile.interests}
        for line in told.lines:
            if line.concept_id in by_concept:
                interest = by_concept[line.concept_id]
                assert line.strength[m] == pytest.approx(interest.strength, abs=1e-4)
                assert line.long_term[m] == pytest.approx(interest.long_term, abs=1e-4)
                assert line.short_term[m] == pytest.approx(interest.short_term, abs=1e-4)
                assert line.count[m] == interest.count
        leading = profile.interests[0].concept if profile.interests and profile.interests[0].strength > 0 else ""
        assert moment.leading == leading


def test_every_moment_is_the_profile_as_of_then(model):
    for user in ("u-0", "u-9"):
        told = model.replay(user)
        assert (told.every, told.events, told.clock, told.note) == (1, 14, "position", "")
        assert [moment.as_of for moment in told.moments] == list(range(1, 15))
        same_as_profiles(model, user, told)
    history = list(reversed(model.history("u-9", limit=99)))
    assert [moment.item_id for moment in told.moments] == [event.item_id for event in history]


def test_a_change_of_interest_shows(model):
    """The user's first seven events are of one genre, the others of the next."""
    told = model.replay("u-0")
    assert told.moments[6].leading == "space opera"
    assert told.moments[-1].leading == "cozy mystery"
    opera = next(line for line in told.lines if line.concept == "space opera")
    assert opera.strength[6] > opera.strength[-1]
    assert opera.count[6] == opera.count[-1] == 7


def test_observed_events_and_edits_are_replayed(model):
    before = model.replay("u-0")
    model.observe([Event(user_id="u-0", item_id=f"{CHESS}-{n}") for n in range(5)])
    model.edit("u-0", model.concepts("cookery")[0].concept_id, "more")
    after = model.replay("u-0")
    assert len(after.moments) == 19
    assert [moment.leading for moment in after.moments[:14]] == [moment.leading for moment in before.moments]
    same_as_profiles(model, "u-0", after)


def test_on_a_clock_of_times_events_of_one_moment_stay_together(fitted):
    learned, config = fitted
    dataset = learned.dataset
    stamps = dataset.events.timestamps // 2 * 86_400_000_000
    timed = replace(dataset, clock="time", events=replace(dataset.events, timestamps=stamps))
    model = InterestModel(config=config, now=lambda: NOW).start(replace(learned, dataset=timed))
    told = model.replay("u-3", every=3)
    assert [moment.events for moment in told.moments] == [4, 6, 10, 12, 14]
    assert told.moments[0].as_of == 86_400_000_000
    same_as_profiles(model, "u-3", told)


def test_a_long_history_is_read_at_a_bounded_number_of_moments(model):
    rng = np.random.default_rng(0)
    items = model.fitted.dataset.items.ids
    model.observe([Event(user_id="long", item_id=items[row]) for row in rng.integers(0, 60, 5_000)])
    told = model.replay("long", every=1)
    assert (told.events, told.every, len(told.moments)) == (5_000, 42, MOST_MOMENTS)
    assert "after every 42 of 5,000 events" in told.note
    assert "Every 1 would be more" in told.note
    assert told.moments[-1].events == 5_000
    profile = model.interests("long", as_of=5_000).interests
    assert told.moments[-1].leading == (profile[0].concept if profile[0].strength > 0 else "")


def test_a_user_with_100_000_events_is_replayed_in_seconds(model, monkeypatch):
    n, some = 100_000, model.live.timeline.history("u-0")
    rows = np.resize(np.arange(len(some.items)), n)
    items = np.random.default_rng(0).integers(0, 60, n).astype(np.int32)
    long = replace(
        some,
        indptr=np.array([0, n]),
        items=items,
        timestamps=np.arange(n),
        types=some.types[rows],
        values=some.values[rows],
        keys=some.keys[rows],
    )
    monkeypatch.setattr(model.live.timeline, "history", Mock(return_value=long))
    begun = process_time()
    told = model.replay("u-0")
    assert process_time() - begun < 15  # a few on a machine that does nothing else
    assert (told.events, told.moments[-1].events, told.lines[0].count[-1] > 10_000) == (n, n, True)
    assert len(told.moments) <= MOST_MOMENTS


def test_nothing_to_replay_and_wrong_wishes(model):
    told = model.replay("nobody")
    assert (told.cold, told.moments, told.lines) == (True, (), ())
    assert "not known" in told.note
    for wish in ({"every": 0}, {"limit": 0}):
        with pytest.raises(ConfigError, match="is 0"):
            model.replay("u-0", **wish)
    assert len(model.replay("u-0", every=5, limit=1).lines) == 1
    assert [moment.as_of for moment in model.replay("u-0", every=5).moments] == [5, 10, 14]
