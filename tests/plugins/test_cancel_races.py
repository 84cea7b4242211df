"""Cancels that race with the end of a statement: none hits the next one, and what is said of each is what happened.

A few races in every run; a thousand for each driver and host with ALVEARY_SOAK=1.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary.events import Outcome, SessionState
from alveary.kernel import HostKind, Kernel

RACES = 1000 if os.environ.get("ALVEARY_SOAK") == "1" else 30
ROWS = 20_000
HANG = 30.0
"""Seconds after which a wait that should take a moment counts as a hang."""
LONGEST = 0.02
"""Seconds the longest sleep takes."""


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, str, Callable[[], int]]]:
    """The URL of a database with a table ``spot``, how it sleeps and counts, and how many of our statements run."""
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as name:
            postgres.psql("create table spot (n int)", name)
            listing = f"select count(*) from pg_stat_activity where datname = '{name}' and state = 'active'"
            count = f"select generate_series(1, {ROWS})"
            yield (
                postgres.url(name),
                "select pg_sleep({})",
                count,
                lambda: int(postgres.psql(listing, "postgres", "-At")),
            )
        return
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "spot.db")) as db:
            db.execute("create table spot (n int)")
        numbers = "with recursive n(x) as (select 1 union all select x + 1 from n limit {}) select {} from n"
        busy, count = numbers.format("cast({} * 1000000 as int)", "count(*)"), numbers.format(ROWS, "x")
        yield f"sqlite:///{tmp_path}/spot.db", busy, count, lambda: 0
        return
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    name = mariadb.new_database()
    mariadb.admin(f"create table {name}.spot (n int)")
    listing = f"select count(*) from information_schema.processlist where db = '{name}' and command = 'Query'"
    yield mariadb.url(name), "select sleep({})", f"select seq from seq_1_to_{ROWS}", lambda: int(mariadb.admin(listing))


@pytest.mark.parametrize("host", ["thread", "process"])
def test_a_cancel_hits_what_it_is_meant_for_or_nothing(
    kernel: Kernel, place: tuple[str, str, str, Callable[[], int]], host: HostKind
) -> None:
    url, sleep, count, running = place
    chance = random.Random(11)
    outcomes: set[Outcome] = set()
    lasted: dict[str, float] = {}
    """How long the last statement of each kind took that came to its end; a cancel is given within twice that time."""
    inserted: list[str] = []
    with kernel.connect(url, host=host) as session:
        for number in range(RACES):
            kind = ("sleep", "rows", "insert", "transaction")[number % 4]
            if kind == "transaction":
                session.begin()
            sql = {"sleep": sleep.format(f"{chance.random() * LONGEST:.4f}"), "rows": count}.get(
                kind, f"insert into spot values ({number})"
            )
            first, second = session.execute(sql), session.execute(f"select {number}")
            if kind in lasted:
                threading.Timer(chance.random() * 2 * lasted[kind], first.cancel).start()
            assert first.wait(HANG), "it hangs"
            assert second.wait(HANG), "it hangs"
            assert first.outcome in (Outcome.COMPLETED, Outcome.CANCELLED), first.error
            outcomes.add(first.outcome)
            if completed := first.outcome is Outcome.COMPLETED:
                lasted[kind] = first.seconds
            if kind == "rows" and completed:
                assert first.rows == ROWS
            if kind == "insert" and completed:
                inserted.append(str(number))
            if session.state is SessionState.FAILED:  # PostgreSQL, where a cancel fails the transaction
                assert (kind, completed) == ("transaction", False)
            else:
                assert second.outcome is Outcome.COMPLETED, second.error
                assert second.result is not None
                assert [str(cell) for (cell,) in second.result.cells()] == [str(number)]
            if kind == "transaction":
                session.rollback()
            for result in (first.result, second.result):
                if result is not None:
                    result.drop()
        found = session.run("select n from spot")
        assert found is not None
        stored = [str(n) for (n,) in found.cells()]
        assert len(stored) == len(set(stored)), "nothing is run twice"
        assert set(inserted) == set(stored), "what completed is there, what was cancelled is not"
        assert Outcome.COMPLETED in outcomes
        last = session.execute(sleep.format(HANG))
        last.cancel()
        assert last.wait(HANG), "it hangs"
        assert last.outcome is Outcome.CANCELLED
    deadline = time.monotonic() + HANG
    while running():
        assert time.monotonic() < deadline, "something of ours runs on"
