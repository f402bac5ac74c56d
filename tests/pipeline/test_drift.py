"""Drift from a fitted model: alarms follow what users do, at any moment, and nothing is read twice."""

from dataclasses import replace
from time import process_time
from unittest.mock import Mock

import numpy as np
import pytest

from penchant.errors import BundleError
from penchant.interests.drift import Thresholds
from penchant.pipeline.discovering import Discoverer
from penchant.pipeline.drift_fitting import streams_of, thresholds_of, thresholds_told
from penchant.pipeline.drifts import Drifts
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event

GENRES = 4
PER_GENRE = 15


@pytest.fixture
def turned(model: InterestModel) -> InterestModel:
    """A user who took 30 books of one genre, then 10 of another."""
    items = [f"{0 if n < 30 else 2}-{n % PER_GENRE}" for n in range(40)]
    model.observe([Event(user_id="turned", item_id=item, event_id=f"t{n}") for n, item in enumerate(items)])
    return model


def test_a_user_who_turns_to_another_genre_is_told_so(turned: InterestModel):
    drift = turned.drift("turned").drift
    [new] = [alarm for alarm in drift.alarms if alarm.kind == "new"]
    assert (new.concept, new.moment) == ("cookery", 30)
    assert 30 < new.detected <= 36
    assert new.event_id == f"t{new.detected}"
    assert "new interest: cookery, since cookery volume 0" in new.words
    assert drift.score > 0.5
    assert "space opera" in {alarm.concept for alarm in drift.alarms if alarm.kind == "faded"}


def test_the_more_a_user_has_changed_the_more_is_explored(turned: InterestModel):
    live, wish = turned.live, turned.config.exploration.asked("auto")
    raw = live.timeline.history("turned")

    def share(drift: float) -> float:
        discoverer = Discoverer(live, live.fitted.discovery, drift=lambda _: drift)
        return discoverer.look("turned", raw, wish, seed=0).share

    now = turned.recommend("turned", 3, explore="auto").exploration_share
    assert share(0.0) < now <= share(1.0) == pytest.approx(wish.limits[1])
    assert now == pytest.approx(share(turned.drift("turned").drift.score))


def test_as_of_tells_what_was_known_then(turned: InterestModel):
    whole = turned.drift("turned")
    assert len(whole.points) == 40
    for n in (0, 1, 25, 33, 40):
        then = turned.drift("turned", as_of=n)
        assert then.as_of == n
        assert [p.event_id for p in then.points] == [p.event_id for p in whole.points[:n]]
        assert [p.score for p in then.points] == pytest.approx([p.score for p in whole.points[:n]], abs=1e-4)
        assert all(alarm.detected < n for alarm in then.drift.alarms)
    assert turned.drift("turned", as_of=30).drift.alarms == ()


def test_the_profile_carries_it_and_a_cold_one_does_not(turned: InterestModel):
    profile = turned.interests("turned")
    assert profile.drift is not None
    assert profile.drift.score == turned.drift("turned").drift.score
    before = turned.interests("turned", as_of=30).drift
    assert before is not None
    assert before.alarms == ()
    assert turned.interests("nobody").drift is None
    nobody = turned.drift("nobody")
    assert (nobody.points, nobody.drift.score, nobody.drift.watched) == ((), 0.0, 0)


def test_surprises_are_those_that_the_belief_was_read_from(turned: InterestModel):
    live = turned.live
    raw = live.timeline.history("turned")
    [stream] = streams_of(live.consumed(raw), live.beliefs)
    assert stream.surprise == pytest.approx(-live.steps("turned", raw).log_odds, abs=1e-5)
    turned.observe([Event(user_id="turned", item_id="1-1", event_type="not_interested")])  # is read by the belief only
    raw = live.timeline.history("turned")
    assert len(turned.drift("turned").points) == 40
    assert len(live.steps("turned", raw).log_odds) == 41


def test_one_event_tells_nothing_yet(model: InterestModel):
    model.observe([Event(user_id="one", item_id="0-0")])
    history = model.drift("one")
    assert (len(history.points), history.drift.watched, history.drift.alarms) == (1, 0, ())


def test_what_was_read_is_kept_until_the_user_does_something(turned: InterestModel):
    first = turned.drift("turned")
    assert turned.drift("turned") is first
    turned.observe([Event(user_id="turned", item_id="2-11")])
    after = turned.drift("turned")
    assert len(after.points) == 41
    assert after.drift.score != first.drift.score


def test_a_user_with_100_000_events_costs_no_more_than_one_with_2_000(model: InterestModel, monkeypatch):
    rng = np.random.default_rng(0)
    seconds = {}
    for n in (1_499, 100_499):
        many = model.live.timeline.history("u-0").take([0] * (n // 14 + 1))
        whole = replace(many, users=many.users[:1], indptr=np.array([0, len(many.items)])).keep(
            np.arange(len(many.items)) < n
        )
        events = replace(whole, items=rng.integers(0, GENRES * PER_GENRE, n).astype(np.int32))
        monkeypatch.setattr(model.live.timeline, "history", Mock(return_value=events))
        begun = process_time()
        found = model.drift(f"has {n}")
        seconds[n] = process_time() - begun
        assert 1_000 <= len(found.points) < 2_000
    assert seconds[100_499] < 10 * seconds[1_499] + 1.0


def test_a_bundle_without_thresholds_has_them_set_and_a_damaged_one_is_refused(model: InterestModel):
    told = thresholds_told(Thresholds())
    assert thresholds_of(told) == Thresholds()
    with pytest.raises(BundleError, match="drift"):
        thresholds_of({**told, "sideways": 1.0})
    with pytest.raises(BundleError, match="drift"):
        thresholds_of({"up": "much"})
    old = {name: fact for name, fact in model.fitted.facts.items() if name != "drift"}
    fitted = replace(model.fitted, facts=old)
    live = InterestModel(config=model.config, now=model.now).start(fitted).live
    assert Drifts(live, seed=0).thresholds == thresholds_of(model.fitted.facts["drift"])


def test_the_population_is_watched_as_events_come(model: InterestModel):
    begun = model.population_drift()
    assert begun.alarms == ()
    assert begun.baseline > 1_000
    usual = [Event(user_id=f"w{n % 40}", item_id=f"{n % GENRES}-{n * 7 % PER_GENRE}") for n in range(200)]
    model.observe(usual)
    assert {alarm.kind for alarm in model.population_drift().alarms} <= {"surprise"}
    model.observe([Event(user_id=f"w{n % 40}", item_id=f"3-{n % PER_GENRE}") for n in range(500)])
    drift = model.population_drift()
    assert drift.events == begun.events + 700
    [alarm] = [alarm for alarm in drift.alarms if alarm.kind == "more"][:1]
    assert alarm.concept == "chess"
    assert alarm.after > alarm.before + 0.2
    assert begun.events + 200 < alarm.event <= begun.events + 500
    assert "more chess" in alarm.words
