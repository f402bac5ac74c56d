"""Progress of a DuckDB statement: asked for from beside it, as the statement itself does not return until it ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from penchant.progress import SILENT, Progress

EVERY_SECONDS = 0.25


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, progress: Progress, name: str) -> Iterator[None]:
    """Reports the share done, in per cent, of the longest statement in the block."""
    if progress is SILENT:
        yield
        return
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    ended = threading.Event()
    with progress.task(name, total=100) as advance:
        done = 0

        def watch() -> None:
            nonlocal done
            while not ended.wait(EVERY_SECONDS):
                now = int(max(connection.query_progress(), 0))
                if done < now < 100:
                    advance(now - done)
                    done = now

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
        advance(100 - done)
