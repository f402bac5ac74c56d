"""`penchant serve`: the port, the store beside the bundle, stopping, and being killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penchant.cli import main
from penchant.errors import ConfigError
from penchant.serving import server


@contextmanager
def serving(bundle: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address as it prints it."""
    command = [sys.executable, "-m", "penchant", "serve", str(bundle), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        try:
            assert found, process.communicate(timeout=10)
            yield process, found.group()
        finally:
            process.kill()


def asked(address: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def ids(address: str) -> list[str]:
    page = asked(f"{address}/v1/users/u-1/history")
    assert isinstance(page, dict)
    return [event["event_id"] for event in page["events"]]


def test_kill_9_loses_no_acknowledged_event_and_sigterm_stops_cleanly(bundle):
    event = {"user_id": "u-1", "item_id": "0-0", "event_type": "read", "event_id": "kept"}
    with serving(bundle) as (process, address):
        answer = asked(f"{address}/v1/events", {"events": [event]})
        assert answer == {"accepted": 1, "duplicates": 0, "rejected": []}
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert (bundle.parent / "genres.feedback.sqlite").is_file()
    with serving(bundle) as (process, address):
        assert ids(address)[0] == "kept"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
    assert "Stopped." in out
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert lines[-1]["path"] == "/v1/users/u-1/history"
    assert lines[-1]["status"] == 200
    assert "Traceback" not in err


@pytest.fixture
def said(monkeypatch, capsys):
    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["penchant", "serve", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return str(capsys.readouterr().err)

    return run


def test_a_port_that_is_taken_is_told_at_once(said, bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = said(bundle, "--port", port)
    assert f"127.0.0.1:{port} cannot be used" in text
    assert "--port 0" in text


def test_a_host_that_is_none(said, bundle):
    assert "hint:" in said(bundle, "--host", "no such host", "--port", 0)


def test_a_bundle_that_is_not_there_leaves_no_store_behind(said, tmp_path):
    assert "penchant fit" in said(tmp_path / "nothing", "--port", 0)
    assert os.listdir(tmp_path) == []


def test_a_damaged_store(said, bundle, tmp_path):
    (tmp_path / "bad").write_bytes(b"x" * 5_000)
    assert "damaged" in said(bundle, "--port", 0, "--store", tmp_path / "bad")
    assert "No store speaks 'redis'" in said(bundle, "--port", 0, "--store", "redis://host")


def test_addresses_are_ones_a_browser_opens():
    with server.bind("0.0.0.0", 0) as listener:  # noqa: S104
        assert server.address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with server.bind("127.0.0.1", 0) as listener, pytest.raises(ConfigError):
        server.bind("127.0.0.1", listener.getsockname()[1])


def test_the_store_stands_beside_the_bundle(tmp_path):
    assert server.default_store(tmp_path / "books") == tmp_path / "books.feedback.sqlite"
