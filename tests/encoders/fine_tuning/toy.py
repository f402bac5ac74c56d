"""A task that a tiny model learns in a moment, and what a training leaves behind."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from penchant.encoders.fine_tuning import FineTunedEncoder
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.types import FloatArray

SINGLE = [
    "a red nail polish",
    "the dragons of the north",
    "crème brûlée",
    "what the cook reads on a rainy day in march, and why the dragons of the north dry fast",
    "red",
    "科幻小说和历史书籍",
]
TEXTS = [(text, None) for text in SINGLE]
WORDS = ("polish", "book", "north", "cook", "day", "march", "epic", "fast")
PAIRS = [(f"{colour} {word}", None) for word in WORDS for colour in ("red", "blue")]
LABELS = torch.tensor([float(text.startswith("red")) for text, _ in PAIRS])


class Classifier(nn.Module):
    """An encoder under a linear layer."""

    def __init__(self, encoder: FineTunedEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.head = nn.Linear(encoder.dim, 1)

    def loss(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.head(self.encoder(PAIRS))[:, 0], LABELS)


@dataclass
class Trained:
    """A training, and what was before it."""

    encoder: FineTunedEncoder
    start: FloatArray
    """Vectors of `TEXTS`."""
    weights: dict[str, Tensor]
    """All of the base model's at the start, and what peft put beside them."""
    first_loss: float
    record: TrainingRecord
    gradients: dict[str, Tensor | None]


def vectors(encoder: FineTunedEncoder) -> FloatArray:
    """Of `TEXTS`, as training or serving has it."""
    with torch.no_grad():
        found: FloatArray = encoder(TEXTS).numpy()
    return found


def learn(encoder: FineTunedEncoder, *, epochs: int = 12, rate: float = 0.02) -> Trained:
    """Train the encoder and its head."""
    start = vectors(encoder.eval())
    weights = {name: value.clone() for name, value in encoder.method.model.state_dict().items()}
    module = Classifier(encoder)
    first = float(module.loss().detach())
    config = TrainingConfig(learning_rate=rate, warmup_steps=0, schedule="constant", max_epochs=epochs, clip_norm=1.0)
    record = train(module, batches=lambda _: [np.zeros(1)], loss=lambda _: module.loss(), evaluate=None, config=config)
    everything = {**dict(encoder.method.model.named_parameters()), **dict(encoder.named_parameters())}
    gradients = {name: p.grad for name, p in everything.items()}
    return Trained(encoder, start, weights, first, record, gradients)
