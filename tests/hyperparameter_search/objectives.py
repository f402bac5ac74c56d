"""Objectives that workers are sent: a module of its own, which imports nothing that takes time."""

import os
import signal
import time
from pathlib import Path


def bowl(attempt):
    return -((attempt.settings["x"] - 1) ** 2)


def faulty(attempt):
    """In a worker: 1 raises, 2 is killed, 3 gives no number."""
    x = attempt.settings["x"]
    if x == 1:
        raise ZeroDivisionError("nothing to divide by")
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return float("nan") if x == 3 else float(x)


def interrupted(attempt):
    """2 is stopped by a signal; another one at work meanwhile says that it was stopped."""
    if attempt.settings["x"] == 2:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
    try:
        time.sleep(20 if attempt.settings["x"] == 1 else 0.5)
    except KeyboardInterrupt:
        Path(attempt.states).parent.parent.joinpath(f"stopped-{attempt.number}").touch()
        raise
    return 0.0
