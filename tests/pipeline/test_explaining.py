"""Explanations on a world whose right answers are known, with every source of the score switched on."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.links import Links
from penchant.errors import NotFoundError
from penchant.pipeline.explaining import TOLD_EVENTS
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.pipeline.paths import KnowledgeGraph
from penchant.pipeline.standing import Catalogue
from penchant.records import Event
from tests.pipeline.conftest import NOW, SETTINGS
from tests.pipeline.test_attributes import WordCounts
from tests.worlds import genre_world

CHESS = 3
WEIGHTS = {"knn": 1.0, "graph": 0.5, "content": 0.4, "popularity": 0.3, "newness": 0.2}


@pytest.fixture(scope="module")
def everything():
    """All sources of the score at once: five beside the tracker, by weights that are given."""
    settings = SETTINGS | {"text": True, "model": SETTINGS["model"] | {"weights": WEIGHTS}}
    model = InterestModel(config=InterestModelConfig.of(settings), encoder=WordCounts(), now=lambda: NOW)
    return model.fit(genre_world()).fitted, model.config


@pytest.fixture
def full(everything) -> InterestModel:
    learned, config = everything
    return InterestModel(config=config, now=lambda: NOW).start(learned)


def concept_id(model, name: str) -> str:
    return str(next(c.id for c in model.fitted.vocabulary.concepts if c.name == name))


def seen_items(model, user: str) -> set[str]:
    return {event.item_id for event in model.history(user)}


def test_all_parts_of_all_sources_add_up(full):
    rng, items, sources = np.random.default_rng(0), full.fitted.dataset.items.ids, set()
    for user in range(0, 60, 4):
        full.edit(f"u-{user}", concept_id(full, "chess"), "more")
        full.observe([Event(user_id=f"u-{user}", item_id="2-1", event_type="not_interested")])
        for item in rng.choice(items, 4, replace=False):
            told = full.explain(f"u-{user}", str(item))
            total = sum(part.contribution for part in told.parts)
            assert abs(total - told.score) <= 1e-6 * max(1.0, abs(told.score))
            sources |= {part.source for part in told.parts}
    assert {"concept", "event", "edit", "everyone", "popularity", "residual", "constant"} <= sources


def test_score_and_rank_are_those_of_the_slate(full, model):
    for world in (full, model):
        for user in range(0, 40, 8):
            for item in world.recommend(f"u-{user}", 8).items:
                told = world.explain(f"u-{user}", item.item_id)
                assert (told.rank, told.standing) == (item.rank, "recommendable")
                assert told.score == pytest.approx(item.score, abs=1e-9)
                assert told.candidates == 60 - len(seen_items(world, f"u-{user}"))


def test_every_item_has_a_rank_of_its_own(full):
    """The ranks of all that may be recommended are 1 … n, in the order of the exact scores."""
    full.edit("u-3", concept_id(full, "cookery"), "mute")
    told = [full.explain("u-3", item) for item in full.fitted.dataset.items.ids]
    ranked = sorted((one for one in told if one.standing == "recommendable"), key=lambda one: one.rank)
    assert [one.rank for one in ranked] == list(range(1, len(ranked) + 1))
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert {one.standing for one in told} == {"recommendable", "seen", "muted"}


def test_without_its_largest_reason_an_item_loses_exactly_that_part(full):
    """Taking a reason away lowers the score by what the reason was said to add; all items are ranked again."""
    checked = 0
    for user in range(0, 48, 3):
        name = f"u-{user}"
        full.edit(name, concept_id(full, "space opera"), "less")
        slate = full.recommend(name, 3)
        catalogue = Catalogue.of(full.live, name)
        excluded = full.live.excluded(catalogue.raw, full.live.edits(name))
        allowed = np.flatnonzero(~excluded & ~np.isin(np.arange(60), catalogue.history.items))
        for item in slate.items:
            row = full.fitted.dataset.items.row(item.item_id)
            everyone = catalogue.split(allowed)
            for told in full.explain(name, item.item_id).counterfactuals:
                if told.without == "event":
                    continue
                column = full.fitted.vocabulary.row(told.concept_id)
                parts = getattr(everyone, told.without)[:, column]
                scores = everyone.score - parts
                own = scores[allowed == row][0]
                assert told.change == pytest.approx(parts[allowed == row][0], abs=1e-9)
                assert item.score - told.score == pytest.approx(told.change, abs=1e-9)
                order = allowed[np.lexsort((full.live.ties[allowed], -scores))]
                assert told.rank == 1 + list(order).index(row)
                assert own == pytest.approx(told.score, abs=1e-9)
                assert (told.change > 0) == (told.score < item.score)
                checked += 1
    assert checked >= 50


def test_had_the_event_not_been(full):
    """The counterfactual of an event is the score and rank of a user who never did it."""
    for user in range(0, 24, 4):
        name = f"u-{user}"
        item = full.recommend(name, 1).items[0].item_id
        told = next(c for c in full.explain(name, item).counterfactuals if c.without == "event")
        history = [event for event in reversed(full.history(name, limit=99)) if event.event_id != told.event_id]
        assert len(history) == 13
        twin = f"twin-{user}"
        full.observe([Event(user_id=twin, item_id=event.item_id) for event in history])
        other = full.explain(twin, item)
        seen = {event.item_id for event in history}
        gone = next(event.item_id for event in full.history(name, limit=99) if event.event_id == told.event_id)
        if gone in seen:  # the same item twice: both ranked under the same exclusions
            assert told.rank == other.rank
        assert told.score == pytest.approx(other.score, abs=2e-5)
        assert told.rank >= full.explain(name, item).rank


def test_events_behind_the_two_largest_concepts_are_those_of_the_profile(model):
    item = model.recommend("u-0", 1).items[0].item_id
    told = model.explain("u-0", item)
    concepts = [part for part in told.parts if part.source == "concept"]
    assert concepts == sorted(concepts, key=lambda part: -part.contribution)
    assert concepts[0].evidence
    profile = {interest.concept_id: interest for interest in model.interests("u-0").interests}
    first = profile[concepts[0].concept_id]
    assert concepts[0].evidence == first.evidence
    assert concepts[0].contribution == pytest.approx(concepts[0].per_strength * first.strength, rel=1e-5)
    largest = max((part for part in told.parts if part.text), key=lambda part: part.contribution)
    assert largest.text in told.sentence


def test_many_events_are_told_by_the_largest_and_the_rest_as_one(full):
    items = full.fitted.dataset.items.ids
    full.observe([Event(user_id="many", item_id=items[n % 60]) for n in range(59)])
    told = full.explain("many", items[59])
    events = [part for part in told.parts if part.source == "event"]
    assert len(events) == TOLD_EVENTS + 1
    assert events[-1].event_id is None
    assert sum(part.contribution for part in told.parts) == pytest.approx(told.score, abs=1e-6)


def test_seen_muted_and_turned_down_items_say_so(model):
    seen = model.history("u-0", limit=1)[0].item_id
    told = model.explain("u-0", seen)
    assert told.standing == "seen"
    assert "had it already" in told.note
    item = next(item for item in model.recommend("u-0", 60).items if item.item_id.startswith(f"{CHESS}-")).item_id
    model.edit("u-0", concept_id(model, "chess"), "mute")
    told = model.explain("u-0", item)
    assert told.standing == "muted"
    assert [c.without for c in told.counterfactuals].count("edit") == 1
    top = model.recommend("u-0", 1).items[0].item_id
    model.observe([Event(user_id="u-0", item_id=top, event_type="not_interested")])
    assert model.explain("u-0", top).standing == "turned_down"


def test_of_an_unknown_user_only_popularity_is_told(model):
    slate = model.recommend("nobody", 3)
    for item in slate.items:
        told = model.explain("nobody", item.item_id)
        assert told.cold
        assert "not known" in told.note
        assert (told.rank, told.score) == (item.rank, item.score)
        assert [part.source for part in told.parts] == ["popularity"]
        assert (told.counterfactuals, told.readout, told.paths) == ((), None, ())
    model.edit("nobody", concept_id(model, "chess"), "more")
    told = model.explain("nobody", f"{CHESS}-1")
    assert sum(part.contribution for part in told.parts) == pytest.approx(told.score, abs=1e-9)
    [without] = told.counterfactuals
    assert (without.without, without.rank > told.rank) == ("edit", True)
    assert model.recommend("nobody", 60).items[told.rank - 1].item_id == f"{CHESS}-1"


def test_a_user_with_nothing_but_turned_down_items_is_told_popularity(model):
    model.observe([Event(user_id="sulky", item_id="1-1", event_type="not_interested")])
    told = model.explain("sulky", "1-1")
    assert (told.cold, told.standing, told.readout) == (True, "turned_down", None)


def test_an_unknown_item_is_refused(model):
    with pytest.raises(NotFoundError, match="No item 'nothing'"):
        model.explain("u-0", "nothing")


def test_paths_lead_over_what_both_items_share(model):
    told = model.explain("u-0", model.recommend("u-0", 1).items[0].item_id)
    assert told.paths == ()  # a tag is on a quarter of this catalogue
    dataset = model.fitted.dataset
    brand = np.array([f"maker {row % 12}" for row in range(60)], dtype=object)
    worn = replace(dataset, items=replace(dataset.items, columns={**dataset.items.columns, "brand": brand}))
    history = dataset.histories(np.array([0]))
    graph = KnowledgeGraph(worn)
    row = int(history.items[-1])
    target = (row + 12) % 60
    [path, *_] = graph.paths("u-0", history, target, event_words=("read",))
    assert [step.kind for step in path.steps] == ["user", "item", "entity", "item"]
    assert path.steps[2].label == brand[target] == brand[dataset.items.row(path.steps[1].id)]
    assert path.steps[0].edge == "read"
    assert path.items == 5
    assert path.steps[1].id in {event.item_id for event in model.history("u-0")}
    lone = np.array([f"maker {row}" for row in range(60)], dtype=object)
    alone = replace(dataset, items=replace(dataset.items, columns={"brand": lone}))
    assert KnowledgeGraph(alone).paths("u-0", history, target, event_words=("read",)) == ()


def test_paths_follow_links_between_items_and_over_entities(model):
    dataset, history = model.fitted.dataset, model.fitted.dataset.histories(np.array([0]))
    target = next(row for row in range(60) if row not in history.items)
    mine = int(history.items[0])
    links = Links(
        names=("also_bought", "by_author"),
        relations=np.array([0, 1, 1], dtype=np.int32),
        subjects=np.array([target, mine, target], dtype=np.int32),
        subject_kinds=np.ones(3, dtype=np.int32),
        objects=np.array([mine, 0, 0], dtype=np.int32),
        object_kinds=np.array([1, 2, 2], dtype=np.int32),
        others=("Le Guin",),
    )
    plain = replace(dataset, links=links, items=replace(dataset.items, columns={}))
    paths = KnowledgeGraph(plain).paths("u-0", history, target, event_words=("read",))
    assert {tuple(step.kind for step in path.steps) for path in paths} == {
        ("user", "item", "item"),
        ("user", "item", "entity", "item"),
    }
    assert any("by author: Le Guin" in path.text for path in paths)
    assert any("also bought" in path.text for path in paths)
