"""What the system gives no more of, memory, files, threads: one statement or session fails; all others go on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from fix_faults import HANG, until
from fix_mariadb import MariaServer

from alveary import Kernel
from alveary.errors import AlvearyError
from alveary.events import Outcome, SessionState
from alveary.kernel import HostKind

MB = 1 << 20
HOSTS: tuple[HostKind, ...] = ("thread", "process")

SCARCE = """
import resource, sys
from alveary import Kernel
url, sql, host = sys.argv[1:]
with Kernel.in_memory() as kernel:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    with kernel.connect(url, host=host) as other, kernel.connect(url, host=host) as session:
        statement = session.execute(sql)
        assert statement.wait(300), "it hangs"
        print(statement.error.code, session.state.value)
        print(other.run("select 1").window(0, 1))
        with kernel.connect(url, host=host) as new:
            print(new.run("select 2").window(0, 1))
"""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("server", "sql"),
    [
        ("postgres", "select repeat('x', 500000000)"),
        ("mariadb", "select repeat('x', 500000000)"),
        ("sqlite", "select cast(zeroblob(900000000) as text)"),
    ],
)
def test_a_cell_that_does_not_fit_into_memory_fails_its_statement_alone(
    request: pytest.FixtureRequest, server: str, sql: str, host: str
) -> None:
    url = "sqlite:///:memory:"
    if server == "postgres":
        url = request.getfixturevalue("postgres_url")
    elif server == "mariadb":
        url = request.getfixturevalue("mariadb_url")
        mariadb: MariaServer = request.getfixturevalue("mariadb")
        mariadb.admin(f"set global max_allowed_packet = {1024 * MB}")
    command = [sys.executable, "-c", SCARCE, url, sql, host]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    failed, other, new = done.stdout.splitlines()
    # After a failure in the middle of a value a connection may be of no use any more; that is said then.
    assert failed in ("out_of_memory idle", "out_of_memory broken", "connection_lost broken")
    assert (other.strip("[](),'"), new.strip("[](),'")) == ("1", "2")


CROWDED = """
import resource, sys
from alveary import Kernel
from alveary.errors import AlvearyError
url, host = sys.argv[1:]
with Kernel.in_memory() as kernel:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    sessions, errors = [], []
    while len(errors) < 3:
        try:
            sessions.append(kernel.connect(url, host=host, timeout=5))
            sessions[-1].run("select 1")
        except AlvearyError as exc:
            errors.append(exc.code)
    half = len(sessions) // 2
    for session in sessions[:half]:
        session.close()
    assert half and all(session.run("select 1") is not None for session in sessions[half:])
    with kernel.connect(url, host=host) as new:
        print(set(errors), new.run("select 2").window(0, 1))
"""


@pytest.mark.parametrize("host", HOSTS)
def test_where_no_file_can_be_opened_what_is_open_works_and_later_all_does(postgres_url: str, host: str) -> None:
    command = [sys.executable, "-c", CROWDED, postgres_url, host]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[('2',)]\n")


@pytest.mark.parametrize("host", HOSTS)
def test_a_thread_that_can_not_be_had_fails_what_needs_it_and_nothing_else(
    home: object, postgres_url: str, host: HostKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    denied: list[str] = []
    failures: list[AlvearyError] = []

    def round(number: int) -> None:
        """Deny the thread of that number, and see what comes of it."""
        left = number

        def deny(thread: threading.Thread) -> None:
            nonlocal left
            left -= thread.name.startswith("alveary")
            if left == 0:
                left = -1
                denied.append(thread.name)
                raise RuntimeError("can't start new thread")
            start(thread)

        with Kernel.in_memory() as kernel:
            steps: list[Callable[[], object]] = [
                lambda: worked(kernel, host),
                lambda: kernel.jobs.submit("counting", lambda job: 1).result(),
                lambda: kernel.catalog(postgres_url).schemas(),
            ]
            for step in steps:
                with monkeypatch.context() as scarce:
                    scarce.setattr(threading.Thread, "start", deny)
                    try:
                        step()
                    except AlvearyError as exc:
                        failures.append(exc)
            assert kernel.sessions() == []
            until(lambda: not kernel.jobs.open())
            for step in steps:
                step()

    def worked(kernel: Kernel, host: HostKind) -> None:
        with kernel.connect(postgres_url, host=host, timeout=5) as session:
            statement = session.execute("select pg_sleep(600)", timeout=600)
            until(lambda: session.state is SessionState.RUNNING or statement.outcome is not None)
            statement.cancel()
            assert statement.wait(HANG), "it hangs"
            assert statement.outcome in (Outcome.CANCELLED, Outcome.FAILED)
            if statement.error is not None:
                raise statement.error

    number = 1
    while len(denied) == number - 1:
        round(number)
        number += 1
    for name in ("recorder", "job", "password", *(("cancel",) if host == "thread" else ("ear", "forkserver"))):
        assert any(each.startswith(f"alveary-{name}") for each in denied), denied
    assert {exc.code for exc in failures} <= {"internal", "busy", "connection_lost", "connection_timeout"}
    assert not any("plugin" in (exc.hint or "") for exc in failures)
