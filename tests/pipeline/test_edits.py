"""A user's own words: what each moves, what contradicts what, and that nothing of it cannot be taken back."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Edit, EditAction, Event
from tests.pipeline.conftest import NOW

CHESS, MYSTERY, COOKERY, SPACE = "tags:chess", "tags:cozy-mystery", "tags:cookery", "tags:space-opera"
WORDS: tuple[EditAction, ...] = ("more", "less", "pin", "mute", "add")
GENRE = {SPACE: "0", MYSTERY: "1", COOKERY: "2", CHESS: "3"}


def seen(model, user="u-0"):
    """All that a user can see of himself, but for ids and moments of slates."""
    return model.recommend(user, 60).items, model.interests(user), model.history(user)


def genres(model, user="u-0", k=10) -> list[str]:
    return [item.item_id.split("-")[0] for item in model.recommend(user, k).items]


def test_more_is_seen_among_the_first_items_and_the_result_tells_so(model):
    before = genres(model)
    result = model.edit("u-0", CHESS, "more")
    after = genres(model)
    assert after.count("3") > before.count("3")
    ranked = {i.rank_after: i.item_id for i in result.moved if i.rank_after}
    assert [ranked[n] for n in range(1, 21)] == [i.item_id for i in model.recommend("u-0", 20).items]
    assert set(result.entered) == {i.item_id for i in result.moved if i.rank_before is None}
    assert set(result.left) == {i.item_id for i in result.moved if i.rank_after is None}
    for item in result.moved:
        assert item.change == pytest.approx(item.score_after - item.score_before)
        assert (item.change > 0) == item.item_id.startswith("3-")
    assert result.interests == model.interests("u-0").interests


def test_less_moves_the_other_way(model):
    before = genres(model)
    top = max(GENRE, key=lambda c: before.count(GENRE[c]))
    result = model.edit("u-0", top, "less")
    assert genres(model).count(GENRE[top]) < before.count(GENRE[top])
    assert all(i.change < 0 for i in result.moved if i.item_id.startswith(GENRE[top]))


def test_a_pin_stays_and_is_told(model):
    model.edit("u-0", CHESS, "pin")
    told = next(i for i in model.interests("u-0").interests if i.concept_id == CHESS)
    assert (told.pinned, told.muted, told.source) == (True, False, "explicit")
    first = [r.contribution for i in model.recommend("u-0", 60).items for r in i.reasons if r.source == "edit"]
    model.observe([Event(user_id="u-0", item_id=f"2-{n}", event_id=f"e-{n}") for n in range(12)])
    again = [r.contribution for i in model.recommend("u-0", 60).items for r in i.reasons if r.source == "edit"]
    assert len(first) == len(again) == 15
    assert (
        sorted(again)[-1] > 0.5 * sorted(first)[-1]
    )  # the gate of the tracker changes with the user, the pin does not
    strength = model.live.edited("u-0", model.live.timeline.history("u-0"), model.live.edits("u-0"))
    assert strength[model.fitted.vocabulary.row(CHESS)] == model.edits("u-0")[0].edit.strength


def test_what_was_said_fades_while_a_pin_does_not(model):
    row, live = model.fitted.vocabulary.row(CHESS), model.live
    model.edit("u-0", CHESS, "more")
    said = live.edited("u-0", live.timeline.history("u-0"), live.edits("u-0"))[row]
    assert said == pytest.approx(model.edits("u-0")[0].edit.strength)
    model.observe([Event(user_id="u-0", item_id=f"2-{n % 15}", event_id=f"f{n}") for n in range(30)])
    assert 0 < live.edited("u-0", live.timeline.history("u-0"), live.edits("u-0"))[row] < said


@pytest.mark.parametrize(
    ("actions", "pinned", "muted"),
    [
        (("pin", "mute"), False, True), (("mute", "pin"), True, False), (("mute", "more"), False, False),
        (("mute", "less"), False, True), (("pin", "less"), False, False), (("pin", "more"), True, False),
        (("mute", "reset"), False, False), (("mute", "undo"), False, False), (("pin", "mute", "undo"), True, False),
    ],
)  # fmt: skip
def test_of_contradictory_edits_the_later_holds(model, actions, pinned, muted):
    for action in actions:
        model.edit("u-0", None if action == "undo" else MYSTERY, action)
    told = [i for i in model.interests("u-0").interests if i.concept_id == MYSTERY]
    assert [(i.pinned, i.muted) for i in told] == [(pinned, muted)]
    assert ("1" in genres(model, k=60)) is not muted


def test_typed_words_are_taken_for_a_concept_and_others_are_offered(model):
    result = model.edit("u-0", action="add", text="Mysteries")
    assert result.edit.concept_id == MYSTERY
    assert result.edit.text == "Mysteries"
    assert result.matches[0].concept == "cozy mystery"
    assert model.edit("u-0", action="add", text="opera, in space").matches[0].concept_id == SPACE
    assert model.edit("u-0", action="add", text="chess volume 3").matches[0].concept_id == CHESS
    for text, error, said in (("juggling", NotFoundError, "juggling"), ("  ", ConfigError, "No words"),
                              ("chess " * 200, ConfigError, "characters")):  # fmt: skip
        with pytest.raises(error, match=said):
            model.edit("u-0", action="add", text=text)
    with pytest.raises(NotFoundError) as near:
        model.edit("u-0", action="add", text="ches")
    assert "chess" in near.value.hint
    assert len(model.edits("u-0")) == 3


def test_a_forgotten_event_is_as_if_it_had_never_been(model, fitted):
    learned, config = fitted
    event = Event(user_id="u-0", item_id="3-2", event_id="x")
    later = Event(user_id="u-0", item_id="2-5", event_id="y")
    never = InterestModel(config=config, now=lambda: NOW).start(learned)
    never.observe([later])
    model.observe([event, later])
    assert "3-2" in {e.item_id for e in model.history("u-0")}
    model.edit("u-0", action="forget", event_id="x")
    assert model.recommend("u-0", 60).items == never.recommend("u-0", 60).items
    assert model.interests("u-0") == never.interests("u-0")
    assert [e.event_id for e in model.history("u-0")] == [e.event_id for e in never.history("u-0")]
    assert model.find_users("u-0", 1) == never.find_users("u-0", 1)
    assert model.observe([event]).duplicates == 1
    assert "3-2" not in {e.item_id for e in model.history("u-0")}


def test_an_imported_event_can_be_forgotten_too(model):
    before, first = seen(model), model.history("u-0")[-1]
    model.edit("u-0", action="forget", event_id=first.event_id)
    assert len(model.history("u-0")) == 13
    assert model.interests("u-0").events == 13
    assert first.event_id not in {e for i in model.interests("u-0").interests for e in [x.event_id for x in i.evidence]}
    assert model.find_users("u-0", 1)[0].events == 13
    model.edit("u-0", action="undo")
    assert seen(model) == before


def test_reset_of_all_begins_anew_and_can_be_undone(model):
    model.observe([Event(user_id="u-0", item_id="3-2", event_id="x")])
    model.edit("u-0", COOKERY, "mute")
    before = seen(model)
    result = model.edit("u-0", action="reset")
    assert result.cold
    assert model.history("u-0") == []
    assert model.recommend("u-0", 5).cold
    model.observe([Event(user_id="u-0", item_id="2-1", event_id="y")])
    assert [e.event_id for e in model.history("u-0")] == ["y"]
    model.edit("u-0", action="undo")
    assert len(model.history("u-0")) == 16
    model.edit("u-0", action="forget", event_id="y")
    assert seen(model) == before


def test_undo_goes_back_step_by_step_and_an_undo_can_be_undone(model):
    states = [seen(model)]
    for concept, action in ((CHESS, "more"), (MYSTERY, "mute"), (CHESS, "less"), (None, "reset")):
        model.edit("u-0", concept, action)
        states.append(seen(model))
    for state in states[-2::-1]:
        undo = model.edit("u-0", action="undo")
        assert seen(model) == state
    model.edit("u-0", action="undo", undoes=undo.edit.edit_id)
    assert seen(model) == states[1]
    with pytest.raises(ConfigError, match="undone already"):
        model.edit("u-0", action="undo", undoes=model.edits("u-0")[-2].edit.edit_id)
    assert [e.standing for e in model.edits("u-0")][-4:] == [False, False, False, True]


def test_an_edit_id_that_comes_again_changes_nothing(model):
    first = model.edit("u-0", CHESS, "more", edit_id="once")
    now = seen(model)
    again = model.edit("u-0", CHESS, "more", edit_id="once")
    assert (first.repeated, again.repeated) == (False, True)
    assert again.edit == first.edit
    assert seen(model) == now
    gone = model.history("u-0")[0].event_id
    for _ in range(2):  # the event is gone the second time, the answer is the same
        model.edit("u-0", action="forget", event_id=gone, edit_id="gone")
    with pytest.raises(ConfigError, match="taken"):
        model.edit("u-1", CHESS, "more", edit_id="once")


def test_another_edit_under_an_id_that_is_taken_is_refused(model):
    model.edit("u-0", CHESS, "more", edit_id="m")
    model.edit("u-0", CHESS, "reset", edit_id="r")
    model.edit("u-0", action="add", text="cookery", edit_id="a")
    model.edit("u-0", action="undo", edit_id="u")
    before, log = seen(model), model.edits("u-0")
    others: list[dict[str, str]] = [
        {"edit_id": "m", "concept_id": COOKERY, "action": "mute"},
        {"edit_id": "m", "concept_id": CHESS, "action": "mute"},
        {"edit_id": "m", "concept_id": COOKERY, "action": "more"}, {"edit_id": "r", "action": "reset"},
        {"edit_id": "a", "action": "add", "text": "chess"}, {"edit_id": "u", "action": "undo", "undoes": "r"},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(ConfigError, match=f"edit_id '{other['edit_id']}' is taken") as caught:
            model.edit("u-0", **other)
        assert caught.value.hint
    assert model.edit("u-0", action="add", text="cookery", edit_id="a").repeated
    assert model.edit("u-0", action="undo", edit_id="u").repeated
    assert (seen(model), model.edits("u-0")) == (before, log)


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ({"concept_id": "tags:juggling", "action": "pin"}, NotFoundError, "tags:juggling"),
        ({"action": "love", "concept_id": CHESS}, ConfigError, "love"),
        ({"action": "more"}, ConfigError, "concept_id"),
        ({"action": "mute", "concept_id": CHESS, "event_id": "e"}, ConfigError, "event_id"),
        ({"action": "forget", "event_id": "nothing"}, NotFoundError, "nothing"),
        ({"action": "undo"}, NotFoundError, "could be undone"),
        ({"action": "undo", "undoes": "nothing"}, NotFoundError, "nothing"),
        ({"action": "more", "concept_id": CHESS, "edit_id": "x" * 600}, ConfigError, "600"),
    ],
)
def test_what_cannot_be_taken_is_named_and_changes_nothing(model, what, error, said):
    before = seen(model)
    with pytest.raises(error, match=said) as caught:
        model.edit("u-0", **what)
    assert caught.value.hint
    assert seen(model) == before
    assert model.edits("u-0") == []


def test_nobody_can_forget_what_others_did(model):
    with pytest.raises(NotFoundError):
        model.edit("u-1", action="forget", event_id=model.history("u-0")[0].event_id)
    with pytest.raises(NotFoundError):
        model.edit("never seen", action="forget", event_id=model.history("u-0")[0].event_id)


def test_a_user_never_seen_can_say_what_he_likes(model):
    result = model.edit("nobody", action="add", text="chess")
    assert set(genres(model, "nobody", 5)) == {"3"}
    assert [i.concept for i in result.interests] == ["chess"]
    model.edit("nobody", action="undo")
    assert model.interests("nobody").cold


def test_a_profile_of_the_past_has_the_edits_of_then(model):
    model.edit("u-0", CHESS, "pin")
    model.observe([Event(user_id="u-0", item_id="3-2", event_id="x")])
    model.edit("u-0", COOKERY, "pin")
    at = {
        as_of: {i.concept_id for i in model.interests("u-0", as_of=as_of).interests if i.pinned}
        for as_of in (13, 14, 15)
    }
    assert at == {13: set(), 14: {CHESS}, 15: {CHESS, COOKERY}}


def test_a_replay_stands_where_the_log_was_written(model, fitted):
    """A thousand events, edits and undos in a random order, of three users; then the log alone."""
    learned, config = fitted
    dice = random.Random(5)  # noqa: S311
    log: list[Event | Edit] = []
    users = ("u-0", "u-7", "newcomer")
    for n in range(1_000):
        user = dice.choice(users)
        roll = dice.random()
        edits, history = model.edits(user, limit=1_000), model.history(user, limit=500)
        if roll < 0.5:
            kind = dice.choice(("interaction", "interaction", "not_interested"))
            event = Event(
                user_id=user, item_id=f"{dice.randrange(4)}-{dice.randrange(15)}", event_type=kind, event_id=f"v{n}"
            )
            model.observe([event])
            log.append(event)
        else:
            edit = Edit(
                edit_id=f"d{n}",
                user_id=user,
                action="more",
                concept_id=dice.choice(tuple(GENRE)),
                strength=dice.uniform(1, 3),
            )
            if roll < 0.6 and history:
                edit = replace(
                    edit, action="forget", concept_id=None, event_id=dice.choice(history).event_id, strength=None
                )
            elif roll < 0.75 and (standing := [e.edit.edit_id for e in edits if e.standing]):
                edit = replace(edit, action="undo", concept_id=None, undoes=dice.choice(standing), strength=None)
            elif roll < 0.77:
                edit = replace(edit, action="reset", concept_id=dice.choice((None, *GENRE)), strength=None)
            else:
                edit = replace(edit, action=dice.choice(WORDS))
            assert model.take(edit)
            log.append(edit)
        if dice.random() < 0.02:  # what is kept between requests must not tell
            model.recommend(user, 5)
    again = InterestModel(config=config, now=lambda: NOW).start(learned)
    for entry in log:
        again.observe([entry]) if isinstance(entry, Event) else again.take(entry)
    for user in users:
        assert seen(again, user) == seen(model, user)
        assert again.edits(user) == model.edits(user)
    never = InterestModel(config=config, now=lambda: NOW).start(learned)
    never.observe([entry for entry in log if isinstance(entry, Event)])
    for user in users:
        while model.live.edits(user).last is not None:
            model.take(model.complete(Edit(edit_id="", user_id=user, action="undo")))
        assert seen(model, user) == seen(never, user)


def test_an_edit_made_while_the_clock_is_behind_holds_as_the_later_one(model):
    moment = [NOW]
    other = InterestModel(config=model.config, now=lambda: moment[0]).start(model.fitted)
    first = other.edit("u-1", CHESS, "more").edit
    moment[0] = NOW - timedelta(days=2000)
    second = other.edit("u-1", CHESS, "less").edit
    assert second.edited_at >= first.edited_at
    assert other.edit("u-2", CHESS, "less").edit.edited_at < first.edited_at  # another's clock is his own
