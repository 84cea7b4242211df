"""PgBouncer between us and PostgreSQL, pooling by transaction: what works as without it, and what is said."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian import require
from fix_faults import HANG, until
from fix_postgres import ACCOUNT, PostgresServer

from alveary import Kernel
from alveary.errors import ConnectionFailedError
from alveary.events import Outcome, SessionState

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
"""


def _program() -> str | None:
    return shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))


@pytest.fixture(scope="module")
def pooler(postgres: PostgresServer) -> Iterator[str]:
    """The URL of the server's first database through a pooler of its own."""
    require("PgBouncer", lambda: _program() is None, "pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="alveary-pgbouncer-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "settings").write_text(SETTINGS.format(server=postgres.port, port=port, folder=folder))
    command = [_program() or "", "-q", str(folder / "settings")]
    if os.geteuid() == 0:  # as whom it refuses to run
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, ACCOUNT)
        command = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def test_statements_run_again_and_again_by_whatever_session_of_the_server(kernel: Kernel, pooler: str) -> None:
    with kernel.connect(pooler) as first, kernel.connect(pooler) as second, kernel.connect(pooler) as third:
        for number in range(20):  # the server would be asked to prepare what is run so often, if anybody did
            for session in (first, second, third):
                result = session.run("select $1::int as n", (number,))
                assert result is not None
                assert result.window(0, 1) == [(str(number),)]
        for session in (first, second):
            session.begin()
            session.run("create temporary table mine (n int) on commit drop")
            session.commit()
        assert "public" in kernel.catalog(first).schemas()


def test_a_cancel_goes_through_and_hits_what_it_is_meant_for(kernel: Kernel, pooler: str) -> None:
    with kernel.connect(pooler) as first, kernel.connect(pooler) as second:
        for session, other in ((first, second), (second, first)):
            statement = session.execute("select pg_sleep(600)")
            until(lambda: session.state is SessionState.RUNNING)  # noqa: B023  # called within the round
            assert other.run("select 1") is not None
            statement.cancel()
            assert statement.wait(HANG)
            assert statement.outcome is Outcome.CANCELLED
            assert session.run("select 1") is not None


def test_that_a_setting_may_not_be_kept_is_said_once(kernel: Kernel, pooler: str, postgres: PostgresServer) -> None:
    for url, warned in ((pooler, ["a pooler such as PgBouncer"]), (postgres.url(), [])):
        with kernel.connect(url) as session:
            said = []
            for sql in ("select 1", "set local work_mem = '1MB'", "set work_mem = '1MB'", "set work_mem = '2MB'"):
                statement = session.execute(sql)
                assert statement.wait(HANG)
                statement.check()
                said += [notice.message for notice in statement.notices if "pooler" in notice.message]
            assert [message[: len("a pooler such as PgBouncer")] for message in said] == warned


def test_in_a_transaction_a_setting_holds_and_nothing_is_said(kernel: Kernel, pooler: str) -> None:
    with kernel.connect(pooler) as session:
        session.begin()
        statement = session.execute("set work_mem = '1MB'")
        assert statement.wait(HANG)
        assert statement.notices == []
        session.rollback()


def test_what_a_pooler_does_not_take_is_told_with_what_to_do(kernel: Kernel, pooler: str) -> None:
    for url, more in ((pooler, True), (f"{pooler}&options=-c%20work_mem%3D1MB", False)):
        with pytest.raises(ConnectionFailedError, match="unsupported startup parameter") as caught:
            kernel.connect(url, read_only=more)
        assert "PgBouncer" in (caught.value.hint or "")
