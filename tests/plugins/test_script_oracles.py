"""Scripts as psql and mariadb run them: split by our scanner and run one by one they do the same, errors included.

Some scripts in every run; thousands with ALVEARY_SOAK=1.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_mariadb import HANG, MariaServer, open_connection
from fix_postgres import PostgresServer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from alveary.contracts.driver import Batch, BatchSize, Connection
from alveary.errors import AlvearyError
from alveary.sqltext import MYSQL, POSTGRES, Dialect, PieceKind, split, tokens
from alveary_plugins.drivers.postgres.driver import PostgresDriver

SCRIPTS = 3000 if os.environ.get("ALVEARY_SOAK") == "1" else 60
profile = settings(
    max_examples=SCRIPTS,
    derandomize=SCRIPTS < 1000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Each statement shows what became of it: by a row that holds its text, or by an error.
POSTGRES_STATEMENTS = [
    "select 'it''s; so'", "select E'it\\'s;', U&'d\\0061t;'", "select 1 as \"a;\"\"b\"",
    "select $$a;b$$ || $x$ ; $$ ; $x$", "select 1 /* a; /* b; */ c; */ + 2", "select 3 -- one; 'two\n + 3",
    "select 'a'\n  'b;c'", "select b'1', x'1f', n'x;'", "select 4 ;", "begin", "commit", "rollback", "end", "abort",
    "select 1/0", "selekt ';'", "select ';' from nowhere", "do $do$ begin raise exception 'no;'; end $do$",
    "do $$ declare x int := 1; begin perform x; end; $$",
    "create or replace function f() returns text language sql as $f$ select ';'; select 'f;'; $f$", "select f()",
    "insert into watched values (1) returning 'i;'", "insert into spot values ('x;y') returning *",
    "select * from spot", "create table if not exists made (begin_ int, \"end\" text default ';')",
    "drop function if exists f", "explain (costs off) select case 1 when 2 then 3 end",
    "select 1 as case_; select 2 as begin_", "select a$b from (select 9 as a$b) s", "select :'x'", "select 'a' ':b;'",
]  # fmt: skip
# Among noise these are not, for then psql looks for their ends beyond semicolons also where they are no statement.
POSTGRES_BODIES = [
    "create or replace function g(out a int, out b int) language sql begin atomic select 5; "
    "select case when true then 6 end, case 7 when 7 then (case when true then 8 end) end; end",
    "select * from g()",
    "create or replace procedure p() begin atomic insert into spot values (';'); delete from spot; end", "call p()",
    "create or replace rule r as on insert to watched do also (insert into spot values ('r;'); delete from spot)",
]  # fmt: skip
# No bracket that stays open and no function of the name begin: psql looks for their end beyond semicolons, we don't.
POSTGRES_NOISE = [
    "'", "''", '"', "$$", "$a$", "/*", "*/", "--", "e'", "()", ")", ";", ";;", "\n", " ", "select", "begin", "end",
    "case", "atomic", "1", ".", "::int", "U&'", "-", "as x",
]  # fmt: skip

# Where the client and the server read differently, our scanner goes by the server, and nothing of it is in here: a
# semicolon in a comment marked with !, which ends the statement for the client; a comment in a comment. Nor are bodies
# of routines without DELIMITER, which we understand and the client does not.
MYSQL_STATEMENTS = [
    "select 'it''s; so'", "select 'it\\'s;', \"a;\\\"b\"", "select 1 as `a;``b`", "select 3 # one; 'two\n + 3",
    "select 3 -- one; 'two\n + 3", "select 5--1", "select 1 /* a; b; */ + 2", "select 1 /*! + 1 */",
    "select 1 /*!99999 ';' */", "select /*!50000 ';', */ 2", "select /*M! 3, */ 4", "select 'a'\n  'b;c'",
    "select 4 ;", "start transaction", "commit", "rollback", "selec ';'", "select ';' from nowhere",
    "signal sqlstate '45000' set message_text = 'no;'", "drop procedure if exists p", "call p()",
    "insert into spot values ('x;y')", "select * from spot", "delete from spot",
    "create or replace view v as select case 1 when 1 then ';' end as c", "select * from v", "select @a := 'x;'",
    "create or replace procedure p() select 'p;'",
    "\ndelimiter //\ncreate or replace procedure p() begin declare x text default 'a;'; "
    "if true then set x = 'b;'; end if; select x; end//\n"
    "call p()//\ndelimiter ;\n",
    "\ndelimiter $$\nselect ';', '//'$$ select 2 $$\ndelimiter ;\n",
    "\nDELIMITER //\nselect 1; // select 2//\nDELIMITER ;\n", "select 6 div 2, 7 mod 4", "select x'3b', b'1', n'x;'",
    "select _utf8mb4'é;'", "begin", "set @b = ';'", "select @b",
]  # fmt: skip
MYSQL_NOISE = [
    "'", "''", '"', "`", "*/", "-- ", "#", "(", ")", ";", ";;", "\n", " ", "select", "begin", "end", "case", "1", ".",
    "@",
]  # fmt: skip
SEPARATORS = [";", ";\n", " ; ", "; -- x;\n", ";/* ;' */", ";;", ";\n\n;\r\n", ";\n\n"]


def scripts(statements: list[str], noise: list[str] | None = None) -> st.SearchStrategy[str]:
    """Scripts of whole statements, with noise between them that need not be SQL."""
    part = st.sampled_from(statements)
    if noise:
        part = st.one_of(part, part, part, st.lists(st.sampled_from(noise), min_size=1, max_size=4).map(" ".join))
    ended = st.tuples(part, st.sampled_from(SEPARATORS)).map("".join)
    return st.tuples(st.lists(ended, max_size=10).map("".join), part).map("".join)


def told(text: str, dialect: Dialect, connection: Connection) -> list[str]:
    """Split a script, run its statements one after the other, and return their rows and errors."""
    lines: list[str] = []
    for piece in split(text, dialect):
        if piece.kind is not PieceKind.STATEMENT and piece.unterminated is None:
            continue
        try:
            sql = piece.sql(text) or text[piece.start : piece.end]  # a comment that is never closed is sent, too
            for message in connection.execute(sql, None, batch=BatchSize()):
                if isinstance(message, Batch):
                    lines += ["|".join(map(shown, row)) for row in message.rows]
        except AlvearyError as exc:
            if exc.code != "unsupported":  # COPY from the client, whose data are no statement either
                lines.append(f"ERROR {(exc.server_code or exc.code).split()[0]}")
    return [line for each in lines for line in each.split("\n")]


def has_no_commands(text: str, dialect: Dialect) -> bool:
    """Tell whether a script is free of commands of the client, of which it knows some in the middle of a statement."""
    pieces = split(text, dialect)
    statements = [piece.sql(text) for piece in pieces if piece.kind is PieceKind.STATEMENT]
    return all(piece.kind is not PieceKind.CLIENT_COMMAND for piece in pieces) and all(
        sql[token.start] != "\\" for sql in statements for token in tokens(sql, dialect)
    )


def is_error(line: str) -> bool:
    return line.startswith("ERROR ")


def shown(cell: Any) -> str:
    if cell is None:
        return "NULL"
    return cell.decode("latin-1") if isinstance(cell, bytes) else str(cell)


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> Iterator[tuple[str, str]]:
    """Two databases alike: what is done to the one by psql is done to the other by us."""
    with postgres.database() as first, postgres.database() as second:
        for name in (first, second):
            postgres.psql(
                "create table spot (a text); create table copied (a text); create table watched (a int)", name
            )
        yield first, second


def by_psql(postgres: PostgresServer, database: str, file: Path) -> list[str]:
    command = [str(postgres.programs / "psql"), "-X", "-q", "-At", "-P", "null=NULL", "-v", "VERBOSITY=sqlstate",
               "-h", str(postgres.folder), "-p", str(postgres.port), "-U", "postgres", "-d", database,
               "-f", str(file)]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=HANG, check=False)
    lines = done.stdout.decode().split("\n")[:-1]
    said = [re.sub(r"psql:.*?:\d+: (?:ERROR|FATAL):  (\w+)", r"ERROR \1", line) for line in lines]
    return [line for line in said if not re.match(r"psql:.*: (?:NOTICE|WARNING):  ", line)]


@profile
@given(text=scripts(POSTGRES_STATEMENTS, POSTGRES_NOISE) | scripts(POSTGRES_STATEMENTS + POSTGRES_BODIES))
def test_psql_runs_the_same_statements(
    postgres: PostgresServer, databases: tuple[str, str], tmp_path: Path, text: str
) -> None:
    assume(has_no_commands(text, POSTGRES))
    file = tmp_path / "script.sql"
    file.write_text(text, newline="")
    with closing(PostgresDriver().connect(postgres.target(databases[1]), timeout=HANG)) as connection:
        ours = told(text, POSTGRES, connection)
    assert ours == by_psql(postgres, databases[0], file)
    counts = []
    for name in databases:
        with closing(PostgresDriver().connect(postgres.target(name), timeout=HANG)) as connection:
            counts.append(told("select count(*) from watched", POSTGRES, connection))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "text",
    [
        "copy copied from stdin;\nrow; one\n'two\n\\.\nselect 'after;'",
        'select 0; copy copied (a) from stdin (format csv);\n"a;"\n\\.\nselect 1; select 2',
        "select 1; copy copied from stdin; select 2;\n$$\n\\.\nselect 3;\ncopy copied from stdin;\n\\.\nselect 4;",
    ],
)
def test_psql_takes_the_same_lines_for_data(
    postgres: PostgresServer, databases: tuple[str, str], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "script.sql"
    file.write_text(text)
    with closing(PostgresDriver().connect(postgres.target(databases[0]), timeout=HANG)) as connection:
        list(connection.execute("insert into copied values ('x')", None, batch=BatchSize()))
        ours = told(text, POSTGRES, connection)
    assert ours == by_psql(postgres, databases[0], file)


@profile
@given(text=scripts(MYSQL_STATEMENTS, MYSQL_NOISE))
def test_mariadb_runs_the_same_statements(
    mariadb: MariaServer, mariadb_pair: tuple[str, str], by_mariadb: Callable[[str, str], list[str]], text: str
) -> None:
    assume(has_no_commands(text, MYSQL))
    with closing(open_connection(mariadb.target(mariadb_pair[1]))) as connection:
        ours = sorted(told(text, MYSQL, connection), key=is_error)  # the client tells them apart from rows
    assert ours == by_mariadb(mariadb_pair[0], text)
    with closing(open_connection(mariadb.target())) as connection:
        counts = [told(f"select count(*) from {name}.spot", MYSQL, connection) for name in mariadb_pair]
        assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "text",
    [
        "--one; 'x\nselect 1;\n  --two\n\nselect 2; --three 'y\nselect 3--1;\n--\n--four",
        "select 1\n--1; select 2\n-- 1\n;--;\nselect 3",
        "--x\ndelimiter //\n--y //\nselect ';'//\n--z\ndelimiter ;\nselect 5;--",
    ],
)
def test_mariadb_takes_the_same_dashes_for_comments(
    mariadb: MariaServer, mariadb_pair: tuple[str, str], by_mariadb: Callable[[str, str], list[str]], text: str
) -> None:
    """Within a statement dashes without a space are signs; where none has begun they begin a comment."""
    with closing(open_connection(mariadb.target(mariadb_pair[1]))) as connection:
        ours = sorted(told(text, MYSQL, connection), key=is_error)
    assert ours == by_mariadb(mariadb_pair[0], text)
    assert not any(map(is_error, ours))


@pytest.fixture(scope="module")
def mariadb_pair(mariadb: MariaServer) -> tuple[str, str]:
    """Two databases alike: what is done to the one by mariadb is done to the other by us."""
    pair = mariadb.new_database(), mariadb.new_database()
    for name in pair:
        mariadb.admin(f"create table {name}.spot (a text)")
    return pair


@pytest.fixture(scope="module")
def by_mariadb(mariadb: MariaServer) -> Callable[[str, str], list[str]]:
    """Run a script by the server's own client, which goes on after errors."""

    def run(database: str, text: str) -> list[str]:
        command = ["mariadb", "--no-defaults", "-uroot", "-S", mariadb.socket, "-N", "-B", "--raw", "--force",
                   "--unbuffered", "--skip-print-query-on-error", "--default-character-set=utf8mb4",
                   database]  # fmt: skip
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=HANG, check=False)
        rows = done.stdout.decode().replace("\t", "|").split("\n")[:-1]
        return rows + re.findall(r"^(ERROR \d+)", done.stderr.decode(), re.MULTILINE)

    return run
