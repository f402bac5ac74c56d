"""Folders appear whole or not at all."""

import pytest

from penchant.artifacts import new_folder, read_manifest
from penchant.errors import BundleError


def test_an_error_while_writing_leaves_the_old_folder_whole(tmp_path):
    place = tmp_path / "thing"
    with new_folder(place, {"kind": "bundle"}) as folder:
        (folder / "a.json").write_text("1")
    with pytest.raises(RuntimeError), new_folder(place, {"kind": "bundle"}) as folder:  # noqa: PT012
        (folder / "a.json").write_text("2")
        raise RuntimeError("power cut")
    assert (place / "a.json").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["thing"]
    assert read_manifest(place, kind="bundle")["files"].keys() == {"a.json"}


def test_a_file_in_the_way_is_refused(tmp_path):
    place = tmp_path / "thing"
    place.write_text("precious")
    with pytest.raises(BundleError), new_folder(place, {"kind": "bundle"}):
        pass
    assert place.read_text() == "precious"
