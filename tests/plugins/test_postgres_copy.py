r"""COPY on PostgreSQL: data that stand in a script up to ``\.``, and what the server writes for the client."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.contracts.driver import Batch, BatchSize, Columns, InlineData, Message, Notice, RowCount, TransactionState
from alveary.contracts.values import ValueKind
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError, ReadOnlyError, UnsupportedError
from alveary.events import Outcome
from alveary.kernel import HostKind
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

HANG = 60.0
MANY = 300_000
"""Rows that no buffer on the way holds all of."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        yield name


@pytest.fixture
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        run(connection, "create temp table t (a int, b text)")
        yield connection


def run(connection: PostgresConnection, sql: str) -> list[Message]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def load(connection: PostgresConnection, sql: str, text: str, line: int = 1) -> list[Message]:
    return list(connection.feed(sql, InlineData(text=text, line=line), batch=BatchSize()))


def cells(messages: list[Message]) -> list[object]:
    return [cell for message in messages if isinstance(message, Batch) for (cell,) in message.rows]


# -- in ------------------------------------------------------------------------------------------------------------


def test_lines_are_loaded_as_the_server_reads_them(connection: PostgresConnection) -> None:
    assert load(connection, "copy t from stdin", "1\ta\\tb\n2\t\\N\n3\t\n4\té😀\\\\\n") == [RowCount(4)]
    assert load(connection, "copy t (b) from stdin (format csv, header)", 'b\n"x\n""y"\n') == [RowCount(1)]
    assert load(connection, "copy t from stdin", "") == [RowCount(0)]
    (batch,) = [message for message in run(connection, "table t") if isinstance(message, Batch)]
    assert batch.rows == [("1", "a\tb"), ("2", None), ("3", ""), ("4", "é😀\\"), (None, 'x\n"y')]


def test_many_lines_go_out_in_pieces_while_the_server_talks(connection: PostgresConnection) -> None:
    """Each would wait for the other if what a trigger says were not taken meanwhile."""
    run(connection, "set client_min_messages = notice")
    run(
        connection,
        "create function pg_temp.say() returns trigger language plpgsql as "
        "$$ begin raise notice '%', repeat('n', 500); return new; end $$",
    )
    run(connection, "create trigger say before insert on t for each row execute function pg_temp.say()")
    messages = load(connection, "copy t from stdin", "".join(f"{n}\t{'x' * 200}\n" for n in range(40_000)))
    assert messages[-1] == RowCount(40_000)
    assert any(isinstance(message, Notice) for message in messages)


@pytest.mark.parametrize("broken", [0, 1, 200_000])
def test_an_error_names_the_line_and_nothing_is_stored(connection: PostgresConnection, broken: int) -> None:
    lines = [f"{n}\tx\n" for n in range(broken)] + ["no number\tx\n", "2\tx\n"]
    with pytest.raises(AlvearyError) as caught:
        load(connection, "copy t from stdin", "".join(lines), line=11)
    assert caught.value.server_code == "22P02"
    assert caught.value.detail is not None
    assert f"line {broken + 1}, column a" in caught.value.detail
    assert f"it is line {broken + 11} of the script" in caught.value.detail
    assert connection.transaction_state is TransactionState.IDLE
    assert cells(run(connection, "select count(*) from t")) == ["0"]


def test_a_character_the_session_has_no_bytes_for_stores_nothing(connection: PostgresConnection) -> None:
    run(connection, "set client_encoding to latin1")
    with pytest.raises(InvalidInputError, match="'€'"):
        load(connection, "copy t from stdin", "1\té\n" * 100_000 + "2\t€\n")
    assert cells(run(connection, "select count(*) from t")) == ["0"]
    assert load(connection, "copy t from stdin", "1\té\n") == [RowCount(1)]


@pytest.mark.parametrize("in_transaction", [False, True])
def test_without_data_it_is_refused_and_the_session_goes_on(
    connection: PostgresConnection, in_transaction: bool
) -> None:
    with pytest.raises(UnsupportedError, match="lines of data"):
        run(connection, "copy t from stdin")
    assert cells(run(connection, "select 1")) == ["1"]
    if in_transaction:
        connection.begin()
        load(connection, "copy t from stdin", "1\tx\n")
        assert connection.transaction_state is TransactionState.ACTIVE
        connection.rollback()
        assert cells(run(connection, "select count(*) from t")) == ["0"]


