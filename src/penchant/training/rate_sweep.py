"""Which learning rate to take: the same training at several, each from the same weights.

Too large a rate destroys what a pretrained model knows: its validation ends below where it started, which is told here
as it is by `train`. Begin about an order of magnitude below the rate of pretraining (Devlin et al. 2019: 2e-5 to 5e-5
against 1e-4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penchant.errors import ConfigError, TrainingError
from penchant.training.records import TrainingRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptRate:
    """How the training at one rate went."""

    rate: float
    start: float | None = None
    """The validation value before the first step; None of a training that broke off before its first validation."""
    best: float | None = None
    broke_off: bool = False
    """Whether a loss, gradient or weight was not finite."""

    @property
    def degraded(self) -> bool:
        """Whether it broke off, or its best weights are worse than those it started from."""
        return self.broke_off or (self.start is not None and self.best is not None and self.best < self.start)


def sweep_rates(fit: Callable[[float], TrainingRecord], rates: Sequence[float]) -> tuple[SweptRate, ...]:
    """Train at each of the rates; in the order given.

    `fit` trains from the same weights each time, with ``evaluate_start`` set, and gives the record. `ConfigError` for
    no rates, for one that is not above 0, and for a training that did not validate at its start.
    """
    if not rates or not all(rate > 0 for rate in rates):
        raise ConfigError(f"The rates are {list(rates)}.", hint="Give some above 0, such as 1e-5, 1e-4, 1e-3.")
    found = []
    for rate in rates:
        try:
            record = fit(rate)
        except TrainingError:
            found.append(SweptRate(rate=rate, broke_off=True))
            continue
        if record.start_value is None:
            raise ConfigError(
                "The training did not validate before its first step.", hint="Set evaluate_start, and give validation."
            )
        found.append(
            SweptRate(
                rate=rate,
                start=record.start_value,
                best=record.best_value,
                broke_off=record.stopped == "diverged",
            )
        )
    return tuple(found)


def best_rate(swept: Sequence[SweptRate]) -> float:
    """The rate with the highest validation value of those that did not degrade, the smallest of equals.

    `ConfigError` where all of them did.
    """
    good = [one for one in swept if not one.degraded and one.best is not None]
    if not good:
        raise ConfigError(
            f"Every rate from {min(one.rate for one in swept):g} on made the model worse than it was.",
            hint="Sweep lower rates.",
        )
    return max(good, key=lambda one: (one.best or 0.0, -one.rate)).rate
