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
from fix_window import HANG, try_until


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
        # A window that is still about to start may lose what is pressed.
        self.wait(lambda: not (self._home / "window.starting").exists(), "the end of the start")
        # There is no window manager, so nobody else gives it the keyboard.
        self._do("windowfocus", "--sync", self._window)

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

    def panels(self, kind: str) -> list[dict[str, Any]]:
        """Return the states of the open panels of a kind, as they were written last."""
        with closing(sqlite3.connect(self._home / "alveary.db")) as store:
            rows = store.execute(
                "select state, max(generation) from workspace_panels where panel = ? and closed_at is null group by id",
                (kind,),
            ).fetchall()
        return [json.loads(state) for state, _ in rows]

    def texts(self) -> list[str]:
        """Return what the open editors hold."""
        return [each.get("text", "") for each in self.panels("editor")]

    def opens_the_sample(self) -> None:
        """Press the first page's first card, and wait for the editor of the sample database."""
        try_until(lambda: self.key("Return"), (self._home / "sample.db").exists, "the sample database")
        self.wait(lambda: any(each.get("target") for each in self.panels("editor")), "an editor of it")

    def sees_a_list(self) -> bool:
        """Tell whether a window without a title, which suggestions have, is on the screen."""
        words = ["xdotool", "search", "--onlyvisible", "--class", "Toplevel"]
        return subprocess.run(words, env=self._env, capture_output=True, timeout=HANG, check=False).returncode == 0

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
    person.opens_the_sample()
    person.key("ctrl+a")
    person.type(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000)"
        " select i, 'row ' || i as t from n"
    )
    person.command("row limit")
    time.sleep(0.5)
    person.type("0")
    person.key("Return")
    person.wait(lambda: any(each.get("limit") == 0 for each in person.panels("editor")), "no limit")
    person.key("ctrl+Return")
    person.wait(lambda: newest(person).get("outcome") == "completed", "the statement in the history")
    assert int(newest(person)["rows"]) == 1_000_000
    person.command("go to results")
    try_until(
        lambda: person.key("ctrl+End", "ctrl+c"),
        lambda: person.clipboard() == "row 1000000",
        "the last cell on the clipboard",
    )


def test_what_is_suggested_is_taken_by_a_key_and_run(person: Person) -> None:
    def complete(typed: str, at: int) -> None:
        person.key("ctrl+a")
        person.type(typed)
        person.key("ctrl+Home", *["Right"] * at, "ctrl+space")
        person.wait(person.sees_a_list, "the suggestions")
        person.key("Return")

    person.start()
    person.opens_the_sample()
    for typed, at, whole in (
        ("select a.tit from alb", len("select a.tit from alb"), "select a.tit from album"),
        ("select a.tit from album a", len("select a.tit"), "select a.title from album a"),
    ):
        try_until(lambda: complete(typed, at), lambda: whole in person.texts(), whole)  # noqa: B023  # done at once
    person.key("ctrl+Return")
    person.wait(lambda: newest(person).get("outcome") == "completed", "the statement in the history")
    assert newest(person)["statement"] == "select a.title from album a"


def test_what_is_typed_survives_kill_9(person: Person) -> None:
    person.start()
    try_until(lambda: person.command("new query"), lambda: person.panels("editor"), "the editor")
    person.type("select 'precious', 42")
    person.wait(lambda: "select 'precious', 42" in person.texts(), "the text in the journal")
    person.kill()
    person.start()
    try_until(
        lambda: person.key("ctrl+a", "ctrl+c"),
        lambda: person.clipboard() == "select 'precious', 42",
        "the text in the editor",
    )


def test_tabs_stand_in_their_order_again_after_kill_9(person: Person) -> None:
    def layout() -> dict[str, Any]:
        with sqlite3.connect(Path(person._home) / "alveary.db") as store:
            row = store.execute("select value from workspace where name = 'layout'").fetchone()
        return json.loads(row[0]) if row is not None else {}

    def centre() -> list[str]:
        return [id for id in layout().get("panels", []) if id.partition("-")[0] in ("editor", "keys")]

    person.start()
    for count, name in enumerate(("new query", "keyboard shortcuts", "new query"), start=1):
        try_until(lambda: person.command(name), lambda: len(centre()) == count, name)  # noqa: B023  # done at once
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
