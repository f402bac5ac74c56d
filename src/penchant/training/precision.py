"""Which number format this machine multiplies faster in, found by trying, and training in it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]

EncodedIn = Literal["float32", "bfloat16", "int8"]
TrainedIn = Literal["float32", "bfloat16", "float16"]
GAIN = 1.25
"""bfloat16 is taken where it is at least this many times as fast: below, rounding is not worth it, and timing noise
could make the choice differ between runs."""


@lru_cache(maxsize=1)
def fastest_precision() -> Precision:
    """The floating-point format for matrix products on this CPU; tried once a process, in about a tenth of a second.

    CPU flags do not tell: with AMX bfloat16 is two to three times as fast as float32, without its instructions a
    hundred times slower, and a virtual machine may show either. A small product is tried first, so that a machine
    without bfloat16 loses no time on a large one.
    """
    if seconds("bfloat16", rows=16) > 3 * seconds("float32", rows=16):
        return "float32"
    return "bfloat16" if seconds("float32") > GAIN * seconds("bfloat16") else "float32"


@lru_cache(maxsize=1)
def int8_pays() -> bool:
    """Whether this processor multiplies 8-bit integers several times as fast as float32, and torch's product does it.

    By its flags and not by a trial: the answer is the same at every start, so that what is computed is, too.
    """
    import torch

    flags: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(flags.get("avx512_vnni")) and int8_is_exact()


@lru_cache(maxsize=1)
def int8_is_exact() -> bool:
    """Whether torch's product of 8-bit integers is right: without VNNI instructions sums of two overflow at 16 bits."""
    import torch

    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randint(0, 2, size, generator=generator) * 254 - 127 for size in ((64, 256), (256, 64)))
    try:
        found = torch._int_mm(left.to(torch.int8), right.to(torch.int8))
    except (AttributeError, RuntimeError):  # a torch without this product
        return False
    return torch.equal(found.long(), left @ right)


def seconds(precision: Precision, *, rows: int = 512, repeats: int = 5) -> float:
    """Least time of one (rows, 384) × (384, 1536) product, the largest of a small encoder's layer, in seconds.

    In processor time of one thread, which other programs on the machine disturb little.
    """
    import torch

    times: list[float] = []

    def measure() -> None:
        torch.set_num_threads(1)
        dtype = torch.float32 if precision == "float32" else torch.bfloat16
        inputs, weights = torch.ones(rows, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        bias = torch.ones(1536, dtype=dtype)
        with torch.inference_mode():
            for _ in range(repeats):
                start = time.thread_time()
                torch.addmm(bias, inputs, weights)
                times.append(time.thread_time() - start)

    outer = torch.get_num_threads()
    thread = threading.Thread(target=measure, name="precision-trial")
    thread.start()
    thread.join()
    torch.set_num_threads(outer)  # a thread's setting is also the default of threads started later
    return min(times)


@contextmanager
def not_cast(device: "torch.device") -> Iterator[None]:
    """Products in the block are made in the format of what comes, whatever a training around it casts its products to:
    for those that are worked out in place, or that there are in float32 only.
    """
    import torch

    if device.type in {"cpu", "cuda"} and torch.is_autocast_enabled(device.type):
        with torch.autocast(device.type, enabled=False):
            yield
    else:
        yield


def training_precision(wanted: Literal["auto"] | TrainedIn, device: "torch.device") -> TrainedIn:
    """The format of the matrix products of a training on a device.

    ``auto``: on a GPU bfloat16 where it has it, else float16; on a processor what `fastest_precision` finds.
    """
    import torch

    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return fastest_precision() if device.type == "cpu" else "float32"
