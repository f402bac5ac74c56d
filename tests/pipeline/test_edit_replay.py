"""A store of edits handed to a bundle that has some of their concepts no more."""

from dataclasses import replace

import pytest

from penchant.concepts.heirs import Heir, Succession
from penchant.errors import NotFoundError
from penchant.feedback import open_stores
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Edit, EditAction
from penchant.serving.live import LiveModel
from tests.pipeline.conftest import NOW

CHESS = "tags:chess"
GONE = Succession(
    names={"tags:draughts": "draughts", "tags:lost": "lost", "tags:war": "war"},
    heirs={
        "tags:draughts": (Heir(CHESS, 0.6), Heir("tags:cookery", 0.3)),
        "tags:lost": (),
        "tags:war": (Heir(CHESS, 0.4),),
    },
)


def edit(action: EditAction, concept_id: str | None, edit_id: str, strength: float | None = None) -> Edit:
    return Edit(
        edit_id=edit_id, user_id="u-0", action=action, concept_id=concept_id, strength=strength, edited_at=1_000_000
    )


@pytest.fixture
def refreshed(fitted) -> InterestModel:
    learned, config = fitted
    return InterestModel(config=config, now=lambda: NOW).start(replace(learned, succession=GONE))


def test_an_heir_gets_the_edit_and_what_has_none_stays_in_the_store(refreshed, tmp_path, caplog):
    with open_stores(tmp_path / "store.sqlite") as stores:
        stores.add_edit(edit("more", "tags:draughts", "a", 3.0))
        stores.add_edit(edit("mute", "tags:lost", "b"))
        stores.add_edit(edit("pin", "tags:cookery", "c", 1.0))
        live = LiveModel(refreshed, stores)
        assert live.replay() == 2
        assert "1 stored events or edits do not fit this bundle" in caplog.text
        assert stores.counts()["edits"] == 3
        assert [(e.edit.edit_id, e.concept) for e in live.edits("u-0", limit=9)] == [("c", "cookery"), ("a", "chess")]
        assert live.edits("u-0", limit=9)[1].edit.concept_id == "tags:draughts"  # the log says what was said
        explicit = {i.concept for i in live.interests("u-0", as_of=None, limit=12).interests if i.source == "explicit"}
        assert explicit == {"chess", "cookery"}
        live.edit(Edit(edit_id="", user_id="u-0", action="undo", undoes="a"))
        assert [e.standing for e in live.edits("u-0", limit=9) if e.edit.edit_id == "a"] == [False]


def test_an_edit_of_what_is_gone_does_what_the_same_edit_of_its_heir_does(refreshed, fitted):
    learned, config = fitted
    other = InterestModel(config=config, now=lambda: NOW).start(learned)
    refreshed.take(edit("more", "tags:draughts", "a", 3.0))
    other.take(edit("more", CHESS, "a", 3.0))
    assert refreshed.recommend("u-0", 20).items == other.recommend("u-0", 20).items
    refreshed.take(edit("reset", CHESS, "r"))  # a reset of the heir takes back what was said of whom it succeeds
    assert refreshed.recommend("u-0", 20).items != other.recommend("u-0", 20).items
    with pytest.raises(NotFoundError, match="tags:lost"):
        refreshed.take(edit("more", "tags:lost", "b", 1.0))
    assert refreshed.edits("u-0")[-1].edit.edit_id == "a"


def test_what_is_muted_or_pinned_passes_to_a_near_likeness_alone(refreshed, tmp_path, caplog):
    with open_stores(tmp_path / "store.sqlite") as stores:
        actions: tuple[EditAction, ...] = ("mute", "pin", "more")
        for n, action in enumerate(actions):
            stores.add_edit(edit(action, "tags:war", f"w{n}", 2.0))
        stores.add_edit(edit("mute", "tags:draughts", "d"))
        live = LiveModel(refreshed, stores)
        assert live.replay() == 2
        assert "2 stored events or edits do not fit this bundle" in caplog.text
        assert [(e.edit.edit_id, e.concept) for e in live.edits("u-0", limit=9)] == [("d", "chess"), ("w2", "chess")]
    with pytest.raises(NotFoundError, match="tags:war"):
        refreshed.edit("u-0", "tags:war", "mute")


def test_a_pin_never_takes_less_than_was_said_before(fitted):
    learned, config = fitted
    model = InterestModel(config=config, now=lambda: NOW).start(learned)
    for _ in range(2):
        model.edit("u-0", CHESS, "more")
    column, history = learned.vocabulary.row(CHESS), model.live.timeline.history("u-0")
    before = model.live.edited("u-0", history, model.live.edits("u-0"))[column]
    pinned = model.edit("u-0", CHESS, "pin").edit.strength
    assert pinned is not None
    assert pinned >= min(before + config.editing.pin, config.editing.limit) - 1e-9
    assert model.live.edited("u-0", history, model.live.edits("u-0"))[column] == pinned
    assert before < pinned <= config.editing.limit


def test_a_word_against_many_moves_the_interest_at_once(fitted):
    """Thirty times ``more`` goes to the limit and not beyond, so that one ``less`` is seen."""
    learned, config = fitted
    model = InterestModel(config=config, now=lambda: NOW).start(learned)
    column, history = learned.vocabulary.row(CHESS), model.live.timeline.history("u-0")

    def said() -> float:
        return float(model.live.edited("u-0", history, model.live.edits("u-0"))[column])

    for n in range(30):
        model.take(edit("more", CHESS, f"m{n}", 1.0))
    assert said() == pytest.approx(config.editing.limit)
    less = model.edit("u-0", CHESS, "less")
    assert less.edit.strength is not None
    assert said() == pytest.approx(config.editing.limit - less.edit.strength)
    assert any(item.change for item in less.moved)
    model.edit("u-0", action="undo")
    assert said() == pytest.approx(config.editing.limit)


def test_his_own_word_weighs_as_much_as_it_is_told_to(fitted):
    """The part of an edit is a_ic · deviation_c · g_τ · weight · strength: it grows with the weight alone."""
    learned, config = fitted
    parts = {}
    for weight in (1.0, 2.5):
        told = config.model_copy(update={"editing": config.editing.model_copy(update={"weight": weight})})
        model = InterestModel(config=told, now=lambda: NOW).start(learned)
        model.take(edit("more", CHESS, "a", 1.0))
        reasons = [
            (item.item_id, reason.contribution)
            for item in model.recommend("u-0", 60).items
            for reason in item.reasons
            if reason.source == "edit"
        ]
        parts[weight] = dict(reasons)
        strength = next(i.strength for i in model.interests("u-0").interests if i.concept_id == CHESS)
        parts[weight]["strength"] = strength
    assert parts[1.0]["strength"] == parts[2.5]["strength"]
    for item_id, part in parts[1.0].items():
        if item_id != "strength":
            assert parts[2.5][item_id] == pytest.approx(2.5 * part, rel=1e-6)
    assert len(parts[1.0]) > 10
