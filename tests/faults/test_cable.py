"""A cable that is pulled while sessions work: nobody is told, and everybody comes away from it in bounded time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from debian import require
from faults.cable import Cable, NoCableError
from faults.ticks import Ticks
from fix_faults import HANG, Measure, until
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.errors import ConnectionLostError
from alveary.events import SessionState
from alveary_plugins.drivers.mysql import opening
from alveary_plugins.drivers.postgres import connecting

A_MINUTE = 90.0
"""Seconds within which a dead peer is noticed by itself, with room for a busy machine: it is meant to take sixty."""


QUIET = ("postgres", "-At")


@dataclass(frozen=True)
class Far:
    """A server at the other end of a cable."""

    name: str
    cable: Cable
    url: str
    sleep: str
    sleeping: Callable[[], bool]
    """Whether the server is at it, as it says on another way: then it has all that was sent."""


@pytest.fixture(params=["postgres", "mariadb"])
def far(request: pytest.FixtureRequest) -> Iterator[Far]:
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        path = f"{postgres.folder}/.s.PGSQL.{postgres.port}"
    else:
        mariadb: MariaServer = request.getfixturevalue("mariadb")
        path = mariadb.socket
    require("the program ip", lambda: shutil.which("ip") is None, "iproute2")
    try:
        cable = Cable(path)
    except NoCableError as exc:
        pytest.skip(f"no network can be made to pull a cable out of: {exc}")
    with cable:
        place = f"{cable.host}:{cable.port}"
        if request.param == "postgres":
            yield Far(
                request.param,
                cable,
                f"postgresql://postgres@{place}/postgres?sslmode=disable",
                "select pg_sleep(600)",
                lambda: b"1" in postgres.psql("select 1 from pg_stat_activity where wait_event = 'PgSleep'", *QUIET),
            )
        else:
            near = f"127.0.0.1:{mariadb.port}"
            yield Far(
                request.param,
                cable,
                mariadb.url(mariadb.new_database()).replace(near, place) + "?ssl_mode=disabled",
                "select sleep(600)",
                lambda: "User sleep" in mariadb.admin("show processlist"),
            )


def test_sessions_are_left_by_cancel_and_by_disconnect_though_the_cable_is_pulled(
    kernel: Kernel, far: Far, measured: Measure
) -> None:
    cancelled, closed = kernel.connect(far.url), kernel.connect(far.url, host="process")
    statement, other = cancelled.execute(far.sleep), closed.execute(far.sleep)
    until(lambda: cancelled.state is closed.state is SessionState.RUNNING)
    far.cable.pull()
    with Ticks() as ticks:
        started = time.monotonic()
        closed.close()
        measured(f"F04 disconnect, the cable pulled ({far.name})", time.monotonic() - started)
        assert other.outcome is not None
        started = time.monotonic()
        statement.cancel()
        assert statement.wait(HANG), "it hangs"
        measured(f"F04 cancel, the cable pulled ({far.name})", time.monotonic() - started)
        assert isinstance(statement.error, ConnectionLostError)
        assert cancelled.state is SessionState.BROKEN
    measured(f"F04 longest gap between ticks ({far.name})", ticks.longest)
    far.cable.plug()
    with kernel.connect(far.url) as again:
        assert again.run("select 1") is not None


def test_a_cable_that_is_out_for_a_moment_is_not_noticed(kernel: Kernel, far: Far) -> None:
    with kernel.connect(far.url) as session:
        statement = session.execute(far.sleep.replace("600", "1"))
        far.cable.pull()
        assert not statement.wait(0.5)
        far.cable.plug()
        assert statement.wait(HANG)
        assert statement.error is None


@pytest.mark.parametrize("waits", [True, False], ids=["while it waits", "while it sends"])
@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["quick", "as it is"])
def test_a_dead_peer_is_noticed_by_itself(
    kernel: Kernel, far: Far, monkeypatch: pytest.MonkeyPatch, quick: bool, waits: bool, measured: Measure
) -> None:
    if quick:  # the same settings, shorter
        for module in (opening, connecting):
            short = {
                name: 1 if "idle" in name.lower() or "int" in name.lower() else min(value, 3000)
                for name, value in module._KEEP_ALIVE.items()
            }
            monkeypatch.setattr(module, "_KEEP_ALIVE", short)
    session = kernel.connect(far.url)
    if waits:
        statement = session.execute(far.sleep)
        until(far.sleeping)
        far.cable.pull()  # from now on only keepalive speaks
    else:
        far.cable.pull()
        statement = session.execute("select 1")
    started = time.monotonic()
    assert statement.wait(A_MINUTE), "nobody noticed"
    how = "waiting" if waits else "sending"
    measured(f"F04 a dead peer noticed, {how}{', shortened' if quick else ''} ({far.name})", time.monotonic() - started)
    assert isinstance(statement.error, ConnectionLostError)
    assert session.state is SessionState.BROKEN
