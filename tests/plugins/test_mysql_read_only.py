"""Read-only targets on MariaDB: nothing is written, also by the ways the server's own setting leaves open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fix_mariadb import MariaServer, rows, run

from alveary.contracts.driver import TransactionState
from alveary.errors import ReadOnlyError
from alveary_plugins.drivers.mysql.driver import MysqlConnection

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def reader(connect: Connect) -> MysqlConnection:
    writer = connect()
    run(writer, "create table t (a int)")
    run(writer, "insert into t values (1)")
    run(writer, "create procedure p() begin start transaction read write; insert into t values (2); commit; end")
    return connect(read_only=True)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t values (2)",
        "update t set a = 2",
        "delete from t",
        "/*! delete from t */",
        "# select\ndelete from t",
        "create table u (a int)",
        "drop table t",
        "truncate t",
        "alter table t add b int",
        "analyze table t",
        "analyze update t set a = 2",
        "call p()",
        "set session transaction read write",
        "set transaction read write",
        "set tx_read_only = 0",
        "set @@session.`tx_read_only` = 0",
        "set statement max_statement_time = 1 for delete from t",
        "set global max_connections = 50",
        "set @@global.max_connections = 50",
        "set password = password('x')",
        "start transaction read write",
        "start slave",
        "begin not atomic delete from t; end",
        "prepare s from 'delete from t'",
        "execute immediate 'delete from t'",
        "lock tables t write",
        "create user somebody",
        "grant all on *.* to somebody",
        "flush tables",
        "kill 1",
        "load data infile 'x' into table t",
        "select * from t into outfile 'x'",
        "select * from t into dumpfile 'x'",
        "xa start 'x'",
        "handler t open",
        "nonsense",
    ],
)
def test_what_would_write_is_refused(reader: MysqlConnection, connect: Connect, sql: str) -> None:
    with pytest.raises(ReadOnlyError):
        run(reader, sql)
    assert rows(connect(), "select * from t") == [("1",)]
    assert rows(reader, "select * from t") == [("1",)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t",
        "(select 1) union (select 2)",
        "/* x */ with x as (select 1) select * from x",
        "show tables",
        "describe t",
        "explain select * from t",
        "analyze format=json select * from t",
        "set @x = 1",
        "set names utf8mb4",
        "set sql_mode = ''",
        "do 1",
        "values (1)",
        "checksum table t",
        "use information_schema",
        "help 'select'",
        "begin",
        "start transaction with consistent snapshot",
        "select 'into outfile', `into`.`outfile` from (select 1 as `outfile`) `into`",
        "-- nothing",
    ],
)
def test_what_reads_is_run(reader: MysqlConnection, sql: str) -> None:
    run(reader, sql)


def test_a_transaction_reads_too(reader: MysqlConnection) -> None:
    for level in (None, "serializable"):
        reader.begin(level)
        assert reader.transaction_state is TransactionState.ACTIVE
        with pytest.raises(ReadOnlyError):
            run(reader, "insert into t values (2)")
        assert rows(reader, "select * from t") == [("1",)]
        reader.commit()


def test_the_server_itself_refuses_what_the_words_do_not_tell(reader: MysqlConnection, connect: Connect) -> None:
    run(connect(), "create function f() returns int begin insert into t values (9); return 1; end")
    with pytest.raises(ReadOnlyError) as caught:
        run(reader, "select f()")
    assert caught.value.server_code == "1792 (25006)"
    assert rows(connect(), "select * from t") == [("1",)]


def test_parameters_and_the_catalog_work(reader: MysqlConnection, mariadb: MariaServer) -> None:
    assert rows(reader, "select :a", {"a": "delete"}) == [("delete",)]
    assert [r.name for r in reader.catalog().relations(reader.catalog().schemas()[0])] == ["t"]
