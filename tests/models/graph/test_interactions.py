from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.links import Links
from penchant.errors import NotFoundError, UnsupportedError
from penchant.models.graph.interactions import InteractionGraph, symmetric
from tests.models.toys import dataset_of

TOY = dataset_of([[0, 1, 0], [1], [3], []], 5)
"""Two parts: users 0 and 1 with the items 0 and 1; user 2 with item 3. User 3 and the items 2 and 4 have no edge."""


def test_nodes_and_edges_are_counted():
    facts = InteractionGraph.of(TOY).facts
    assert (facts.users, facts.items, facts.edges, facts.links) == (3, 3, 4, 0)
    assert (facts.isolated, facts.components) == (3, 2)
    assert str(facts) == "3 users and 3 items in 2 parts, 4 edges"


def test_the_adjacency_is_symmetric_with_users_first_and_a_repeat_is_one_edge():
    adjacency = InteractionGraph.of(TOY).adjacency.toarray()
    np.testing.assert_array_equal(adjacency, adjacency.T)
    expected = np.zeros((9, 9))
    for user, item in [(0, 0), (0, 1), (1, 1), (2, 3)]:
        expected[user, 4 + item] = expected[4 + item, user] = 1
    np.testing.assert_array_equal(adjacency, expected)


def test_only_the_events_handed_in_are_edges():
    training = TOY.select(TOY.events.users != 2)
    facts = InteractionGraph.of(training).facts
    assert (facts.users, facts.items, facts.edges, facts.components) == (2, 2, 3, 1)


def test_events_against_an_item_are_no_edges():
    data = Dataset.of_rows(
        name="toy",
        users=TOY.users,
        items=TOY.items,
        user_rows=np.array([0, 0, 1]),
        item_rows=np.array([0, 1, 1]),
        types=np.array([0, 1, 0]),
        event_types=("like", "dislike"),
    )
    np.testing.assert_array_equal(InteractionGraph.of(data).edges_UI.toarray()[:2, :2], [[1, 0], [0, 1]])


def test_friends_and_related_items_are_edges_where_they_are_asked_for():
    links = Links(
        names=("also_bought", "social"),
        relations=np.array([1, 1, 0], dtype=np.int32),
        subjects=np.array([0, 2, 0], dtype=np.int32),
        subject_kinds=np.array([0, 0, 1], dtype=np.int32),
        objects=np.array([2, 0, 4], dtype=np.int32),
        object_kinds=np.array([0, 0, 1], dtype=np.int32),
    )
    linked = replace(TOY, links=links)
    facts = InteractionGraph.of(linked, links=("social", "also_bought")).facts
    assert (facts.edges, facts.links, facts.components, facts.isolated) == (4, 2, 1, 2)
    assert str(facts) == "3 users and 4 items in 1 part, 4 edges and 2 links"
    assert InteractionGraph.of(linked).facts.links == 0
    with pytest.raises(NotFoundError, match="trust"):
        InteractionGraph.of(linked, links=("trust",))
    with pytest.raises(UnsupportedError, match="needs relations"):
        InteractionGraph.of(TOY, links=("social",))


def test_normalised_messages_are_divided_by_the_roots_of_both_degrees():
    adjacency = InteractionGraph.of(TOY).adjacency
    normalised = symmetric(adjacency).toarray()
    assert normalised[0, 4] == pytest.approx(1 / np.sqrt(2 * 1))
    assert normalised[0, 5] == pytest.approx(1 / np.sqrt(2 * 2))
    assert np.abs(np.linalg.eigvalsh(normalised)).max() == pytest.approx(1.0)
    assert not normalised[3].any()
