"""Names from a list."""

import pytest

from penchant.concepts.sources.given_names import GivenNames, GivenNamesConfig
from penchant.errors import ConfigError, SourceError
from tests.concepts.catalogues import BagOfWords, catalogue

TITLES = ["spicy ramen noodles", "ramen bowl", "ramen recipes", "chess openings", "chess endgames", "pawn endings"]


def proposed(*names, encoder=None, vectors=None, **config):
    source = GivenNames(GivenNamesConfig(names=names, **config))
    found = source.propose(catalogue(title=TITLES, encoder=encoder, vectors=vectors, min_items=2))
    return {p.name: p for p in found}


def test_a_name_is_on_the_items_whose_text_has_it():
    found = proposed("Ramen", "endgame", "knitting")
    assert {name: p.rows.tolist() for name, p in found.items()} == {"Ramen": [0, 1, 2], "endgame": [4]}
    assert all(p.given for p in found.values())


def test_further_names_stand_for_the_same():
    found = proposed("Chess | pawn")
    assert found["Chess"].rows.tolist() == [3, 4, 5]
    assert found["Chess"].aliases == ("pawn",)


def test_a_name_that_no_text_has_is_placed_by_meaning():
    encoder = BagOfWords(dim=8, vectors={"board games": [0.0, 0.8, 0.6]})
    vectors = encoder.encode(["x"])[:0]
    import numpy as np

    vectors = np.zeros((6, 8), dtype=np.float32)
    vectors[:3, 0] = 1
    vectors[3:5, 1] = 1
    vectors[5, 2] = 1
    found = proposed("board games", encoder=encoder, vectors=vectors)
    assert found["board games"].rows.tolist() == [3, 4]
    assert found["board games"].weights.tolist() == pytest.approx([0.8, 0.8])
    wide = proposed("board games", encoder=encoder, vectors=vectors, max_share=0.5)
    assert wide["board games"].rows.tolist() == [3, 4, 5]
    assert wide["board games"].weights.tolist() == pytest.approx([0.8, 0.8, 0.6])
    assert proposed("board games", encoder=encoder, vectors=vectors, by_meaning=False) == {}
    assert proposed("board games", encoder=encoder, vectors=vectors, min_similarity=0.9) == {}


def test_a_file_of_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("# games\nChess\n\nchess\nRamen | noodles\nnan\n", encoding="utf-8")
    source = GivenNames(GivenNamesConfig(path=path))
    found = {p.name: p.rows.tolist() for p in source.propose(catalogue(title=TITLES))}
    assert found == {"Chess": [3, 4], "Ramen": [0, 1, 2]}


def test_no_file_no_names_and_nothing_asked(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        GivenNames(GivenNamesConfig(path=tmp_path / "none.txt")).propose(catalogue(title=TITLES))
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(SourceError, match="no name"):
        GivenNames(GivenNamesConfig(path=tmp_path / "empty.txt")).propose(catalogue(title=TITLES))
    with pytest.raises(ConfigError, match="path or names"):
        GivenNamesConfig.of({})
