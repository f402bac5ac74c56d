"""A registry maps a name to a config and a class. Registration is explicit and refuses duplicates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from penchant.config import Config
from penchant.errors import ConfigError, NotFoundError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A registered class, its config class, and one line that says what it is good for."""

    config: type[Config]
    cls: type[T]
    summary: str


class Registry(Generic[T]):
    """Name → (config, class)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}

    def register(self, name: str, *, config: type[Config], cls: type[T], summary: str) -> None:
        """Add an entry; a name taken already is a `ConfigError`."""
        if name in self._entries:
            raise ConfigError(f"The {self.kind} {name!r} is registered already.", hint="Choose another name.")
        self._entries[name] = Entry(config, cls, summary)

    def __getitem__(self, name: str) -> Entry[T]:
        try:
            return self._entries[name]
        except KeyError:
            raise NotFoundError(f"No {self.kind} is called {name!r}.", hint=f"There are: {', '.join(self)}.") from None

    def build(self, name: str, settings: Mapping[str, Any] | None = None) -> T:
        """Build the class registered as `name` from settings a person wrote."""
        entry = self[name]
        return entry.cls(entry.config.of(settings, where=name))  # type: ignore[call-arg]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)
