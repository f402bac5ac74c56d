"""The first half of the loop: data → pretrain → finetune → profile. Each stage gives what it tells, as JSON has it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from penchant.bundled import BOOKS, LICENCE
from penchant.continual.lifecycle.division import divided, sampled
from penchant.continual.lifecycle.work import BUNDLE, ENCODER, LATER, PAST, WHOLE, Work
from penchant.data.dataset import Dataset
from penchant.data.folder import MANIFEST
from penchant.data.importing import import_source
from penchant.errors import SourceError
from penchant.interfaces import FitOptions
from penchant.pipeline.finetuning import FineTuningConfig, finetune_encoder
from penchant.pipeline.interest_model import InterestModel
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder

READ_ALOUD, INTERESTS_EACH = 3, 5
"""Users, and interests of each, that the profile stage tells as an example."""

Learning = TypeVar("Learning", PretrainingConfig, FineTuningConfig)


def prepare_data(work: Work) -> dict[str, Any]:
    """Import, draw users, keep a part for later. `SourceError` where the source is not there."""
    config = work.config.data
    source = source_of(config.source)
    if (source / MANIFEST).is_file():
        whole = Dataset.load(source)
    else:
        reading = config.importing
        if config.source is None:
            own = {"name": "goodbooks", "licence": LICENCE}
            reading = reading.model_copy(update={k: v for k, v in own.items() if k not in reading.model_fields_set})
        import_source(source, work.place / WHOLE, format=config.format, config=reading, progress=work.progress)
        whole = Dataset.load(work.place / WHOLE)
    whole = sampled(whole, config.users, seed=work.config.seed)
    past, later = divided(whole, config)
    past.save(work.place / PAST)
    later.save(work.place / LATER)
    return {
        "name": whole.name,
        "fingerprint": whole.fingerprint,
        "clock": whole.clock,
        "users": whole.n_users,
        "items": whole.n_items,
        "past_events": len(past.events),
        "later_events": len(later.events),
        "users_who_come_back": int(np.count_nonzero(later.histories().lengths)),
    }


def source_of(source: Path | None) -> Path:
    """Where the data are; `SourceError` where there is nothing."""
    if source is not None and not source.exists():
        raise SourceError(f"No data at {source}.", hint="Name a file or folder as `source` under [data].")
    return source or BOOKS


def pretrain(work: Work) -> dict[str, Any]:
    """Train an encoder on the texts, and on the past where an objective asks for it."""
    report = pretrain_encoder(
        work.dataset(PAST),
        work.place / ENCODER,
        _of_all(work.config.pretrain),
        options=_options(work),
        now=work.now,
    )
    return {**asdict(report), "encoder": ENCODER}


def finetune(work: Work) -> dict[str, Any]:
    """Fine-tune on who took what after what: the encoder that `pretrain` made, where the settings name none."""
    config, made = _of_all(work.config.finetune), work.encoder_path()
    base = config.encoder.path
    if base is None and made is not None:
        base = f"{made.parent.name}/{made.name}"
        config = config.model_copy(update={"encoder": config.encoder.model_copy(update={"path": str(made)})})
    report = finetune_encoder(
        work.dataset(PAST),
        work.place / ENCODER,
        config,
        options=_options(work),
        now=work.now,
    )
    return {**asdict(report), "encoder": ENCODER, "base": base or report.base}


def profile(work: Work) -> dict[str, Any]:
    """Fit the interest model on the past, with the last encoder made, and read some profiles aloud."""
    past = work.dataset(PAST)
    model = InterestModel(config=work.config.profile, encoder=work.encoder(), seed=work.config.seed, now=work.now).fit(
        past, progress=work.progress, checkpoints=work.checkpoints, resume=work.resume
    )
    model.save(work.place / BUNDLE)
    facts, made = model.fitted.facts, work.encoder_path()
    longest = np.argsort(-past.histories().lengths, kind="stable")[:READ_ALOUD]
    return {
        "bundle": BUNDLE,
        "encoder": None if made is None else f"{made.parent.name}/{made.name}",
        **{name: facts[name] for name in ("concepts", "explained", "validation", "stopped") if name in facts},
        "profiles": {
            past.users.ids[user]: [
                f"{one.concept}: {one.summary}"
                for one in model.interests(past.users.ids[user], limit=INTERESTS_EACH).interests
            ]
            for user in longest.tolist()
        },
    }


def _options(work: Work) -> FitOptions:
    return FitOptions(seed=work.config.seed, checkpoints=work.checkpoints, resume=work.resume, progress=work.progress)


def _of_all(config: Learning) -> Learning:
    """Learns from all of the past, where the settings do not name a protocol: what is asked for later is not in it."""
    return config if "protocol" in config.model_fields_set else config.model_copy(update={"protocol": None})
