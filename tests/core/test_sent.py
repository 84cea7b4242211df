"""What is sent to a database, whoever wanted it sent: nothing escapes, no secret stays."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel, Outcome
from alveary.events import Event, StatementSent
from alveary.kernel import HostKind
from alveary.sent import MOST, MOST_CHARACTERS, Sent
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver

HANG = 30.0
HOSTS = pytest.mark.parametrize("host", ["thread", "process"])


def use(kernel: Kernel, url: str, host: HostKind, *statements: str) -> list[StatementSent]:
    """Do what a person does in the window, and return what was sent."""
    catalog = kernel.catalog(url, origin="tree")
    for schema in catalog.schemas()[:3]:  # of a server that holds the databases of many tests
        catalog.relations(schema), catalog.columns(schema), catalog.indexes(schema), catalog.foreign_keys(schema)
    with kernel.connect(url, host=host) as session:
        for sql in statements:
            assert session.execute(sql).wait(HANG)
        session.begin()
        session.rollback()
        session.ask("ping")
    return kernel.sent.entries()


def words(text: str) -> str:
    return " ".join(text.split())


@HOSTS
def test_postgresql_hears_nothing_that_is_not_listed(kernel: Kernel, postgres: PostgresServer, host: HostKind) -> None:
    with postgres.database("") as name:
        postgres.psql(f"alter database {name} set log_statement = 'all'")
        postgres.psql("create table t (a int primary key)", name)
        log = next(Path(postgres.psql("show data_directory", "postgres", "-At").decode().strip()).parent.rglob("*log"))
        before = log.stat().st_size
        sent = use(
            kernel, postgres.url(name), host, "select a from t", "select * from nowhere", "create type c as (x int)"
        )
        heard = log.read_bytes()[before:].decode("utf-8", "replace")
    told = {words(each.text) for each in sent}
    found = re.findall(r"(?:execute <unnamed>|statement): (.*?)(?=\n\d{4}-|\Z)", heard, re.DOTALL)
    assert len(found) > 8
    assert {words(each) for each in found} <= told


@HOSTS
def test_mariadb_hears_nothing_that_is_not_listed(kernel: Kernel, mariadb: MariaServer, host: HostKind) -> None:
    name = mariadb.new_database()
    mariadb.admin(f"use {name}; create table t (a int primary key)")
    mariadb.admin("set global log_output = 'TABLE'; truncate mysql.general_log; set global general_log = 1")
    try:
        sent = use(kernel, mariadb.url(name), host, "select a from t", "select * from nowhere", "select 1/0")
    finally:
        mariadb.admin("set global general_log = 0")
    rows = mariadb.admin(
        "select hex(argument) from mysql.general_log where command_type = 'Query' and user_host not like 'root%'"
    )
    heard = {words(bytes.fromhex(row).decode()) for row in rows.split()}
    told = {words(each.text) for each in sent}
    assert len(heard) > 8
    assert heard - told == set()


def test_sqlite_runs_nothing_that_is_not_listed(kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: set[str] = set()
    connect = sqlite3.connect

    def traced(*arguments: Any, **words_: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*arguments, **words_)
        if "shop.db" in str(arguments[0]):
            db.set_trace_callback(lambda sql: ran.add(words(sql)))
        return db

    monkeypatch.setattr(sqlite3, "connect", traced)
    told: set[str] = set()
    driver = SqliteDriver()
    driver.sent = lambda sql: told.add(words(sql))  # as the worker does
    target, _ = kernel.target(shop_url)
    connection = driver.connect(target, timeout=HANG)
    assert isinstance(connection, SqliteConnection)
    catalog = connection.catalog()
    for question in (catalog.schemas, lambda: catalog.relations("main"), lambda: catalog.columns("main")):
        question()
    connection.begin()
    connection.rollback()
    connection.close()
    # SQLite shows a statement with its values in it, so only the beginnings can be compared; as a comment it shows what
    # it runs itself, for pragmas used as tables.
    ran = {sql for sql in ran if not sql.startswith("-- ")}
    assert len(ran) > 6
    assert {sql.split(":")[0][:40] for sql in ran} <= {sql.split(":")[0][:40] for sql in told}


@HOSTS
def test_each_has_its_origin_its_time_and_its_outcome(kernel: Kernel, shop_url: str, host: HostKind) -> None:
    sent = use(kernel, shop_url, host, "select * from item", "select * from nowhere")
    by_origin = {origin: [each for each in sent if each.origin == origin] for origin in kernel.sent.counts()}
    assert by_origin.keys() == {"connecting", "tree", "catalog", "user", "connection test", "driver"}
    own = {each.text: each for each in by_origin["user"]}
    assert own["select * from item"].outcome is Outcome.COMPLETED
    assert (own["select * from nowhere"].outcome, own["select * from nowhere"].error_code) == (
        Outcome.FAILED,
        "query_failed",
    )
    assert {"begin", "rollback"} <= own.keys()
    assert all(each.seconds >= 0 and each.connection for each in sent)
    assert kernel.sent.entries("tree") == by_origin["tree"]


def test_it_is_an_event_without_secrets_and_values(kernel: Kernel, shop_url: str) -> None:
    heard: list[StatementSent] = []
    done = threading.Event()

    def hear(event: Event) -> None:
        if isinstance(event, StatementSent):
            heard.append(event)
            if "needle" in event.text:
                done.set()

    kernel.bus.subscribe(hear)
    with kernel.connect(shop_url) as session:
        session.execute("alter role ann password 'hunter2-and-more'").wait(HANG)
        session.execute("select 'needle', :v", {"v": "a value"}, origin="plugin haystack").wait(HANG)
    assert done.wait(HANG)
    texts = [each.text for each in heard]
    assert "alter role ann password '***'" in texts
    assert "select 'needle', :v" in texts
    assert heard[-1].origin == "plugin haystack"
    assert not any("hunter2" in each.text or "a value" in each.text for each in [*heard, *kernel.sent.entries()])


def test_what_is_kept_is_bounded(kernel: Kernel) -> None:
    from alveary.sqltext import ANSI

    sent = Sent(kernel.bus)
    for number in range(MOST + 5):
        text = f"select {number}" if number else "x" * 1_000_000
        sent.add(
            StatementSent(session="s", request="", text=text, seconds=0, outcome=Outcome.COMPLETED, origin="user"), ANSI
        )
        if not number:
            assert len(sent.entries()[0].text) == MOST_CHARACTERS + 1
    assert (len(sent.entries()), sent.counts()) == (MOST, {"user": MOST + 5})


def test_the_command_line_shows_what_browsing_sends(alveary: Callable[..., Any], shop_url: str) -> None:
    ran = alveary("sent", "--target", shop_url)
    assert (ran.status, ran.err) == (0, "")
    assert "connecting" in ran.out
    assert "pragma cell_size_check = on" in ran.out
    ran = alveary("sent", "--target", shop_url, "--origin", "catalog", "--format", "json")
    assert ran.out.count('"origin": "catalog"') + ran.out.count('"origin":"catalog"') >= 2
    assert alveary("sent").out.split()[:5] == ["origin", "connection", "time", "outcome", "statement"]
