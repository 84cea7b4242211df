"""The system's clock is moved, by libfaketime, under whole programs and while they run: far ahead, a day back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from debian import require
from fix_faults import HANG, Line

from alveary import Kernel
from alveary.paths import Paths

pytestmark = pytest.mark.soak

MOVES = ("+0", "+360d", "-1d", "+0")
"""Where the clock on the wall is put, one after the other; the monotonic one goes on as ever.

A whole year ahead the history would lose what the setting says is too old.
"""

SLEEPS = "import select, time; time.sleep = lambda seconds: select.select((), (), (), seconds) and None"
"""libfaketime fails each sleep to a moment of the monotonic clock, which is how Python sleeps."""

LIVES = """
import json, sys, threading, time
from pathlib import Path
from alveary import Kernel

clock, url, sleep, host, moves = Path(sys.argv[1]), *sys.argv[2:5], sys.argv[5:]
told = []
with Kernel() as kernel, kernel.connect(url, host=host) as session:
    def took(seconds, *, move=None, **more):
        began = time.monotonic()
        statement = session.execute(sleep.format(seconds), **more)
        while session.state != "running" and not statement.wait(0.01):
            pass
        if move is not None:
            clock.write_text(move)
        if not more and seconds > 1:
            statement.cancel()
        assert statement.wait(15), "it hangs"
        code = None if statement.error is None else statement.error.code
        told.append([str(statement.outcome), code, statement.seconds, time.monotonic() - began, time.time()])

    for move in moves:
        clock.write_text(move)
        took(60, timeout=0.5)
        took(60)
    for move in moves[::-1]:
        took(0.5, move=move)
        took(60, move=move)
        took(60, move=move, timeout=0.5)
    last = session.run("select 7 as n")
    assert [str(cell) for (cell,) in last.cells()] == ["7"]
print(json.dumps(told))
"""


def library() -> Path | None:
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says what every process started from now on takes for the time."""
    require("libfaketime", lambda: library() is None, "libfaketime")
    site, file = tmp_path / "sleeps", tmp_path / "clock"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SLEEPS)
    file.write_text("+0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    return file


def preloaded() -> dict[str, str]:
    return {"LD_PRELOAD": str(library())}


@pytest.mark.parametrize("host", ["thread", "process"])
def test_a_clock_that_jumps_while_a_program_runs_changes_no_duration(
    home: Path, clock: Path, line: Line, host: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIVES, str(clock), line.straight, line.sleep, host, *MOVES],
        env={**os.environ, **preloaded()}, capture_output=True, text=True, timeout=HANG * 10, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    days = {round((now - told[0][4]) / 86_400) for *_, now in told}
    assert days == {0, 360, -1}, "the clock was moved"
    for outcome, code, seconds, took, _ in told:
        assert (outcome, code) in (("completed", None), ("cancelled", None), ("failed", "query_timeout"))
        assert 0 <= seconds <= took + 0.5
        assert outcome != "completed" or seconds >= 0.4
    outcomes = [outcome for outcome, *_ in told]
    assert outcomes == ["failed", "cancelled"] * len(MOVES) + ["completed", "cancelled", "failed"] * len(MOVES)
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        entries = kernel.history.search("", limit=100)
    assert [str(entry.outcome) for entry in reversed(entries)] == [
        "timed out" if outcome == "failed" else outcome for outcome in [*outcomes, "completed"]
    ], "the history is in the order in which they ran, whatever the clock said"


def test_programs_that_start_under_clocks_that_differ_lose_nothing(
    home: Path, clock: Path, alveary: Callable[..., Any], shop_url: str
) -> None:
    zones, names = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"), []
    for number, move in enumerate(MOVES * 3):
        clock.write_text(move)
        environment = {**preloaded(), "TZ": zones[number % 3], "ALVEARY_LOG": "info"}
        names.append(f"q{number}")
        for words in (
            ("queries", "save", names[-1], f"select {number}"),
            ("query", shop_url, f"select {number} as n"),
            ("doctor",),
        ):
            ran = alveary(*words, env=environment)
            assert (ran.status, "Traceback" in ran.err) == (0, False), (move, words, ran.err)
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        assert sorted(query.name for query in kernel.saved.all()) == sorted(names)
        ran = [entry.statement for entry in reversed(kernel.history.search("", limit=100))]
        assert ran == [f"select {number} as n" for number in range(len(names))]
    copies = list((home / "backups").iterdir())
    assert 1 <= len(copies) <= 6, "neither none nor one each time"
    logs = list(home.rglob("alveary-*.log"))
    assert len(logs) <= 14
