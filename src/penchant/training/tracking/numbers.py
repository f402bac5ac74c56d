"""What every tracker is told of an epoch and of an end, under one set of names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from penchant.errors import ConfigError, MissingExtraError, PenchantError
from penchant.training.records import Costs, EpochRecord, TrainingRecord


def of_epoch(record: EpochRecord) -> dict[str, float]:
    """``train/…`` of every epoch, ``validation/…`` of those that were validated."""
    told = {"train/loss": record.loss, "train/gradient_norm": record.gradient_norm, "train/seconds": record.seconds}
    may = {
        "train/learning_rate": record.learning_rate,
        "validation/value": record.validation,
        "validation/training": record.training,
        "validation/gap": record.gap,
    }
    return told | {name: value for name, value in may.items() if value is not None}


def of_end(record: TrainingRecord, costs: Costs) -> dict[str, float]:
    """``best/…``, ``test/value`` and ``costs/…``: what is a number and known."""
    told: dict[str, float | str | None] = {
        "best/value": record.best_value,
        "best/epoch": record.best_epoch,
        "start/value": record.start_value,
        "test/value": record.test_value,
        **{f"costs/{name}": value for name, value in asdict(costs).items()},
    }
    return {name: float(value) for name, value in told.items() if isinstance(value, int | float)}


@contextmanager
def told_by(program: str, *, hint: str) -> Iterator[None]:
    """`ConfigError` for whatever a program's library raises, `MissingExtraError` where it is not installed."""
    try:
        yield
    except PenchantError:
        raise
    except ImportError:
        raise MissingExtraError(
            f"{program} is not installed.",
            hint="Install it with `pip install 'penchant[research]'`, or leave it out of --track.",
        ) from None
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"{program} cannot follow the training: {first}", hint=hint) from None
