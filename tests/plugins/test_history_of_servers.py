"""The history of real servers: what they say of a statement with a secret, and how statements end there."""

from __future__ import annotations

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PASSWORD, ROLE, PostgresServer

from alveary import Kernel
from alveary.history import HistoryEntry
from alveary.kernel import HostKind
from alveary.store.database import FILE_NAME

HANG = 60
SECRET = "hunter2-and-more"


def run(kernel: Kernel, url: str, *statements: str, host: HostKind = "thread") -> list[HistoryEntry]:
    with kernel.connect(url, host=host) as session:
        for sql in statements:
            assert session.execute(sql, timeout=HANG).wait(HANG)
    assert kernel.recorder.flush()
    return kernel.history.search()[::-1]


def assert_unwritten(kernel: Kernel, *secrets: str) -> None:
    assert kernel.store.file is not None
    kernel.store.close()
    for file in kernel.store.file.parent.glob(f"{FILE_NAME}*"):
        for secret in secrets:
            assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("host", ["thread", "process"])
def test_postgresql(kernel: Kernel, postgres: PostgresServer, host: HostKind) -> None:
    with postgres.database() as database:
        url = postgres.url(database, user=ROLE, password=PASSWORD)
        found = run(
            kernel,
            url,
            "select generate_series(1, 3)",
            f"create role nobody pasword '{SECRET}'",
            f"alter role nobody password '{SECRET}'",
            f"do $$ begin execute 'create role x pasword ''{SECRET}'''; end $$",
            f"select dblink_connect('host=nowhere password={SECRET}')",
            f"select '{PASSWORD}'::int".replace("S3cr%t p'w", "S3cr%t p''w"),
            host=host,
        )
    assert [(entry.outcome, entry.error_code) for entry in found[:2]] == [
        ("completed", None),
        ("failed", "syntax_error"),
    ]
    assert (found[0].rows, found[0].database) == (3, database)
    assert found[1].statement == "create role nobody pasword '***'"
    assert "***" in found[3].statement
    assert found[4].statement == "select dblink_connect('host=nowhere password=***')"
    assert found[5].statement == "select '***'::int"
    assert found[5].error is not None
    assert "***" in found[5].error
    assert all(SECRET not in (entry.error or "") for entry in found)
    assert PASSWORD not in found[0].connection
    assert_unwritten(kernel, SECRET, PASSWORD, "p'w")


@pytest.mark.parametrize("host", ["thread", "process"])
def test_mariadb(kernel: Kernel, mariadb: MariaServer, mariadb_database: str, mariadb_url: str, host: HostKind) -> None:
    found = run(
        kernel,
        mariadb_url,
        "create table t (a int)",
        "insert into t values (1), (2)",
        f"create user nobody@localhost identifed by '{SECRET}'",
        f"alter user nobody@localhost identified via '{SECRET}' usng password('{SECRET}')",
        f"set password for nobody@localhost = password('{SECRET}') and more",
        f"set password for nobody@localhost = password('{SECRET}'",
        f"change master to master_password='{SECRET}' master_hst='x'",
        host=host,
    )
    assert [(entry.outcome, entry.rows_affected) for entry in found[:2]] == [("completed", None), ("completed", 2)]
    assert [entry.outcome for entry in found[2:]] == ["failed"] * 5
    assert found[2].statement == "create user nobody@localhost identifed by '***'"
    assert all(entry.error and "near '***'" in entry.error for entry in found[2:])
    assert {entry.database for entry in found} == {mariadb_database}
    assert_unwritten(kernel, SECRET, "pässword")


def test_a_statement_that_is_cancelled_on_a_server(kernel: Kernel, postgres_url: str) -> None:
    with kernel.connect(postgres_url) as session:
        statement = session.execute("select pg_sleep(60)")
        while not kernel.history.search():
            assert not statement.wait(0.05)
        assert [entry.outcome for entry in kernel.history.search()] == ["running"]
        statement.cancel()
        assert statement.wait(HANG)
    assert kernel.recorder.flush()
    assert [(entry.outcome, entry.error_code) for entry in kernel.history.search()] == [("cancelled", None)]
