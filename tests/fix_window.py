"""Fixtures for tests of the window: one private X server and one root for the whole run, a frame for each test.

Tests never call ``mainloop``: :class:`Screen` runs Tk's loop until something is so; the limit is for what hangs.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import subprocess
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import pytest
from debian import require

if TYPE_CHECKING:
    from alveary_shell.theme import Theme

HANG = 30.0
_PATIENCE = 10.0
"""Seconds after which a person who sees nothing happen tries again."""
SIZE = "1600x1000x24"


def try_until(attempt: Callable[[], object], until: Callable[[], object], what: str) -> None:
    """Do something until something is so, and again when nothing comes of it, as who has a slow machine does."""
    end = time.monotonic() + 3 * HANG
    while True:
        attempt()
        soon = time.monotonic() + _PATIENCE
        while time.monotonic() < soon:
            if until():
                return
            time.sleep(0.1)
        assert time.monotonic() < end, f"{what}: did not come about"


@contextmanager
def x_server(*options: str) -> Iterator[str]:
    """Start an X server without a screen and yield its display; ``options`` such as ``-dpi 192`` go to it."""
    require("Xvfb", lambda: shutil.which("Xvfb") is None, "xvfb")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", SIZE, "-nolisten", "tcp", *options]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            number = said.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(HANG)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The display of a private X server, which is also this process's."""
    _require_desktop()
    before = os.environ.get("DISPLAY")
    with x_server() as display:
        os.environ["DISPLAY"] = display
        yield display
        os.environ.pop("DISPLAY", None)
        if before is not None:
            os.environ["DISPLAY"] = before


@pytest.fixture
def own_display() -> Iterator[str]:
    """The display of an X server that only this test uses: keys go to no window but the one it starts."""
    _require_desktop()
    with x_server() as display:
        yield display


def _require_desktop() -> None:
    if importlib.util.find_spec("ttkbootstrap") is None:
        pytest.skip("ttkbootstrap is not installed (pip install 'alveary[desktop]')")


class Screen:
    """The one root, and what tests do with it."""

    def __init__(self, root: tk.Tk, theme: Theme) -> None:
        self.root = root
        self.theme = theme
        self.failures: list[BaseException] = []
        root.report_callback_exception = self._failed

    def pump(self, until: Callable[[], object] = lambda: True, timeout: float = HANG) -> None:
        """Run Tk's loop until ``until`` is true; AssertionError when that takes longer than ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while True:
            self.root.update()
            if until():
                return
            assert time.monotonic() < end, "what the test waits for did not come about"
            time.sleep(0.002)

    def settle(self) -> None:
        """Run what is to be drawn or called at once."""
        self.root.update_idletasks()
        self.root.update()

    def press(self, widget: tk.Misc, *keys: str) -> None:
        """Press keys in a widget, as Tk names them: ``<Control-Key-c>``, ``<Return>``."""
        widget.focus_force()
        self.settle()  # keys go nowhere until the focus has come
        for key in keys:
            widget.event_generate(key)
        self.settle()

    def _failed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.failures.append(error)


@pytest.fixture(scope="session")
def _root(display: str) -> Iterator[Screen]:
    import ttkbootstrap

    from alveary_shell.theme import Theme
    from alveary_shell.themes import DARK, LIGHT

    root = ttkbootstrap.App(title="tests", iconphoto=None, size=(1400, 900))
    theme = Theme(root, [DARK, LIGHT])
    theme.use("dark")
    yield Screen(root, theme)
    root.destroy()


@pytest.fixture
def screen(_root: Screen) -> Iterator[Screen]:
    """The root, for one test; what a callback of Tk's raises fails the test, and all its widgets go."""
    _root.failures.clear()
    _root.theme.use("dark")
    yield _root
    for child in _root.root.winfo_children():
        child.destroy()
    _root.settle()
    gc.collect()
    if _root.failures:
        raise _root.failures[0]


@pytest.fixture
def frame(screen: Screen) -> tk.Frame:
    """A frame that fills the root."""
    frame = tk.Frame(screen.root)
    frame.pack(fill="both", expand=True)
    screen.settle()
    return frame
