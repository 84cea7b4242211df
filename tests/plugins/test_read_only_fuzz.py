"""Whatever is thrown at a read-only connection, nothing is written: every command, and statements of every shape."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_corpus import DDL, LOOSENS, UNFILTERED, WRITES

from alveary import Kernel
from alveary.errors import AlvearyError
from alveary.policy import Clearance
from alveary.sessions import Session

OUTSIDE = Path("/tmp/alveary-written-by-a-read-only-session")


@dataclass(frozen=True)
class Place:
    """A real database with a table ``t``, and what it holds as a text."""

    family: str
    url: str
    dump: Callable[[], str]


MADE = "create table t (a int); insert into t values (1), (2); create view v as select * from t;"
MADE_POSTGRES = """
create sequence s; create procedure p() language sql as 'delete from t';
create function f() returns int language sql as 'insert into t values (9) returning a';
"""
MADE_MARIADB = """
create sequence s;
create procedure p() delete from t;
delimiter $
create function f() returns int begin insert into t values (9); return 1; end $
delimiter ;
"""


@pytest.fixture
def sqlite_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with closing(sqlite3.connect(folder / "made.db")) as db:
        db.executescript(MADE)

    def dump() -> str:
        return "\n".join(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in folder.iterdir())

    return Place("sqlite", f"sqlite:///{folder}/made.db", dump)


@pytest.fixture
def postgres_place(postgres: PostgresServer) -> Iterator[Place]:
    with postgres.database() as name:
        postgres.psql(MADE + MADE_POSTGRES, name)

        def dump() -> str:
            command = [str(postgres.programs / "pg_dump"), "-h", str(postgres.folder), "-p", str(postgres.port)]
            text = subprocess.run(
                [*command, "-U", "postgres", name], check=True, capture_output=True, text=True, timeout=60
            ).stdout
            lines = [line for line in text.splitlines() if "restrict" not in line]  # a random word in newer versions
            server = "select rolname from pg_roles; select * from pg_file_settings where not name like 'port'"
            return "\n".join(lines) + postgres.psql(server).decode()

        yield Place("postgres", postgres.url(name), dump)


@pytest.fixture
def mariadb_place(mariadb: MariaServer) -> Place:
    name = mariadb.new_database()
    mariadb.admin(f"use {name};" + MADE + MADE_MARIADB)

    def dump() -> str:
        asked = "select a from t; select next_not_cached_value from s; show tables; show procedure status; "
        return mariadb.admin(f"use {name}; {asked} select user from mysql.user; select @@global.max_connections")

    return Place("mysql", mariadb.url(name), dump)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def place(request: pytest.FixtureRequest) -> Place:
    made: Place = request.getfixturevalue(f"{request.param}_place")
    return made


@pytest.fixture
def guarded(place: Place, kernel: Kernel) -> Iterator[Place]:
    """A read-only connection ``ro`` to the place; what it holds is compared at the end."""
    kernel.run("connections.add", {"name": "ro", "url": place.url, "read_only": True})
    OUTSIDE.unlink(missing_ok=True)
    before = place.dump()
    yield place
    for session in kernel.sessions():
        session.close()
    assert place.dump() == before
    assert not OUTSIDE.exists()


# -- commands ------------------------------------------------------------------------------------------------------


def value_for(field: msgspec.structs.FieldInfo, place: Place, tmp_path: Path, sql: str) -> Any:
    """Return what a command's parameter gets: where it goes, the statement, and every consent there is."""
    known: dict[str, Any] = {
        "target": "ro",
        "name": "ro",
        "connection": "ro",
        "url": place.url,
        "sql": [sql] if "list" in str(field.type) else sql,
        "statement": sql,
        "text": sql,
        "confirm": "ro",
        "yes": True,
        "new": "copied",
        "file": str(tmp_path / "rows.csv") if field.required else msgspec.UNSET,
        "table": "t" if field.required else msgspec.UNSET,
        "output": str(tmp_path / "output"),
    }
    if field.name in known:
        return known[field.name]
    return sql if field.required else msgspec.UNSET


