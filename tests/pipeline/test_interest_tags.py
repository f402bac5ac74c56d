"""Interest tags of users become explicit interests that shift the ranking and can be taken back."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.errors import ConfigError
from penchant.feedback import open_stores
from penchant.pipeline.interest_model import InterestModel, load
from penchant.pipeline.interest_tags import tags_in
from penchant.records import Edit
from penchant.serving.live import LiveModel
from tests.pipeline.conftest import NOW

CHESS, COOKERY = "tags:chess", "tags:cookery"
TAGS = {"u-0": "Chess, juggling", "u-1": "cookery|Mysteries; juggling", "u-2": " , ", "u-3": "chess|Chess "}


def with_tags(fitted, *, lists: bool):
    """The fitted model with a column of tags that the users had all along."""
    learned, config = fitted
    users = learned.dataset.users
    column = np.empty(len(users), dtype=object)
    for row, user in enumerate(users.ids):
        if user in TAGS:
            column[row] = list(tags_in(TAGS[user])) if lists else TAGS[user]
    dataset = replace(learned.dataset, users=replace(users, columns={**users.columns, "interests": column}))
    told = config.model_copy(update={"editing": config.editing.model_copy(update={"tags": "interests"})})
    return replace(learned, dataset=dataset), told


@pytest.fixture
def tagged(fitted):
    return with_tags(fitted, lists=False)


@pytest.fixture
def tags_model(tagged) -> InterestModel:
    learned, config = tagged
    return InterestModel(config=config, now=lambda: NOW).start(learned)


def explicit(model, user: str) -> set[str]:
    return {one.concept for one in model.interests(user).interests if one.source == "explicit"}


def chess(model, user="u-0", k=10) -> int:
    return sum(item.item_id.startswith("3-") for item in model.recommend(user, k).items)


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (["chess", " opera "], ("chess", "opera")),
        ("chess|opera; cats\ndogs、owls", ("chess", "opera", "cats", "dogs", "owls")),
        ("space opera", ("space opera",)),
        ("chess, chess,,", ("chess",)),
        (None, ()),
        (float("nan"), ()),
        ("", ()),
    ],
)
def test_tags_are_lists_or_parted_texts(value, tags):
    assert tags_in(value) == tags


def test_tags_are_explicit_interests_and_shift_the_ranking_until_they_are_undone(tags_model, model):
    assert explicit(tags_model, "u-0") == {"chess"}
    assert explicit(tags_model, "u-1") == {"cookery", "cozy mystery"}
    assert explicit(tags_model, "u-2") == explicit(tags_model, "u-4") == set()
    assert chess(tags_model) > chess(model)
    assert [(entry.edit.action, entry.edit.text) for entry in tags_model.edits("u-0")] == [("add", "Chess")]
    tags_model.edit("u-0", action="undo")
    assert tags_model.recommend("u-0", 30).items == model.recommend("u-0", 30).items
    assert explicit(tags_model, "u-0") == set()


def test_editing_a_tag_shifts_the_ranking_again(tags_model):
    before = chess(tags_model)
    tags_model.edit("u-0", CHESS, "less")
    assert chess(tags_model) < before
    tags_model.edit("u-0", CHESS, "mute")
    assert chess(tags_model, k=60) == 0


def test_what_is_no_concept_is_reported_with_how_many_have_it(tags_model):
    loaded = tags_model.loaded_tags
    assert (loaded.edits, loaded.users, loaded.unknown) == (4, 3, {"juggling": 2})
    assert "1 are no concepts: 'juggling'" in loaded.told


def test_an_undo_in_a_store_is_still_one_after_a_restart(tagged, tmp_path):
    learned, config = tagged
    told: list[set[str]] = []
    for _ in range(2):
        with open_stores(tmp_path / "store.sqlite") as stores:
            live = LiveModel(InterestModel(config=config, now=lambda: NOW).start(learned), stores)
            live.replay()
            if not told:
                live.edit(
                    Edit(edit_id="", user_id="u-1", action="undo", undoes=live.edits("u-1", limit=9)[-1].edit.edit_id)
                )
            profile = live.interests("u-1", as_of=None, limit=12).interests
            told.append({one.concept for one in profile if one.source == "explicit"})
    assert told == [{"cozy mystery"}, {"cozy mystery"}]


@pytest.mark.parametrize("lists", [True, False])
def test_they_are_told_at_the_fit_and_loaded_with_the_bundle(fitted, tmp_path, lists):
    learned, config = with_tags(fitted, lists=lists)
    first = InterestModel(config=config, now=lambda: NOW).fit(learned.dataset, model=learned.model)
    assert first.fitted.facts["tags"] == {
        "Chess": CHESS,
        "Mysteries": "tags:cozy-mystery",
        "chess": CHESS,
        "cookery": COOKERY,
        "juggling": None,
    }
    first.save(tmp_path / "bundle")
    again = load(tmp_path / "bundle", now=lambda: NOW)
    assert again.loaded_tags == first.loaded_tags
    assert again.edits("u-0") == first.edits("u-0")
    assert again.recommend("u-0", 20).items == first.recommend("u-0", 20).items


def test_a_column_that_users_have_not_is_named_before_anything_is_fitted(fitted):
    learned, config = fitted
    told = config.model_copy(update={"editing": config.editing.model_copy(update={"tags": "hobbies"})})
    with pytest.raises(ConfigError, match="hobbies") as caught:
        InterestModel(config=told).fit(learned.dataset)
    assert "columns are: none" in caught.value.hint