def test_it_is_cancelled_while_it_waits_and_nothing_is_stored(postgres: PostgresServer, database: str) -> None:
    target = postgres.target(database)
    with (
        closing(PostgresDriver().connect(target, timeout=10)) as holder,
        closing(PostgresDriver().connect(target, timeout=10)) as connection,
    ):
        run(holder, "create table locked (a int)")
        holder.begin()
        run(holder, "lock table locked")
        caught: list[BaseException] = []

        def loads() -> None:
            try:
                load(connection, "copy locked from stdin", "1\n" * MANY)
            except AlvearyError as exc:
                caught.append(exc)

        thread = threading.Thread(target=loads)
        thread.start()
        while thread.is_alive():  # one that comes before the statement has begun is lost, as anywhere
            connection.cancel()
            thread.join(0.05)
        assert isinstance(caught[0], QueryCancelledError)
        holder.rollback()
        assert cells(run(connection, "select count(*) from locked")) == ["0"]
        run(connection, "drop table locked")


@pytest.mark.parametrize("host", ["thread", "process"])
def test_a_session_loads_it_and_can_cancel_it(
    kernel: Kernel, postgres: PostgresServer, database: str, host: HostKind
) -> None:
    with kernel.connect(postgres.url(database), host=host) as session:
        session.run("create temp table t (a int, b text)")
        statement = session.execute("copy t from stdin", data=InlineData(text="1\tx\n" * 3))
        assert statement.wait(HANG)
        assert (statement.outcome, statement.affected, statement.result) == (Outcome.COMPLETED, 3, None)
        session.run("create function pg_temp.slow() returns trigger language plpgsql as "
                    "$$ begin perform pg_sleep(0.01); return new; end $$")  # fmt: skip
        session.run("create trigger slow before insert on t for each row execute function pg_temp.slow()")
        slow = session.execute("copy t from stdin", data=InlineData(text="1\tx\n" * MANY))
        slow.cancel()
        assert slow.wait(HANG)
        assert slow.outcome is Outcome.CANCELLED
        counted = session.run("select count(*) from t")
        assert counted is not None
        assert list(counted) == [(3,)]


def test_a_driver_that_takes_no_data_says_so(kernel: Kernel) -> None:
    with kernel.connect("sqlite:///:memory:") as session, pytest.raises(UnsupportedError, match="copy"):
        session.execute("copy t from stdin", data=InlineData(text="1\n"))


# -- out -----------------------------------------------------------------------------------------------------------


def test_what_it_writes_is_one_column_of_lines(connection: PostgresConnection) -> None:
    query = "(select * from (values (1, E'a\\tb'), (2, null), (3, E'x\\ny')) v (n, t))"
    columns, *batches = run(connection, f"copy {query} to stdout")
    assert isinstance(columns, Columns)
    assert [(column.name, column.kind) for column in columns.columns] == [("copy", ValueKind.RAW)]
    assert cells(batches) == ["1\ta\\tb", "2\t\\N", "3\tx\\ny"]
    assert cells(run(connection, f"copy {query} to stdout (format csv, header)")) == ["n,t", "1,a\tb", "2,", '3,"x\ny"']
    assert len(run(connection, "copy t to stdout")) == 1, "the header of an empty one"
    pieces = cells(run(connection, f"copy {query} to stdout binary"))
    binary = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert binary.startswith(b"PGCOPY\n\xff\r\n\0")


def test_an_error_on_the_way_out_comes_after_the_lines_before_it(connection: PostgresConnection) -> None:
    seen: list[Message] = []
    with pytest.raises(AlvearyError, match="division by zero"):
        seen.extend(connection.execute(
            f"copy (select 1 / ({MANY} - n) from generate_series(1, {MANY}) n) to stdout", None, batch=BatchSize()
        ))  # fmt: skip
    assert cells(run(connection, "select 1")) == ["1"]


@pytest.mark.parametrize("in_transaction", [False, True])
def test_it_is_left_early_and_undoes_nothing(connection: PostgresConnection, in_transaction: bool) -> None:
    if in_transaction:
        connection.begin()
    messages = connection.execute(f"copy (select generate_series(1, {MANY})) to stdout", None, batch=BatchSize())
    assert isinstance(next(messages), Columns)
    assert isinstance(next(messages), Batch)
    messages.close()
    assert connection.transaction_state is (TransactionState.ACTIVE if in_transaction else TransactionState.IDLE)
    assert cells(run(connection, "select 1")) == ["1"]


def test_a_read_only_session_may_copy_out_and_nothing_else(postgres: PostgresServer, database: str) -> None:
    with closing(PostgresDriver().connect(postgres.target(database, read_only=True), timeout=10)) as connection:
        assert cells(run(connection, "/* x */ COPY (select (1)) TO STDOUT (FORMAT csv)")) == ["1"]
        assert cells(run(connection, "copy pg_am (amname) to stdout"))
        for sql in (
            "copy pg_am to '/tmp/alveary-no'",
            "copy (select 1 as to, 2 as stdout) to program 'cat to stdout'",
            'copy "to" from stdin',
            "copy (select 1) to program 'true'",
        ):
            with pytest.raises(ReadOnlyError):
                run(connection, sql)


