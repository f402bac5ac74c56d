"""What serving holds of users: as much as is needed, and the same whoever asks for it."""

import pytest

from penchant.pipeline import live
from penchant.pipeline.standing import Catalogue
from penchant.records import Event


def test_no_more_users_vectors_are_kept_than_there_is_room_for(model, monkeypatch):
    monkeypatch.setattr(live, "BELIEFS_KEPT", 3)
    for user in ("a", "b", "c", "d", "e", "e"):
        model.observe([Event(user_id=user, item_id="0-1")])
        model.recommend(user, 5)
    assert list(model.live._vectors) == ["c", "d", "e"]


def test_one_with_two_interests_gets_both_among_the_first_ten(model):
    """Six events on each of two genres, by turns: neither is served alone, whichever came last."""
    for user, genres in (("space and cookery", ("0", "2")), ("chess and mystery", ("3", "1"))):
        model.observe([Event(user_id=user, item_id=f"{genre}-{n}") for n in range(6) for genre in genres])
        first = [item.item_id.split("-")[0] for item in model.recommend(user, 10).items]
        assert set(first) == set(genres), first
        assert min(first.count(genre) for genre in genres) >= 2, first


@pytest.mark.parametrize("user", ["u-0", "searcher", "newcomer", "cold"])
def test_the_strength_shown_is_the_one_that_ranks(model, user):
    """A concept's part of a score is a_ic deviation_c g strength_c, also of one who has only written or said something;
    of one who is cold the words alone.
    """
    if user == "searcher":
        model.observe([Event(user_id=user, item_id=None, text="chess", event_type="search")])
    elif user == "newcomer":
        model.observe([Event(user_id=user, item_id="3-2")])
    elif user == "cold":
        model.edit(user, "tags:chess", "more")
    catalogue = Catalogue.of(model.live, user)
    told = model.interests(user).interests
    assert told
    for interest in told:
        c = model.fitted.vocabulary.row(interest.concept_id)
        ranked = catalogue.concept_weights[c] / catalogue.per_strength[c] + catalogue.edits[c]
        assert interest.strength == pytest.approx(ranked, abs=1e-6)
