"""Fixtures that every room's tests may use."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

# Two test processes share two cores: a second thread in each would only wait for the other's.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["PENCHANT_CACHE"] = tempfile.mkdtemp(prefix="penchant-tests-")

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("penchant", deadline=None)
settings.load_profile("penchant")

# A shell that starts the tests in the background makes them deaf to Ctrl-C, which some of them are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


def pytest_unconfigure() -> None:
    """Leave no cache behind."""
    shutil.rmtree(os.environ["PENCHANT_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development datasets, which are not part of the repository."""
    folder = Path(os.environ.get("PENCHANT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no datasets at {folder}: set PENCHANT_SHARED_DATA to a folder that has them")
    return folder


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Where PENCHANT_NO_SKIPS is set, as in CI, a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("PENCHANT_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and PENCHANT_NO_SKIPS forbids it: {report.longrepr}"
