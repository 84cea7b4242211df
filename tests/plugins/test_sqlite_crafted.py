"""SQLite files that somebody crafted: each is a clear error or is shown as it is, in time, and runs nothing."""

from __future__ import annotations

import os
import sqlite3
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary import Kernel, Session
from alveary.errors import AlvearyError, ConnectionFailedError, QueryCancelledError, QueryError
from alveary_plugins.panels.table.model import Place, structure_of

CALLS = "load_extension('evil'), writefile('ran', 'x'), edit('x'), readfile('/etc/passwd'), fts3_tokenizer('x')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound file, in a folder of its own, in which nothing else may appear."""
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / "crafted.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("create table t (a integer primary key, b text); insert into t values (1, 'one'), (2, 'two')")
    return path


def schema(path: Path, *rows: tuple[str, str, str | None]) -> None:
    """Write rows into the schema table itself, which takes any text: kind, name, SQL."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma writable_schema = on")
        for kind, name, sql in rows:
            db.execute("insert into sqlite_master values (?, ?, 't', 0, ?)", (kind, name, sql))
        db.commit()


def patched(path: Path, at: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)


def looked_at(session: Session) -> list[str]:
    """Ask everything that browsing asks, and return the names of the relations."""
    catalog = session.catalog()
    relations = [each.name for each in catalog.relations("main")]
    for ask in (catalog.columns, catalog.indexes, catalog.foreign_keys, catalog.objects):
        ask("main")
    for name in relations:
        structure_of(catalog, Place("x", "main", name, implied=True))
        catalog.definition("main", name)
    return relations


def answers(session: Session, sql: str) -> list[tuple[object, ...]]:
    found = session.run(sql)
    assert found is not None
    return list(found)


def refusal(session_of: Callable[[], Session], look: Callable[[Session], object]) -> AlvearyError | None:
    """Return what was said of a file that can't be looked at; None if it can."""
    try:
        with session_of() as session:
            look(session)
    except AlvearyError as error:
        return error
    return None


# -- what is no file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/full", "/dev/null", "/dev/tty", "/proc/self/mem"])
@pytest.mark.parametrize("link", [False, True])
def test_a_device_is_refused_at_once_by_a_link_as_well(
    alveary_kernel: Kernel, tmp_path: Path, place: str, link: bool
) -> None:
    path = tmp_path / "link.db" if link else Path(place)
    if link:
        path.symlink_to(place)
    with pytest.raises(ConnectionFailedError) as caught:
        alveary_kernel.connect(f"sqlite:///{path}", timeout=5)
    assert str(path) in caught.value.message


def test_a_pipe_and_a_folder_behind_a_link_are_refused_at_once(alveary_kernel: Kernel, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        link = tmp_path / f"link-{name.strip('.')}"
        link.symlink_to(tmp_path / name)
        with pytest.raises(ConnectionFailedError):
            alveary_kernel.connect(f"sqlite:///{link}", timeout=5)


# -- headers and pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (16, struct.pack(">H", 3)),  # no size of a page
        (16, struct.pack(">H", 0)),
        (18, b"\xff\xff"),  # versions nobody knows
        (20, b"\xff"),  # more reserved than a page has
        (21, b"\x00\x00\x00"),
        (28, b"\xff\xff\xff\xff"),  # 4,294,967,295 pages
        (32, b"\xff\xff\xff\xff" * 2),  # a list of free pages that leads nowhere
        (44, b"\xff\xff\xff\xff"),  # a format of the schema to come
        (52, b"\xff\xff\xff\xff" * 2),
        (56, b"\x00\x00\x00\x63"),  # no encoding
        (100, b"\x00"),  # no page of a tree
        (103, b"\xff\xff"),  # 65,535 cells
        (105, b"\xff\xff"),
        (108, b"\xff\xff" * 20),  # cells that are nowhere
        (4096, b"\xff" * 4096),  # a table of noise
    ],
)
def test_a_header_or_a_page_that_lies_is_an_error_or_read_as_far_as_it_is_true(
    alveary_kernel: Kernel, file: Path, at: int, data: bytes
) -> None:
    patched(file, at, data)

    def look(session: Session) -> None:
        looked_at(session)
        assert answers(session, "select * from t order by a") in ([(1, "one"), (2, "two")], [])

    error = refusal(lambda: alveary_kernel.connect(f"sqlite:///{file}", timeout=5), look)
    assert error is None or (error.message and error.code in ("not_a_database", "query_failed", "connection_failed"))
    assert {each.name.split("-")[0] for each in file.parent.iterdir()} == {"crafted.db"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.integers(0, 8191), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_no_damage_does_more_than_fail(alveary_kernel: Kernel, file: Path, changes: list[tuple[int, bytes]]) -> None:
    sound = file.read_bytes()
    for at, data in changes:
        patched(file, at, data)

    def look(session: Session) -> None:
        looked_at(session)
        answers(session, "select * from t")

    error = refusal(lambda: alveary_kernel.connect(f"sqlite:///{file}", timeout=5), look)
    file.write_bytes(sound)
    assert error is None or error.code != "internal_error", error.record()


# -- what stands in the schema ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "create table x (a) strict garbage",
        "this is no SQL",
        "drop table t",
        "create table x (a default (load_extension('evil')))",
        "attach 'other.db' as x",
        "\x1b[2J\u202e",
        None,
        "create virtual table x using nosuchmodule(y)",
    ],
)
def test_sql_in_the_schema_that_is_none_is_said_and_not_run(
    alveary_kernel: Kernel, file: Path, sql: str | None
) -> None:
    schema(file, ("table", "x", sql))

    def look(session: Session) -> None:
        looked_at(session)
        assert answers(session, "select * from t order by a") == [(1, "one"), (2, "two")]

    error = refusal(lambda: alveary_kernel.connect(f"sqlite:///{file}", timeout=5), look)
    if error is not None:
        assert error.code in ("query_failed", "not_a_database", "connection_failed"), error.record()
        assert "malformed" in str(error.record())
    assert {each.name for each in file.parent.iterdir()} == {"crafted.db"}
    with closing(sqlite3.connect(file)) as db:
        db.execute("pragma writable_schema = on")
        db.execute("delete from sqlite_master where name = 'x'")
        db.commit()
        db.execute("pragma writable_schema = reset")
        assert db.execute("select count(*) from t").fetchone() == (2,)


