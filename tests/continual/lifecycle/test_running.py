"""The whole loop on a tiny world: what each stage read and made, what is kept, and what is done again."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penchant.artifacts import read_arrays
from penchant.continual.lifecycle.folder import RunFolder
from penchant.continual.lifecycle.running import run_loop
from penchant.continual.lifecycle.settings import NEEDS, STAGES, LifecycleConfig
from penchant.data.dataset import Dataset
from penchant.encoders import load_encoder
from penchant.errors import BundleError, CheckpointError, ConfigError, NotFoundError, SourceError
from penchant.feedback.opening import open_stores
from penchant.pipeline.interest_model import load
from penchant.progress import Progress
from tests.encoders.tiny_models import save_tiny
from tests.worlds import genre_world

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "data": {"later_share": 0.3},
    "pretrain": {"max_length": 16, "objectives": {"simcse": {}}, "training": {"max_epochs": 1, "warmup_steps": 1}},
    "finetune": {
        "encoder": {"max_length": 16, "method": {"name": "lora", "rank": 2}},
        "new_share": 0.1,
        "training": {"max_epochs": 1, "evaluate_every": 1, "evaluate_start": True, "learning_rate": 1e-3},
    },
    "profile": {
        "model": {
            "sources": [],
            "tracker": {
                "dim": 16,
                "layers": 1,
                "training": {"max_epochs": 2, "warmup_steps": 2, "learning_rate": 0.01},
            },
        },
        "exploration": {"discovery": {"max_share": 0.5}},  # each genre is on a quarter of the items
    },
    "explore": {"users": 12, "dial": {"share": 0.3}},
    "rank": {"k": 5},
    "update": {"learning": {"epochs": 1}, "gate": {"fewest_cases": 5}},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    genre_world(users=40).save(place / "data")
    save_tiny("bert", place / "start")
    return place


def settings(place: Path, **others: Any) -> LifecycleConfig:
    said = {name: dict(table) for name, table in SETTINGS.items()}
    said["data"]["source"] = place / "data"
    said["pretrain"]["start"] = str(place / "start")
    for name, value in others.items():
        said[name] = {**said[name], **value} if isinstance(value, dict) else value
    return LifecycleConfig.of(said)


@pytest.fixture(scope="module")
def whole(place: Path):
    return run_loop(settings(place), place / "whole", now=lambda: NOW)


@pytest.fixture
def copied(whole, place: Path, tmp_path: Path) -> Path:
    shutil.copytree(place / "whole", tmp_path / "here")
    return tmp_path / "here"


def test_every_stage_reads_what_the_ones_before_it_made(whole, place: Path):
    assert whole.done == STAGES
    manifest = json.loads((place / "whole" / "run.json").read_text())
    stages = manifest["stages"]
    assert list(stages) == list(STAGES)
    for record in stages.values():
        assert record["state"] == "done"
        for name, made in record["reads"].items():
            assert made == stages[name]["made"]
    assert set(stages["profile"]["reads"]) == {"data", "pretrain", "finetune"}
    assert whole.stages["finetune"]["base"] == "02-pretrain/encoder"
    assert whole.stages["profile"]["encoder"] == "03-finetune/encoder"
    told = load(place / "whole" / "04-profile" / "bundle").fitted.facts["encoder"]
    tuned = load_encoder(str(place / "whole" / "03-finetune" / "encoder"))
    assert told["identity"] == tuned.identity
    assert told["identity"] != load_encoder(str(place / "whole" / "02-pretrain" / "encoder")).identity


def test_nothing_of_later_is_in_what_was_learned_from(whole, place: Path):
    past = Dataset.load(place / "whole" / "01-data" / "past")
    model = load(place / "whole" / "04-profile" / "bundle")
    assert model.fitted.dataset.fingerprint == past.fingerprint
    assert (past.histories().lengths == 10).all()  # of 14


def test_slates_are_kept_with_propensities_and_answered_by_what_came_later(whole, place: Path):
    later = Dataset.load(place / "whole" / "01-data" / "later")
    wanted = {
        (later.users.ids[user], later.items.ids[item])
        for user, item in zip(later.events.users.tolist(), later.events.items.tolist(), strict=True)
    }
    with open_stores(place / "whole" / "07-feedback" / "store.sqlite") as stores:
        decisions, entries = list(stores.decisions()), [one.entry for one in stores.log()]
    assert len(decisions) == 12
    assert len(entries) == len(later.events) == 160
    slots = [(one.user_id, slot) for one in decisions for slot in one.slots]
    assert all(0 < slot.propensity <= 1 for _, slot in slots)
    told = whole.stages["feedback"]
    assert told["served"] == {"places": 60, "taken": sum((user, slot.item_id) in wanted for user, slot in slots)}
    explored = [(user, slot.item_id) for user, slot in slots if slot.explored]
    assert told["explored"] == {"places": len(explored), "taken": sum(one in wanted for one in explored)}
    assert 0 < told["explored"]["places"] == whole.stages["rank"]["explored"] < 60
    best = json.loads((place / "whole" / "06-rank" / "best.json").read_text())
    pairs = [(user, item) for user, items in best.items() for item in items]
    assert told["held_best"] == {"places": 60, "taken": sum(one in wanted for one in pairs)}
    assert told["answers"] + sum(told["events_left_out"].values()) == told["events"]


def test_the_share_that_explore_set_is_what_rank_serves(whole, place: Path):
    plans = json.loads((place / "whole" / "05-explore" / "users.json").read_text())
    with open_stores(place / "whole" / "06-rank" / "store.sqlite") as stores:
        served = {one.user_id: one.context["exploration_share"] for one in stores.decisions()}
    assert served == {user: plan["share"] for user, plan in plans.items()} == dict.fromkeys(plans, 0.3)
    assert any(plan["interests"] for plan in plans.values())


def test_the_update_learned_the_log(whole, place: Path):
    told = whole.stages["update"]
    assert told["new"]["events"] == 160
    assert told["new"]["refused"] == 0
    assert told["wins"] == (place / "whole" / "08-update" / "bundle").is_dir()
    if told["wins"]:
        model = load(place / "whole" / "08-update" / "bundle")
        assert len(model.fitted.dataset.events) == 560
        assert told["stands"] == "08-update/bundle"


def test_the_report_has_before_and_after_of_every_stage(whole, place: Path):
    assert {row.stage for row in whole.rows} == {*STAGES} - {"data", "report"}
    found = json.loads((place / "whole" / "09-report" / "report.json").read_text())
    assert [row["after"] for row in found["rows"]] == [row.after for row in whole.rows]
    page = (place / "whole" / "09-report" / "report.md").read_text()
    assert "NDCG@5, item_knn → interest" in page
    ranked = next(row for row in whole.rows if row.what == "NDCG@5, popularity → interest")
    models = whole.stages["rank"]["models"]
    assert (ranked.before, ranked.after) == (models["popularity"]["ndcg"], models["interest"]["ndcg"])
    assert ranked.better == (ranked.after > ranked.before)


def test_gone_on_with_nothing_is_done_again(copied: Path, place: Path, whole):
    again = run_loop(settings(place), copied, resume=True, now=lambda: NOW)
    assert (again.done, again.kept) == ((), STAGES)
    assert again.stages == whole.stages


def test_a_changed_setting_does_its_stage_again_and_those_that_read_of_it(copied: Path, place: Path):
    again = run_loop(settings(place, update={"gate": {"fewest_cases": 6}}), copied, resume=True, now=lambda: NOW)
    assert again.done == ("update", "report")
    more = run_loop(
        settings(place, update={"gate": {"fewest_cases": 6}}, rank={"k": 4}), copied, resume=True, now=lambda: NOW
    )
    assert more.done == ("rank", "feedback", "update", "report")
    assert more.stages["feedback"]["served"]["places"] == 48


def test_an_altered_or_lost_artefact_is_made_again(copied: Path, place: Path):
    (copied / "05-explore" / "users.json").write_text("{}")
    shutil.rmtree(copied / "08-update")
    again = run_loop(settings(place), copied, resume=True, now=lambda: NOW)
    # explore has made the same again, byte for byte: what rank read is as it was; so may update, for the report
    assert again.done[:2] == ("explore", "update")
    assert set(again.done[2:]) <= {"report"}
    assert {"rank", "feedback"} <= set(again.kept)
    assert json.loads((copied / "05-explore" / "users.json").read_text())


def test_a_stage_that_fails_is_named_and_the_ones_before_it_stay(place: Path, tmp_path: Path):
    wrong = settings(place, finetune={"encoder": {"path": str(tmp_path / "nowhere")}}, skip=["pretrain"])
    with pytest.raises(NotFoundError, match=r"Stage finetune failed: .*nowhere") as caught:
        run_loop(wrong, tmp_path / "run", now=lambda: NOW)
    assert "--resume" in caught.value.hint
    records = RunFolder.open(tmp_path / "run", resume=True).records
    assert {name: one.state for name, one in records.items()} == {"data": "done", "finetune": "failed"}
    assert "nowhere" in records["finetune"].error
    assert not (tmp_path / "run" / "03-finetune").exists()
    right = settings(place, skip=["pretrain", "finetune", *STAGES[4:]], profile={"text": False})
    again = run_loop(right, tmp_path / "run", resume=True, now=lambda: NOW)
    assert (again.done, again.kept) == (("profile",), ("data",))


class Stopped(Progress):
    """Ctrl-C after the first epoch of the tracker."""

    def note(self, text: str) -> None:
        if "tracker: epoch 2" in text:
            raise KeyboardInterrupt


def test_stopped_amid_a_training_it_goes_on_to_the_same_model(place: Path, tmp_path: Path):
    config = settings(place, skip=["pretrain", "finetune", *STAGES[4:]], profile={**SETTINGS["profile"], "text": False})
    with pytest.raises(KeyboardInterrupt):
        run_loop(config, tmp_path / "run", now=lambda: NOW, progress=Stopped())
    assert list((tmp_path / "run" / "04-profile.checkpoints").rglob("*.safetensors"))
    again = run_loop(config, tmp_path / "run", resume=True, now=lambda: NOW)
    assert (again.done, again.kept) == (("profile",), ("data",))
    assert not (tmp_path / "run" / "04-profile.checkpoints").exists()
    run_loop(config, tmp_path / "at-once", now=lambda: NOW)
    one, other = (tmp_path / name / "04-profile" / "bundle" / "model" for name in ("run", "at-once"))
    files = sorted(file.relative_to(one) for file in one.rglob("*.safetensors"))
    assert files
    for file in files:
        ours, theirs = read_arrays(one / file), read_arrays(other / file)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"skip": ["pretraining"]}, "no stage is called 'pretraining'"),
        ({"skip": ["data"]}, "data cannot be skipped"),
        ({"skip": ["profile"]}, "explore needs profile"),
        ({"pretraining": {}}, "pretraining: no such setting"),
        ({"update": {"gate": {"margins": 1}}}, "margins: no such setting"),
        ({"data": {"later_share": 1.0}}, "later_share"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_done(said: dict[str, Any], match: str):
    with pytest.raises(ConfigError, match=match):
        LifecycleConfig.of(said)
    assert all(STAGES.index(needed) < STAGES.index(name) for name, needed in NEEDS.items())


def test_a_wrong_place_source_or_model_is_refused_before_anything_is_done(copied: Path, place: Path, tmp_path: Path):
    with pytest.raises(SourceError, match="No data at"):
        run_loop(settings(place, data={"source": tmp_path / "none"}), tmp_path / "run")
    with pytest.raises(NotFoundError, match="'best_seller'"):
        run_loop(settings(place, rank={"against": ["best_seller"]}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="holds a run already"):
        run_loop(settings(place), copied)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(BundleError, match="holds no run"):
        run_loop(settings(place), tmp_path / "mine", resume=True)
    with (
        RunFolder.open(copied, resume=True).in_use(),
        pytest.raises(CheckpointError, match="Another process"),
    ):
        run_loop(settings(place), copied, resume=False)
    assert len(RunFolder.open(copied, resume=True).records) == len(STAGES)  # nothing was begun again
    (copied / "run.json").write_text("{")
    with pytest.raises(BundleError, match=r"run\.json is damaged"):
        run_loop(settings(place), copied, resume=True)
