"""Ctrl-C and a request to terminate, held back until they can be answered without loss."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Inside the block, SIGINT and SIGTERM wait until `deliver` is called, so that no step is cut in half.

    Delivered, they do what they did before the block: Ctrl-C raises `KeyboardInterrupt`, SIGTERM ends the process,
    unless the caller's program handles them otherwise. A second one does not wait. Outside the main thread, where
    Python handles no signals, nothing is held back; nor is a signal that the process was told to ignore.
    """

    def __init__(self) -> None:
        self.waiting: int | None = None
        """The signal that came, None while there is none."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before is not None and before is not signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._hold)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if error is None and self.waiting is not None:
            signal.raise_signal(self.waiting)

    def deliver(self) -> None:
        """Let the waiting signal do what it does outside this block; returns where the program goes on after it."""
        number, self.waiting = self.waiting, None
        if number is None:
            return
        mine = signal.signal(number, self._before[number])
        try:
            signal.raise_signal(number)
        finally:
            signal.signal(number, mine)

    def _hold(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        again = self.waiting is not None
        self.waiting = number
        if again:
            self.deliver()
