"""A model whose ranking goes through concepts, from fit to slate and back from its bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.encoders import render_items
from penchant.encoders.light import fit_light
from penchant.pipeline import interest_model
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from tests.pipeline.conftest import NOW, SETTINGS
from tests.worlds import GENRES, genre_world

COOKERY = "2"


@pytest.fixture(scope="module")
def fitted():
    tracker: dict[str, Any] = {
        **SETTINGS["model"]["tracker"],
        "concepts": {"epochs": 2, "dictionary": {"per_item": 3, "kind_share": 0.3}},
    }
    config = InterestModelConfig.of({**SETTINGS, "model": {"tracker": tracker}})
    model = InterestModel(config=config, now=lambda: NOW).fit(genre_world())
    return model.fitted, model.config


@pytest.fixture
def model(fitted) -> InterestModel:
    learned, config = fitted
    return InterestModel(config=config, now=lambda: NOW).start(learned)


def test_there_are_names_and_kinds(model):
    concepts = model.fitted.vocabulary.concepts
    assert {concept.name for concept in concepts} >= {"chess", "cookery"}
    kinds = [concept for concept in concepts if concept.kind == "kind"]
    assert kinds
    assert all(concept.items >= 10 for concept in concepts)
    assert len(concepts) <= 12
    ids = {concept.id for concept in concepts}
    assert len(ids) == len(concepts)
    assert all(concept.parent in ids for concept in kinds if concept.parent)
    assert model.fitted.space.explained > 0.5


def test_reasons_add_up_to_each_score(model):
    for item in model.recommend("u-3", 10).items:
        total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
        assert total == pytest.approx(item.score, abs=1e-6)


def test_muting_a_name_takes_all_its_items_away_and_reset_brings_the_slate_back(model):
    user = next(u for u in range(60) if COOKERY in {i.item_id[0] for i in model.recommend(f"u-{u}", 10).items})
    before = model.recommend(f"u-{user}", 10)
    model.edit(f"u-{user}", "tags:cookery", "mute")
    assert COOKERY not in {item.item_id[0] for item in model.recommend(f"u-{user}", 40).items}
    model.edit(f"u-{user}", "tags:cookery", "reset")
    assert model.recommend(f"u-{user}", 10).items == before.items


def broadest(model) -> tuple[str, np.ndarray]:
    """The concept with most below it, and the columns of them all."""
    vocabulary = model.fitted.vocabulary
    row = max(range(len(vocabulary.concepts)), key=lambda c: len(vocabulary.family[c]))
    assert len(vocabulary.family[row]) > 1
    return vocabulary.concepts[row].id, vocabulary.family[row]


def test_an_edit_goes_to_the_kinds_below_it(model):
    vocabulary = model.fitted.vocabulary
    name, touched = broadest(model)
    before = {item.item_id: item.score for item in model.recommend("u-0", 60, exclude_seen=False).items}
    model.edit("u-0", name, "more")
    after = {item.item_id: item.score for item in model.recommend("u-0", 60, exclude_seen=False).items}
    active = np.asarray(vocabulary.activations[:, touched].sum(axis=1)).ravel() > 0
    for item_row, item_id in enumerate(model.fitted.dataset.items.ids):
        if active[item_row]:
            assert after[item_id] > before[item_id]
        else:
            assert after[item_id] == pytest.approx(before[item_id], abs=1e-9)


def test_a_bundle_keeps_it_all(model, tmp_path: Path):
    model.save(tmp_path / "bundle")
    other = interest_model.load(tmp_path / "bundle", now=lambda: NOW)
    assert other.fitted.vocabulary.concepts == model.fitted.vocabulary.concepts
    np.testing.assert_array_equal(other.fitted.vocabulary.bears.toarray(), model.fitted.vocabulary.bears.toarray())
    assert other.recommend("u-5", 10).items == model.recommend("u-5", 10).items
    assert other.interests("u-5") == model.interests("u-5")


def test_a_profile_tells_the_concept_that_was_edited_and_not_all_below_it(model):
    name, _ = broadest(model)
    before = {interest.concept_id for interest in model.interests("u-0", limit=3).interests}
    profile = model.edit("u-0", name, "more")
    assert {i.concept_id for i in profile.interests if i.source == "explicit"} == {name}
    after = {interest.concept_id for interest in model.interests("u-0", limit=3).interests}
    assert name in after
    assert after & (before - {name})


def test_kinds_are_called_by_names_of_the_settings(model):
    """Half the genres bear no tag; their names are offered, and kinds of their items take them."""
    data, offered = genre_world(), tuple(f"{genre} volume" for genre in GENRES[2:])
    tags = data.items.columns["tags"].copy()
    for row, (genre,) in enumerate(tags):
        tags[row] = [genre] if genre in GENRES[:2] else []
    items = replace(data.items, columns={**data.items.columns, "tags": tags})
    vocabulary = {"sources": ["attributes"]}
    told = {**model.config.model_dump(), "text": True, "naming": {"names": offered}, "vocabulary": vocabulary}
    encoder = fit_light("hashed", render_items(items))
    named = InterestModel(config=InterestModelConfig.of(told), encoder=encoder, now=lambda: NOW)
    found = named.fit(replace(data, items=items)).fitted.vocabulary
    for number, name in enumerate(offered, start=2):
        (row,) = (row for row, concept in enumerate(found.concepts) if concept.name == name)
        concept = found.concepts[row]
        assert concept.kind == "kind"
        assert concept.aliases  # the words it would have been called after
        active = np.flatnonzero(found.activations[:, [row]].toarray().ravel())
        assert np.mean([data.items.ids[item].startswith(f"{number}-") for item in active]) > 0.5
