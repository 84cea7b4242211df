"""The store's tables as SQLAlchemy sees them: what a new migration is compared with; nothing at run time imports this.

The full-text table ``history_search`` and its triggers stand in the migrations only: SQLAlchemy has no word for them.
Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from sqlalchemy import REAL, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text

metadata = MetaData()

profile_groups = Table(
    "profile_groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent_id", Text, ForeignKey("profile_groups.id", ondelete="SET NULL")),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("color", Text),
    UniqueConstraint("parent_id", "name"),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text(collation="NOCASE"), nullable=False, unique=True),
    Column("group_id", Text, ForeignKey("profile_groups.id", ondelete="SET NULL")),
    Column("position", Integer, nullable=False, server_default=text("0")),
    # The profile itself, as JSON: a new field of a profile needs no migration.
    Column("content", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Integer, nullable=False),
    # Without a foreign key: the history outlives the profile.
    Column("profile_id", Text),
    Column("connection", Text, nullable=False),
    Column("database", Text),
    Column("statement", Text, nullable=False),
    Column("parameters", Text),
    Column("outcome", Text, nullable=False),
    Column("seconds", REAL),
    Column("rows", Integer),
    Column("rows_affected", Integer),
    Column("error_code", Text),
    Column("error", Text),
    Index("history_by_time", "started_at"),
    Index("history_failed", "id", sqlite_where=text("outcome = 'failed'")),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

saved_queries = Table(
    "saved_queries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("folder", Text, nullable=False, server_default=""),
    Column("name", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("description", Text),
    Column("profile_id", Text, ForeignKey("profiles.id", ondelete="SET NULL")),
    Column("parameters", Text, nullable=False, server_default="[]"),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    UniqueConstraint("folder", "name"),
)

saved_query_tags = Table(
    "saved_query_tags",
    metadata,
    Column("query_id", Text, ForeignKey("saved_queries.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
)

workspace = Table(
    "workspace",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# What was typed: the newest generation of a panel is its state, the one before is kept in case it is broken.
workspace_panels = Table(
    "workspace_panels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("panel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("saved_at", Integer, nullable=False),
    Column("closed_at", Integer),
)
