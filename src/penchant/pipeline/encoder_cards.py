"""The model card of an encoder that was trained here."""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.training.journal import Journal
from penchant.training.model_card import PublishedCard, about, keep_card, total_costs


def keep_encoder_card(
    to: Path,
    *,
    kind: str,
    manifest: str,
    data: Dataset,
    config: Config,
    seed: int,
    base: Mapping[str, Any],
    metrics: Mapping[str, Any],
    journal: Journal,
    now: Callable[[], datetime],
    intended: str = "",
    limits: str = "",
) -> None:
    """Put the card and the trainings' journal into an encoder's folder, whose list of files is called `manifest`.

    The encoder's licence is that of its `base`: ``licence`` there, "" where it is not known.
    """
    card = PublishedCard(
        name=to.name,
        kind=kind,
        made=now().isoformat(timespec="seconds"),
        penchant=version("penchant"),
        licence=str(base.get("licence", "")),
        data=about(data),
        base=base,
        settings={**config.model_dump(mode="json"), "seed": seed},
        metrics=metrics,
        costs=total_costs(journal.entries),
        intended=intended,
        limits=limits,
    )
    keep_card(to, card, journal, manifest=manifest)
