"""Errors of MariaDB: each kind of failure its class, number, text and place; and the connection usable afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fix_mariadb import MariaServer, rows, run

from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    ConstraintViolationError,
    DatabaseFullError,
    DatabaseLockedError,
    PermissionDeniedError,
    QueryError,
    QueryTimeoutError,
    SqlSyntaxError,
)
from alveary.sqltext import MYSQL
from alveary_plugins.drivers.mysql import errors
from alveary_plugins.drivers.mysql.binding import bind
from alveary_plugins.drivers.mysql.driver import MysqlConnection, MysqlDriver

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


@pytest.fixture
def table(connection: MysqlConnection) -> MysqlConnection:
    run(connection, "create table p (x int primary key)")
    run(connection, "insert into p values (1)")
    run(
        connection,
        """create table t (a int primary key, b int not null check (b < 100), c int unique,
           foreign key (c) references p (x))""",
    )
    run(connection, "insert into t values (1, 1, 1)")
    return connection


@pytest.mark.parametrize(
    ("sql", "kind", "code", "position"),
    [
        ("selec 1", SqlSyntaxError, "1064 (42000)", 1),
        ("select 1 from", SqlSyntaxError, "1064 (42000)", 14),
        ("select 'é縗', 1 1", SqlSyntaxError, "1064 (42000)", 16),
        ("select 1,\n\n  2 2 -- é\n", SqlSyntaxError, "1064 (42000)", 16),
        ("select * from t where a = = 1 and b = 1 and a = = 2", SqlSyntaxError, "1064 (42000)", 27),
        ("select ) " + "and a = 1 " * 20, SqlSyntaxError, "1064 (42000)", 8),
        ("select nope from t", QueryError, "1054 (42S22)", 8),
        ("select t.a, t.nope from t", QueryError, "1054 (42S22)", 13),
        ("select nope, a + nope from t", QueryError, "1054 (42S22)", None),
        ("select * from `no``pe`", QueryError, "1146 (42S02)", 15),
        ("select a from t join t as u", QueryError, "1052 (23000)", 8),
        ("select nosuch(1)", QueryError, "1305 (42000)", 8),
        ("insert into t values (1, 1, 1)", ConstraintViolationError, "1062 (23000)", None),
        ("insert into t values (2, null, 1)", ConstraintViolationError, "1048 (23000)", None),
        ("insert into t (a) values (2)", ConstraintViolationError, "1364 (HY000)", None),
        ("insert into t values (2, 200, null)", ConstraintViolationError, "4025 (23000)", None),
        ("insert into t values (2, 2, 9)", ConstraintViolationError, "1452 (23000)", None),
        ("delete from p", ConstraintViolationError, "1451 (23000)", None),
        ("set statement max_statement_time = 0.1 for select sleep(100)", QueryTimeoutError, "1969 (70100)", None),
        ("use nosuch", QueryError, "1049 (42000)", None),
        ("kill query 4294967295", QueryError, "1094 (HY000)", None),
        ("signal sqlstate '45000' set message_text = 'my own', mysql_errno = 40000", QueryError, "40000 (45000)", None),
        ("load data local infile '/etc/passwd' into table t", PermissionDeniedError, "4166 (HY000)", None),
        ("select 'x' into outfile '/nowhere/x'", PermissionDeniedError, "1290 (HY000)", None),
    ],
)
def test_each_failure_has_its_class_its_number_and_its_place(
    table: MysqlConnection, sql: str, kind: type[AlvearyError], code: str, position: int | None
) -> None:
    with pytest.raises(kind) as caught:
        run(table, sql)
    assert type(caught.value) is kind
    assert (caught.value.server_code, caught.value.position) == (code, position)
    assert caught.value.__cause__ is not None
    assert rows(table, "select 1") == [("1",)]


def test_a_lock_that_stays_ends_in_an_error_that_helps(table: MysqlConnection, connect: Connect) -> None:
    other = connect()
    other.begin()
    run(other, "update t set b = 2")
    run(table, "set innodb_lock_wait_timeout = 1")
    for sql, code in (("update t set b = 3", "1205 (HY000)"), ("select * from t for update nowait", "1205 (HY000)")):
        with pytest.raises(DatabaseLockedError) as caught:
            run(table, sql)
        assert caught.value.server_code == code
        assert caught.value.hint
    other.rollback()
    run(table, "update t set b = 3")


def test_who_may_not_is_told_so(
    mariadb: MariaServer, connect: Connect, table: MysqlConnection, mariadb_database: str
) -> None:
    mariadb.admin(f"create or replace user guest identified by 'x'; grant select on {mariadb_database}.p to guest")
    guest = connect(user="guest", password="x")
    assert rows(guest, "select * from p") == [("1",)]
    for sql in (
        "select * from t",
        "insert into p values (2)",
        "use mysql",
        "create user u",
        "set global max_connections = 1",
        "load data infile 'x' into table p",
    ):
        with pytest.raises(PermissionDeniedError):
            run(guest, sql)


def test_a_full_table_is_full(connection: MysqlConnection) -> None:
    run(connection, "set max_heap_table_size = 16384")
    run(connection, "create table t (a varchar(1000)) engine = memory")
    with pytest.raises(DatabaseFullError):
        run(connection, "insert into t select seq from seq_1_to_100000")


def test_a_statement_too_large_for_the_server_says_what_to_raise(connection: MysqlConnection) -> None:
    ((most,),) = rows(connection, "select @@max_allowed_packet")
    with pytest.raises(ConnectionLostError) as caught:
        run(connection, f"select '{'x' * int(str(most))}'")
    assert "max_allowed_packet" in (caught.value.hint or "")
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")


def test_too_many_connections_are_an_error_of_their_own(mariadb: MariaServer) -> None:
    mariadb.admin("create or replace user single identified by 'x' with max_user_connections 1")
    first = MysqlDriver().connect(mariadb.target(user="single", password="x"), timeout=10)
    with pytest.raises(AlvearyError) as caught:
        MysqlDriver().connect(mariadb.target(user="single", password="x"), timeout=10)
    assert (caught.value.code, caught.value.server_code) == ("too_many_connections", "1226 (42000)")
    assert caught.value.hint
    first.close()


@pytest.mark.parametrize(
    ("near", "line", "sql", "position"),
    [
        ("", 1, "select 1 from  ;\n", 14),
        ("b", 1, "a b;", 3),
        ("x", 1, "nothing of the kind", None),
        ("y" * 78 + "...", 2, "y" * 90 + "\n" + "z " + "y" * 78 + " and more", 94),
        ("y" * 79 + "?", 1, "é " + "y" * 79 + "é and more", 3),
    ],
)
def test_a_place_is_told_only_when_it_is_certain(near: str, line: int, sql: str, position: int | None) -> None:
    error = SqlSyntaxError(f"You have an error in your SQL syntax; … to use near '{near}' at line {line}")
    assert errors.position(error, sql) == position


def test_no_place_is_looked_for_in_a_text_that_is_very_long() -> None:
    error = SqlSyntaxError("… near 'x' at line 1")
    assert errors.position(error, "x" * 1_000_001) is None


def test_a_place_within_a_value_is_where_its_mark_stands() -> None:
    bound = bind("a :x b :y c", {"x": "long text", "y": -1}, MYSQL)
    assert bound.text == "a 'long text' b (-1) c"
    assert [bound.origin(bound.text.index(part) + 1) for part in ("a", "'", "text", "b", "(", "1", "c")] == [
        1, 3, 3, 6, 8, 8, 11]  # fmt: skip
