"""The metadata pool: browsing waits for no statement, sits in no transaction, and takes few connections."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Catalog, Kernel, Session
from alveary.contracts.target import Target
from alveary.credentials import Credentials
from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    BusyError,
    ConnectionFailedError,
    DatabaseNotFoundError,
    QueryCancelledError,
    SessionClosedError,
)
from alveary.paths import Paths
from alveary.workers.hosts import ProcessHost

HANG = 30
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"


@dataclass
class Place:
    """A database and how to look at its server from outside."""

    url: str
    schema: str
    sleep: str
    connections: Callable[[], list[Any]]
    kill: Callable[[Any], object]


@pytest.fixture(params=["postgres", "mariadb"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh database with a table ``comb``, on each server."""
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as name:
            postgres.psql("create table comb (id int primary key)", name)
            yield Place(
                url=postgres.url(name),
                schema="public",
                sleep="select pg_sleep(60)",
                connections=lambda: postgres_rows(
                    postgres,
                    "select pid from pg_stat_activity where application_name = 'alveary metadata' "
                    f"and datname = '{name}'",
                ),
                kill=lambda pid: postgres.psql(f"select pg_terminate_backend({pid}, 5000)"),
            )
        return
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    name = mariadb.new_database()
    mariadb.admin(f"create table {name}.comb (id int primary key)")
    listing = f"select id from information_schema.processlist where db = '{name}'"
    yield Place(
        url=mariadb.url(name),
        schema=name,
        sleep="select sleep(60)",
        connections=lambda: mariadb.admin(listing).split(),
        kill=lambda id: mariadb.admin(f"kill {id}"),
    )


def postgres_rows(postgres: PostgresServer, sql: str) -> list[str]:
    return postgres.psql(sql, "postgres", "-A", "-t").decode().split()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def names(catalog: Catalog, schema: str) -> list[str]:
    return [relation.name for relation in catalog.relations(schema)]


def state(kernel: Kernel) -> tuple[int, int, int, int]:
    (pool,) = kernel.pools.states()
    return pool.size, pool.open, pool.available, pool.waiting


def test_the_catalog_answers_while_a_long_statement_runs(kernel: Kernel, place: Place) -> None:
    with kernel.connect(place.url) as session:
        running = session.execute(place.sleep)
        for of in (place.url, session):
            assert names(kernel.catalog(of), place.schema) == ["comb"]
        assert running.outcome is None
        running.cancel()
        assert running.wait(HANG)


def test_the_catalog_answers_while_a_long_statement_runs_in_a_file(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        running = session.execute(ENDLESS)
        assert names(kernel.catalog(session), "main") == ["item"]
        assert running.outcome is None
        running.cancel()
        assert running.wait(HANG)


def test_many_threads_share_few_connections(kernel: Kernel, place: Place) -> None:
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(len(place.connections()))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: names(kernel.catalog(place.url), place.schema), range(200)))
    finally:
        done.set()
        watching.join()
    assert answers == [["comb"]] * 200
    assert 0 < max(seen) <= 2
    assert state(kernel) == (2, 2, 2, 0)
    assert kernel.sessions() == []


def test_a_connection_is_reused_and_a_killed_one_is_replaced(kernel: Kernel, place: Place) -> None:
    catalog = kernel.catalog(place.url)
    assert names(catalog, place.schema) == ["comb"]
    (first,) = place.connections()
    assert names(catalog, place.schema) == ["comb"]
    assert place.connections() == [first]
    place.kill(first)
    assert names(catalog, place.schema) == ["comb"]
    eventually(lambda: len(place.connections()) == 1)
    assert place.connections() != [first]
    assert state(kernel) == (2, 1, 2, 0)


def test_closing_the_kernel_leaves_no_connection(home: Path, place: Place) -> None:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        catalog = kernel.catalog(place.url)
        assert names(catalog, place.schema) == ["comb"]
        assert len(place.connections()) == 1
    eventually(lambda: place.connections() == [])
    with pytest.raises(SessionClosedError):
        catalog.schemas()


