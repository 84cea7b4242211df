"""What takes long, or tools of the system: run by ``tox run -e soak``, each test bounded."""

from __future__ import annotations

import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from debian import require
from faults.ticks import Ticks
from fix_faults import HANG, Line, Measure

from alveary import Kernel
from alveary.errors import ConnectionFailedError, QueryError
from alveary.store.database import Store

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("ALVEARY_SOAK_SECONDS", "240"))
MB = 1 << 20

ONE_SAVE = """
import sys
from alveary.__main__ import main
sys.argv[1:] = ["queries", "save", "new", "select 2"]
main()
"""


def saved(home: Path) -> set[str]:
    with closing(Store(home)) as store, store.reading() as rows:
        assert store.check() == []
        return {name for (name,) in rows.execute("select name from saved_queries")}


@pytest.mark.parametrize(
    "fault",
    ["fsync:error=EIO", "fdatasync:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EIO", "pwrite64:signal=KILL",
     "fdatasync:signal=KILL", "ftruncate:error=EIO", "unlink:error=EIO"],
)  # fmt: skip
def test_a_system_call_that_fails_leaves_the_old_store_or_the_new(home: Path, tmp_path: Path, fault: str) -> None:
    require("strace", lambda: shutil.which("strace") is None, "strace")
    with Kernel() as kernel:
        kernel.run("queries.save", {"name": "old", "sql": "select 1"})
    call, _, what = fault.partition(":")
    for moment in range(1, 40):
        copy = tmp_path / f"home-{moment}"
        shutil.copytree(home, copy)
        trace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={call}"]
        done = subprocess.run(
            [*trace, "-e", f"inject={call}:{what}:when={moment}", sys.executable, "-c", ONE_SAVE],
            env={**os.environ, "ALVEARY_HOME": str(copy)}, capture_output=True, timeout=HANG * 4, check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        found = saved(copy)
        assert {"old"} <= found <= {"old", "new"}
        if done.returncode == 0:
            assert "new" in found, "what was acknowledged is there"
        if "INJECTED" not in (tmp_path / "trace").read_text() and "KILL" not in what:
            return
        shutil.rmtree(copy)


def test_bytes_that_are_wrong_anywhere_hang_nobody(kernel: Kernel, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary.workers.worker.ABORT_SECONDS", 0.2)
    chance = random.Random(3)
    sql = line.rows.format(500)
    with kernel.connect(line.url) as session:
        before = line.proxy.sent
        session.run(sql)
        size = line.proxy.sent - before
    deadline, seeds = time.monotonic() + SECONDS / 2, 0
    while seeds < 500 and time.monotonic() < deadline:
        seeds += 1
        session = kernel.connect(line.url)
        at = chance.randrange(size)
        getattr(line.proxy, chance.choice(("corrupt", "cut", "reset", "half_close")))(at)
        statement = session.execute(sql, timeout=0.4)
        assert statement.wait(HANG), f"byte {at}: it hangs"
        if statement.error is not None:
            assert statement.error.code != "internal", (at, statement.error)
        session.close()
        line.proxy.mend()
    assert seeds > 50


WARM, MEASURED = 1500, 1500
"""Sessions until what may fill has filled, above all the cache of the store's pages, and those measured then."""


def slope(samples: list[tuple[int, float]]) -> float:
    """Return how much the second value grows with each of the first, by least squares."""
    return statistics.linear_regression(*zip(*samples, strict=True)).slope


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def memory() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB


def test_sessions_that_come_and_go_leave_nothing_behind(kernel: Kernel, line: Line, measured: Measure) -> None:
    chance = random.Random(5)
    doings: list[Callable[[], object]] = [
        lambda: None,
        line.proxy.reset,
        line.proxy.cut,
    ]
    samples: list[tuple[int, float]] = []
    cycles, losses, began = 0, 0, time.monotonic()
    threads = descriptors = before = 0
    with Ticks(limit=5.0) as ticks:  # its threads all work, beside whatever else the machine does
        while cycles < WARM + MEASURED or time.monotonic() - began < SECONDS / 2:
            cycles += 1
            session = kernel.connect(line.url)
            try:
                session.run(line.rows.format(50))
                statement = session.execute(line.sleep.format(60))
                statement.wait(chance.random() * 0.01)
                statement.cancel()
                assert statement.wait(HANG)
                chance.choice(doings)()
                session.run("select 1")
            except (QueryError, ConnectionFailedError):
                losses += 1
            session.close()
            if cycles == WARM:
                threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
                before = objects()
            if cycles >= WARM and cycles % 20 == 0:
                samples.append((cycles, memory()))
    assert losses > 0
    grown = slope(samples) * 1000
    measured(f"L07 memory in MB per 1,000 sessions ({line.name}, {cycles} sessions)", grown)
    more = objects() - before
    measured(f"L07 more objects of Python ({line.name}, {cycles - WARM} sessions)", more)
    measured(f"L07 longest gap between ticks ({line.name})", ticks.longest)
    assert threading.active_count() <= threads + 3
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 6
    assert more < 2_000
    assert grown < 2.0


def test_a_long_history_is_searched_and_pruned(kernel: Kernel, measured: Measure) -> None:
    with kernel.store.writing() as connection:
        connection.execute(
            "with recursive n(x) as (select 1 union all select x + 1 from n limit 1000000) insert into history"
            " (started_at, connection, statement, outcome) select x, 'c', 'select ' || x || ' from orders', 'completed'"
            " from n"
        )
    started = time.monotonic()
    assert len(kernel.history.search("", limit=50)) == 50
    measured("L05 the newest of a million entries", time.monotonic() - started)
    started = time.monotonic()
    assert len(kernel.history.search("99999", limit=50)) >= 1
    measured("L05 a search in a million entries", time.monotonic() - started)