def test_views_and_triggers_that_call_what_they_should_not_are_listed_and_refused_when_used(
    alveary_kernel: Kernel, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            f"create view evil as select {CALLS};"
            "create view loads as select load_extension('evil') as x from t;"
            "create view reads as select * from pragma_database_list;"
            "create trigger on_write after insert on t begin select load_extension('evil'); end;"
        )
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert looked_at(session) == ["evil", "loads", "reads", "t"]
        assert "load_extension" in session.catalog().definition("main", "loads")[0]
        assert [each.name for each in session.catalog().objects("main")] == ["on_write"]
        for sql in ("select * from evil", "select * from loads", "insert into t values (3, 'three')"):
            with pytest.raises(QueryError, match=r"no such function|unsafe use|not authorized"):
                session.run(sql)
        assert answers(session, "select count(*) from t") == [(2,)]
    assert [each.name for each in file.parent.iterdir()] == ["crafted.db"]


def test_no_extension_is_loaded_whoever_asks(alveary_kernel: Kernel, file: Path) -> None:
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        for sql in ("select load_extension('libc.so.6')", "select load_extension('/tmp/evil.so', 'main')"):
            with pytest.raises(QueryError, match="not authorized"):
                session.run(sql)


def test_a_schema_that_uses_what_is_harmless_is_no_crafted_one(alveary_kernel: Kernel, file: Path) -> None:
    """Checks by json_valid are what web frameworks make of every column for JSON."""
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            "create table j (a text check (json_valid(a) or a is null), b as (json_extract(a, '$.x')));"
            "create index by_x on j (json_extract(a, '$.x')) where json_valid(a);"
            "create view v as select value from t, json_each('[1]');"
            "create trigger tidy after insert on j begin update j set a = json(a); end;"
            "create virtual table words using fts5(w); create view found as select w from words;"
        )
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert {"j", "v", "words", "found"} < set(looked_at(session))
        session.run("""insert into j (a) values ('{ "x" : 1 }')""")
        assert answers(session, "select a, b from j") == [('{"x":1}', 1)]
        assert len(answers(session, "select * from v")) == 2
        assert answers(session, "select * from found") == []


def test_columns_that_compute_or_check_what_fails_are_shown_and_say_why_when_read(
    alveary_kernel: Kernel, file: Path
) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            "create table g (a, b as (a), c as (a || x'00') stored, d as (json(a)));"
            "insert into g (a) values (-9223372036854775807 - 1);"
            "pragma writable_schema = on;"
            "update sqlite_master set sql = replace(sql, 'b as (a)', 'b as (abs(a))') where name = 'g';"
        )
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert looked_at(session) == ["g", "t"]
        columns = [each for each in session.catalog().columns("main") if each.relation == "g"]
        assert [(each.name, each.generated) for each in columns] == [
            ("a", False),
            ("b", True),
            ("c", True),
            ("d", True),
        ]
        assert answers(session, "select a from g") == [(-(2**63),)]
        with pytest.raises(QueryError, match="overflow"):
            session.run("select * from g")


def test_a_view_that_never_ends_is_listed_at_once_and_can_be_stopped(alveary_kernel: Kernel, file: Path) -> None:
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) as c from n"
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"create view endless as {endless}")
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert looked_at(session) == ["endless", "t"]
        statement = session.execute("select * from endless")
        threading.Timer(0.2, statement.cancel).start()
        assert statement.wait(10)
        with pytest.raises(QueryCancelledError):
            statement.check()


@pytest.mark.parametrize("stat", ["'99999999999999999999999'", "'-5 1'", "x'ff'", "null", "'abc'", "1e300"])
def test_statistics_that_lie_are_no_more_than_a_wrong_estimate(alveary_kernel: Kernel, file: Path, stat: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(f"create index i on t (b); analyze; update sqlite_stat1 set stat = {stat}")
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert "t" in looked_at(session)


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_a_journal_of_noise_beside_a_file_changes_nothing(alveary_kernel: Kernel, file: Path, ending: str) -> None:
    file.with_name(file.name + ending).write_bytes(os.urandom(5000))
    with alveary_kernel.connect(f"sqlite:///{file}", timeout=5) as session:
        assert answers(session, "select * from t order by a") == [(1, "one"), (2, "two")]