def test_an_idle_connection_is_closed_after_a_while(
    kernel: Kernel, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.pool.IDLE_SECONDS", 0.3)
    catalog = kernel.catalog(place.url)
    assert names(catalog, place.schema) == ["comb"]
    eventually(lambda: place.connections() == [])
    eventually(lambda: kernel.pools.states() == [])
    assert names(catalog, place.schema) == ["comb"]


def test_few_connections_idle_however_many_targets_are_looked_at(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.pool.MOST_IDLE", 3)
    for number in range(6):
        assert kernel.catalog(f"sqlite:///{tmp_path}/{number}.db?mode=rwc").schemas() == ["main"]
    assert [pool.target[-4] for pool in kernel.pools.states()] == ["3", "4", "5"]


def test_a_metadata_connection_is_never_in_a_transaction(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        catalog = kernel.catalog(f"{postgres.url(name)}?application_name=bees")
        assert catalog.schemas()
        questions = Counter[str]()
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                for schema in catalog.schemas():
                    catalog.columns(schema)
                    questions["asked"] += 1

        asking = threading.Thread(target=ask)
        asking.start()
        states = set[str]()
        try:
            for _ in range(40):
                states.update(
                    postgres.psql(
                        "select state, state <> 'active' and xact_start is not null from pg_stat_activity "
                        f"where application_name = 'bees metadata' and datname = '{name}'",
                        "postgres", "-A", "-t",
                    ).decode().split()
                )  # fmt: skip
        finally:
            done.set()
            asking.join()
        assert questions["asked"] > 0
        assert states <= {"active|f", "idle|f"}
        assert states


def test_the_pool_does_not_see_what_a_transaction_has_not_committed(kernel: Kernel, postgres_url: str) -> None:
    with kernel.connect(postgres_url) as session:
        session.begin()
        session.run("create table fresh (id int)")
        assert names(session.catalog(), "public") == ["fresh"]
        assert names(kernel.catalog(session), "public") == []
        session.rollback()


def test_a_database_in_memory_is_asked_through_its_session(kernel: Kernel) -> None:
    for url in ("sqlite:///:memory:", "sqlite://", "sqlite:///x?mode=memory"):
        with kernel.connect(url) as session:
            session.run("create table comb (id int)")
            assert names(kernel.catalog(session), "main") == ["comb"]
            assert names(kernel.catalog(url), "main") == []  # the URL by itself names a new one


def slow_postgres(kernel: Kernel, postgres: PostgresServer, name: str) -> Iterator[Session]:
    """Make every question about a database's relations wait: somebody holds the lock on a catalog table."""
    with kernel.connect(postgres.url(name)) as session:
        session.begin()
        session.run("lock table pg_class in access exclusive mode")
        yield session
        session.rollback()


@pytest.fixture
def stuck(kernel: Kernel, postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database whose catalog can't be read at the moment."""
    with postgres.database() as name:
        # Connected before: a new connection reads the same table.
        catalog = kernel.catalog(postgres.url(name))
        with ThreadPoolExecutor(2) as threads:
            barrier = threading.Barrier(2)

            def ask(_: int) -> None:
                barrier.wait(HANG)
                for _ in range(20):
                    catalog.relations("public")

            list(threads.map(ask, range(2)))
        assert state(kernel) == (2, 2, 2, 0)
        for _ in slow_postgres(kernel, postgres, name):
            yield postgres.url(name)


class Asking:
    """A question in a thread, and what became of it."""

    def __init__(self, catalog: Catalog) -> None:
        self.error: AlvearyError | None = None
        self.thread = threading.Thread(target=self._run, args=(catalog,))
        self.thread.start()

    def _run(self, catalog: Catalog) -> None:
        try:
            catalog.relations("public")
        except AlvearyError as exc:
            self.error = exc

    def join(self) -> AlvearyError | None:
        self.thread.join(HANG)
        assert not self.thread.is_alive()
        return self.error


def test_waiting_is_bounded_counted_and_can_be_cancelled(
    kernel: Kernel, stuck: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()
    at_work = [Asking(kernel.catalog(stuck, stopped=stopped)) for _ in range(2)]
    eventually(lambda: state(kernel) == (2, 2, 0, 0))
    leaving = threading.Event()
    waiting = Asking(kernel.catalog(stuck, stopped=leaving))
    eventually(lambda: state(kernel) == (2, 2, 0, 1))
    diagnosis = kernel.run("doctor.run")
    assert [(pool.size, pool.available, pool.waiting) for pool in diagnosis.pools] == [(2, 0, 1)]
    leaving.set()
    assert isinstance(waiting.join(), QueryCancelledError)
    monkeypatch.setattr("alveary.pool.WAIT_SECONDS", 0.3)
    with pytest.raises(BusyError, match="was free within"):
        kernel.catalog(stuck).relations("public")
    stopped.set()  # what runs on the server is cancelled there
    assert all(isinstance(asking.join(), QueryCancelledError) for asking in at_work)
    eventually(lambda: state(kernel) == (2, 2, 2, 0))
    with pytest.raises(QueryCancelledError):
        kernel.catalog(stuck, stopped=stopped).schemas()


def test_closing_the_kernel_ends_questions_and_waiting(home: Path, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        kernel = Kernel(paths=Paths(home, home / "cache"), pool_size=1)
        other = Kernel(paths=Paths(home, home / "cache"))
        catalog = kernel.catalog(postgres.url(name))
        catalog.relations("public")
        for _ in slow_postgres(other, postgres, name):
            asking = [Asking(catalog) for _ in range(2)]
            eventually(lambda: state(kernel) == (1, 1, 0, 1))
            kernel.close()
            for each in asking:
                assert isinstance(each.join(), SessionClosedError | ConnectionFailedError | QueryCancelledError)
        other.close()


def test_what_can_not_be_reached_takes_no_place(kernel: Kernel, postgres: PostgresServer, tmp_path: Path) -> None:
    for url in (postgres.url("no such database"), f"sqlite:///{tmp_path}/nothing.db"):
        for _ in range(3):
            with pytest.raises(DatabaseNotFoundError):
                kernel.catalog(url).schemas()
    assert kernel.pools.states() == []


def test_a_file_whose_name_is_no_text_has_a_catalog(kernel: Kernel, tmp_path: Path) -> None:
    assert kernel.catalog(f"sqlite:///{tmp_path}/\udcff.db?mode=rwc").schemas() == ["main"]
    assert (tmp_path / os.fsdecode(b"\xff.db")).exists()


def test_metadata_connections_use_the_same_passwords(home: Path, mariadb: MariaServer) -> None:
    asked: list[str] = []

    def ask(target: Target, given_up: threading.Event) -> str:
        asked.append(target.display())
        return "s3cret-pässword"

    url = f"mysql://alveary@127.0.0.1:{mariadb.port}/{mariadb.new_database()}"
    with Kernel(paths=Paths(home, home / "cache"), credentials=Credentials(ask=ask)) as kernel:
        with kernel.connect(url) as session:
            assert kernel.catalog(session).schemas()
        assert len(asked) == 1
    with Kernel(paths=Paths(home, home / "cache")) as kernel, pytest.raises(AuthenticationFailedError):
        kernel.catalog(url).schemas()


def test_reading_a_whole_table_opens_one_connection(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql("create table comb as select 1 as id", name)
        postgres.psql(f"alter database {name} connection limit 1")
        # Everybody but a superuser is held to the limit.
        postgres.psql(f"create role drone_{name} login; grant select on comb to drone_{name}", name)
        report = kernel.run(
            "query.run",
            {"target": postgres.url(name, user=f"drone_{name}"), "table": "comb", "format": "none"},
        )
        assert (report.rows, report.error) == (1, None)
        assert kernel.pools.states() == []
        postgres.psql(f"drop owned by drone_{name}; drop role drone_{name}", name)


def test_the_doctor_shows_the_pools(kernel: Kernel, shop_url: str) -> None:
    diagnosis = kernel.run("doctor.run")
    assert (diagnosis.pool_size, diagnosis.pools) == (2, [])
    kernel.catalog(shop_url).schemas()
    (pool,) = kernel.run("doctor.run").pools
    assert (pool.size, pool.open, pool.available, pool.waiting) == (2, 1, 2, 0)
    text: list[str] = []
    from alveary.commands.doctor import render

    render(kernel.run("doctor.run"), text.append)
    assert "size 2, open 1, available 2, waiting 0" in "".join(text)


def test_a_cancelled_listing_stops(kernel: Kernel, stuck: str) -> None:
    job = kernel.commands.submit("catalog.list", {"target": stuck})
    eventually(lambda: state(kernel)[2] == 1)
    job.cancel()
    assert job.wait(HANG)
    with pytest.raises(QueryCancelledError):
        job.result()


def test_a_file_that_only_one_process_can_open_is_asked_by_its_session(kernel: Kernel, shop_url: str) -> None:
    target, driver = kernel.target(shop_url)
    exclusive = msgspec.structs.replace(driver, exclusive=True)
    with kernel.open(target, exclusive) as session:
        session.wait_connected()
        assert kernel.catalog(session).schemas() == ["main"]
        assert kernel.pools.states() == []
    assert kernel.pools.catalog(target, exclusive).schemas() == ["main"]
    assert kernel.pools.states() == []  # nor does a metadata connection stay open, which would keep others out


def test_where_nothing_is_said_workers_live_where_the_kernel_has_them(home: Path, shop_url: str) -> None:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        kernel.host = "process"
        assert "main" in kernel.catalog(shop_url).schemas()
        with kernel.connect(shop_url) as session:
            session.run("select 1")
            assert isinstance(session._host, ProcessHost)
        (state,) = kernel.pools.states()
        assert state.open == 1
        assert all(isinstance(session._host, ProcessHost) for session in kernel.pools._sessions)
