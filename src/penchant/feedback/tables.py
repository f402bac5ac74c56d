"""The tables behind the SQL stores. A later version adds tables; it alters none of these.

Version 2 added `EDIT_ENTRIES`, for edits that name no concept. What an older version wrote to `EDITS` stays there and
is read; new edits all go to the new table. Version 3 added `DECISIONS` and `EXPLORED`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 3

METADATA = MetaData()

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")  # the row's own number in SQLite, no second index

SCHEMA = Table(
    "penchant_schema",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Text, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("item_id", Text),
    Column("event_type", Text, nullable=False),
    Column("timestamp", BigInteger),
    Column("value", Float),
    Column("text", Text),
    Column("slate_id", Text),
    Column("received_at", Text, nullable=False),
    Index("events_by_user", "user_id", "sequence"),
    Index("events_by_slate", "slate_id"),
)

EDITS = Table(
    "edits",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("edit_id", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("concept_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("edited_at", BigInteger, nullable=False),
    Index("edits_by_user", "user_id", "sequence"),
)

EDIT_ENTRIES = Table(
    "edit_entries",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("edit_id", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("concept_id", Text),
    Column("event_id", Text),
    Column("text", Text),
    Column("undoes", Text),
    Column("strength", Float),
    Column("edited_at", BigInteger, nullable=False),
    Index("edit_entries_by_user", "user_id", "sequence"),
)

SLATES = Table(
    "slates",
    METADATA,
    Column("slate_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("generated_at", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("cold", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("timings_ms", Text, nullable=False),
    Index("slates_by_user", "user_id", "generated_at"),
)

SLATE_ITEMS = Table(
    "slate_items",
    METADATA,
    Column("slate_id", Text, ForeignKey("slates.slate_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("explored", Boolean, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("other", Float, nullable=False),
    Column("residual", Float, nullable=False),
    Column("probability", Float),
    Column("rerank_adjustment", Float, nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("slate_id", Text, ForeignKey("slates.slate_id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("request_id", Text),
    Column("exploration_share", Float, nullable=False),
    Column("decision", Text, nullable=False),
    UniqueConstraint("user_id", "request_id", name="one_decision_a_request"),
    Index("decisions_by_moment", "decided_at", "slate_id"),
)

EXPLORED = Table(
    "explored",
    METADATA,
    Column("slate_id", Text, ForeignKey("slates.slate_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("concept_id", Text),
    Column("concept", Text),
    Column("text", Text, nullable=False),
)
