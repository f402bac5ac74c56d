"""Broad above fine, one parent each, nothing above itself."""

import numpy as np

from penchant.concepts.hierarchy import HierarchyConfig, climbed, groups, levels, under_groups, with_parents
from tests.concepts.catalogues import proposal

CONFIG = HierarchyConfig()


def parents(*proposals, config=CONFIG):
    return {p.name: p.parent and p.parent[1] for p in with_parents(list(proposals), config)}


def test_the_smallest_concept_that_covers_is_the_parent():
    told = parents(
        proposal("Makeup", range(100)),
        proposal("Nails", range(30)),
        proposal("Nail Polish", range(24)),
        proposal("Hair", range(100, 200)),
    )
    assert told == {"Makeup": None, "Nails": "makeup", "Nail Polish": "nails", "Hair": None}


def test_partly_covered_is_not_below():
    assert parents(proposal("Makeup", range(100)), proposal("Brushes", range(95, 115)))["Brushes"] is None


def test_words_stand_under_categories_and_never_above():
    told = parents(
        proposal("nail", range(100), kind="phrase", breadth=2),
        proposal("Nail Art", range(30)),
        proposal("konad", range(10), kind="phrase", breadth=2),
        proposal("OPI", range(10, 20), kind="brand", breadth=1),
    )
    assert told == {"nail": None, "Nail Art": None, "konad": "nail art", "OPI": "nail art"}


def test_what_the_source_knows_holds_against_coverage():
    told = parents(
        proposal("Makeup", range(100), kind="path"),
        proposal("Gifts", range(50, 100), kind="path"),
        proposal("Kits", range(10), kind="path", parent=("path", "gifts")),
    )
    assert told["Kits"] == "gifts"


def test_a_ring_is_cut():
    told = with_parents(
        [
            proposal("a", range(9), parent=("tags", "b")),
            proposal("b", range(10), parent=("tags", "c")),
            proposal("c", range(11), parent=("tags", "a")),
        ],
        CONFIG,
    )
    found = {p.key: p.parent for p in told}
    assert sum(parent is None for parent in found.values()) == 1
    assert sorted(levels(found).values()) == [0, 1, 2]


def test_deep_paths_are_cut_to_the_levels_asked_for():
    chain = [proposal(f"n{k}", range(200 // 4**k)) for k in range(4)]
    assert parents(*chain) == {"n0": None, "n1": "n0", "n2": "n1", "n3": "n1"}
    assert parents(*chain, config=HierarchyConfig(levels=2)) == {"n0": None, "n1": "n0", "n2": "n0", "n3": "n0"}
    assert set(parents(*chain, config=HierarchyConfig(levels=1)).values()) == {None}


def test_when_a_parent_goes_its_own_parent_takes_its_place():
    chain = with_parents([proposal(f"n{k}", range(200 // 4**k)) for k in range(3)], CONFIG)
    left = climbed(chain, {("tags", "n0"), ("tags", "n2")})
    assert {p.name: p.parent for p in left} == {"n0": None, "n2": ("tags", "n0")}


def test_concepts_alone_and_alike_get_a_group_above_them():
    names = ["dragons", "wizards", "elves", "pasta", "salads", "soups", "chess"]
    proposals = with_parents([proposal(name, [3 * k, 3 * k + 1, 3 * k + 2]) for k, name in enumerate(names)], CONFIG)
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(8)[:3], [3, 3, 1], axis=0)
    vectors = centres + 0.1 * rng.normal(size=centres.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    config = HierarchyConfig(group_from=5)
    found = groups(proposals, vectors, config, most_items=100)
    assert [set(group.words) for group in found] == [set(names[:3]), set(names[3:6])]
    assert found[0].rows.tolist() == list(range(9))
    told = under_groups(proposals, found)
    above = {p.name: p.parent for p in told}
    assert above["elves"] == found[0].key
    assert above["soups"] == found[1].key
    assert above["chess"] is None
    assert above[found[0].name] is None
    assert groups(proposals, vectors, config, most_items=5) == []
    assert groups(proposals, vectors, HierarchyConfig(group_from=8), most_items=100) == []


def test_what_has_a_parent_or_children_or_was_given_is_not_grouped():
    proposals = with_parents(
        [
            proposal("Fantasy", range(40)),
            proposal("dragons", range(10)),
            proposal("elves", range(100, 110)),
            proposal("dwarves", range(110, 120), given=True),
            *(proposal(f"topic {k}", range(140 + 9 * k, 149 + 9 * k), words=("a", "b")) for k in range(3)),
            proposal("Tolkien", range(120, 130), kind="authors", breadth=1),
            proposal("Le Guin", range(130, 140), kind="authors", breadth=1),
        ],
        CONFIG,
    )
    assert groups(proposals, np.ones((9, 4)) / 2, HierarchyConfig(group_from=2, group_members=2), most_items=100) == []
