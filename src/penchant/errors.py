"""One tree of errors, raised at the door: what came, what was allowed, what to do.

::

    PenchantError
    ├── ConfigError          a setting that does not exist, or a value outside its range
    ├── DataError            data that cannot be used
    │   ├── SourceError        a file that is missing, empty, cut short or of no known format
    │   ├── SchemaError        a column that is missing or of the wrong type
    │   ├── BadRowError        the first bad row, where `strict` was asked for
    │   ├── ConservationError  rows read ≠ rows kept + quarantined + dropped by a named rule
    │   └── QualityError       a quality rule that the caller asked to block on
    ├── ProtocolError        an evaluation protocol the data cannot serve (temporal without time)
    ├── UnsupportedError     a model asked for what it cannot do; the message names one that can
    ├── NotFoundError        a user, item, concept, model, encoder or slate that is not there
    ├── BundleError          a saved model that is missing, cut in half, altered or of a newer format
    │   └── CheckpointError    a training's state that is damaged, in use, or of another training
    ├── TrainingError        training that diverged; the last good weights were kept
    ├── StoreError           the event and profile store cannot be opened or written
    └── MissingExtraError    an optional dependency that is not installed
"""


class PenchantError(Exception):
    """Base of every error Penchant raises on purpose.

    `message` says what came and what was allowed; `hint` says what to do. On the wire it is
    ``{"error": {"type", "message", "hint", "request_id"}}``, on the command line the same in two lines.
    """

    status = 400
    """HTTP status of the error's response."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def type(self) -> str:
        """The error's name on the wire: its class name."""
        return type(self).__name__


class ConfigError(PenchantError):
    """A setting that does not exist, or a value outside its range."""

    status = 422


class DataError(PenchantError):
    """Data that cannot be used."""

    status = 422


class SourceError(DataError):
    """A file that is missing, empty, cut short or of no known format."""


class SchemaError(DataError):
    """A column that is missing or of the wrong type."""


class BadRowError(DataError):
    """The first bad row, where `strict` was asked for."""


class ConservationError(DataError):
    """Rows read are not the rows kept, quarantined and dropped by a named rule."""


class QualityError(DataError):
    """A quality rule that the caller asked to block on."""


class ProtocolError(PenchantError):
    """An evaluation protocol that the data cannot serve."""

    status = 422


class UnsupportedError(PenchantError):
    """A model asked for what it cannot do."""

    status = 422


class NotFoundError(PenchantError):
    """A user, item, concept, model, encoder or slate that is not there."""

    status = 404


class BundleError(PenchantError):
    """A saved model that is missing, cut in half, altered or of a newer format."""

    status = 500


class CheckpointError(BundleError):
    """A training's state that is damaged, in use, or of another training."""


class TrainingError(PenchantError):
    """Training that diverged; the last good weights were kept."""

    status = 500


class StoreError(PenchantError):
    """The event and profile store cannot be opened or written."""

    status = 503


class MissingExtraError(PenchantError):
    """An optional dependency that is not installed."""

    status = 501
