"""The migrations: they make what schema.sql says, keep every row, and happen whole or not at all."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from alveary.errors import MigrationError
from alveary.store import backups, upgrade
from alveary.store.database import FILE_NAME, REVISION, Store
from alveary.store.tables import metadata

RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))

NEXT = '''"""A next revision."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "next", "{head}"


def upgrade():
    """Rebuild a table others refer to, and add rows."""
    with op.batch_alter_table("saved_queries") as table:
        table.add_column(sa.Column("starred", sa.Integer, nullable=False, server_default=sa.text("0")))
        table.alter_column("description", new_column_name="remark")
    op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("insert into more values (1), (2)")
    {more}
'''


def dumped(file: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as connection:
        return {table: sorted(connection.execute(f"select * from {table}")) for table in tables}


def filled(directory: Path) -> Path:
    """Make a store with rows that refer to each other, and return its file."""
    store = Store(directory)
    with store.writing() as connection:
        connection.execute("insert into saved_queries values ('q', '', 'n', 'select 1', 'd', null, '[]', 1, 1)")
        connection.execute("insert into saved_query_tags values ('q', 'red'), ('q', 'blue')")
        connection.execute(
            "insert into history (started_at, connection, statement, outcome) values (1, 'c', 's', 'ok')"
        )
    store.close()
    return directory / FILE_NAME


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return filled(tmp_path / "data")


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to; the code under test uses it."""
    copy = tmp_path / "migrations"
    shutil.copytree(str(files("alveary_migrations")), copy, ignore=shutil.ignore_patterns("__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(copy))
    monkeypatch.setattr(upgrade, "_config", lambda: config)
    return copy


def add_revision(scripts: Path, more: str = "") -> None:
    (scripts / "versions" / "r_next.py").write_text(NEXT.format(head=REVISION, more=more))


def test_the_revision_of_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "alveary_migrations:")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    upgrade.make(file)
    engine = create_engine(f"sqlite:///{file}")
    ours = {"include_object": lambda thing, name, kind, reflected, other: not name.startswith("history_search")}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), metadata) == []
    engine.dispose()


def test_the_quick_way_makes_what_the_migrations_make(tmp_path: Path) -> None:
    migrated = tmp_path / "migrated.db"
    upgrade.make(migrated)
    store = Store(tmp_path / "data")
    assert store.revision() == REVISION
    store.close()
    assert upgrade.schema(tmp_path / "data" / FILE_NAME) == upgrade.schema(migrated)


def test_every_released_revision_is_kept() -> None:
    config = Config()
    config.set_main_option("script_location", "alveary_migrations:")
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    assert {file.stem for file in RELEASED} == revisions


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.stem)
def test_a_store_of_every_released_revision_opens_with_all_its_rows(released: Path, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection:
        connection.executescript(released.read_text())
    counts = "select (select count(*) from profiles), (select count(*) from history), (select count(*) from settings)"
    store = Store(directory)
    assert store.revision() == REVISION
    with store.reading() as connection:
        assert connection.execute(counts).fetchone() == (2, 3, 1)
        found = connection.execute("select rowid from history_search where history_search match 'orders'").fetchall()
        assert found == [(2,)]
    assert store.check() == []


def test_a_migration_keeps_every_row_and_a_copy_of_before(file: Path, scripts: Path) -> None:
    add_revision(scripts)
    before = dumped(file, "saved_query_tags", "history")
    upgrade.upgrade(file, REVISION)
    assert dumped(file, "saved_query_tags", "history") == before
    assert dumped(file, "more", "alembic_version") == {"more": [(1,), (2,)], "alembic_version": [("next",)]}
    (backup,) = (file.parent / "backups").iterdir()
    assert dumped(backup, "alembic_version") == {"alembic_version": [(REVISION,)]}
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("trouble", ["op.execute('select * from nothing')", "raise SystemError('by a script')"])
def test_a_migration_that_fails_leaves_the_store_as_it_was(file: Path, scripts: Path, trouble: str) -> None:
    add_revision(scripts, trouble)
    before = upgrade.schema(file)
    with pytest.raises(MigrationError, match=f"from revision {REVISION}") as caught:
        upgrade.upgrade(file, REVISION)
    assert caught.value.__cause__ is not None
    assert upgrade.schema(file) == before
    assert Store(file.parent).revision() == REVISION


def test_a_migration_that_leaves_rows_without_what_they_refer_to_is_undone(file: Path, scripts: Path) -> None:
    add_revision(scripts, "op.execute('delete from saved_queries')")
    with pytest.raises(MigrationError, match="refer to nothing"):
        upgrade.upgrade(file, REVISION)
    assert len(dumped(file, "saved_query_tags")["saved_query_tags"]) == 2


def test_old_copies_go(file: Path) -> None:
    for _ in range(backups.BACKUPS_KEPT + 2):
        newest = backups.back_up(file, REVISION)
    kept = list((file.parent / "backups").iterdir())
    assert len(kept) == backups.BACKUPS_KEPT
    assert newest in kept


UPGRADE = """
import os, signal, sys
from pathlib import Path
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine
from alveary.store import backups, upgrade
config = Config()
config.set_main_option("script_location", sys.argv[2])
upgrade._config = lambda: config
left = int(sys.argv[4])
def executing(*args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(Engine, "before_cursor_execute", executing)
upgrade.upgrade(Path(sys.argv[1]), sys.argv[3])
"""


def upgrading(file: Path, scripts: Path, killed_at: int = 0) -> subprocess.Popen[bytes]:
    words = [str(file), str(scripts), REVISION, str(killed_at)]
    return subprocess.Popen([sys.executable, "-c", UPGRADE, *words])


def test_a_migration_killed_at_any_statement_leaves_the_old_store_or_the_new(file: Path, scripts: Path) -> None:
    add_revision(scripts)
    old = upgrade.schema(file)
    moment, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        moment += 1
        assert upgrade.schema(file) == old
        assert len(dumped(file, "saved_query_tags")["saved_query_tags"]) == 2
        status = upgrading(file, scripts, moment).wait(60)
    assert status == 0
    assert moment > 8, "the migration has more statements than that"
    assert dumped(file, "alembic_version") == {"alembic_version": [("next",)]}
    assert len(dumped(file, "saved_query_tags")["saved_query_tags"]) == 2


def test_of_several_processes_one_migrates_and_all_go_on(file: Path, scripts: Path) -> None:
    add_revision(scripts)
    assert [process.wait(60) for process in [upgrading(file, scripts) for _ in range(4)]] == [0] * 4
    assert dumped(file, "more") == {"more": [(1,), (2,)]}
