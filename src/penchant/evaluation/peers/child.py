"""One process at a time: started, watched, measured, and ended when its time is over."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.1
GRACE_SECONDS = 5.0
SHOWN_LINES = 12
SHOWN_CHARACTERS = 2_000
READ_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process went."""

    code: int
    """Its exit status; minus the signal's number where one ended it."""
    timed_out: bool
    wall_seconds: float
    cpu_seconds: float
    """User and system time, of its own children too once it has waited for them."""
    peak_rss_mb: float | None
    """Highest resident memory seen; None where the system does not say."""
    last_lines: str
    """The end of what it printed."""

    @property
    def how(self) -> str:
        """How it ended, in words."""
        if self.timed_out:
            return f"ended after {self.wall_seconds:,.0f} s, which is the limit"
        if self.code < 0:
            try:
                name = signal.Signals(-self.code).name
            except ValueError:
                name = f"signal {-self.code}"
            return f"ended by {name}"
        return f"exit status {self.code}"


def run_child(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str], limit_seconds: float
) -> Ended:
    """Run a command in `folder`, its output in `log`; at the limit it and all it started are ended.

    Peak memory is the process's own high-water mark, read while it lives: ``ru_maxrss`` of a child starts at its
    parent's peak. A process that cannot be started has the exit status 127.
    """
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    peak: float | None = None
    timed_out = False
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            output.write(f"{command[0]} cannot be started: {error.strerror}\n".encode())
            process = None
        if process is not None:
            try:
                while process.poll() is None:
                    peak = _higher(peak, process.pid)
                    if time.perf_counter() - begun > limit_seconds:
                        timed_out = True
                        break
                    time.sleep(SAMPLE_SECONDS)
            finally:
                _end(process)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Ended(
        code=127 if process is None else process.returncode,
        timed_out=timed_out,
        wall_seconds=time.perf_counter() - begun,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_rss_mb=peak,
        last_lines=last_lines(log),
    )


def last_lines(log: Path) -> str:
    """The last lines of a log that say something, whatever bytes are in it."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - READ_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    lines = [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    shown = "\n".join(lines[-SHOWN_LINES:])[-SHOWN_CHARACTERS:]
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in shown)


def _higher(peak: float | None, pid: int) -> float | None:
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return max(peak or 0.0, int(line.split()[1]) / 1024)
    except OSError:
        pass  # no such file system, or the process has just ended
    return peak


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and everything in its session; first politely, then not."""
    for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break  # nobody is left
        if number == signal.SIGTERM and process.poll() is not None:
            continue  # it has ended, but what it started has not
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
