"""What a model costs: seconds, and the most memory the process held meanwhile."""

import ctypes
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

PEAK_IS = "peak resident memory of the process while the model was fitted and asked, data and text vectors included"
LIFETIME = "highest resident memory of the process so far: this system cannot measure one model at a time"


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent inside `with watch.running():` blocks."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of this block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(slots=True)
class PeakMemory:
    """The peak resident memory since this object was made.

    Linux keeps a high-water mark that a process may reset: memory that earlier models freed is handed back to the
    system first, so that it does not count for this one. Elsewhere the mark of the whole process is all there is.
    """

    resettable: bool = field(init=False)

    def __post_init__(self) -> None:
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            self.resettable = True
        except (OSError, AttributeError):
            self.resettable = False

    @property
    def megabytes(self) -> float:
        """Peak so far in MiB."""
        if self.resettable:
            for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)

    @property
    def measures(self) -> str:
        """What the number is, for the report."""
        return PEAK_IS if self.resettable else LIFETIME


def environment() -> dict[str, Any]:
    """Versions and the processor, without which times cannot be compared."""
    import torch

    return {
        "penchant": version("penchant"),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
