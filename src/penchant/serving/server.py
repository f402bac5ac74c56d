"""Running the application on a port."""

import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from penchant.errors import ConfigError


def default_store(bundle: Path) -> Path:
    """The store of a bundle that no other was named for: beside it, so that fitting again keeps what users did."""
    bundle = bundle.absolute()
    return bundle.with_name(f"{bundle.name}.feedback.sqlite")


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`:`port`; port 0 takes a free one. Raises `ConfigError` where it is taken."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"No address {host}:{port}: {error}.", hint="Give --host and --port that exist.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(2_048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{host}:{port} cannot be used: {error.strerror or error}.",
            hint="Stop the program that holds it, or give another with --port; --port 0 takes a free one.",
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a bound socket, as a browser opens it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """An application on a bound socket. `started` is called once it answers."""

    def __init__(self, app: FastAPI, *, started: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5)
        )
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when the server answers."""
        await super().startup(sockets=sockets)
        if self.started:
            self._started()

    def stop(self) -> None:
        """Answer what is under way, then let `run` return; from any thread."""
        self.should_exit = True


def serve(app: FastAPI, listener: socket.socket, *, started: Callable[[], None] = lambda: None) -> None:
    """Serve in the main thread until SIGINT or SIGTERM, then answer what is under way and return."""
    # uvicorn raises a caught signal again when it is done; by then there is nothing left to interrupt.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # A profile is many small products, at whose ends NumPy's threads would wait for longer than they compute.
    with threadpool_limits(1, user_api="blas"):
        Server(app, started=started).run(sockets=[listener])


def log_to_stderr(*, access: bool) -> None:
    """One line per message on stderr: warnings as text and, if `access`, one JSON object for each request."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(message)s"))
    for name, level in (("penchant.access", logging.INFO if access else logging.ERROR), ("penchant", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate = False
        logger.handlers = [lines]
