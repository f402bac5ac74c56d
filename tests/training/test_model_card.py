"""What a saved model says of itself."""

import json

import pytest

from penchant.artifacts import new_folder, read_manifest
from penchant.errors import BundleError
from penchant.training.costs import WATTS_PER_CORE
from penchant.training.journal import Journal
from penchant.training.model_card import PublishedCard, about, keep_card, read_card, text_of, total_costs, write_card
from penchant.training.records import Costs, EpochRecord, TrainingRecord
from penchant.training.runs import RunLog
from tests.training.trainings import Toy, run_in
from tests.worlds import genre_world

EPOCH = EpochRecord(epoch=1, loss=1.0, gradient_norm=0.5, validation=0.2, seconds=0.5)
RECORD = TrainingRecord(epochs=(EPOCH,), best_epoch=1, best_value=0.2, stopped="epochs", seconds=0.5)


def costs(**changed):
    told = {"seconds": 2.0, "busy_seconds": 720.0, "peak_memory": 2**20, "trainable": 3, "parameters": 9}
    return Costs(**{**told, "device": "cpu", "watt_hours": 2.0, **changed})


def journal(*each):
    made = Journal()
    for n, one in enumerate(each):
        made.begin(f"part-{n}", {"seed": 0})
        made.epoch(EPOCH)
        made.end(RECORD, one)
    return made


def card(**changed):
    told = {"name": "books", "kind": "bundle", "data": {"name": "shop", "events": 12_345, "licence": ""}}
    return PublishedCard(**{**told, "metrics": {"ndcg@10": 0.05}, "settings": {"net": {"dim": 64}}, **changed})


def test_costs_are_added_up_and_the_largest_module_counts():
    told = total_costs(journal(costs(), costs(peak_memory=2**21, parameters=5, trainable=5, seconds=1.0)).entries)
    assert told == {
        "trainings": 2, "seconds": 3.0, "busy_seconds": 1440.0, "peak_memory": 2**21, "trainable": 5, "parameters": 9,
        "device": "cpu", "processes": 1, "watt_hours": 4.0, "watts_per_core": WATTS_PER_CORE,
    }  # fmt: skip
    assert told["watt_hours"] == pytest.approx(told["busy_seconds"] * WATTS_PER_CORE / 3600)
    assert total_costs(journal(costs(), costs(watt_hours=None)).entries)["watt_hours"] is None
    assert total_costs([]) == {}


def test_a_card_is_read_back_and_its_page_tells_what_is_known(tmp_path):
    told = card(costs=total_costs(journal(costs()).entries), licence="CC BY-SA 4.0", limits="Knows no other shop.")
    write_card(tmp_path, told)
    assert read_card(tmp_path) == told
    page = (tmp_path / "MODEL_CARD.md").read_text()
    assert page.startswith("# books\n")
    rows = ("| events | 12,345 |", "| ndcg@10 | 0.05 |", "| net.dim | 64 |", "| peak memory, MiB | 1 |")
    for row in (*rows, "| watt hours | 2.0 |", "| licence | CC BY-SA 4.0 |", "busy core seconds · 10 W / 3600"):
        assert row in page
    assert "## Limits\n\nKnows no other shop." in page
    assert "Reads with" not in page  # nothing is known of it
    assert "| licence | not known |" in text_of(card())
    assert "What it cost" not in text_of(card())
    assert "a\\|b c" in text_of(card(settings={"x": "a|b\nc"}))


def test_a_card_becomes_part_of_a_folder_that_was_saved(tmp_path):
    place = tmp_path / "encoder"
    with new_folder(place, {"kind": "encoder"}, name="made.json") as folder:
        (folder / "weights").write_text("w")
    keep_card(place, card(), journal(costs()), manifest="made.json")
    files = read_manifest(place, kind="encoder", name="made.json")["files"]
    assert sorted(files) == ["MODEL_CARD.md", "model_card.json", "training.jsonl", "weights"]
    with new_folder(place, {"kind": "encoder"}, name="made.json") as folder:
        (folder / "weights").write_text("again")  # and Penchant may replace it
    assert not (place / "MODEL_CARD.md").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"format_version": 1, "name": "x"}', '{"format_version": 1, "joy": 3}'])
def test_a_card_that_is_none_is_told(tmp_path, text):
    with pytest.raises(BundleError, match=r"has no model_card\.json"):
        read_card(tmp_path)
    (tmp_path / "model_card.json").write_text(text)
    with pytest.raises(BundleError, match="damaged"):
        read_card(tmp_path)
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        keep_card(tmp_path, card())


def test_a_journal_writes_what_the_log_would_have(tmp_path):
    from dataclasses import replace

    remembered, log = Journal(), tmp_path / "log.jsonl"
    Toy().train(replace(run_in(None, log=log), trackers=(remembered,)))
    remembered.write(tmp_path)
    assert (tmp_path / "training.jsonl").read_bytes() == log.read_bytes()
    assert remembered.entries[0].costs is not None
    Journal().write(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert RunLog(log).path == log


def test_a_run_told_again_takes_the_place_of_what_was_told_of_it(tmp_path):
    told = journal(costs())
    told.begin("part-0", {"seed": 1})
    told.epoch(EPOCH)
    assert [(entry.run, len(entry.epochs), entry.record) for entry in told.entries] == [("part-0", 1, None)]
    told.write(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [line["part"] for line in lines] == ["begin", "train", "validation"]


def test_what_a_card_says_of_data():
    world = genre_world(users=12)
    told = about(world)
    assert (told["users"], told["items"], told["events"]) == (12, world.n_items, len(world.events))
    assert told["fingerprint"] == world.fingerprint
