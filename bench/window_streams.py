"""P13 in the window: two editors that each read the whole table at once, beside the same two one after the other.

As a script it is the measured process (``window_streams.py URL URL``), a window on a private X server; it prints one
line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

    from alveary_plugins.panels.editor.view import EditorPanel
    from alveary_shell.window import MainWindow

BAR = 1.5
_PAIRS = (("SQLite", "PostgreSQL"), ("SQLite", "MariaDB"))


def measure(settings: Settings) -> list[Line]:
    """Run the window several times with each pair of engines."""
    from exports import url_of
    from grid import on_display
    from servers import ServerMissingError
    from table import Line, seconds, spread, verdict

    lines = []
    kept = dict(settings.environment)
    for pair in _PAIRS:
        work = f"two editors of the window, {settings.rows:,} × 10 of {' and '.join(pair)}; peer: the sum of each alone"
        if shutil.which("Xvfb") is None or importlib.util.find_spec("ttkbootstrap") is None:
            return [Line("P13", work, peer="not measured: apt install xvfb, pip install 'alveary[desktop]'")]
        try:
            urls = [url_of(settings, product) for product in pair]
        except ServerMissingError as exc:
            lines.append(Line("P13", work, peer=f"not measured: {exc}"))
            continue
        said, peak = [], 0.0
        with on_display() as display, tempfile.TemporaryDirectory() as home:
            settings.environment.update(DISPLAY=display, ALVEARY_HOME=home)
            for _ in range(settings.rounds or 3):
                usage = settings.run([sys.executable, __file__, *urls])
                said.append(json.loads(usage.output))
                assert said[-1]["rows"] == [settings.rows] * 4, said[-1]
                peak = max(peak, usage.peak)
        ratios = [each["both"] / each["alone"] for each in said]
        gap = max(each["gap"] for each in said)
        lines.append(
            Line(
                "P13",
                f"{work}; longest turn of Tk's loop meanwhile {gap * 1000:.0f} ms",
                ours=seconds(statistics.median(each["both"] for each in said)),
                peer=seconds(statistics.median(each["alone"] for each in said)),
                ratio=spread(ratios),
                bar=verdict(f"≤ {BAR:g}", statistics.median(ratios) <= BAR),
                peak=f"{peak:.0f}",
            )
        )
    settings.environment.clear()
    settings.environment.update(kept)
    return lines


# -- the measured process ----------------------------------------------------------------------------------------


class Reading:
    """The window while its editors read, and how long a turn of its loop took at most."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.gap = 0.0

    def editor(self, url: str) -> EditorPanel:
        """Open an editor, connected and without a limit on rows."""
        from alveary_plugins.panels.editor.view import EditorPanel

        editor = self._window.open("editor", {"target": url, "connect": True})
        assert isinstance(editor, EditorPanel), "which has the session"
        while not editor.model.connected:
            self._turn()
        editor.model.limit = None
        return editor

    def read(self, editors: list[EditorPanel], sql: str = "select * from t") -> tuple[float, list[int]]:
        """Return the seconds until each has stored its rows, and how many; the results are dropped."""
        from alveary_plugins.panels.editor.model import Item

        started = time.perf_counter()
        statements = []
        for editor in editors:
            editor.model.start([Item(sql, 0)])
            assert editor.model.run is not None, "it was begun"
            assert editor.model.run.statement is not None, "and handed to the session at once"
            statements.append(editor.model.run.statement)
        while any(editor.model.busy for editor in editors):
            self._turn()
        took = time.perf_counter() - started
        rows = []
        for statement in statements:
            statement.check()
            assert statement.result is not None, "a select has a result"
            rows.append(len(statement.result))
            statement.result.drop()
        return took, rows

    def _turn(self) -> None:
        before = time.perf_counter()
        self._window.root.update()
        self.gap = max(self.gap, time.perf_counter() - before)
        time.sleep(0.002)


def streams(window: MainWindow, urls: list[str]) -> None:
    """Time the first alone, both at once, the second alone: a machine that slows down slows both sides."""
    window.root.deiconify()
    reading = Reading(window)
    editors = [reading.editor(url) for url in urls]
    for editor in editors:
        reading.read([editor], "select * from t limit 10000")
    reading.gap = 0.0
    first, rows = reading.read(editors[:1])
    both, more = reading.read(editors)
    second, last = reading.read(editors[1:])
    print(json.dumps({"both": both, "alone": first + second, "rows": rows + more + last, "gap": reading.gap}))
    sys.stdout.flush()
    window.quit()


if __name__ == "__main__":
    from window import window

    window(lambda shown: streams(shown, sys.argv[1:]))
