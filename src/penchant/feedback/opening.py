"""From a URL to the stores behind it."""

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from penchant.errors import StoreError
from penchant.feedback.sqlite import SQLiteStores
from penchant.feedback.stores import Stores

_ALLOWED = "Give sqlite:///relative/path, sqlite:////absolute/path, or a plain path."


def open_stores(url: str | Path) -> Stores:
    """Open the stores at `url`: ``sqlite:///PATH``, or a path. Made where there are none.

    Raises `StoreError` for a URL nothing stands behind, and where the store is damaged or cannot be written.
    """
    if isinstance(url, Path) or "://" not in url:
        return SQLiteStores(Path(url))
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("The store's URL cannot be read.", hint=_ALLOWED) from None
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.render_as_string(hide_password=True)
        raise StoreError(f"No store speaks {parsed.drivername!r} ({shown}).", hint=_ALLOWED)
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("A store in memory keeps nothing; the log has to be on disk.", hint=_ALLOWED)
    return SQLiteStores(Path(parsed.database))
