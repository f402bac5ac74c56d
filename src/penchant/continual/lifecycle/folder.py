"""A run's folder: a folder for each stage, and `run.json`, which says what each of them read and made."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import orjson

from penchant.artifacts import describe, replace_file, write_json
from penchant.config import Config
from penchant.continual.lifecycle.settings import STAGES
from penchant.errors import BundleError, ConfigError
from penchant.training.checkpoints import LOCK, held

MANIFEST, RESULT = "run.json", "result.json"
KIND, FORMAT_VERSION = "run", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """What `run.json` says of a stage."""

    state: Literal["done", "failed"]
    settings: str
    """Changes when a setting, the seed, the source or Penchant's version does"""
    reads: Mapping[str, str]
    """Stage → what it had made when this one read it"""
    made: str = ""
    """Changes when a byte of the stage's folder does"""
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run is kept."""

    path: Path
    records: dict[str, StageRecord] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, resume: bool | None) -> "RunFolder":
        """The folder of a run, that may not be there yet. `BundleError` for one that holds anything else or is damaged,
        `ConfigError` where there is a run and nobody said whether to go on with it. Nothing is written.
        """
        if path.exists() and not path.is_dir():
            raise BundleError(f"{path} is a file.", hint="Choose another place.")
        if path.is_dir() and not (path / MANIFEST).is_file() and any(one.name != LOCK for one in path.iterdir()):
            raise BundleError(f"{path} is not empty and holds no run.", hint="Choose another place, or empty it.")
        found = cls(path, _read(path / MANIFEST))
        if found.records and resume is None:
            raise ConfigError(
                f"{path} holds a run already.", hint="--resume goes on with it; --no-resume begins again in its place."
            )
        if not resume:
            found.records.clear()
        return found

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Nobody else may run here meanwhile (`CheckpointError`); the folder is made where there is none."""
        with held(self.path):
            self.write()
            yield

    def place(self, stage: str) -> Path:
        """A stage's own folder."""
        return self.path / f"{STAGES.index(stage) + 1:02d}-{stage}"

    def checkpoints(self, stage: str) -> Path:
        """Where its trainings keep their states."""
        return self.path / f"{self.place(stage).name}.checkpoints"

    def result(self, stage: str) -> dict[str, Any]:
        """What a stage told."""
        told: dict[str, Any] = orjson.loads((self.place(stage) / RESULT).read_bytes())
        return told

    def keep(self, stage: str, record: StageRecord) -> None:
        """Write down what became of a stage."""
        self.records[stage] = record
        self.write()

    def write(self) -> None:
        """Write `run.json`, in one step."""
        told = {"format_version": FORMAT_VERSION, "kind": KIND, "penchant": version("penchant")}
        stages = {name: asdict(self.records[name]) for name in STAGES if name in self.records}
        replace_file(self.path / MANIFEST, lambda file: write_json(file, {**told, "stages": stages}))

    @contextmanager
    def emptied(self, stage: str) -> Iterator[Path]:
        """The stage's folder with nothing in it; where the block fails, nothing is left in it either."""
        place = self.place(stage)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        try:
            yield place
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def made(self, stage: str) -> str:
        """16 hex digits of all that the stage's folder holds."""
        place, digest = self.place(stage), hashlib.blake2b(digest_size=8)
        for file in sorted(place.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(place).as_posix()} {describe(file)['blake2b']}\n".encode())
        return digest.hexdigest()

    def whole(self, stage: str) -> bool:
        """Whether a stage is done and its folder is as it was then."""
        record = self.records.get(stage)
        return record is not None and record.state == "done" and self.made(stage) == record.made


def settings_key(
    stage: str, config: Config | None, *, seed: int, source: Path | None = None, also: Sequence[Config] = ()
) -> str:
    """16 hex digits of a stage's settings, of those of others that it reads, and of what may change beside them: seed,
    version, the files of a source.
    """
    told = {
        "stage": stage,
        "seed": seed,
        "penchant": version("penchant"),
        "settings": [one.model_dump() for one in (config, *also) if one is not None],
        "source": None if source is None else _files(source),
    }
    encoded = orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=_plain)
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()


def _files(source: Path) -> list[tuple[str, int, int]]:
    files = [source] if source.is_file() else sorted(one for one in source.rglob("*") if one.is_file())
    return [(str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in files]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _read(manifest: Path) -> dict[str, StageRecord]:
    if not manifest.is_file():
        return {}
    try:
        told = orjson.loads(manifest.read_bytes())
        if told["kind"] != KIND or told["format_version"] > FORMAT_VERSION:
            raise BundleError(
                f"{manifest} has format {told['format_version']} of a {told['kind']}; this Penchant reads runs up to "
                f"{FORMAT_VERSION}.",
                hint="Upgrade Penchant, or choose another place.",
            )
        return {name: StageRecord(**record) for name, record in told["stages"].items() if name in STAGES}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise BundleError(f"{manifest} is damaged.", hint="Begin again in another place.") from None
