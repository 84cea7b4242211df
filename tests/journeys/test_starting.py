"""How the window starts and ends where something is wrong: a plugin that takes it along, a server that hangs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from debian import require
from fix_faults import Measure
from fix_postgres import PostgresServer
from fix_window import HANG, try_until, x_server

from alveary.store.database import Store

DEADLY = """
import os, signal
from alveary import hookimpl
from alveary.contracts.window import PanelSpec


@hookimpl
def alveary_panels():
    return [PanelSpec(id="deadly", title="Deadly", factory="deadly_panel:Deadly", dock="left", open_at_start=True)]


def Deadly(window, frame, state):
    os.kill(os.getpid(), signal.SIGSEGV)
"""


AT_IMPORT = "import ctypes; ctypes.string_at(0)"
IN_A_HOOK = """
import ctypes
from alveary import hookimpl


@hookimpl
def alveary_panels():
    ctypes.string_at(0)
"""


class Started:
    """A window in a process of its own, found by its title."""

    def __init__(self, display: str, home: Path, path: Path) -> None:
        self._env = {**os.environ, "DISPLAY": display, "ALVEARY_HOME": str(home), "PYTHONPATH": str(path)}
        self._home = home
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alveary", "window"], env=self._env, stderr=subprocess.PIPE, text=True
        )
        return self.process

    def find(self, title: str) -> str:
        """Wait for a window with exactly this title, give it the keyboard, and return it."""
        found = self._do("search", "--sync", "--onlyvisible", "--name", f"^{title}$").split()[-1]
        self.focus(found)
        return found

    def opened(self, title: str) -> str:
        """Do the same for a window that starts, once it has: one that is about to may lose what is pressed."""
        found = self.find(title)
        self.wait(lambda: not (self._home / "window.starting").exists(), "the note of the start is gone")
        self.focus(found)
        return found

    def connect(self, window: str, name: str, until: Callable[[], object]) -> None:
        """Connect to a saved connection by the keyboard."""

        def attempt() -> None:
            self.focus(window)
            self.key("Escape", "ctrl+l")
            self.type(name)
            self.key("Return")

        try_until(attempt, until, "the session")

    def key(self, *keys: str) -> None:
        self._do("key", "--clearmodifiers", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        self._do("type", "--delay", "8", text)

    def focus(self, window: str) -> None:
        """Give a window the keyboard; there is no window manager to do it."""
        self._do("windowfocus", "--sync", window)

    def wait(self, until: Callable[[], object], what: str) -> None:
        end = time.monotonic() + HANG
        while not until():
            assert time.monotonic() < end, f"{what}: did not come about"
            time.sleep(0.05)

    def _do(self, *words: str) -> str:
        command = ["xdotool", *words]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=HANG, check=True)
        return done.stdout


@pytest.fixture
def started(own_display: str, home: Path, tmp_path: Path) -> Iterator[Started]:
    require("xdotool", lambda: shutil.which("xdotool") is None, "xdotool")
    started = Started(own_display, home, tmp_path)
    yield started
    if started.process is not None:
        with contextlib.suppress(ProcessLookupError):
            started.process.kill()
        started.process.communicate()


def install(folder: Path, code: str) -> None:
    """Install the plugin ``deadly``, which only a window loads, into a folder on the path."""
    (folder / "deadly_panel.py").write_text(code)
    info = folder / "deadly_panel-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly-panel\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[alveary.window]\ndeadly = deadly_panel\n")


@pytest.mark.parametrize("way", ["at import", "in a hook"])
def test_after_a_plugin_that_crashed_while_it_was_loaded_the_window_is_in_safe_mode(
    started: Started, home: Path, tmp_path: Path, way: str
) -> None:
    install(tmp_path, AT_IMPORT if way == "at import" else IN_A_HOOK)
    crashed = started.start()
    crashed.communicate(timeout=HANG)
    assert crashed.returncode == -signal.SIGSEGV

    process = started.start()
    window = started.find(r"Alveary \(safe mode\)")
    assert process.poll() is None
    started.focus(window)
    started.key("ctrl+q")
    said = process.communicate(timeout=HANG)[1]
    assert process.returncode == 0
    assert "while the plugin deadly was loaded" in said

    environment = {**os.environ, "ALVEARY_HOME": str(home), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "alveary", "plugins", "disable", "deadly"]
    subprocess.run([*command[:3], "--safe-mode", *command[3:]], env=environment, check=True, capture_output=True)
    process = started.start()
    started.find("Alveary")  # as usual again
    started.key("ctrl+q")
    assert process.wait(HANG) == 0


def test_after_a_start_that_crashed_safe_mode_is_offered(started: Started, home: Path, tmp_path: Path) -> None:
    install(tmp_path, DEADLY)
    crashed = started.start()
    said = crashed.communicate(timeout=HANG)[1]
    assert crashed.returncode == -signal.SIGSEGV, said
    assert (home / "window.starting").exists()

    process = started.start()
    started.find("Alveary")  # the question
    started.key("Return")
    started.opened(r"Alveary \(safe mode\)")
    started.key("ctrl+q")
    assert process.wait(HANG) == 0


def test_a_usual_start_leaves_no_note_and_asks_nothing(started: Started, home: Path) -> None:
    process = started.start()
    window = started.opened("Alveary")
    started.key("alt+v", "Escape", "Escape")  # a menu of Tk's own has the keyboard for a moment
    started.focus(window)
    started.key("ctrl+q")
    said = process.communicate(timeout=HANG)[1]
    assert (process.returncode, said) == (0, "")


def test_the_window_closes_though_the_server_is_frozen(started: Started, home: Path, postgres: PostgresServer) -> None:
    with postgres.database() as database:
        command = [sys.executable, "-m", "alveary", "connections", "add", "frozen", postgres.url(database)]
        subprocess.run(command, check=True, capture_output=True, timeout=HANG)
        process = started.start()
        window = started.opened("Alveary")

        def backends(state: str) -> list[int]:
            found = postgres.psql(
                f"select pid from pg_stat_activity where datname = '{database}' and {state}", "postgres", "-At"
            )
            return [int(line) for line in found.split()]

        started.connect(window, "frozen", lambda: backends("state = 'idle'"))
        started.focus(window)
        started.type("select pg_sleep(600)")
        started.key("ctrl+Return")
        started.wait(lambda: backends("state = 'active' and query ~ '600'"), "the statement")
        frozen = backends("true")
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            started.key("ctrl+q")
            started.key("Tab", "Return")  # a statement runs, so the window asks; the safe answer has the focus
            assert process.wait(HANG) == 0
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)


def test_the_program_ends_with_its_display_and_what_was_typed_is_there_again(
    started: Started, home: Path, tmp_path: Path, postgres: PostgresServer, measured: Measure
) -> None:
    with postgres.database() as database:
        command = [sys.executable, "-m", "alveary", "connections", "add", "far", postgres.url(database)]
        subprocess.run(command, check=True, capture_output=True, timeout=HANG)

        def session(state: str) -> bool:
            asked = f"select 1 from pg_stat_activity where datname = '{database}' and state = '{state}'"
            return bool(postgres.psql(asked, "postgres", "-At"))

        with x_server() as display:
            dying = Started(display, home, tmp_path)
            process = dying.start()
            window = dying.opened("Alveary")
            dying.connect(window, "far", lambda: session("idle"))
            dying.focus(window)
            dying.type("select pg_sleep(600)")
            dying.key("ctrl+Return")
            dying.wait(lambda: session("active"), "the statement")
            dying.wait(
                lambda: _rows(home, "select 1 from workspace_panels where state like '%pg_sleep(600)%'"), "the journal"
            )
            began = time.monotonic()
        assert process.wait(HANG) != 0
        measured("F38 the end of a window whose display is gone", time.monotonic() - began)
        process.communicate()
        started.wait(lambda: not session("active"), "the end of the statement, with its session")
        with closing(Store(home)) as store:
            assert store.check() == []
        process = started.start()
        started.opened("Alveary")
        assert _rows(home, "select 1 from workspace_panels where state like '%pg_sleep(600)%' and closed_at is null")
        started.key("ctrl+q")
        assert process.wait(HANG) == 0


def _rows(home: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(Store(home)) as store, store.reading() as connection:
        return connection.execute(sql).fetchall()
