"""The embedded stores: one SQLite file in write-ahead mode."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from penchant.data.events import IMPRESSION
from penchant.errors import NotFoundError, SchemaError, StoreError
from penchant.feedback.rows import (
    decision_of,
    decision_row,
    edit_of,
    edit_row,
    event_of,
    event_row,
    explored_rows,
    item_rows,
    slate_of,
    slate_row,
)
from penchant.feedback.stores import Logged, Stores
from penchant.feedback.tables import (
    COUNTERS,
    DECISIONS,
    EDIT_ENTRIES,
    EDITS,
    EVENTS,
    EXPLORED,
    METADATA,
    SCHEMA,
    SCHEMA_VERSION,
    SLATE_ITEMS,
    SLATES,
)
from penchant.records import Decision, Edit, Event, Slate

_PAGE = 5_000  # log entries read at a time
_IDS_PER_QUERY = 500  # SQLite binds 999 values in its oldest builds


class SQLiteStores(Stores):
    """Stores in one file.

    Events and edits are flushed to the disk before they are acknowledged (``synchronous=FULL``). Slates are written
    without waiting for the disk (``NORMAL``): they outlive the process, and a loss of power takes at most the last
    ones; an event that names a slate flushes it too, as both pass through one write-ahead file in order.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file at `path`. Raises `StoreError` where it is damaged, not ours, of a newer version or
        cannot be written.
        """
        self.path = path = path.absolute()
        self._lock = Lock()
        self._durable = _engine(path, synchronous="FULL", begin="BEGIN IMMEDIATE", connections=1)
        self._prompt = _engine(path, synchronous="NORMAL", begin="BEGIN IMMEDIATE", connections=1)
        self._reading = _engine(path, synchronous="NORMAL", begin="BEGIN", connections=4)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._check_and_make()
        except OSError as error:
            raise StoreError(
                f"The store {path} cannot be made: {error.strerror or error}.",
                hint="Give a place that can be written with --store.",
            ) from None
        except StoreError:
            self.close()
            raise

    def add_events(self, events: Sequence[Event]) -> list[bool]:
        """See `Stores.add_events`."""
        ids = [event.event_id or "" for event in events]
        if "" in ids:
            raise SchemaError(
                f"Event {ids.index('')} has no event_id; the log keeps none without.", hint="Give each event an id."
            )
        if not ids:
            return []
        with self._write(self._durable) as connection:
            taken: set[str] = set()
            for start in range(0, len(ids), _IDS_PER_QUERY):
                some = ids[start : start + _IDS_PER_QUERY]
                taken.update(connection.scalars(select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(some))))
            stored = []
            for event_id in ids:
                stored.append(event_id not in taken)
                taken.add(event_id)
            rows = [event_row(event) for event, new in zip(events, stored, strict=True) if new]
            if rows:
                now, first = datetime.now(UTC).isoformat(), _next_sequences(connection, len(rows))
                connection.execute(
                    insert(EVENTS),
                    [{**row, "sequence": first + i, "received_at": now} for i, row in enumerate(rows)],
                )
        return stored

    def withdraw_events(self, event_ids: Sequence[str]) -> None:
        """See `Stores.withdraw_events`."""
        if not event_ids:
            return
        with self._write(self._durable) as connection:
            for start in range(0, len(event_ids), _IDS_PER_QUERY):
                some = event_ids[start : start + _IDS_PER_QUERY]
                connection.execute(delete(EVENTS).where(EVENTS.c.event_id.in_(some)))

    def add_edit(self, edit: Edit) -> bool:
        """See `Stores.add_edit`."""
        with self._write(self._durable) as connection:
            taken = (
                connection.scalar(select(table.c.sequence).where(table.c.edit_id == edit.edit_id))
                for table in (EDITS, EDIT_ENTRIES)
            )
            new = all(sequence is None for sequence in taken)
            if new:
                row = {**edit_row(edit), "sequence": _next_sequences(connection, 1)}
                connection.execute(insert(EDIT_ENTRIES).values(row))
        return new

    def withdraw_edit(self, edit_id: str) -> None:
        """See `Stores.withdraw_edit`."""
        with self._write(self._durable) as connection:
            for table in (EDITS, EDIT_ENTRIES):
                connection.execute(delete(table).where(table.c.edit_id == edit_id))

    def log(self, *, after: int = 0) -> Iterator[Logged]:
        """See `Stores.log`. Read in pages, so that a long log is never held in memory nor in one transaction."""
        while True:
            with self._read() as connection:
                page: list[Logged] = []
                for table, record in ((EVENTS, event_of), (EDITS, edit_of), (EDIT_ENTRIES, edit_of)):
                    query = select(table).where(table.c.sequence > after).order_by(table.c.sequence).limit(_PAGE)
                    rows = connection.execute(query).mappings()
                    page += [Logged(sequence=row["sequence"], entry=record(dict(row))) for row in rows]
            page = sorted(page, key=lambda logged: logged.sequence)[:_PAGE]
            if not page:
                return
            yield from page
            after = page[-1].sequence

    def add_slate(self, slate: Slate, decision: Decision | None = None) -> None:
        """See `Stores.add_slate`."""
        with self._write(self._prompt) as connection:
            if connection.scalar(select(SLATES.c.slate_id).where(SLATES.c.slate_id == slate.slate_id)) is not None:
                return
            asked = None if decision is None else decision.request_id
            if asked is not None and _slate_asked(connection, slate.user_id, asked) is not None:
                return
            connection.execute(insert(SLATES).values(slate_row(slate)))
            for table, rows in ((SLATE_ITEMS, item_rows(slate)), (EXPLORED, explored_rows(slate))):
                if rows:
                    connection.execute(insert(table), rows)
            if decision is not None:
                connection.execute(insert(DECISIONS).values(decision_row(decision, slate.exploration_share)))

    def slate(self, slate_id: str) -> Slate:
        """See `Stores.slate`."""
        with self._read() as connection:
            row = connection.execute(select(SLATES).where(SLATES.c.slate_id == slate_id)).mappings().first()
            query = select(SLATE_ITEMS).where(SLATE_ITEMS.c.slate_id == slate_id).order_by(SLATE_ITEMS.c.position)
            items = list(connection.execute(query).mappings())
            explored = list(connection.execute(select(EXPLORED).where(EXPLORED.c.slate_id == slate_id)).mappings())
            decided = connection.execute(select(DECISIONS).where(DECISIONS.c.slate_id == slate_id)).mappings().first()
        if row is None:
            raise NotFoundError(f"No slate {slate_id!r} was served.", hint="Slates are kept by the store that served.")
        tried = [dict(what) for what in explored]
        return slate_of(
            dict(row), [dict(item) for item in items], tried, decided=None if decided is None else dict(decided)
        )

    def slate_for(self, user_id: str, request_id: str) -> Slate | None:
        """See `Stores.slate_for`."""
        with self._read() as connection:
            slate_id = _slate_asked(connection, user_id, request_id)
        return None if slate_id is None else self.slate(slate_id)

    def decisions(self) -> Iterator[Decision]:
        """See `Stores.decisions`. Read in pages."""
        moment, slate_id = -(2**63), ""
        while True:
            with self._read() as connection:
                same = (DECISIONS.c.decided_at == moment) & (DECISIONS.c.slate_id > slate_id)
                query = select(DECISIONS).where((DECISIONS.c.decided_at > moment) | same)
                query = query.order_by(DECISIONS.c.decided_at, DECISIONS.c.slate_id).limit(_IDS_PER_QUERY)
                rows = list(connection.execute(query).mappings())
                ids = [row["slate_id"] for row in rows]
                shown = select(EVENTS.c.slate_id, EVENTS.c.user_id, EVENTS.c.item_id).where(
                    EVENTS.c.event_type == IMPRESSION, EVENTS.c.slate_id.in_(ids)
                )
                rendered = {tuple(row) for row in connection.execute(shown)}
            if not rows:
                return
            for row in rows:
                decision = decision_of(dict(row))
                who = decision.slate_id, decision.user_id
                slots = (
                    replace(slot, rendered=True) if (*who, slot.item_id) in rendered else slot
                    for slot in decision.slots
                )
                yield replace(decision, slots=tuple(slots))
            moment, slate_id = rows[-1]["decided_at"], rows[-1]["slate_id"]

    def counts(self) -> dict[str, int]:
        """See `Stores.counts`."""
        with self._read() as connection:
            counts = {
                table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in (EVENTS, EDITS, EDIT_ENTRIES, SLATES)
            }
        counts[EDITS.name] += counts.pop(EDIT_ENTRIES.name)
        return counts

    def close(self) -> None:
        """See `Stores.close`."""
        for engine in (self._reading, self._prompt, self._durable):
            engine.dispose()

    def _check_and_make(self) -> None:
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        # The transaction begins as a writing one, so that a file that cannot be written fails here, not at an event.
        with self._guard(), self._durable.begin() as connection:
            if not fresh:
                self._check(connection)
            METADATA.create_all(connection)
            version = connection.scalar(select(func.max(SCHEMA.c.version)))
            if version is None or version < SCHEMA_VERSION:  # an older store has its new tables now, and its rows
                now = datetime.now(UTC).isoformat()
                connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION, applied_at=now))
            if version is None:
                connection.execute(insert(COUNTERS).values(name="log", value=0))

    def _check(self, connection: Connection) -> None:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise self._damaged(str(found))
        tables = set(inspect(connection).get_table_names())
        if tables and SCHEMA.name not in tables:
            raise StoreError(
                f"{self.path} is a database, but not a Penchant store.", hint="Give another file with --store."
            )
        version = connection.scalar(select(func.max(SCHEMA.c.version))) if tables else None
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(
                f"The store {self.path} has version {version}; this Penchant reads up to {SCHEMA_VERSION}.",
                hint="Upgrade Penchant to use it, or give another file with --store.",
            )

    @contextmanager
    def _write(self, engine: Engine) -> Iterator[Connection]:
        with self._guard(), self._lock, engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._guard(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """What SQLite complains about, as a `StoreError` that says what to do."""
        try:
            yield
        except (OverflowError, UnicodeEncodeError) as error:
            raise SchemaError(
                f"A value the store cannot hold: {error}.", hint="Send UTF-8 and 64-bit numbers."
            ) from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            cause = str(getattr(error, "orig", None) or error)
            if "malformed" in cause or "not a database" in cause:
                raise self._damaged(cause) from None
            raise StoreError(
                f"The store {self.path} cannot be used: {cause}.",
                hint="Check that its folder exists, can be written and has room, and that no other program locks it.",
            ) from None

    def _damaged(self, cause: str) -> StoreError:
        return StoreError(
            f"The store {self.path} is damaged: {cause}.",
            hint=f"Move it away, save what is left with `sqlite3 {self.path.name} .recover`, or restore a backup.",
        )


def _engine(path: Path, *, synchronous: str, begin: str, connections: int) -> Engine:
    """An engine whose transactions begin as told: the driver's own begin late, and not before a read."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)), pool_size=connections, max_overflow=0, pool_timeout=30
    )

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for setting in ("busy_timeout=5000", "journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _slate_asked(connection: Connection, user_id: str, request_id: str) -> str | None:
    asked = (DECISIONS.c.user_id == user_id) & (DECISIONS.c.request_id == request_id)
    slate_id = connection.scalar(select(DECISIONS.c.slate_id).where(asked))
    return None if slate_id is None else str(slate_id)


def _next_sequences(connection: Connection, n: int) -> int:
    """Take `n` places in the log and give the first: events and edits share one count, which is their order."""
    taken = update(COUNTERS).where(COUNTERS.c.name == "log").values(value=COUNTERS.c.value + n)
    return int(connection.execute(taken.returning(COUNTERS.c.value)).scalar_one()) - n + 1
