"""Where the randomness of a training stands, read and put back."""

import json
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

Generator = torch.Generator | np.random.Generator


def random_states(module: nn.Module, generators: Mapping[str, Generator]) -> dict[str, Tensor]:
    """Where all randomness of a training stands: torch's own, on the CPU and on GPUs, and the named generators."""
    states = {"torch": torch.get_rng_state()}
    for device in {parameter.device for parameter in module.parameters() if parameter.device.type == "cuda"}:
        states[str(device)] = torch.cuda.get_rng_state(device)
    for name, generator in generators.items():
        if isinstance(generator, torch.Generator):
            states[f"generator.{name}"] = generator.get_state()
        else:  # integers of 128 bits: JSON holds them, no array type does
            text = json.dumps(generator.bit_generator.state, default=lambda array: array.tolist())
            states[f"generator.{name}"] = torch.frombuffer(bytearray(text, "ascii"), dtype=torch.uint8)
    return states


def set_random_states(states: Mapping[str, Tensor], generators: Mapping[str, Generator]) -> None:
    """Put all randomness where it stood."""
    for name, state in states.items():
        if name == "torch":
            torch.set_rng_state(state)
        elif not name.startswith("generator."):
            torch.cuda.set_rng_state(state, torch.device(name))
        elif isinstance(generator := generators[name.removeprefix("generator.")], torch.Generator):
            generator.set_state(state)
        else:
            generator.bit_generator.state = json.loads(state.numpy().tobytes())
