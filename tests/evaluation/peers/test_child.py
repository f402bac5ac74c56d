"""Processes: measured apart from their parent, ended with all they started, and read whatever they print."""

import os
import sys
import time
from pathlib import Path

import pytest

from penchant.evaluation.peers.child import Ended, last_lines, run_child


def started(folder: Path, code: str, *, limit_seconds: float = 60.0) -> Ended:
    return run_child(
        [sys.executable, "-S", "-c", code],
        folder=folder,
        log=folder / "log.txt",
        environment=dict(os.environ),
        limit_seconds=limit_seconds,
    )


def test_memory_is_the_childs_own(tmp_path):
    ballast = bytearray(300 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])  # the parent's peak is above 300 MiB now
    idle = started(tmp_path, "import time; time.sleep(0.4)")
    busy = started(
        tmp_path, "import time; b = bytearray(150 * 2**20); b[::4096] = b'x' * len(b[::4096]); time.sleep(0.4)"
    )
    assert idle.peak_rss_mb is not None
    assert busy.peak_rss_mb is not None
    assert idle.peak_rss_mb < 60
    assert 150 < busy.peak_rss_mb < 250
    assert len(ballast) > 0


def test_processor_time_is_not_wall_time(tmp_path):
    asleep = started(tmp_path, "import time; time.sleep(0.6)")
    assert asleep.wall_seconds > 0.55
    assert asleep.cpu_seconds < 0.5
    awake = started(tmp_path, "import time\nwhile time.process_time() < 0.6: pass")
    assert awake.cpu_seconds > 0.55
    assert (awake.code, awake.timed_out) == (0, False)


def test_at_the_limit_everything_it_started_is_ended(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('epoch 1', flush=True); time.sleep(600)"
    )
    ended = started(tmp_path, code, limit_seconds=1.5)
    assert ended.timed_out
    assert 1.5 <= ended.wall_seconds < 8
    assert "limit" in ended.how
    assert ended.last_lines == "epoch 1"
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_one_that_will_not_end_is_made_to(tmp_path, monkeypatch):
    monkeypatch.setattr("penchant.evaluation.peers.child.GRACE_SECONDS", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    ended = started(tmp_path, code, limit_seconds=1.0)
    assert ended.timed_out
    assert ended.wall_seconds < 10


@pytest.mark.parametrize(
    ("code", "status", "how"),
    [
        ("raise SystemExit(7)", 7, "exit status 7"),
        ("import os; os.kill(os.getpid(), 9)", -9, "ended by SIGKILL"),
        ("import os; os.abort()", -6, "ended by SIGABRT"),
    ],
)
def test_how_it_ended_is_said(tmp_path, code, status, how):
    ended = started(tmp_path, code)
    assert (ended.code, ended.how) == (status, how)


def test_what_cannot_be_started_says_so(tmp_path):
    ended = run_child(
        [str(tmp_path / "nothing")], folder=tmp_path, log=tmp_path / "log.txt", environment={}, limit_seconds=5
    )
    assert ended.code == 127
    assert "cannot be started: No such file or directory" in ended.last_lines


def test_the_last_lines_are_text_whatever_was_printed(tmp_path):
    log = tmp_path / "log.txt"
    log.write_bytes(b"old\n" * 200_000 + b"one\rtwo\n\n  \n\xff\x00\x1b[31mthree\n")
    shown = last_lines(log)
    assert len(shown.splitlines()) == 12
    assert shown.splitlines()[-3:-1] == ["one", "two"]
    assert shown.endswith("[31mthree")
    assert all(c.isprintable() or c == "\n" for c in shown)
    log.write_bytes(b"x" * 100_000)
    assert len(last_lines(log)) <= 2_000


def is_gone(pid: int) -> bool:
    """Whether a process has ended, a moment allowed."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False
