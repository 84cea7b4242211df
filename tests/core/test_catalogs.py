"""The catalogs that are kept: told at once, never outdated by what we do ourselves, asked in few questions."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fix_engines import Engine

from alveary import Kernel
from alveary.catalogs import MOST_KEPT, Catalogs, key_of
from alveary.contracts.catalog import Catalog, Relation
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, QueryCancelledError
from alveary.events import (
    Event,
    SchemaObjectChanged,
    SchemaObjectCreated,
    SchemaObjectDropped,
    SchemaRefreshed,
    SchemaRefreshStarted,
)
from alveary.known import LEVELS, KnownCatalog, Level
from alveary.workers.questions import AskedCatalog

HANG = 30.0
HIVE = (
    "create table comb (x int not null primary key, y varchar(20) default 'wax')",
    "create table cell (k int not null primary key, comb int, foreign key (comb) references comb (x))",
    "create index by_comb on cell (comb)",
    "create view calm as select y from comb",
)


class Heard:
    """What the bus says of schemas."""

    def __init__(self, kernel: Kernel) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._end = kernel.bus.subscribe(self._take)

    def _take(self, event: Event) -> None:
        if event.name.startswith("schema:"):
            self.events.put(event)

    def next(self, *kinds: type[Event]) -> Event:
        while True:
            event = self.events.get(timeout=HANG)
            if isinstance(event, kinds):
                return event


@pytest.fixture
def heard(kernel: Kernel) -> Iterator[Heard]:
    heard = Heard(kernel)
    yield heard
    heard._end()


@pytest.fixture
def hive(engine: Engine) -> Engine:
    """An engine with a few things in it."""
    for sql in HIVE:
        engine.ask(sql)
    return engine


def schema_of(engine: Engine, known: KnownCatalog) -> str:
    return known.search_path[-1] if engine.name == "postgres" else known.schemas[0]


def test_what_is_loaded_is_known_by_name(kernel: Kernel, hive: Engine) -> None:
    assert kernel.catalogs.known(hive.url) is None
    before = datetime.now(UTC)
    known = kernel.catalogs.load(hive.url, levels=Level)
    assert kernel.catalogs.known(hive.url) is known
    assert before <= known.taken_at <= datetime.now(UTC)
    schema = schema_of(hive, known)
    catalog = kernel.catalog(hive.url)
    assert list(known.relations(schema).values()) == catalog.relations(schema)
    assert [each for name in known.relations(schema) for each in known.columns(schema, name)] == catalog.columns(schema)
    assert sorted(map(repr, known.all_columns(schema))) == sorted(map(repr, catalog.columns(schema)))
    assert known.relation(schema, "calm") is not None
    assert known.relation(schema, "nobody") is None
    assert known.columns(schema, "nobody") == ()
    (key,) = known.foreign_keys(schema, "cell")
    assert known.referenced_by(schema, "comb") == (key,)
    assert "by_comb" in [each.name for each in known.indexes(schema, "cell")]
    assert known.gaps == ()


def test_a_session_and_its_url_know_the_same(kernel: Kernel, hive: Engine) -> None:
    known = kernel.catalogs.load(hive.url)
    with kernel.connect(hive.url) as session:
        assert kernel.catalogs.known(session) is known
        assert kernel.catalogs.load(session) is known


def test_what_is_known_is_not_asked_again_and_each_level_is_one_question(kernel: Kernel, hive: Engine) -> None:
    schema = schema_of(hive, kernel.catalogs.load(hive.url, schemas=()))
    kernel.catalogs.load(hive.url, schemas=[schema], levels=[Level.RELATIONS])
    counts = kernel.sent.counts()["catalog"]
    known = kernel.catalogs.load(hive.url, schemas=[schema], levels=[Level.RELATIONS])
    assert kernel.sent.counts()["catalog"] == counts
    assert known.columns(schema, "comb") == ()
    assert not known.has(schema, Level.COLUMNS)
    assert kernel.catalogs.load(hive.url, schemas=[schema], levels=[Level.COLUMNS]).columns(schema, "comb")
    with_columns = kernel.sent.counts()["catalog"]
    for number in range(20):
        hive.ask(f"create table more{number} (a int, b int)")
    known = kernel.catalogs.load(hive.url, schemas=[schema], levels=[Level.COLUMNS], refresh=True)
    assert len(known.columns(schema, "more19")) == 2
    again = kernel.sent.counts()["catalog"] - with_columns
    for number in range(20):
        hive.ask(f"create table yet_more{number} (a int, b int)")
    kernel.catalogs.load(hive.url, schemas=[schema], levels=[Level.COLUMNS], refresh=True)
    assert kernel.sent.counts()["catalog"] - with_columns == 2 * again


def test_what_another_program_changed_is_seen_by_refreshing(kernel: Kernel, hive: Engine) -> None:
    old = kernel.catalogs.load(hive.url)
    schema = schema_of(hive, old)
    hive.ask("create table late (k int)")
    assert kernel.catalogs.load(hive.url).relation(schema, "late") is None
    new = kernel.catalogs.load(hive.url, refresh=True)
    assert new.relation(schema, "late") is not None
    assert new.taken_at > old.taken_at
    assert old.relation(schema, "late") is None


CALLED = {
    "postgres": "do $$ begin execute 'create table called (k int)'; end $$",
    "mariadb": "execute immediate 'create table called (k int)'",
}


@pytest.mark.parametrize("name", CALLED)
def test_what_was_made_by_what_we_called_is_read_anew(
    name: str, kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    engine = engine_of(name)
    kernel.catalogs.load(engine.url)
    heard.next(SchemaRefreshed)
    with kernel.connect(engine.url) as session:
        session.run(CALLED[name])
        told = heard.next(SchemaObjectCreated, SchemaObjectChanged, SchemaRefreshed)
        assert isinstance(told, SchemaRefreshed)  # of no object, for none is known
        known = kernel.catalogs.known(session)
        assert known is not None
        assert any("called" in known.relations(schema) for schema in known.search_path)


def test_our_own_ddl_is_told_and_read_anew_once(kernel: Kernel, hive: Engine, heard: Heard) -> None:
    schema = schema_of(hive, kernel.catalogs.load(hive.url))
    heard.next(SchemaRefreshStarted)
    heard.next(SchemaRefreshed)
    with kernel.connect(hive.url) as session:
        session.run("create table one (k int)")
        session.run("create table two (k int)")
        session.run("alter table one add column v int")
        session.run("drop table cell")
        # Whoever waits for it never gets what we have changed ourselves.
        assert len(kernel.catalogs.load(session).columns(schema, "one")) == 2
        told = [heard.next(SchemaObjectCreated, SchemaObjectChanged, SchemaObjectDropped) for _ in range(4)]
        assert [(type(each), each.kind, each.path, each.catalog) for each in told] == [  # type: ignore[attr-defined]  # these have them
            (SchemaObjectCreated, "table", ("one",), key_of(session.target, session.driver)),
            (SchemaObjectCreated, "table", ("two",), key_of(session.target, session.driver)),
            (SchemaObjectChanged, "table", ("one",), key_of(session.target, session.driver)),
            (SchemaObjectDropped, "table", ("cell",), key_of(session.target, session.driver)),
        ]
        heard.next(SchemaRefreshed)
        for number in range(5):
            session.run(f"create table many{number} (k int)")
        done = heard.next(SchemaRefreshed)
        assert isinstance(done, SchemaRefreshed)
        assert schema in done.schemas
        known = kernel.catalogs.known(session)
        assert known is not None
        assert [name for name in known.relations(schema) if name.startswith("many")] == [f"many{n}" for n in range(5)]
        assert known.relation(schema, "cell") is None
        assert heard.events.empty()


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_ddl_in_a_transaction_counts_once_it_is_committed(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard, name: str
) -> None:
    hive = engine_of(name)
    hive.ask(HIVE[0])
    kernel.catalogs.load(hive.url)
    heard.next(SchemaRefreshed)
    with kernel.connect(hive.url) as session:
        session.begin()
        session.run("create table never (k int)")
        session.rollback()
        session.run("begin")
        session.run("create table never (k int)")
        session.run("rollback")
        session.begin()
        session.run("create table soon (k int)")
        kernel.bus.flush()
        assert heard.events.empty()
        session.commit()
        created = heard.next(SchemaObjectCreated)
        assert isinstance(created, SchemaObjectCreated)
        assert created.path == ("soon",)
        heard.next(SchemaRefreshed)
        session.run("begin")
        session.run("drop table soon")
        session.run("commit")
        dropped = heard.next(SchemaObjectDropped)
        assert isinstance(dropped, SchemaObjectDropped)


def test_a_failed_transaction_changes_nothing(kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard) -> None:
    hive = engine_of("postgres")
    kernel.catalogs.load(hive.url)
    heard.next(SchemaRefreshed)
    with kernel.connect(hive.url) as session:
        session.run("begin")
        session.run("create table never (k int)")
        with pytest.raises(AlvearyError):
            session.run("select nothing")
        session.execute("commit").wait(HANG)
        session.run("create table now (k int)")
        created = heard.next(SchemaObjectCreated)
        assert isinstance(created, SchemaObjectCreated)
        assert created.path == ("now",)


def created(heard: Heard) -> tuple[str, ...]:
    event = heard.next(SchemaObjectCreated)
    assert isinstance(event, SchemaObjectCreated)
    return event.path


def test_what_is_rolled_back_was_never_there_however_that_is_said(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    hive = engine_of("postgres")
    kernel.catalogs.load(hive.url)
    with kernel.connect(hive.url) as session:
        for sql in (
            "begin", "create table never ()", "/* not */ rollback",
            "begin", "savepoint a", "create table never ()", 'rollback work to savepoint "a"', "create table one ()",
            "savepoint b", "create table never ()", "select nothing", "rollback to b", "create table two ()",
            "commit and chain", "create table never ()", "rollback and chain", "create table three ()", "end",
        ):  # fmt: skip
            session.execute(sql).wait(HANG)
        assert [created(heard) for _ in range(3)] == [("one",), ("two",), ("three",)]
        assert session.catalog().relations("public")[-1].name == "two"


def test_what_reaches_into_other_schemas_outdates_them(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    hive = engine_of("postgres")
    for sql in ("create schema a", "create schema b", "create table a.comb ()", "create view b.calm as table a.comb"):
        hive.ask(sql)
    kernel.catalogs.load(hive.url)
    with kernel.connect(hive.url) as session:
        session.run("create table a.cell ()")
        heard.next(SchemaRefreshed)
        read = heard.next(SchemaRefreshed)
        assert isinstance(read, SchemaRefreshed)
        assert read.schemas == ("a",)
        session.run("alter table a.cell set schema b")
        assert kernel.catalogs.load(hive.url).relation("b", "cell") is not None
        session.run("drop table a.comb cascade")
        assert list(kernel.catalogs.load(hive.url).relations("b")) == ["cell"]


def test_who_connects_to_no_database_changes_what_others_keep_of_one(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    hive = engine_of("mariadb")
    database = hive.url.rpartition("/")[2]
    assert list(kernel.catalogs.load(hive.url).relations(database)) == []
    with kernel.connect(hive.url.rpartition("/")[0].replace("127.0.0.1", "localhost") + "/") as session:
        session.run(f"/*!50001 create table {database}.comb (k int) */")
        assert list(kernel.catalogs.load(hive.url).relations(database)) == ["comb"]


class Opening:
    """Stands between the catalogs and what they ask: ``before`` is called before each is opened."""

    def __init__(self, catalogs: Catalogs, before: Callable[[Target], object]) -> None:
        self._open, self._before = catalogs._open, before
        catalogs._open = self

    def __call__(self, target: Target, *others: Any) -> Catalog:
        self._before(target)
        return self._open(target, *others)


def test_a_server_that_does_not_answer_keeps_no_other_from_being_read_anew(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    dead, alive = (engine_of("sqlite") for _ in range(2))
    hanging, held = threading.Event(), threading.Event()

    def before(target: Target) -> None:
        if str(target.database) in dead.url:
            hanging.set()
            assert held.wait(HANG)

    for each in (dead, alive):
        kernel.catalogs.load(each.url)
        heard.next(SchemaRefreshed)
    Opening(kernel.catalogs, before)
    with kernel.connect(dead.url) as first, kernel.connect(alive.url) as second:
        first.run("create table comb (k int)")
        assert hanging.wait(HANG)
        second.run("create table comb (k int)")
        heard.next(SchemaRefreshed)
        known = kernel.catalogs.known(second)
        assert known is not None
        assert list(known.relations("main")) == ["comb"]
        held.set()
        heard.next(SchemaRefreshed)


def test_what_a_catalog_raises_is_told_and_the_next_change_is_read_all_the_same(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    hive = engine_of("sqlite")
    kernel.catalogs.load(hive.url)
    heard.next(SchemaRefreshed)
    failing = True

    def before(target: Target) -> None:
        if failing:
            raise IndexError("a defect")

    Opening(kernel.catalogs, before)
    with kernel.connect(hive.url) as session:
        session.run("create table comb (k int)")
        told = heard.next(SchemaRefreshed)
        assert isinstance(told, SchemaRefreshed)
        assert told.error is not None
        assert "a defect" in told.error.message
        failing = False
        session.run("create table cell (k int)")
        told = heard.next(SchemaRefreshed)
        assert isinstance(told, SchemaRefreshed)
        assert told.error is None
        known = kernel.catalogs.known(session)
        assert known is not None
        assert list(known.relations("main")) == ["cell", "comb"]


def test_what_we_change_while_it_is_read_for_the_first_time_is_read_again(
    kernel: Kernel, engine_of: Callable[[str], Engine], heard: Heard
) -> None:
    hive = engine_of("sqlite")
    hive.ask("create table comb (k int)")
    with kernel.connect(hive.url) as session:

        class Slow(AskedCatalog):
            def relations(self, schema: str) -> list[Relation]:
                found = super().relations(schema)
                if not kernel.catalogs.kept():
                    session.run("create table cell (k int)")
                return found

        def opened(target: Target, *others: Any) -> Catalog:
            return Slow(kernel._catalog(target, *others)._ask)  # type: ignore[attr-defined]  # what is opened asks

        kernel.catalogs._open = opened
        assert list(kernel.catalogs.load(hive.url).relations("main")) == ["comb"]
        heard.next(SchemaRefreshed)
        heard.next(SchemaRefreshed)
        known = kernel.catalogs.known(hive.url)
        assert known is not None
        assert list(known.relations("main")) == ["cell", "comb"]


def test_a_database_in_memory_is_known_by_its_session_and_forgotten_with_it(kernel: Kernel) -> None:
    with kernel.connect("sqlite:///:memory:") as session, kernel.connect("sqlite:///:memory:") as other:
        session.run("create table mine (k int)")
        assert kernel.catalogs.load(session).relation("main", "mine") is not None
        assert kernel.catalogs.load(other).relation("main", "mine") is None
        session.run("create table mine_too (k int)")
        assert kernel.catalogs.load(session).relation("main", "mine_too") is not None
    deadline = time.monotonic() + HANG
    while kernel.catalogs.known(session) is not None:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_few_catalogs_are_kept_and_those_in_use_longest(kernel: Kernel, engine_of: Callable[[str], Engine]) -> None:
    engines = [engine_of("sqlite") for _ in range(MOST_KEPT + 2)]
    with kernel.connect(engines[0].url):
        for engine in engines:
            kernel.catalogs.load(engine.url, schemas=())
        kept = [kernel.catalogs.known(engine.url) is not None for engine in engines]
        assert kept == [True, False, False] + [True] * (MOST_KEPT - 1)


def test_a_broken_view_hides_nothing_else(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        session.run("create view broken as select missing from gone")
    known = kernel.catalogs.load(shop_url)
    assert known.relation("main", "broken") is not None
    assert known.columns("main", "item")


def test_the_key_tells_no_secret_and_what_leads_elsewhere_has_another(kernel: Kernel) -> None:
    target, driver = kernel.target("postgresql://ann:geheim@db.example/shop")
    same = msgspec.structs.replace(target, password="other", read_only=True, name="Shop", profile_id="7")
    assert key_of(target, driver) == key_of(same, driver)
    assert "geheim" not in key_of(target, driver)
    for change in ({"user": "bob"}, {"host": "other"}, {"database": "hive"}, {"port": 5433}):
        assert key_of(msgspec.structs.replace(target, **change), driver) != key_of(target, driver)


def test_nobody_waits_for_a_load_that_was_stopped(kernel: Kernel, shop_url: str) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(QueryCancelledError):
        kernel.catalogs.load(shop_url, stopped=stopped)
    assert kernel.catalogs.known(shop_url) is None
    assert kernel.catalogs.load(shop_url).relations("main")


def test_a_known_catalog_never_changes(kernel: Kernel, shop_url: str) -> None:
    known = kernel.catalogs.load(shop_url)
    with pytest.raises(AttributeError):
        known.schemas = ()  # type: ignore[misc]  # that it can't be set is the point
    assert replace(known).taken_at == known.taken_at
    assert known.has("main", Level.COLUMNS) is (Level.COLUMNS in LEVELS)
