from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.importing import import_source
from penchant.data.links import ENDS, Links
from penchant.errors import NotFoundError
from tests.models.toys import dataset_of

EVENTS = "user_id,item_id\n1,1\n2,2\n3,1\n"


def imported(folder: Path, relations: str, name: str = "relations") -> Links:
    source = folder / "source"
    source.mkdir()
    (source / "interactions.csv").write_text(EVENTS)
    (source / f"{name}.csv").write_text(relations)
    import_source(source, folder / "dataset")
    links = Dataset.load(folder / "dataset").links
    assert links is not None
    return links


def ends(links: Links) -> list[tuple[str, int, str, int]]:
    return [
        (ENDS[a], int(x), ENDS[b], int(y))
        for a, x, b, y in zip(links.subject_kinds, links.subjects, links.object_kinds, links.objects, strict=True)
    ]


def test_friends_are_users_though_items_have_the_same_ids(tmp_path: Path) -> None:
    links = imported(tmp_path, "user_id,friend_id\n1,3\n2,1\n2,99\n", name="social")
    assert links.names == ("social",)
    assert ends(links) == [("user", 0, "user", 2), ("user", 1, "user", 0), ("user", 1, "other", 0)]
    assert links.others == ("99",)
    assert links.count("user") == {"social": 2}
    subjects, objects = links.between("user")
    assert (subjects.tolist(), objects.tolist()) == ([0, 1], [2, 0])
    assert len(links.between("item")[0]) == 0


def test_ends_that_no_column_names_are_what_most_of_their_ids_are(tmp_path: Path) -> None:
    links = imported(tmp_path, "subject,relation,object\n3,knows,1\n2,like,1\nx,made_by,y\n")
    by_name = dict(zip([links.names[c] for c in links.relations], ends(links), strict=True))
    assert by_name["knows"] == ("user", 2, "item", 0)  # only a user is called 3; 1 is both, and then an item
    assert by_name["like"] == ("item", 1, "item", 0)
    assert by_name["made_by"] == ("other", 0, "other", 1)


def test_links_are_saved_and_loaded_as_they_are(tmp_path: Path) -> None:
    links = imported(tmp_path, "user_id,friend_id\n1,3\n2,99\n", name="social")
    data = Dataset.load(tmp_path / "dataset")
    data.save(tmp_path / "again")
    again = Dataset.load(tmp_path / "again").links
    assert again is not None
    assert (again.names, again.others, ends(again)) == (links.names, links.others, ends(links))


def test_a_selection_of_events_keeps_the_links_and_a_dataset_without_has_none(tmp_path: Path) -> None:
    data = dataset_of([[0, 1], [1]], 2)
    assert data.links is None
    linked = replace(data, links=Links.of_pairs("related", "item", [0, 0], [1, 0]))
    assert linked.select(linked.events.users == 0).links is linked.links
    linked.save(tmp_path / "d")
    loaded = Dataset.load(tmp_path / "d").links
    assert loaded is not None
    assert [part.tolist() for part in loaded.between("item", ["related"])] == [[0], [1]]  # not an item to itself
    assert np.array_equal(loaded.subjects, [0, 0])


def test_an_unknown_relation_is_told_the_known_ones() -> None:
    links = Links.of_pairs("related", "item", [0], [1])
    with pytest.raises(NotFoundError, match="'social'") as caught:
        links.between("item", ["social"])
    assert "related" in caught.value.hint