def test_no_command_writes_on_a_read_only_connection(
    guarded: Place, kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.run("queries.save", {"name": "gone", "sql": "delete from t", "connection": "ro"})
    (tmp_path / "rows.csv").write_text("a\n7\n8\n")
    tried, refused = 0, set[str]()
    for spec in list(kernel.commands):
        if spec.foreground or spec.id in ("connections.remove", "demo.run"):
            continue
        try:
            parameters = kernel.commands.get(spec.id).parameters
        except AlvearyError:
            continue
        for sql in ("delete from t", "with x as (select 1) delete from t where a in (select * from x)", "drop table t"):
            fields = msgspec.structs.fields(parameters)
            values = {field.name: value_for(field, guarded, tmp_path, sql) for field in fields}
            if spec.id == "queries.run":
                values["name"] = "gone"
            given = {name: value for name, value in values.items() if value is not msgspec.UNSET}
            tried += 1
            try:
                kernel.run(spec.id, given)
            except AlvearyError as exc:
                if exc.code == "read_only":
                    refused.add(spec.id)
    assert tried > 50
    assert refused >= {"query.run", "queries.run", "import.run"}


# -- statements ------------------------------------------------------------------------------------------------------

BASE = ["insert into t values (3)", "update t set a = 5", "delete from t", "delete from t where a = 1", "drop table t",
        "create table u (a int)", "truncate table t", "select f()", "call p()"]  # fmt: skip
WRAPPED = {
    "sqlite": ["with x as (select 1) {}", "explain query plan {}", "vacuum into '{out}'", "attach '{out}' as o"],
    "postgres": [
        "with x as (select 1) {}",
        "with x as ({} returning 1) select * from x",
        "with recursive x(a) as (select 1) search depth first by a set o {}",
        "explain analyze {}",
        "explain (analyze, costs off) {}",
        "prepare q as {}",
        "do $$ begin {}; end $$",
        "copy ({} returning a) to stdout",
        "copy t to '{out}'",
        "copy t to program 'touch {out}'",
        "begin read write; {}",
    ],
    "mysql": [
        "with x as (select 1) {}",
        "/*! {} */",
        "/*!99999 select */ {}",
        "explain {}",
        "analyze {}",
        "set statement max_statement_time = 5 for {}",
        "begin not atomic {}; end",
        "start transaction read write; {}",
        "select a from t into outfile '{out}'",
        "prepare q from '{}'",
    ],
}
NOISE = st.sampled_from([" ", "\n", "\t", " /* select */ ", " -- x\n"])


def corpus(family: str) -> list[str]:
    """Return the statements of the corpus that change something, in a dialect."""
    tables = (WRITES, LOOSENS, UNFILTERED, DDL)
    return list(itertools.chain.from_iterable(table.get(name, []) for table in tables for name in ("ansi", family)))


def statements(family: str) -> st.SearchStrategy[str]:
    base = st.one_of(st.sampled_from(BASE), st.sampled_from(corpus(family)))
    wrap = st.sampled_from(["{}", "{}", "({})", "select 1; {}", *WRAPPED[family]])
    nested = st.builds(lambda outer, inner, sql: outer.replace("{}", inner.replace("{}", sql)), wrap, wrap, base)
    cased = st.builds(lambda sql, case: case(sql), nested, st.sampled_from([str, str, str.upper, str.title]))
    spaced = st.builds(lambda sql, noise: sql.replace(" ", noise, 3), cased, NOISE)
    return spaced.map(lambda sql: sql.replace("{out}", str(OUTSIDE)).replace("{OUT}", str(OUTSIDE)))


def attempt(session: Session, sql: str) -> None:
    """Run a statement with a clearance for it; what refuses it, and what is wrong with it, is one to this test."""
    place = session.target.profile_id or ""
    try:
        statement = session.execute(sql, clearance=Clearance(place, frozenset({sql})), timeout=20)
    except AlvearyError:
        return
    assert statement.wait(60)


def test_no_statement_of_the_corpus_writes(guarded: Place, kernel: Kernel) -> None:
    with kernel.connect("ro") as session:
        for sql in corpus(guarded.family):
            attempt(session, sql)
        assert session.run("select count(*) from t") is not None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def _storm(session: Session, family: str, data: st.DataObject) -> None:
    attempt(session, data.draw(statements(family)))


def test_no_generated_statement_writes(guarded: Place, kernel: Kernel) -> None:
    with kernel.connect("ro") as session:
        _storm(session, guarded.family)
        assert session.run("select count(*) from t") is not None


def test_a_function_nobody_here_has_heard_of_is_stopped_by_the_server(guarded: Place, kernel: Kernel) -> None:
    if guarded.family == "sqlite":
        pytest.skip("a SQLite database holds no functions")
    with kernel.connect("ro") as session, pytest.raises(AlvearyError):
        session.run("select f()")
