"""What becomes of interests that a look around tried, on a world where readers keep to few genres."""

from dataclasses import replace
from datetime import timedelta

import pytest
import scipy.sparse as sp

from penchant.concepts.heirs import Heir, Succession
from penchant.pipeline.discovering import SITTING
from penchant.pipeline.exploring import Exploration
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event
from tests.pipeline.conftest import NOW
from tests.pipeline.readers import explorer, reader


@pytest.fixture
def model(fitted) -> InterestModel:
    return explorer(fitted)


def test_an_interest_left_aside_is_tried_no_more_until_the_user_begins_anew(model):
    clock = iter(range(1_000))
    later = InterestModel(config=model.config, now=lambda: NOW + timedelta(hours=next(clock)))
    model = later.start(model.fitted)
    user = reader(model)
    asked = {"share": 1.0, "patience": 2, "interests": 1}
    first = model.discover(user, 1).interests[0].concept_id

    def tried() -> set[str | None]:
        return {item.exploring.concept_id for item in model.recommend(user, 4, explore=asked).items if item.exploring}

    assert first in tried()
    assert first in tried()
    assert first not in tried()
    assert first not in {one.concept_id for one in model.discover(user, explore={"patience": 2}).interests}
    model.edit(user, action="reset")
    model.observe([Event(user_id=user, item_id="0-1", event_id="anew")])
    assert model.live.edits(user).begun_anew > 0
    assert not any(model._discoverer.attempts.of(user, since=model.live.edits(user).begun_anew).values())


def test_a_page_that_is_loaded_again_is_the_same_try(model):
    user, asked = reader(model), {"share": 1.0, "patience": 2, "interests": 1}
    first = model.discover(user, 1).interests[0].concept_id
    for _ in range(5):
        slate = model.recommend(user, 4, explore=asked)
        assert first in {item.exploring.concept_id for item in slate.items if item.exploring}


def test_an_interest_whose_item_was_turned_down_is_tried_no_more(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0]
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="not_interested")])
    assert first.concept_id not in {interest.concept_id for interest in model.discover(user).interests}


def test_an_interest_taken_up_is_known_and_no_discovery(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0]
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
    assert first.concept_id not in {interest.concept_id for interest in model.discover(user).interests}


def test_one_event_on_what_was_tried_may_be_chance_and_two_are_not(model):
    user = reader(model)
    first = model.discover(user, 1, explore={"items_each": 2}).interests[0]

    def tried(**asked: int) -> bool:
        slate = model.recommend(user, 8, explore={"share": 1.0, "patience": 100, "takes": 2, **asked})
        return first.concept_id in {item.exploring.concept_id for item in slate.items if item.exploring}

    assert tried()
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
    assert tried()
    assert not tried(takes=1)
    assert first.concept_id not in {interest.concept_id for interest in model.discover(user).interests}
    model.observe([Event(user_id=user, item_id=first.items[1], event_type="interaction")])
    assert tried(takes=3)
    assert not tried()


def test_an_interest_that_was_never_tried_is_known_by_one_event(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0]
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
    slate = model.recommend(user, 8, explore={"share": 1.0, "patience": 100})
    assert first.concept_id not in {item.exploring.concept_id for item in slate.items if item.exploring}


def test_where_patience_has_run_out_what_was_taken_is_known(model):
    user, asked = reader(model), Exploration(share=1.0, interests=1, patience=1)
    first = model.discover(user, 1).interests[0]
    for n in range(2):
        model.tried(user, (first.concept_id,), n * SITTING)
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
    raw, column = model.live.timeline.history(user), model.live.column(first.concept_id)
    held = [model._discoverer.look(user, raw, one, seed=0).user.led[column] for one in (asked, Exploration(share=1.0))]
    assert held == [1.0, 0.0]


def test_a_try_that_was_taken_up_does_not_count_as_ignored(model):
    user = reader(model)
    first = model.discover(user, 1, explore={"items_each": 3}).interests[0]
    raw, column = model.live.timeline.history, model.live.column(first.concept_id)
    patient = Exploration(share=1.0, patience=2)
    barred = []
    for n, taken in enumerate((False, True, False, False)):
        model.tried(user, (first.concept_id,), n * SITTING)
        if taken:
            model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
        barred.append(bool(model._discoverer.look(user, raw(user), patient, seed=0).user.barred[column]))
    assert barred == [False, False, True, True]  # after the second try one was ignored, after the third two
    model.observe([Event(user_id=user, item_id=first.items[1], event_type="impression")])
    assert model._discoverer.look(user, raw(user), patient, seed=0).user.barred[column]  # to be shown it is no answer


def test_tries_of_concepts_that_became_one_are_those_of_their_heir(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0].concept_id
    gone = Succession(
        names={"gone-1": "One", "gone-2": "Two"}, heirs=dict.fromkeys(("gone-1", "gone-2"), (Heir(first, 1.0),))
    )
    fitted = replace(model.fitted, succession=gone)
    other = InterestModel(config=model.config, now=lambda: NOW).start(fitted)
    for n, concept in enumerate(("gone-1", "gone-2", first, "never-was")):
        other.tried(user, (concept,), n * SITTING)
    assert other._discoverer._times(user)[other.live.column(first)] == 3
    assert other._discoverer._times(user).sum() == 3


def test_who_begins_anew_has_answered_no_try(model):
    """Neither the tries before count, nor the events that answered them; later events do."""
    user = reader(model)
    first = model.discover(user, 1, explore={"items_each": 3}).interests[0]
    raw, column = model.live.timeline.history, model.live.column(first.concept_id)

    def looked_at() -> tuple[float, bool]:
        known = model._discoverer.look(user, raw(user), Exploration(share=1.0, patience=1), seed=0).user
        return float(known.led[column]), bool(known.barred[column])

    model.tried(user, (first.concept_id,), 0)
    assert looked_at() == (0.0, True)
    model.edit(user, action="reset")
    assert looked_at() == (0.0, False)
    model.observe([Event(user_id=user, item_id=first.items[0], event_type="interaction")])
    assert looked_at() == (1.0, False)


def test_the_dial_may_try_what_events_touch_a_little_and_discoveries_name_only_what_none_touches(model):
    user = reader(model)
    first = model.discover(user, 1).interests[0]
    vocabulary, column = model.fitted.vocabulary, model.live.column(first.concept_id)
    history = model.live.consumed(model.live.timeline.history(user))
    faint = sp.lil_array(vocabulary.activations)
    faint[int(history.items[0]), column] = 1e-3 * vocabulary.activations.max()
    fitted = replace(model.fitted, vocabulary=replace(vocabulary, activations=sp.csr_array(faint)))
    other = InterestModel(config=model.config, now=lambda: NOW).start(fitted)
    assert first.concept_id not in {one.concept_id for one in other.discover(user, 20).interests}
    slate = other.recommend(user, 8, explore={"share": 1.0})
    assert first.concept_id in {item.exploring.concept_id for item in slate.items if item.exploring}
