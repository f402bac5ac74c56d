"""`penchant augment`: rows on disk, marked; what was asked wrongly ends with 2 and says why."""

import json

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.models.adversarial.behaviour_gan import BehaviourGAN
from tests.worlds import genre_world


@pytest.fixture
def folder(tmp_path):
    world = genre_world(users=80)
    world = world.select(world.events.timestamps < np.where(world.events.users % 2, 4, 7))
    return world.save(tmp_path / "world")


def test_rows_are_written_marked_told_and_left_out_of_an_evaluation(penchant, folder, tmp_path):
    settings = tmp_path / "quick.toml"
    settings.write_text("[gan]\nhidden = 8\n[gan.contest]\nepochs = 1\npretraining_epochs = 1\n")
    to, networks = tmp_path / "more", tmp_path / "networks"
    options = ("--share", 0.2, "--method", "gan", "--config", settings, "--seed", 3, "--generator", networks)
    code, out, _ = penchant("augment", folder, "--to", to, *options, "--json")
    assert code == 0
    told = json.loads(out)
    before, after = Dataset.load(folder), Dataset.load(to)
    assert after.events.generated is not None
    assert after.events.generated.sum() == told["rows"] == round(0.2 * len(before.events))
    assert after.report is not None
    assert after.report["augmentation"]["of"] == before.fingerprint
    assert after.report["augmentation"]["share"] == told["share"]
    assert all(np.isfinite(epoch["discriminator_loss"]) for epoch in told["epochs"] if epoch["phase"] == "contest")
    assert BehaviourGAN.load(networks).learned[0].n_items == 60
    results = []
    for data in (folder, to):
        code, out, _ = penchant("evaluate", data, "--models", "popularity", "--json", "-", "--no-text")
        assert code == 0
        results.append(json.loads(out))
    metrics = [[model["metrics"] for model in result["results"]] for result in results]
    assert metrics[0] == metrics[1]
    assert results[1]["protocol"]["generated_events_left_out"] == told["rows"]


def test_a_person_reads_how_near_the_rows_are(penchant, folder, tmp_path):
    code, out, _ = penchant("augment", folder, "--to", tmp_path / "more", "--method", "resample")
    assert code == 0
    for words in ("generated rows", "classifier", "chance is", "Copies", "twins"):
        assert words in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--share", 0), "share"),
        (("--share", 3), "share"),
        (("--method", "magic"), "method"),
        (("--sparse", 1), "Nobody"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(penchant, folder, tmp_path, options, words):
    code, _, err = penchant("augment", folder, "--to", tmp_path / "more", *options)
    assert code == 2
    assert words in err
    assert "hint:" in err
    assert not (tmp_path / "more").exists()
