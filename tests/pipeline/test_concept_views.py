"""Concepts one by one, as a user's vector with named axes, and as lists at each level."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.concepts.similarity import concept_cosines
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.concept_views import HOLDS
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event
from tests.pipeline.conftest import NOW


@pytest.fixture
def nested(fitted) -> InterestModel:
    """The genre world with "fiction" above two of its genres: an item of these has both concepts, "fiction" faintly."""
    learned, config = fitted
    old = learned.vocabulary
    names = {concept.name: c for c, concept in enumerate(old.concepts)}
    below = [names["space opera"], names["cozy mystery"]]
    fiction = np.asarray(old.activations[:, below].sum(axis=1)).reshape(-1, 1)
    activations = sp.csr_array(sp.hstack([old.activations, sp.csr_array(0.1 * fiction)]), dtype=np.float32)
    concepts = [replace(c, parent="fiction", level=1) if n in below else c for n, c in enumerate(old.concepts)]
    concepts.append(Concept(id="fiction", name="Fiction", kind="taxonomy", parent=None, items=30, aliases=("stories",)))
    space, population = learned.space, learned.population
    wider = replace(
        learned,
        vocabulary=Vocabulary(concepts=tuple(concepts), activations=activations),
        space=replace(space, directions=np.vstack([space.directions, 0 * space.directions[:1]])),
        population=replace(
            population,
            mean=np.append(population.mean, np.float32(0)),
            deviation=np.append(population.deviation, np.float32(1)),
            rate=np.append(population.rate, np.float32(0.5)),
        ),
    )
    return InterestModel(config=config, now=lambda: NOW).start(wider)


def test_a_concept_tells_its_place_items_and_users(nested):
    fiction = nested.concept("fiction")
    assert (fiction.depth, fiction.broad, fiction.fine, fiction.parent, fiction.size) == (0, True, False, None, 30)
    assert {child.concept for child in fiction.children} == {"space opera", "cozy mystery"}
    opera = nested.concepts("space opera")[0]
    assert (opera.depth, opera.broad, opera.fine, opera.parent.concept_id) == (1, False, True, "fiction")
    assert opera.size == 15
    assert len(opera.examples) == 5
    assert all(nested.item(example.item_id).title.startswith("space opera") for example in opera.examples)


def test_who_holds_a_concept_is_counted_as_profiles_tell_it(model):
    for view in model.concepts():
        holding = 0
        for user in model.fitted.dataset.users.ids:
            axes = {axis.concept_id: axis.value for axis in model.concept_vector(user).axes}
            column = model.fitted.vocabulary.row(view.concept_id)
            correction = model.live.correction(user, model.live.timeline.history(user))[column]
            holding += view.concept_id in axes and axes[view.concept_id] - correction >= HOLDS
        assert view.users == pytest.approx(holding, abs=1)  # a strength may lie on the line
        assert 0 < view.users < 240


def test_concepts_are_found_by_name_and_other_names(nested):
    assert [c.concept for c in nested.concepts("OPERA")] == ["space opera"]
    assert [c.concept for c in nested.concepts("stories")] == ["Fiction"]
    assert nested.concepts("no such thing") == ()
    assert len(nested.concepts()) == 5
    assert len(nested.concepts(limit=2)) == 2
    assert {c.concept for c in nested.concepts(level="broad")} == {"Fiction", "cookery", "chess"}
    assert {c.concept for c in nested.concepts(level="fine")} == {"space opera", "cozy mystery", "cookery", "chess"}


def test_what_is_not_there_is_refused(model):
    with pytest.raises(NotFoundError, match="No concept is called 'nothing'"):
        model.concept("nothing")
    for ask in (model.concepts, lambda level: model.concept_vector("u-0", level=level)):
        with pytest.raises(ConfigError, match="No level is called 'deep'"):
            ask(level="deep")


def test_a_users_vector_has_named_axes_and_is_that_of_the_profile(model):
    for user in ("u-0", "u-5"):
        vector = model.concept_vector(user)
        values = {axis.concept_id: axis.value for axis in vector.axes}
        profile = {i.concept_id: i.strength for i in model.interests(user).interests}
        assert set(profile) <= set(values)
        assert all(values[c] == pytest.approx(strength, abs=1e-6) for c, strength in profile.items())
        assert vector.sparsity == 1 - len(values) / 4
        assert [axis.value for axis in vector.axes] == sorted(values.values(), reverse=True)
    stranger = model.concept_vector("nobody")
    assert (stranger.cold, stranger.axes, stranger.sparsity, stranger.nearest) == (True, (), 1.0, ())


def test_a_broad_axis_is_the_furthest_of_those_below(nested):
    fine = {axis.concept: axis.value for axis in nested.concept_vector("u-0", level="fine").axes}
    broad = {axis.concept: axis.value for axis in nested.concept_vector("u-0", level="broad").axes}
    assert set(broad) <= {"Fiction", "cookery", "chess"}
    assert broad["Fiction"] == max((fine["space opera"], fine["cozy mystery"]), key=abs)


def test_nearness_in_concept_space_ranks_items(model):
    """Items of the user's leading concepts come first, and by hand: cos = Σ w a / (‖w‖ ‖a‖)."""
    activations = sp.csr_array(np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float32))
    assert concept_cosines(activations, np.array([3.0, 4.0, 0.0])) == pytest.approx([0.6, 1.0, 0.0, 0.0])
    assert concept_cosines(activations, np.zeros(3)).tolist() == [0, 0, 0, 0]
    for user in ("u-1", "u-2"):
        vector = model.concept_vector(user)
        lead = vector.axes[0].concept
        assert vector.nearest[0].shared == (lead,)
        assert not {item.item_id for item in vector.nearest} & {e.item_id for e in model.history(user)}
        similarities = [item.similarity for item in vector.nearest]
        assert similarities == sorted(similarities, reverse=True)


def test_lists_at_each_level_hold_items_of_their_concept(nested):
    ranks = {item.item_id: item.rank for item in nested.recommend("u-0", 60).items}
    broad = nested.concept_lists("u-0", level="broad", k=4)
    assert broad[0].concept == "Fiction"
    assert {interest.concept for interest in broad[0].interests} <= {"space opera", "cozy mystery", "Fiction"}
    for level in ("broad", "fine"):
        shown = set()
        for one in nested.concept_lists("u-0", level=level, k=4):
            family = {one.concept, *(child.concept for child in nested.concept(one.concept_id).children)}
            assert len(one.items) == 4
            for item in one.items:
                assert set(nested.item(item.item_id).concepts) & family
                assert item.rank == ranks[item.item_id]
                assert item.item_id not in shown
                shown.add(item.item_id)
            assert [item.rank for item in one.items] == sorted(item.rank for item in one.items)
    assert nested.concept_lists("nobody") == ()


def test_a_muted_interest_has_no_list(model):
    first = model.concept_lists("u-0", level="fine")[0]
    model.edit("u-0", first.concept_id, "mute")
    assert first.concept_id not in {one.concept_id for one in model.concept_lists("u-0", level="fine")}


def test_what_the_user_said_is_on_the_vector(model):
    chess = model.concepts("chess")[0].concept_id
    before = {axis.concept_id: axis.value for axis in model.concept_vector("u-0").axes}
    model.edit("u-0", chess, "more")
    after = {axis.concept_id: axis.value for axis in model.concept_vector("u-0").axes}
    assert chess not in before
    assert after[chess] == pytest.approx({i.concept_id: i.strength for i in model.interests("u-0").interests}[chess])
    model.observe([Event(user_id="fresh", item_id="3-1")])
    assert not model.concept_vector("fresh").cold