# -- on the command line -------------------------------------------------------------------------------------------

AWKWARD = r"""
create type mood as enum ('so so', 'it''s');
create table "Odd name" (id serial primary key, t text, n numeric, d timestamptz, b bytea, j jsonb, a text[], m mood);
insert into "Odd name" (t, n, d, b, j, a, m) values
    (E'tab\there', 1.10, '2024-02-29 12:00:00+00', '\x00ff5c', '{"b": 1, "a": [null]}', '{a,NULL,"x,y"}', 'it''s'),
    (E'line\nfeed and \\backslash', 'NaN', 'infinity', '\x', 'null', '{}', 'so so'),
    ('\.', -0.000, '0044-03-15 00:00:00+00 BC', null, null, null, null),
    (E'\\.\nselect 1;', null, null, '\x0a', '"\u2028"', '{"{}"}', null),
    (E'quotes \' " ; $$ -- /* ', 1e100, null, null, '{}', null, null),
    ('', null, null, null, null, null, null),
    ('héé😀' || chr(8232) || chr(133) || E'\r', null, null, null, null, null, null),
    (null, null, null, null, null, null, null),
    (repeat('long ', 20000), null, null, null, null, null, null);
create table empty (a int);
create function f(x int) returns int language plpgsql as $$ begin return x; -- ; '
end $$;
create view v as select t from "Odd name" where t <> E'\\.';
create index on "Odd name" (lower(t));
"""


def dump(postgres: PostgresServer, name: str) -> str:
    place = ["-h", str(postgres.folder), "-p", str(postgres.port), "-U", "postgres", name]
    done = subprocess.run([postgres.programs / "pg_dump", *place], capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def comparable(text: str) -> list[str]:
    """The lines but for the key of psql's restriction, which is another one each time."""
    return [line for line in text.split("\n") if not line.startswith(("\\restrict ", "\\unrestrict "))]


def test_a_dump_is_restored_and_dumps_the_same(
    postgres: PostgresServer, alveary: Callable[..., Any], tmp_path: Path
) -> None:
    with postgres.database() as old, postgres.database() as new:
        (tmp_path / "awkward.sql").write_text(AWKWARD)
        made = alveary("query", postgres.url(old), "-f", "awkward.sql")
        assert made.status == 0, made.err
        original = dump(postgres, old)
        assert "\\.\n" in original
        (tmp_path / "dump.sql").write_text(original, newline="")
        restored = alveary("query", postgres.url(new), "-f", "dump.sql", "--format", "none")
        assert restored.status == 0, restored.err
        assert comparable(dump(postgres, new)) == comparable(original)


def test_a_line_that_is_wrong_is_named(postgres: PostgresServer, database: str, alveary: Callable[..., Any]) -> None:
    script = "create temp table t (a int);\n\ncopy t from stdin;\n1\nx\n3\n\\.\nselect count(*) from t;\n"
    how = ("-f", "-", "--on-error", "continue", "--format", "csv")
    told = alveary("query", postgres.url(database), *how, stdin=script)
    assert (told.status, told.out) == (1, "count\n0\n")
    assert "it is line 5 of the script" in told.err
    assert "line 3" in told.err


def test_copy_goes_out_as_psql_writes_it(
    postgres: PostgresServer, database: str, alveary: Callable[..., Any], tmp_path: Path
) -> None:
    for options in ("", " (format csv, header)", " (format binary)"):
        sql = f"copy (select n, repeat('é' || chr(9), n), null from generate_series(0, 999) n) to stdout{options}"
        expected = postgres.psql(sql, database)
        assert alveary("query", postgres.url(database), sql, "-o", "out").status == 0
        assert (tmp_path / "out").read_bytes() == expected
        if "binary" not in options:
            told = alveary("query", postgres.url(database), sql)
            assert told.out.encode() == expected
    script = "select 1 as a; copy (select 2) to stdout; select 3 as c"
    both = alveary("query", postgres.url(database), script, "--format", "csv")
    assert both.out == "a\n1\n2\nc\n3\n"
    limited = alveary("query", postgres.url(database), "copy (select generate_series(1, 9)) to stdout", "--limit", "2")
    assert limited.out == "1\n2\n"


def test_what_a_format_can_not_hold_is_refused(
    postgres: PostgresServer, database: str, alveary: Callable[..., Any], tmp_path: Path
) -> None:
    told = alveary("query", postgres.url(database), "copy (select 1) to stdout", "--format", "xlsx", "-o", "x.xlsx")
    assert told.status == 2
    assert "leave --format out" in told.err
    assert list(tmp_path.glob("*x*")) == []
