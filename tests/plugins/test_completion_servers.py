"""Completion against the engines themselves: names are read back as they are, and what is suggested can be run."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

import pytest
from completion_cases import FIRST_SCHEMA, cases, catalog
from fix_engines import Engine
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.completion import CompletionRequest, NothingKnown
from alveary.contracts.values import Row
from alveary.errors import QueryError
from alveary.sessions import Session
from alveary.sqltext import MYSQL, POSTGRES, SQLITE
from alveary_plugins.completion import alveary_complete
from alveary_plugins.completion.names import reserved, written

NAMES = (
    "plain",
    "Capital",
    "two words",
    "group",
    "User",
    "é",
    "a-b",
    'q"q',
    "b`b",
    "1st",
    "x$y",
    "null",
    "_",
    "名",
    "]",
)


def test_postgres_reads_every_name_as_it_is_and_reserves_no_other_word(
    engine_of: Callable[[str], Engine], kernel: Kernel
) -> None:
    with kernel.connect(engine_of("postgres").url) as session:
        for name in NAMES:
            ((found,),) = rows(session, f"select column_name from (select 1 as {written(name, POSTGRES)}) as t, "
                                          f"lateral json_object_keys(row_to_json(t)) as column_name")  # fmt: skip
            assert found == name
        words = rows(session, "select word from pg_get_keywords() where catcode in ('R', 'T', 'C')")
        assert {row[0] for row in words} <= reserved("postgres")


def test_mariadb_reads_every_name_as_it_is_and_reserves_no_other_word(
    engine_of: Callable[[str], Engine], kernel: Kernel
) -> None:
    with kernel.connect(engine_of("mariadb").url) as session:
        session.run("create table named (id int)")
        for name in NAMES:
            session.run(f"alter table named add column {written(name, MYSQL)} int")
        held = {row[0] for row in rows(session, "select column_name from information_schema.columns "
                                                 "where table_name = 'named'")}  # fmt: skip
        assert set(NAMES) <= held
        words = [str(row[0]).lower() for row in rows(session, "select word from information_schema.keywords")]
        missing = [word for word in words if word.isidentifier() and not is_a_name(session, word)]
        assert missing
        assert set(missing) <= reserved("mysql")


def is_a_name(session: Session, word: str) -> bool:
    try:
        session.run(f"select t.{word}, {word} from (select 1 as {word}) as t")
    except QueryError:
        return False
    return True


def rows(session: Session, sql: str) -> list[Row]:
    return list(session.run(sql) or ())


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8))
def test_sqlite_reads_any_name_as_it_is(name: str) -> None:
    with sqlite3.connect(":memory:") as db:
        cursor = db.execute(f"select {written(name, SQLITE)} from (select 1 as {written(name, SQLITE)})")
        assert cursor.description[0][0] == name
        if "]" not in name:
            assert db.execute(f"select 1 as {written(name, SQLITE, '[')}").description[0][0] == name
    db.close()


def make_shop(engine: Engine) -> None:
    """Make the tables that the cases know."""
    dialect = {"mariadb": "mysql"}.get(engine.name, engine.name)
    family = {"postgres": POSTGRES, "mysql": MYSQL, "sqlite": SQLITE}[dialect]
    known = catalog(dialect)
    schema = FIRST_SCHEMA[dialect]
    for relation in known.relations(schema).values():
        columns = ", ".join(f"{written(each.name, family)} int" for each in known.columns(schema, relation.name))
        engine.ask(f"create table {written(relation.name, family)} ({columns})")


def test_whole_conditions_and_lists_of_columns_can_be_run(engine: Engine, kernel: Kernel) -> None:
    make_shop(engine)
    _, driver = kernel.target(engine.url)
    dialect = driver.dialect
    ran = 0
    with kernel.connect(engine.url) as session:
        for case in cases(dialect.name):
            found = alveary_complete(
                CompletionRequest(
                    text=case.text, caret=case.caret, dialect=dialect, catalog=catalog(dialect.name), driver=driver.id
                )
            )
            whole = [each for each in found[:3] if each.kind in ("join", "columns")]
            if not whole or not re.match(r"select|insert", case.text) or "values" in whole[0].text:
                continue
            text = f"{case.text[: whole[0].start]}{whole[0].text}{case.text[whole[0].end :]}"
            if text.startswith("insert"):
                text += ") values (" + ", ".join("1" for _ in whole[0].text.split(", ")) + ")"
            session.run(text)
            ran += 1
    assert ran >= 5


FILLED = {
    "sqlite": "create table t (a int, b int as (a + 1), c int)",
    "postgres": "create table t (a int, b int generated always as (a + 1) stored, c int, "
    "d int generated always as identity)",
    "mariadb": "create table t (a int, b int as (a + 1), c int, d int invisible)",
}


def test_what_the_server_fills_in_is_not_asked_to_be_written(engine: Engine, kernel: Kernel) -> None:
    with kernel.connect(engine.url) as session:
        session.run(FILLED[engine.name])

        def found(text: str) -> list[str]:
            parameters = {"target": engine.url, "sql": text}
            return [each.label for each in kernel.run("editor.complete", parameters).suggestions]

        columns = found("insert into t (")
        assert columns[0] == "a, c"
        assert "b" not in columns
        assert {"a", "c"} <= set(found("update t set "))
        assert "b" not in found("update t set ")
        session.run(f"insert into t ({columns[0]}) values (1, 2)")


def test_nothing_known_is_no_hindrance(kernel: Kernel) -> None:
    for dialect in (POSTGRES, MYSQL, SQLITE):
        for case in cases(dialect.name):
            alveary_complete(
                CompletionRequest(text=case.text, caret=case.caret, dialect=dialect, catalog=NothingKnown())
            )


def test_the_command_knows_what_each_engine_holds(engine: Engine, kernel: Kernel) -> None:
    make_shop(engine)
    answer = kernel.run("editor.complete", {"target": engine.url, "sql": "select c. from customer c", "at": 9})
    names = [each.label for each in answer.suggestions if each.kind == "column"]
    assert names == ["id", "name", "email", "country", "created_at", "referrer_id"]


@pytest.mark.parametrize(
    ("name", "sql", "first"),
    [
        ("postgres", "select * from pg_catalog.pg_clas", "pg_class"),
        ("postgres", "select c.relna from pg_catalog.pg_class as c where pg_catalog.", "relname"),
        ("mariadb", "select * from information_schema.`column", "`COLUMNS`"),
    ],
)
def test_a_schema_of_the_servers_own_is_read_when_it_is_named(
    engine_of: Callable[[str], Engine], kernel: Kernel, name: str, sql: str, first: str
) -> None:
    url = engine_of(name).url
    at = sql.index(" from") if first == "relname" else len(sql)
    if first == "relname":  # it was read before, for another question
        kernel.run("editor.complete", {"target": url, "sql": sql})
    answer = kernel.run("editor.complete", {"target": url, "sql": sql, "at": at})
    assert answer.suggestions[0].text == first


@pytest.mark.parametrize("name", ["postgres", "mariadb", "sqlite"])
def test_indexes_roles_and_sequences_are_read_from_the_engine_once_they_are_named(
    name: str, engine_of: Callable[[str], Engine], kernel: Kernel
) -> None:
    """What the cases of a catalog made by hand can't tell: that the engine's own catalog holds such things there."""
    url = engine_of(name).url
    with kernel.connect(url) as session:
        session.run("create table parts (id int primary key, called varchar(20))")
        session.run("create index parts_called on parts (called)")
        if name != "sqlite":
            session.run("create sequence part_numbers")
            session.run("create role part_clerk")
    hint = {"mariadb": "select * from parts use index (", "sqlite": "select * from parts indexed by "}
    places = {"drop index ": "parts_called", hint.get(name, "alter index "): "parts_called"}
    if name != "sqlite":
        places["grant select on parts to part_"] = "part_clerk"
        quote = "'" if name == "postgres" else ""
        places[f"select nextval({quote}part"] = f"{quote}part_numbers{quote}"
    try:
        for text, wanted in places.items():
            found = kernel.run("editor.complete", {"target": url, "sql": text})
            assert wanted in [each.text for each in found.suggestions][:3], text
    finally:
        if name != "sqlite":
            with kernel.connect(url) as session:
                session.run("drop role part_clerk")
