"""Servers as processes: the port, being killed, and what `penchant serve` refuses."""

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
from typing import Any

import pytest

from penchant.cli import main
from penchant.errors import ConfigError
from penchant.serving import server

ROOT = Path(__file__).resolve().parents[2]
FAKE = """
import sys
from penchant.feedback import open_stores
from penchant.serving import create_app, server
from tests.serving.fake_model import FakeModel
with server.bind("127.0.0.1", 0) as listener, open_stores(sys.argv[1]) as stores:
    app = create_app(FakeModel(), stores)
    server.serve(app, listener, started=lambda: print(server.address(listener), flush=True))
    print("ended", flush=True)
"""


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address as it prints it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        try:
            assert found, process.communicate(timeout=10)
            yield process, found.group()
        finally:
            process.kill()


def asked(address: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def test_kill_9_loses_no_acknowledged_event(tmp_path):
    command = ("-c", FAKE, str(tmp_path / "store.sqlite"))
    with running(*command) as (process, address):
        for n in range(5):
            event = {"user_id": "u", "item_id": "book-0", "event_type": "read", "event_id": f"e{n}"}
            assert asked(f"{address}/v1/events", {"events": [event]})["accepted"] == 1
        asked(f"{address}/v1/users/u/recommendations")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with running(*command) as (process, address):
        history = asked(f"{address}/v1/users/u/history")["events"]
        assert [event["event_id"] for event in history] == ["e4", "e3", "e2", "e1", "e0"]
        assert asked(f"{address}/health")["counts"]["stored_slates"] == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "ended\n", "")


@pytest.fixture
def said(monkeypatch, capsys):
    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["penchant", "serve", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return str(capsys.readouterr().err)

    return run


def test_a_port_that_is_taken_is_told_at_once(said, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = said(tmp_path, "--port", port)
    assert f"127.0.0.1:{port} cannot be used" in text
    assert "--port 0" in text


def test_a_host_that_is_none(said, tmp_path):
    assert "hint:" in said(tmp_path, "--host", "no such host", "--port", 0)


def test_a_bundle_that_is_not_there_leaves_no_store_behind(said, tmp_path):
    assert "penchant fit" in said(tmp_path / "nothing", "--port", 0)
    assert os.listdir(tmp_path) == []


def test_a_policy_that_is_none_is_refused_before_the_bundle_is_read(said, tmp_path):
    settings = tmp_path / "policies.toml"
    settings.write_text("[softmax]\nheat = 1\n", encoding="utf-8")
    nothing = tmp_path / "nothing"
    assert "No policy is called 'magic'" in said(nothing, "--policy", "magic")
    assert "heat: no such setting" in said(nothing, "--policy", "softmax", "--config", settings)
    assert "none was named" in said(nothing, "--config", settings)


def test_addresses_are_ones_a_browser_opens():
    with server.bind("0.0.0.0", 0) as listener:  # noqa: S104
        assert server.address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with server.bind("127.0.0.1", 0) as listener, pytest.raises(ConfigError):
        server.bind("127.0.0.1", listener.getsockname()[1])


def test_the_store_stands_beside_the_bundle(tmp_path):
    assert server.default_store(tmp_path / "books") == tmp_path / "books.feedback.sqlite"
