"""A person's first minutes with the window, with a real keyboard: what came of it is read back from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from debian import require
from fix_window import HANG


class Person:
    """Somebody in front of the window: presses keys, types, looks at what the window left behind."""

    def __init__(self, display: str, home: Path) -> None:
        self._env = {**os.environ, "DISPLAY": display, "ALVEARY_HOME": str(home)}
        self._home = home
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start Alveary and wait for its window."""
        program = [sys.executable, "-m", "alveary", "window"]
        self._process = subprocess.Popen(program, env=self._env, stderr=subprocess.PIPE, text=True)
        found = self._do("search", "--sync", "--onlyvisible", "--name", "^Alveary$")
        self._window = found.split()[-1]
        # There is no window manager, so nobody else gives it the keyboard.
        self._do("windowfocus", "--sync", self._window)
        time.sleep(0.5)

    def key(self, *keys: str) -> None:
        """Press keys, as xdotool names them."""
        self._do("key", "--clearmodifiers", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        """Type text."""
        self._do("type", "--delay", "8", text)

    def command(self, name: str) -> None:
        """Run a command by the palette."""
        self.key("ctrl+shift+p")
        time.sleep(0.3)
        self.type(name)
        time.sleep(0.3)
        self.key("Return")

    def wait(self, until: Callable[[], Any], what: str) -> Any:
        """Wait until something is so and return it."""
        end = time.monotonic() + HANG
        while not (found := until()):
            assert time.monotonic() < end, f"{what}: did not come about"
            assert self._process is not None
            assert self._process.poll() is None, self._process.stderr.read() if self._process.stderr else ""
            time.sleep(0.1)
        return found

    def clipboard(self) -> str:
        """Return the text on the clipboard."""
        return subprocess.run(
            ["xclip", "-selection", "clipboard", "-o"],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout

    def alveary(self, *arguments: str) -> Any:
        """Run Alveary's command line on the same home and return its JSON."""
        command = [sys.executable, "-m", "alveary", *arguments, "--format", "json"]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def kill(self) -> None:
        """Kill it without a warning, as a crash or a power failure would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._close()

    def quit(self) -> None:
        """Close the window and see that it ends by itself."""
        assert self._process is not None
        if self._process.poll() is None:
            self._do("windowfocus", "--sync", self._window)  # a dialog that was open may have had it
            self.key("ctrl+q")
            try:
                assert self._process.wait(HANG) == 0
            finally:
                self._process.kill()
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._env, capture_output=True, text=True, timeout=HANG, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def person(own_display: str, home: Path) -> Iterator[Person]:
    require("xdotool and xclip", lambda: not (shutil.which("xdotool") and shutil.which("xclip")), "xdotool", "xclip")
    person = Person(own_display, home)
    yield person
    person.quit()


def newest(person: Person) -> dict[str, Any]:
    """Return what was run last, as the history has it."""
    return next(iter(person.alveary("history", "--limit", "1")), {})


def test_from_the_first_page_to_the_last_of_a_million_rows(person: Person, tmp_path: Path) -> None:
    person.start()
    person.key("Return")  # the first page's first card: the sample database
    person.wait((Path(person._home) / "sample.db").exists, "the sample database")
    time.sleep(2)
    person.key("ctrl+a")
    person.type(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000)"
        " select i, 'row ' || i as t from n"
    )
    person.command("row limit")
    time.sleep(0.5)
    person.type("0")
    person.key("Return")
    time.sleep(0.5)
    person.key("ctrl+Return")
    person.wait(lambda: newest(person).get("outcome") == "completed", "the statement in the history")
    assert int(newest(person)["rows"]) == 1_000_000
    person.command("go to results")
    time.sleep(0.5)
    person.key("ctrl+End", "ctrl+c")
    person.wait(lambda: person.clipboard() == "row 1000000", "the last cell on the clipboard")


def test_what_is_suggested_is_taken_by_a_key_and_run(person: Person) -> None:
    person.start()
    person.key("Return")  # the first page's first card: the sample database
    person.wait((Path(person._home) / "sample.db").exists, "the sample database")
    time.sleep(2)
    person.key("ctrl+a")
    person.type("select a.tit from alb")
    time.sleep(1)  # what comes unasked may come
    person.key("ctrl+space")
    time.sleep(1)
    person.key("Return")
    person.type(" a")
    person.key("ctrl+Home", *["Right"] * len("select a.tit"))
    person.key("ctrl+space")
    time.sleep(1)
    person.key("Return")
    person.key("ctrl+Return")
    person.wait(lambda: newest(person).get("outcome") == "completed", "the statement in the history")
    assert newest(person)["statement"] == "select a.title from album a"


def test_what_is_typed_survives_kill_9(person: Person) -> None:
    person.start()
    person.command("new query")
    time.sleep(0.5)
    person.type("select 'precious', 42")

    def is_journaled() -> bool:
        with closing(sqlite3.connect(Path(person._home) / "alveary.db")) as store:
            states = store.execute("select state from workspace_panels where panel = 'editor'").fetchall()
        return any("select 'precious', 42" in state for (state,) in states)

    person.wait(is_journaled, "the text in the journal")
    person.kill()
    person.start()
    person.key("ctrl+a", "ctrl+c")
    person.wait(lambda: person.clipboard() == "select 'precious', 42", "the text in the editor")


def test_tabs_stand_in_their_order_again_after_kill_9(person: Person) -> None:
    def layout() -> dict[str, Any]:
        with sqlite3.connect(Path(person._home) / "alveary.db") as store:
            row = store.execute("select value from workspace where name = 'layout'").fetchone()
        return json.loads(row[0]) if row is not None else {}

    def centre() -> list[str]:
        return [id for id in layout().get("panels", []) if id.partition("-")[0] in ("editor", "keys")]

    person.start()
    for name in ("new query", "keyboard shortcuts", "new query"):
        person.command(name)
        time.sleep(0.5)
    person.key("ctrl+Prior")  # the tab in the middle is in front
    expected = ["editor-1", "keys-1", "editor-2"]
    person.wait(lambda: centre() == expected and "keys-1" in layout()["front"], "the order in the workspace")
    person.kill()
    with sqlite3.connect(Path(person._home) / "alveary.db") as store:
        assert store.execute("select count(*) from workspace_panels where closed_at is null").fetchone()[0] >= 3
    person.start()
    person.quit()
    assert centre() == expected
    assert "keys-1" in layout()["front"]
    person.start()  # for whoever closes it
