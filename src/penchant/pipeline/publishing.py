"""Which version of a bundle stands: new ones are written beside it, and a pointer says which is read.

``books`` is a bundle, ``books.v2`` one that took its place, and ``books.current`` the pointer, replaced in one step.
Whoever loads ``books`` gets the version that the pointer names; without one, ``books`` itself. No version is altered or
removed, so a process killed at any moment leaves what stood before, and each can be gone back to.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from penchant.artifacts import MANIFEST, replace_file, write_json
from penchant.errors import BundleError, ConfigError

SUFFIX = ".current"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The versions of a bundle, as the pointer has them."""

    current: str
    """Name of the folder that is read"""
    trail: tuple[str, ...]
    """What stood before it, the oldest first: where a roll back goes"""
    versions: tuple[str, ...]
    """All, in the order in which they were published"""


def pointer_of(bundle: Path) -> Path:
    """Where the pointer of a bundle is."""
    return bundle.with_name(bundle.name + SUFFIX)


def standing(bundle: Path) -> Standing:
    """The versions of a bundle. `BundleError` for a pointer that is damaged or that names what is not there."""
    pointer = pointer_of(bundle)
    if not pointer.is_file():
        return Standing(current=bundle.name, trail=(), versions=(bundle.name,))
    found = _listed(pointer)
    if not (bundle.with_name(found.current) / MANIFEST).is_file():
        raise BundleError(
            f"{pointer} names {found.current}, which is not there.",
            hint=f"Put it back, go to another with `penchant rollback`, or remove {pointer.name}.",
        )
    return found


def current(bundle: Path) -> Path:
    """The folder that is read for a bundle."""
    return bundle.with_name(standing(bundle).current) if pointer_of(bundle).is_file() else bundle


def publish(bundle: Path, write: Callable[[Path], object]) -> Path:
    """Have `write` make a new version beside a bundle, then let it stand: its folder. Where `write` fails or is killed,
    what stood stands.
    """
    was = standing(bundle)
    number = len(was.versions) + 1
    while (place := bundle.with_name(f"{bundle.name}.v{number}")).exists():
        number += 1  # left over from a bundle of this name that was fitted anew
    write(place)
    now = Standing(current=place.name, trail=(*was.trail, was.current), versions=(*was.versions, place.name))
    _point(bundle, now)
    return place


def roll_back(bundle: Path, *, to: str | None = None) -> Standing:
    """Let the version before stand again, or the one named. `ConfigError` where there is none."""
    pointer = pointer_of(bundle)
    if not pointer.is_file():
        raise ConfigError(f"{bundle} has one version.", hint="`penchant update --publish` makes another.")
    was = _listed(pointer)  # also where what stands was lost: this is the way out
    if to is None:
        if not was.trail:
            raise ConfigError(
                f"{was.current} is the first version of {bundle}: nothing stood before it.",
                hint=f"Name one with --to: {', '.join(was.versions)}.",
            )
        now = replace(was, current=was.trail[-1], trail=was.trail[:-1])
    elif to in was.versions and to != was.current:
        now = replace(was, current=to, trail=(*was.trail, was.current))
    else:
        allowed = ", ".join(name for name in was.versions if name != was.current)
        raise ConfigError(f"{to!r} is no other version of {bundle}.", hint=f"There are: {allowed}.")
    if not (bundle.with_name(now.current) / MANIFEST).is_file():
        raise BundleError(f"{now.current} is not there any more.", hint=f"There are: {', '.join(was.versions)}.")
    _point(bundle, now)
    return now


def only(bundle: Path) -> None:
    """Let a bundle that was just fitted stand itself; the versions of the one before it are no versions of it."""
    pointer_of(bundle).unlink(missing_ok=True)


def _listed(pointer: Path) -> Standing:
    """What a pointer says, whether its version is there or not."""
    try:
        told = orjson.loads(pointer.read_bytes())
        names = {name: tuple(map(str, told[name])) for name in ("trail", "versions")}
        return Standing(current=str(told["current"]), **names)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        bundle = pointer.name.removesuffix(SUFFIX)
        raise BundleError(f"{pointer} is damaged.", hint=f"Remove it to use {bundle} as it was fitted.") from None


def _point(bundle: Path, now: Standing) -> None:
    replace_file(pointer_of(bundle), lambda file: write_json(file, asdict(now)))
