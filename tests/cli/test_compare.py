"""`penchant compare` as a person types it."""

import signal
import subprocess
import time

import orjson
import pytest

from penchant.data.folder import save_dataset
from penchant.evaluation.peers import catalogue
from tests.evaluation.peers.fakes import CATALOGUE, make_environment
from tests.evaluation.worlds import make_world


@pytest.fixture
def fake(monkeypatch):
    """The fake peer among those that the command knows."""
    monkeypatch.setitem(catalogue.PEERS, "fake", CATALOGUE["fake"])


def test_one_table_with_costs_and_reasons_and_everything_is_written(penchant, fake, tmp_path):
    folder = save_dataset(make_world(60), tmp_path / "walks")
    places = ["--json", tmp_path / "new" / "result.json", "--report", tmp_path / "report.html"]
    places += ["--keep", tmp_path / "kept"]
    environments = make_environment(tmp_path / "environments")
    arguments: list[object] = [
        "--peers",
        "fake:walker,fake:crash,fake:sloppy,implicit:als",
        "--models",
        "popularity",
        "--no-text",
    ]
    arguments += ["--environments", environments, "--threads", "1", "--minutes", "4", "--k", "3,10"]
    code, out, err = penchant("compare", folder, *arguments, *places)
    assert code == 0, err
    for text in (
        "walks",
        "History excluded",
        "History included",
        "NDCG@10",
        "CPU s",
        "Peak MB",
        "item_knn",
        "1 threads",
    ):
        assert text in out
    assert "fake:crash failed: exit status 3" in out
    assert "FakeError: <b>the moon</b> is in the wrong house" in out
    assert "implicit:als not installed: There is no environment at" in out
    assert "fake:sloppy: 1 user without a list counts as zero" in out
    assert "fake:walker is ahead of popularity by +" in out
    value = orjson.loads((tmp_path / "new" / "result.json").read_bytes())
    assert value["protocol"]["k"] == [3, 10]
    assert value["protocol"]["text"] is None
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "kept" / "runs" / "item_knn" / "trial-0" / "test.jsonl").exists()


def test_asked_to_terminate_it_ends_the_process_it_waits_for(penchant, fake, tmp_path, monkeypatch):
    started = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            started.append(self)

    monkeypatch.setattr("penchant.evaluation.peers.child.subprocess.Popen", Watched)
    sleep = time.sleep
    asked: list[float] = []

    def interrupted(seconds: float) -> None:  # once: what ends the process sleeps too
        if asked:
            sleep(seconds)
        else:
            asked.append(seconds)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("penchant.evaluation.peers.child.time.sleep", interrupted)
    folder = save_dataset(make_world(60), tmp_path / "walks")
    environments = make_environment(tmp_path / "environments")
    code, _, err = penchant(
        "compare", folder, "--peers", "fake:walker", "--environments", environments, "--no-text", "--threads", "1"
    )
    assert (code, "Interrupted" in err) == (128 + signal.SIGTERM, True)
    assert [process.poll() is not None for process in started] == [True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No dataset was named"),
        (["nowhere"], "No dataset at nowhere"),
        (["nowhere", "--peers", "gorse"], "No peer is called 'gorse'"),
        (["nowhere", "--environments", "/nowhere"], "no folder of environments at /nowhere"),
        (["nowhere", "--trials", "0"], "number of trials is above 0"),
        (["nowhere", "--protocol", "cold-items"], "cannot be compared by 'cold-items'"),
        (["nowhere", "--k", "ten"], "--k takes whole numbers"),
    ],
)
def test_wrong_arguments_exit_two_and_say_what_to_do(penchant, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = penchant("compare", *arguments)
    assert code == 2
    assert message in err
    assert "hint:" in err
    assert "Traceback" not in err + out


def test_recipes_are_printed_as_a_script(penchant, tmp_path):
    code, out, _ = penchant("compare", "--print-recipes", "--peers", "recbole,implicit", "--environments", tmp_path)
    assert code == 0
    assert f"uv venv -q --clear -p 3.11 {tmp_path / 'recbole'}" in out
    assert "implicit==0.7.3" in out
    assert "lenskit" not in out
    assert subprocess.run(["sh", "-n"], input=out, text=True, check=False).returncode == 0


def test_environments_are_made_and_faults_told(penchant, tmp_path, monkeypatch):
    made = []

    def make(peers, folder, *, progress):
        made.append(([peer.name for peer in peers], folder))
        return {"implicit": "", "cornac": "no such wheel"}

    monkeypatch.setattr("penchant.evaluation.peers.environments.make_environments", make)
    code, out, err = penchant("compare", "--make-environments", tmp_path / "e", "--peers", "implicit,cornac:bpr")
    assert code == 1
    assert out.splitlines() == ["implicit: ready", "cornac: failed"]
    assert "no such wheel" in err
    assert made == [(["implicit", "cornac"], tmp_path / "e")]
