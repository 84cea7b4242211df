"""What a server sees of a cursor that stays open, and what it keeps nobody else from."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel, Outcome, Session, SessionState
from alveary.errors import ConnectionLostError, SessionClosedError
from alveary.kernel import HostKind
from alveary.statements import Statement

HANG = 30.0


@dataclass(frozen=True)
class Place:
    """A server's database: its URL, a long query there, how many of ours the server is at work on, how it ends them."""

    url: str
    numbers: str
    at_work: Callable[[], int]
    end_all: Callable[[], object]
    lock: str


@pytest.fixture(params=["postgres", "mariadb"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as name:
            postgres.psql("create table lot as select generate_series(1, 200000) as n", name)
            ours = f"from pg_stat_activity where datname = '{name}'"
            yield Place(
                postgres.url(name),
                "select n, repeat('x', 200) from lot",
                lambda: int(postgres.psql(f"select count(*) {ours} and state = 'active'", "postgres", "-At")),
                lambda: postgres.psql(f"select pg_terminate_backend(pid) {ours}"),
                "select n from lot for update",
            )
        return
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    name = mariadb.new_database()
    mariadb.admin(f"use {name}; create table lot as select seq as n from seq_1_to_200000")
    ours = f"from information_schema.processlist where db = '{name}'"
    yield Place(
        mariadb.url(name),
        "select n, repeat('x', 200) from lot",
        lambda: int(mariadb.admin(f"select count(*) {ours} and command = 'Query'")),
        lambda: mariadb.admin(f"kill {mariadb.admin(f'select id {ours}').split()[-1]}"),
        "select n from lot lock in share mode",
    )


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def held(session: Session, sql: str) -> Statement:
    statement = session.execute(sql, limit=1000, hold=600)
    assert statement.wait(HANG)
    assert statement.held_until is not None, statement.error
    return statement


@pytest.mark.parametrize("host", ["thread", "process"])
def test_the_server_is_at_work_as_long_as_the_cursor_is_open_and_no_longer(
    kernel: Kernel, place: Place, host: HostKind
) -> None:
    with kernel.connect(place.url, host=host) as session:
        statement = held(session, place.numbers)
        assert place.at_work() == 1
        statement.cancel()
        wait_until(lambda: place.at_work() == 0)
        held(session, place.numbers)
        assert place.at_work() == 1
        session.run("select 1")
        assert place.at_work() == 0
        held(session, place.numbers)
    wait_until(lambda: place.at_work() == 0)


def test_a_server_that_ends_the_connection_meanwhile_is_told_when_more_is_wanted(kernel: Kernel, place: Place) -> None:
    with kernel.connect(place.url) as session:
        statement = held(session, place.numbers)
        place.end_all()
        statement.fetch_more()
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.FAILED
        assert isinstance(statement.error, ConnectionLostError)
        assert statement.result is not None
        assert statement.rows == len(statement.result) >= 1000
        assert session.state is SessionState.BROKEN
        with pytest.raises(SessionClosedError):
            statement.fetch_more()


def test_what_locks_rows_is_not_left_lying(kernel: Kernel, place: Place) -> None:
    with kernel.connect(place.url) as session:
        statement = session.execute(place.lock, limit=10, hold=600)
        assert statement.wait(HANG)
        assert (statement.outcome, statement.held_until) == (Outcome.TRUNCATED, None)


def test_a_file_can_be_written_by_another_session_while_a_cursor_of_it_is_open(
    kernel: Kernel, shop: Path, shop_url: str
) -> None:
    with sqlite3.connect(shop) as db:
        db.executemany("insert into item (name) values (?)", [("x",)] * 5000)
    db.close()
    with kernel.connect(shop_url) as reader, kernel.connect(shop_url) as writer:
        statement = held(reader, "select * from item")
        assert len(list(writer.run("select 1") or ())) == 1
        assert statement.held_until is not None, "who reads is in nobody's way"
        writer.run("update item set price = 1")
        wait_until(lambda: statement.held_until is None)
        assert (statement.outcome, statement.rows) == (Outcome.TRUNCATED, 1000)


def test_rows_that_a_statement_changed_are_not_left_uncommitted(kernel: Kernel, shop: Path, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        statement = session.execute("update item set price = 7 returning id", limit=1, hold=600)
        assert statement.wait(HANG)
        assert (statement.outcome, statement.held_until) == (Outcome.TRUNCATED, None)
        with sqlite3.connect(shop) as db:
            assert db.execute("select count(*) from item where price = 7").fetchone() == (3,)
        db.close()
