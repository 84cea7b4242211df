"""P7: the window on the screen, a saved connection listed, beside a bare ttkbootstrap window; and what it holds idle.

As a script it is the measured process: ``window.py window`` is ``alveary window`` until all of it is drawn,
``window.py bare`` the peer, and ``window.py idle URL`` prints how many MB the window's process holds, connected.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tkinter as tk

    from processes import Settings, Usage
    from table import Line

    from alveary_shell.window import MainWindow

BAR, IDLE_BAR = 3.0, 100.0
IDLE_SECONDS = 3.0
"""How long a connected window rests before its size is read."""
ROUNDS = 7


def measure(settings: Settings) -> list[Line]:
    """Open both windows in turn, then ours once more on PostgreSQL."""
    from grid import on_display
    from processes import in_turn
    from servers import ServerMissingError
    from table import Line, compared, verdict

    work = "window on the screen, a saved connection listed, second start"
    if shutil.which("Xvfb") is None:
        return [Line("P7", f"{work}: not measured, Xvfb is not installed (apt install xvfb)")]
    if importlib.util.find_spec("ttkbootstrap") is None:
        return [Line("P7", f"{work}: not measured, ttkbootstrap is not installed (pip install 'alveary[desktop]')")]
    kept = dict(settings.environment)
    with on_display() as display, tempfile.TemporaryDirectory() as home:
        settings.environment.update(DISPLAY=display, ALVEARY_HOME=home)
        settings.run([settings.alveary, "connections", "add", "saved", "sqlite:///saved.db"])

        def run(*words: str) -> Usage:
            return settings.run([sys.executable, __file__, *words])

        try:
            url = settings.servers.postgres().url
            peak = float(run("idle", url).output)
            idle = Line(
                "P7",
                "the window's process, idle with one PostgreSQL connection and its tables listed",
                bar=verdict(f"≤ {IDLE_BAR:g} MB", peak <= IDLE_BAR),
                peak=f"{peak:.0f}",
            )
        except ServerMissingError as exc:
            idle = Line("P7", "idle with one PostgreSQL connection", peer=f"not measured: {exc}")
        pair = in_turn(lambda: run("window"), lambda: run("bare"), settings.rounds or ROUNDS)
    settings.environment.clear()
    settings.environment.update(kept)
    return [compared("P7", f"{work}; peer: ttkbootstrap, one button", pair, bar=BAR, floor=settings.floor), idle]


# -- the measured process ----------------------------------------------------------------------------------------


def bare() -> None:
    """Show a window with one button."""
    import ttkbootstrap

    root = ttkbootstrap.App(title="bare", iconphoto=None, size=(1360, 860))
    ttkbootstrap.Button(root, text="A button").pack()  # type: ignore[no-untyped-call]  # not annotated there
    root.update()
    root.winfo_pointerx()  # a round trip: the server has drawn it
    os._exit(0)


def window(seen: Callable[[MainWindow], None]) -> None:
    """Run ``alveary window`` as far as its loop, then ``seen`` in its place."""
    from alveary.cli import run
    from alveary_shell.window import MainWindow

    setattr(MainWindow, "mainloop", seen)  # noqa: B010  # in its place is what is measured
    raise SystemExit(run(["window"]))


def shown(window: MainWindow) -> None:
    """Show the window until the saved connection stands in its tree."""
    from alveary_plugins.panels.connections.view import ConnectionsPanel

    window.root.deiconify()
    (panel,) = window.panels("connections")
    assert isinstance(panel, ConnectionsPanel), "which is the tree"
    wait(window.root, lambda: bool(panel.tree.lines))
    window.root.winfo_pointerx()
    (window.kernel.paths.data / "window.starting").unlink()  # or the next start would ask what went wrong
    os._exit(0)


def idle(window: MainWindow, url: str) -> None:
    """Connect an editor, list the tables, rest, and print the MB of this process."""
    from alveary_plugins.panels.connections.view import ConnectionsPanel
    from alveary_plugins.panels.editor.view import EditorPanel

    window.root.deiconify()
    editor = window.open("editor", {"target": url, "connect": True})
    (panel,) = window.panels("connections")
    assert isinstance(editor, EditorPanel), "which has the session"
    assert isinstance(panel, ConnectionsPanel), "which is the tree"
    wait(window.root, lambda: editor.model.connected and len(panel.tree.lines) > 2)
    until = time.monotonic() + IDLE_SECONDS
    wait(window.root, lambda: time.monotonic() > until)
    with open("/proc/self/status") as status:
        size = next(line for line in status if line.startswith("VmRSS"))
    sys.stdout.write(str(int(size.split()[1]) / 1024))
    sys.stdout.flush()
    window.quit()


def wait(root: tk.Tk, until: Callable[[], bool]) -> None:
    """Run Tk's loop until something is so."""
    while not until():
        root.update()
        time.sleep(0.001)
    root.update()


def main(what: str, url: str = "") -> None:
    """Be one of the processes."""
    if what == "bare":
        bare()
    window(shown if what == "window" else lambda window: idle(window, url))


if __name__ == "__main__":
    main(*sys.argv[1:])
