"""Settings of the interest tracker, shared by the model and its training."""

from typing import Literal, Self

from pydantic import Field, model_validator

from penchant.concepts.dictionary import DictionaryConfig
from penchant.config import Config
from penchant.training.loop import TrainingConfig

Use = Literal["auto", "on", "off"]
"""Whether a signal is read: where the data have it, in any case (data without it are refused), or never."""


class SignalsConfig(Config):
    """What the tracker reads of an event beside its item."""

    types: Use = "auto"
    """The event's type."""
    values: Use = "off"
    """Its rating or other value. Off: reading ratings lowered the ranking on validation where it was tried."""
    time: Use = "auto"
    """When it was, how long after the event before, and how long before the prediction."""
    request_time: bool = False
    """Read also when the prediction is asked for, where the request says so."""


class ConceptTrainingConfig(Config):
    """The further training through a dictionary of concepts, `InterestTracker.through_concepts`."""

    epochs: int = Field(default=0, ge=0)
    """0: concepts are placed by regression when the training is over, and carry less of the ranking. 3 will do."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak rate, which falls from there."""
    residual_dropout: float = Field(default=0.5, ge=0, le=1)
    """Share of the items that a step knows by their concepts alone."""
    pace: float = Field(default=10.0, ge=0)
    """How much faster than the rest it is learned how much an item has of each of its concepts; 0: as it was found."""
    dictionary: DictionaryConfig = DictionaryConfig()


class InterestTrackerConfig(Config):
    """Settings of `InterestTracker`."""

    dim: int = Field(default=64, ge=2)
    """D"""
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=2, ge=1)
    max_length: int = Field(default=50, ge=1)
    """Only the last so many events of a history are read."""
    dropout: float = Field(default=0.4, ge=0, lt=1)
    attention_dropout: float = Field(default=0.1, ge=0, lt=1)
    filter_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of each layer's mixing that a low-pass filter does in place of attention; see `CausalBlock`."""
    signals: SignalsConfig = SignalsConfig()
    temperature: float = Field(default=0.07, gt=0.02)
    """Softmax temperature over cosines at the start of training; it is learned from there."""
    gate_events: float = Field(default=3.0, ge=0)
    """An item with so many training events draws half on its id; see `ItemSpace`."""
    text: bool = True
    """Read the items' texts where there are any."""
    graph_dim: int = Field(default=0, ge=0)
    """Dimensions of the item graph's vectors that are read beside the text; 0 reads none. See `item_graph_vectors`."""
    new_item_neighbours: int = Field(default=10, ge=0)
    """An item without events lies among so many that read like it; 0: where its own text is projected."""
    id_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the items that a training step knows by their text alone: more of it serves new items better."""
    full_softmax_items: int = Field(default=2048, ge=0)
    """Up to so many items the loss ranks the target among all of them; beyond, among a sample."""
    negatives: int = Field(default=2048, ge=1)
    """Items sampled for a batch, by popularity with correction, where the catalogue is larger than that."""
    batch_tokens: int = Field(default=2048, ge=1)
    """Events in a training batch, about."""
    validation_users: int = Field(default=8_000, ge=1)
    """Cases that decide when to stop, at most."""
    training: TrainingConfig = TrainingConfig()
    concepts: ConceptTrainingConfig = ConceptTrainingConfig()

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self
