"""Peak memory of one model at a time, and seconds."""

import time

import numpy as np
import pytest

from penchant.evaluation.measuring import LIFETIME, PEAK_IS, PeakMemory, Stopwatch, environment


def test_the_peak_is_of_what_happened_since_and_not_before():
    before = PeakMemory()
    if not before.resettable:
        pytest.skip("this system cannot measure one model at a time")
    held = np.ones(40 * 2**20)  # 320 MB
    with_it = before.megabytes
    del held
    after = PeakMemory()
    assert after.measures == PEAK_IS
    assert with_it - after.megabytes > 250
    assert before.megabytes < with_it  # the mark is the process's: it was reset


def test_a_system_that_cannot_reset_says_so(monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_text", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    peak = PeakMemory()
    assert not peak.resettable
    assert peak.measures == LIFETIME
    assert peak.megabytes > 10


def test_a_stopwatch_counts_only_while_it_runs():
    watch = Stopwatch()
    for _ in range(2):
        with watch.running():
            time.sleep(0.02)
        time.sleep(0.02)
    assert 0.04 <= watch.seconds < 0.5


def test_the_machine_is_named():
    found = environment()
    assert {"penchant", "python", "torch", "cpu", "cpu_capability", "cpu_threads"} <= set(found)
    assert all(value for value in found.values())
