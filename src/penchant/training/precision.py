"""Which number format this machine multiplies faster in, found by trying, and training in it."""

import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]

EncodedIn = Literal["float32", "bfloat16", "int8"]
TrainedIn = Literal["float32", "bfloat16", "float16"]
GAIN = 1.25
"""bfloat16 is taken where it is at least this many times as fast: below, rounding is not worth it, and timing noise
could make the choice differ between runs."""
INT8_GAIN = 2.5
"""8-bit integers are taken where their product is at least this many times as fast: rounding before it and scaling
after it take about as long as the product itself."""


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
    """Whether this processor multiplies 8-bit integers `INT8_GAIN` times as fast as float32; tried once a process.

    By trial for the same reason as above: without VNNI instructions the product takes longer than in float32.
    """
    import torch

    try:
        torch._int_mm(torch.ones(32, 32, dtype=torch.int8), torch.ones(32, 32, dtype=torch.int8))
    except (AttributeError, RuntimeError):  # a torch without this product
        return False
    if seconds("int8", rows=32) > 3 * seconds("float32", rows=32):
        return False
    return seconds("float32") > INT8_GAIN * seconds("int8")


def seconds(form: EncodedIn, *, rows: int = 512, repeats: int = 5) -> float:
    """Least time of one (rows, 384) × (384, 1536) product, the largest of a small encoder's layer, in seconds.

    In processor time of one thread, which other programs on the machine disturb little.
    """
    import torch

    times: list[float] = []

    def measure() -> None:
        torch.set_num_threads(1)
        dtype: torch.dtype = getattr(torch, form)
        inputs, weights = torch.ones(rows, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        bias = torch.ones(1536, dtype=dtype)
        with torch.inference_mode():
            for _ in range(repeats):
                start = time.thread_time()
                if form == "int8":
                    torch._int_mm(inputs, weights)
                else:
                    torch.addmm(bias, inputs, weights)
                times.append(time.thread_time() - start)

    outer = torch.get_num_threads()
    thread = threading.Thread(target=measure, name="precision-trial")
    thread.start()
    thread.join()
    torch.set_num_threads(outer)  # a thread's setting is also the default of threads started later
    return min(times)


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
