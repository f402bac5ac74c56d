import pytest

from penchant.errors import BundleError
from penchant.models.catalogue import load_recommender
from penchant.models.popularity import Popularity, RandomOrder
from penchant.models.saving import ARRAYS, SETTINGS
from tests.models.toys import dataset_of


@pytest.fixture
def saved(tmp_path):
    Popularity().fit(dataset_of([[0, 1]], 2)).save(tmp_path)
    return tmp_path


def test_another_model_s_folder_is_refused_by_name(saved):
    with pytest.raises(BundleError, match="'popularity', not 'random'"):
        RandomOrder.load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "popularity"}'])
def test_damaged_settings(saved, text):
    (saved / SETTINGS).write_text(text)
    with pytest.raises(BundleError):
        load_recommender(saved)


def test_a_file_cut_in_half(saved):
    whole = (saved / ARRAYS).read_bytes()
    (saved / ARRAYS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleError, match="cannot be read"):
        load_recommender(saved)


def test_arrays_that_are_gone(saved):
    (saved / ARRAYS).unlink()
    with pytest.raises(BundleError, match="lacks shares"):
        load_recommender(saved)


def test_an_empty_folder(tmp_path):
    with pytest.raises(BundleError, match="missing or damaged"):
        load_recommender(tmp_path)
