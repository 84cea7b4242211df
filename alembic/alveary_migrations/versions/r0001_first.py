"""The first store: profiles and their groups, history, settings, saved queries, the workspace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "profile_groups",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("parent_id", sa.Text, sa.ForeignKey("profile_groups.id", ondelete="SET NULL")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("color", sa.Text),
        sa.UniqueConstraint("parent_id", "name"),
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text(collation="NOCASE"), nullable=False, unique=True),
        sa.Column("group_id", sa.Text, sa.ForeignKey("profile_groups.id", ondelete="SET NULL")),
        sa.Column("position", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.Integer, nullable=False),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started_at", sa.Integer, nullable=False),
        sa.Column("profile_id", sa.Text),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("database", sa.Text),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("seconds", sa.REAL),
        sa.Column("rows", sa.Integer),
        sa.Column("rows_affected", sa.Integer),
        sa.Column("error_code", sa.Text),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("history_by_time", "history", ["started_at"])
    op.create_index("history_failed", "history", ["id"], sqlite_where=sa.text("outcome = 'failed'"))
    op.execute(
        "CREATE VIRTUAL TABLE history_search USING fts5("
        "statement, connection, content='history', content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER history_added AFTER INSERT ON history BEGIN "
        "INSERT INTO history_search(rowid, statement, connection) "
        "VALUES (new.id, new.statement, new.connection); END"
    )
    op.execute(
        "CREATE TRIGGER history_removed AFTER DELETE ON history BEGIN "
        "INSERT INTO history_search(history_search, rowid, statement, connection) "
        "VALUES ('delete', old.id, old.statement, old.connection); END"
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "saved_queries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("folder", sa.Text, nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("profile_id", sa.Text, sa.ForeignKey("profiles.id", ondelete="SET NULL")),
        sa.Column("parameters", sa.Text, nullable=False, server_default="[]"),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.Integer, nullable=False),
        sa.UniqueConstraint("folder", "name"),
    )
    op.create_table(
        "saved_query_tags",
        sa.Column("query_id", sa.Text, sa.ForeignKey("saved_queries.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
    )
    op.create_table(
        "workspace",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "workspace_panels",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("panel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("saved_at", sa.Integer, nullable=False),
        sa.Column("closed_at", sa.Integer),
    )
