"""Questions to users of a fitted model: what is answered is not asked, and the next slate follows an answer."""

import pytest

from penchant.errors import ConfigError
from penchant.records import Event
from tests.worlds import GENRES


def test_a_stranger_is_asked_of_the_genres(model):
    found = model.questions("stranger", 3)
    assert {question.concept for question in found.questions} <= set(GENRES)
    assert len(found.questions) == 3
    assert found.unknown > 0
    gains = [question.gain for question in found.questions]
    assert gains == sorted(gains, reverse=True)
    assert all(0 < question.chance < 1 and question.examples for question in found.questions)


def test_an_answer_closes_its_question_and_moves_the_next_slate(model):
    first = model.questions("stranger", 1).questions[0]
    before = model.recommend("stranger", 5)
    model.edit("stranger", first.concept_id, "more")
    after = model.recommend("stranger", 5)
    genre = str(GENRES.index(first.concept))
    of = lambda slate: sum(item.item_id.startswith(f"{genre}-") for item in slate.items)  # noqa: E731
    assert of(after) > of(before)
    again = model.questions("stranger", 4)
    assert again.answered == 1
    assert first.concept_id not in {question.concept_id for question in again.questions}
    assert again.unknown < model.questions("another stranger", 1).unknown


def test_yes_and_no_say_different_things(model):
    first = model.questions("yes", 1).questions[0]
    model.edit("yes", first.concept_id, "more")
    model.edit("no", first.concept_id, "less")
    chances = [{q.concept_id: q.chance for q in model.questions(user, 3).questions} for user in ("yes", "no")]
    assert chances[0] != chances[1]


def test_what_events_make_sure_is_not_asked(model):
    model.observe([Event(user_id="reader", item_id=f"2-{n}") for n in range(8)])
    found = model.questions("reader", 4)
    assert GENRES[2] not in {question.concept for question in found.questions}
    assert found.answered >= 1


def test_too_many_questions_are_refused(model):
    with pytest.raises(ConfigError, match="asked 1 to 10"):
        model.questions("stranger", 11)
