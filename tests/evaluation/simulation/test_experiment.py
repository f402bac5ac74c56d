"""What the simulator's experiment reports is of the policies as they are: its batched ones are held against them."""

import importlib
import sys
from pathlib import Path

import pytest

from penchant.config import read_toml

EXPERIMENT = Path(__file__).parents[3] / "experiments" / "exploration" / "simulator"
MODULES = ("measure", "checking", "batched", "looking")


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENT))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("measure")
    for name in MODULES:
        sys.modules.pop(name, None)


def test_batched_policies_are_the_policies(measure, capsys):
    settings = read_toml(EXPERIMENT / "config.toml")
    settings["world"]["items"] = 200
    # Such a dial lets everything go, and is left with items of no interest.
    settings["policies"]["restless"] = {"kind": "dial", "share": 0.8, "patience": 1, "takes": 2, "interests": 6}
    measure.check(settings)
    assert capsys.readouterr().out.splitlines() == [f"{name} agrees" for name in settings["policies"]]
