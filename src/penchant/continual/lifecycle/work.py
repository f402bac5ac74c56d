"""What a stage of a run is handed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.continual.lifecycle.folder import RunFolder
from penchant.continual.lifecycle.settings import LifecycleConfig
from penchant.data.dataset import Dataset
from penchant.interfaces import Encoder
from penchant.pipeline.encoding import cached_encoder
from penchant.progress import Progress

PAST, LATER, WHOLE, ENCODER, BUNDLE, STORE = "past", "later", "whole", "encoder", "bundle", "store.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A stage's place, its settings, and what the stages before it made."""

    folder: RunFolder
    place: Path
    """The stage's own folder, empty"""
    config: LifecycleConfig
    told: Mapping[str, Mapping[str, Any]]
    """Stage before it that it may read → what that told"""
    checkpoints: Path
    resume: bool
    now: Callable[[], datetime]
    progress: Progress

    def made(self, stage: str, name: str) -> Path:
        """Something that a stage before it made."""
        return self.folder.place(stage) / name

    def dataset(self, part: str) -> Dataset:
        """The past or the later part of the data."""
        return Dataset.load(self.made("data", part))

    def encoder_path(self) -> Path | None:
        """The encoder that the last stage so far made; None where none did."""
        for stage in ("finetune", "pretrain"):
            if stage in self.told:
                return self.made(stage, ENCODER)
        return None

    def encoder(self) -> Encoder | None:
        """What reads items' texts: the encoder made here, else the embedded one; None where the profiles read none."""
        if not self.config.profile.text:
            return None
        path = self.encoder_path()
        return cached_encoder(None if path is None else str(path))


class ReplayClock:
    """A clock that is set: the moment at which a user is asked."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Its moment."""
        return self.at
