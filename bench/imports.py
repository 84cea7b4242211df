"""I1 and I2: a CSV file into a table that is there, and into one that is made, beside the engines' own clients."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import sample
from processes import in_turn
from servers import ServerMissingError
from table import Line, compared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from processes import Settings, Usage

_SQLITE_TABLE = """create table imported (id integer primary key, account integer, name text, amount text,
  created_at text, active integer, score real, born_on text, note text, attributes text)"""


def measure(settings: Settings) -> list[Line]:
    """Import into PostgreSQL beside ``\\copy``, twice: into a table that is there, and into one that is made."""
    work = f"CSV of {settings.rows:,} × 10 into PostgreSQL; peer: `psql \\copy … from … csv header`"
    try:
        server = settings.servers.postgres()
    except ServerMissingError as exc:
        return [Line("I1", work, peer=f"not measured: {exc}")]
    file = settings.data / f"import-{settings.rows}.csv"
    server.say(f"\\copy t to '{file}' csv header")
    ours = [settings.alveary, "import", server.url, str(file), "--table", "imported"]
    peer = [*server.client, f"\\copy imported from '{file}' csv header"]

    def emptied(command: list[str]) -> Callable[[], Usage]:
        def run() -> Usage:
            server.say("drop table if exists imported; create table imported (like t including all)")
            return settings.run(command)

        return run

    def dropped() -> Usage:
        server.say("drop table if exists imported")
        return settings.run([*ours, "--create"])

    lines = []
    rounds = settings.rounds or 5
    for what, run in (("", emptied(ours)), (", types found out and the table made (its keys are not)", dropped)):
        pair = in_turn(run, emptied(peer), rounds, warm=True)
        if server.say("select count(*) from imported", "-At").strip() != str(settings.rows):
            raise SystemExit("bench: not all rows were imported")
        lines.append(compared("I1", work + what, pair, bar=None, floor=settings.floor))
    server.say("drop table imported")
    file.unlink()
    return lines


def measure_sqlite(settings: Settings) -> list[Line]:
    """Import into SQLite beside ``.import``."""
    work = f"CSV of {settings.rows:,} × 10 into SQLite; peer: `sqlite3 … .import --csv`"
    if shutil.which("sqlite3") is None:
        return [Line("I2", work, peer="not measured: peer missing, install sqlite3")]
    database, file = settings.data / "import.db", settings.data / f"import-{settings.rows}.csv"
    source = f"sqlite:///{sample.make(settings.data, settings.rows)}"
    settings.run([settings.alveary, "query", source, "--table", "t", "--format", "csv", "-o", str(file)])

    def fresh(command: list[str]) -> Callable[[], Usage]:
        def run() -> Usage:
            _empty(database)
            return settings.run(command)

        return run

    ours = fresh([settings.alveary, "import", f"sqlite:///{database}", str(file), "--table", "imported"])
    peer = fresh(["sqlite3", str(database), f".import --csv --skip 1 '{file}' imported"])
    pair = in_turn(ours, peer, settings.rounds or 5, warm=True)
    for path in (database, file):
        path.unlink(missing_ok=True)
    return [compared("I2", work, pair, bar=None, floor=settings.floor)]


def _empty(database: Path) -> None:
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as db:
        db.execute(_SQLITE_TABLE)
        db.commit()
