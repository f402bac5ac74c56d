"""Figures and the files they are saved to. Nothing here opens a window."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS = (".png", ".svg", ".pdf")
COLOURS = ("#2563a8", "#0f8a74", "#b5376a", "#c98a2b", "#6d4bb8", "#4f7a1f", "#a8442a", "#3b8ea5", "#8d8677", "#5b5b5b")
GREY = "#8d8677"
LOOK: Any = {
    "text.parse_math": False,  # a title with two dollar signs is a title
    "svg.fonttype": "none",
    "svg.hashsalt": "penchant",
    "font.family": ["DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def check_target(file: Path) -> None:
    """`ConfigError` where the ending is none of `FORMS` or its folder cannot be made, `MissingExtraError` without
    matplotlib: before the work, not after it.
    """
    if file.suffix.lower() not in FORMS:
        raise ConfigError(f"{file} has no ending of a picture.", hint=f"Give one of: {', '.join(FORMS)}.")
    if file.is_dir():
        raise ConfigError(f"{file} is a folder.", hint="Give the name of a file to write.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.", hint="Choose another place.") from None
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "Pictures need matplotlib, which is not installed.", hint="pip install 'penchant[plots]'"
        ) from None


@contextmanager
def figure(file: Path, *, width: float, height: float) -> Iterator["Figure"]:
    """A figure of some inches, which is saved when the block ends. The same figure gives the same SVG."""
    check_target(file)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(LOOK), warnings.catch_warnings(), _missing_fonts_untold():
        # A machine without a font for some script draws boxes for it, and that is no fault of the picture.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        drawn = Figure(figsize=(width, height), layout="constrained")
        yield drawn
        metadata = {"Date": None} if file.suffix.lower() == ".svg" else None
        try:
            drawn.savefig(file, dpi=144, metadata=metadata)
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}.", hint="Choose another place.") from None


@contextmanager
def _missing_fonts_untold() -> Iterator[None]:
    """Without the line that matplotlib logs for each text and each font of `LOOK` that is not there."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def short(text: str, most: int = 48) -> str:
    """A title cut to fit beside a picture."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
