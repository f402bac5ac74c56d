"""A bundle gives back what was saved, and a damaged one is refused by name."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from penchant.artifacts import describe
from penchant.errors import BundleError, NotFoundError, PenchantError
from penchant.pipeline.bundle import named
from penchant.pipeline.interest_model import InterestModel, load
from tests.pipeline.conftest import NOW
from tests.worlds import genre_world


@pytest.fixture
def bundle(model, tmp_path):
    path = tmp_path / "books"
    model.save(path)
    return path


def test_a_loaded_bundle_serves_the_same_bit_for_bit(model, bundle):
    again = load(bundle)
    for user in ("u-0", "u-17", "nobody"):
        first, second = model.recommend(user, 10), again.recommend(user, 10)
        assert [(i.item_id, i.score, i.reasons) for i in first.items] == [
            (i.item_id, i.score, i.reasons) for i in second.items
        ]
        assert model.interests(user, as_of=10) == again.interests(user, as_of=10)
    assert again.bundle.startswith("books@")
    assert again.bundle == model.bundle


def test_a_new_process_gives_bit_equal_scores(model, bundle):
    code = (
        "import sys, json, penchant; m = penchant.load(sys.argv[1]);"
        "print(json.dumps([[i.item_id, i.score.hex()] for i in m.recommend('u-5', 8).items]))"
    )
    out = subprocess.run([sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == [[i.item_id, i.score.hex()] for i in model.recommend("u-5", 8).items]


def test_no_pickle_in_a_bundle(bundle):
    files = [f for f in bundle.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} <= {".json", ".safetensors", ".parquet", ".jsonl", ".md"}
    assert (bundle / "manifest.json").is_file()


def test_a_bundle_cut_in_half_is_refused(bundle):
    for victim in sorted(f for f in bundle.rglob("*") if f.suffix in {".safetensors", ".parquet"}):
        whole = victim.read_bytes()
        victim.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BundleError, match="cut short or altered"):
            load(bundle)
        victim.write_bytes(whole)
    next(bundle.rglob("*.safetensors")).unlink()
    with pytest.raises(BundleError, match="missing"):
        load(bundle)


def test_a_newer_format_is_refused_with_what_to_do(bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(BundleError, match="format 99") as caught:
        load(bundle)
    assert "Upgrade" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format_version": 1}'])
def test_a_damaged_manifest_is_refused(bundle, text):
    (bundle / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match="damaged"):
        load(bundle)


def test_no_bundle_and_the_wrong_kind(tmp_path, bundle):
    with pytest.raises(BundleError, match="No bundle at"):
        load(tmp_path / "nowhere")
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"kind": "dataset"}))
    with pytest.raises(BundleError, match="holds a dataset"):
        load(bundle)


def test_saving_over_a_bundle_replaces_it_whole(model, bundle):
    model.save(bundle)
    assert load(bundle).recommend("u-0", 1).items
    assert [p.name for p in bundle.parent.iterdir()] == ["books"]


def test_saving_over_something_else_is_refused(model, tmp_path):
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.txt").write_text("the only copy")
    with pytest.raises(BundleError, match="not a Penchant folder"):
        model.save(precious)
    assert (precious / "chapter1.txt").read_text() == "the only copy"


@pytest.mark.parametrize("manifest", [{"name": "a web app", "start_url": "/"}, None])
def test_a_folder_with_files_of_somebody_else_is_never_replaced(model, bundle, manifest):
    """Neither another program's manifest.json nor a file put into a bundle makes a folder ours to remove."""
    if manifest is not None:
        (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "thesis.txt").write_text("the only copy")
    with pytest.raises(BundleError, match=r"thesis\.txt|beliefs"):
        model.save(bundle)
    assert (bundle / "thesis.txt").read_text() == "the only copy"


@pytest.mark.parametrize("change", [{"config": None}, {"seed": "q"}, {"facts": 3}, {"config": {"model": {"depth": 1}}}])
def test_a_manifest_with_wrong_contents_is_refused(bundle, change):
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(PenchantError):
        load(bundle)
    del manifest["config"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="damaged"):
        load(bundle)


def test_a_newer_manifest_of_another_shape_is_called_newer(bundle):
    (bundle / "manifest.json").write_text(json.dumps({"format_version": 7, "kind": "bundle", "files": "elsewhere"}))
    with pytest.raises(BundleError, match="format 7"):
        load(bundle)


def test_concepts_of_an_older_bundle_lack_what_was_not_told_then(bundle):
    told = json.loads((bundle / "concepts.json").read_text())
    then = {"id", "name", "kind", "parent", "items"}
    told["concepts"] = [{name: value for name, value in c.items() if name in then} for c in told["concepts"]]
    (bundle / "concepts.json").write_text(json.dumps(told))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["concepts.json"] = describe(bundle / "concepts.json")
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    concepts = load(bundle).fitted.vocabulary.concepts
    assert [c.id for c in concepts] == [c["id"] for c in told["concepts"]]
    assert {(c.level, c.examples, c.purity, c.aliases, c.words) for c in concepts} == {(0, (), None, (), ())}


def test_concepts_come_back_as_they_were(model, bundle):
    assert load(bundle).fitted.vocabulary.concepts == model.fitted.vocabulary.concepts


def test_what_was_learned_is_in_the_manifest(model, bundle):
    facts = json.loads((bundle / "manifest.json").read_text())["facts"]
    assert facts["validation"]["interest"] >= facts["validation"]["tracker"] - 1e-6
    assert facts["fitted_at"].startswith("2026-01-02")


def test_edits_of_concepts_that_a_refresh_took_away_go_to_their_heirs(model, tmp_path):
    """The second catalogue calls chess "board games"; a user's word on chess counts there."""
    model.save(tmp_path / "old")
    world = genre_world()
    tags, titles = world.items.columns["tags"].copy(), world.items.columns["title"].copy()
    for row, item in enumerate(world.items.ids):
        if item.startswith("3-"):
            tags[row], titles[row] = ["board games"], f"board games volume {row}"
    columns = {**world.items.columns, "tags": tags, "title": titles}
    renamed = replace(world, items=replace(world.items, columns=columns))
    again = InterestModel(config=model.config, now=lambda: NOW)
    again.fit(renamed, model=model.fitted.model, after=named(tmp_path / "old"))
    assert again.fitted.succession.of("tags:chess") == "tags:board-games"
    assert again.fitted.succession.names == {"tags:chess": "chess"}
    again.save(tmp_path / "new")
    loaded = load(tmp_path / "new", now=lambda: NOW)
    plain = {i.concept_id: i.strength for i in loaded.interests("u-3").interests}
    loaded.edit("u-3", "tags:chess", "more")
    moved = {i.concept_id: i.strength for i in loaded.interests("u-3").interests}
    assert moved["tags:board-games"] > plain.get("tags:board-games", -9.0)
    with pytest.raises(NotFoundError, match="tags:checkers"):
        loaded.edit("u-3", "tags:checkers", "more")
