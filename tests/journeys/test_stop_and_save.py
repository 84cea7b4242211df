"""With a real pointer and keyboard: a query that is stopped on PostgreSQL, and a result that is saved to a file."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import time
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from debian import require
from fix_postgres import PostgresServer
from fix_window import HANG, Screen

from alveary import Kernel, Outcome
from alveary.paths import Paths
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_plugins.panels.results.view import ResultsPanel
from alveary_shell.window import MainWindow


class Hands:
    """A person's hands at the X server; the window goes on while they move."""

    def __init__(self, screen: Screen, display: str) -> None:
        self._screen = screen
        self._env = {**os.environ, "DISPLAY": display}
        self._moving: list[subprocess.Popen[bytes]] = []

    def click(self, widget: tk.Misc) -> None:
        """Move the pointer onto a widget and click."""
        x, y = (
            widget.winfo_rootx() + widget.winfo_width() // 2,
            widget.winfo_rooty() + widget.winfo_height() // 2,
        )
        self._do("mousemove", str(x), str(y), "click", "1")

    def key(self, *keys: str) -> None:
        """Press keys, as xdotool names them."""
        self._do("key", "--clearmodifiers", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        """Type text."""
        self._do("type", "--delay", "8", text)

    def in_file_dialog(self, *words: str) -> None:
        """Do this, as xdotool takes it, as soon as a file dialog has the keyboard; it holds the window up."""

        def look() -> None:
            if "filedialog" in str(self._screen.root.tk.call("focus")):
                self._start(*words)
            else:
                self._screen.root.after(20, look)

        look()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        self._moving.append(subprocess.Popen(["xdotool", *words], env=self._env))
        return self._moving[-1]

    def rest(self) -> None:
        """Wait until what was begun has been done."""
        for moving in self._moving:
            assert moving.wait(HANG) == 0

    def _do(self, *words: str) -> None:
        moving = self._start(*words)
        self._screen.pump(lambda: moving.poll() is not None)
        assert moving.returncode == 0
        self._screen.settle()


@pytest.fixture
def hands(screen: Screen, display: str) -> Iterator[Hands]:
    require("xdotool", lambda: not shutil.which("xdotool"), "xdotool")
    hands = Hands(screen, display)
    yield hands
    hands.rest()


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        window.root.geometry("1400x900+0+0")
        screen.settle()
        window.root.focus_force()  # there is no window manager that would
        yield window
        window.quit()


def opened(window: MainWindow, screen: Screen, target: str, **state: Any) -> EditorPanel:
    """Open an editor that connects at once."""
    editor = window.open("editor", {"target": target, "connect": True, "caret": 0, "text": "", **state})
    assert isinstance(editor, EditorPanel)
    screen.pump(lambda: editor.model.connected)
    screen.settle()
    return editor


def test_the_stop_button_ends_a_statement_on_postgresql(
    window: MainWindow, screen: Screen, hands: Hands, postgres: PostgresServer
) -> None:
    with postgres.database() as name:
        at_work = f"select count(*) from pg_stat_activity where datname = '{name}' and query like 'select pg_sleep%'"

        def running() -> int:
            return int(postgres.psql(f"{at_work} and state = 'active'", "postgres", "-At"))

        editor = opened(window, screen, postgres.url(name))
        hands.click(editor.code.text)
        hands.type("select pg_sleep(60)")
        hands.key("ctrl+Return")
        screen.pump(lambda: running() == 1)
        assert editor.model.run is not None
        statement = editor.model.run.statement
        assert statement is not None
        pressed = time.monotonic()
        hands.click(editor.bar._buttons["stop"])
        screen.pump(lambda: running() == 0)
        screen.pump(lambda: editor.model.phase == "idle")
        assert time.monotonic() - pressed < HANG / 2
        assert statement.outcome is Outcome.CANCELLED
        hands.click(editor.code.text)
        hands.key("ctrl+a")
        hands.type("select 6 * 7 as answer")
        hands.key("ctrl+Return")
        results = window.open("results")
        assert isinstance(results, ResultsPanel)
        screen.pump(lambda: results.gridded is not None and len(results.grid.rows) == 1)
        window.close(editor)


def test_a_result_that_is_saved_is_what_sqlite_s_own_shell_writes(
    window: MainWindow, screen: Screen, hands: Hands, tmp_path: Path
) -> None:
    require("sqlite3", lambda: not shutil.which("sqlite3"), "sqlite3")
    database, path = tmp_path / "sample.db", tmp_path / "tracks.csv"
    window.kernel.run("demo.run", {"file": str(database)})
    query = "select * from track order by id desc"
    editor = opened(window, screen, f"sqlite:///{database}", limit=0)
    hands.click(editor.code.text)
    hands.type(query)
    hands.key("ctrl+Return")
    results = window.open("results")
    assert isinstance(results, ResultsPanel)
    screen.pump(lambda: results.entry is not None and not results.entry.running)
    hands.in_file_dialog(
        "key", "--clearmodifiers", "ctrl+a", "type", "--delay", "8", "--args", "1", str(path), "key", "Return"
    )
    hands.click(results._buttons[3])
    screen.pump(path.exists)
    own = subprocess.run(["sqlite3", "-csv", "-header", str(database), query], capture_output=True, check=True)
    expected = list(csv.reader(own.stdout.decode().splitlines()))
    assert list(csv.reader(path.read_text("utf-8").splitlines())) == expected
    assert len(expected) > 100
    window.close(editor)
