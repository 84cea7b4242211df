"""P8: the grid over ten million rows of twenty columns, beside tksheet over the same stored result.

As a script it is the measured process (``grid.py ours|tksheet DIRECTORY [SITE]``): it shows the rows in a window of
1400×800, goes through pages and jumps, and prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tkinter as tk

    from processes import Settings
    from table import Line

    from alveary import ResultSet

ROWS, FEWER_ROWS, COLUMNS = 10_000_000, 1_000_000, 20
PAGES, JUMPS = 200, 30
PAGE_BAR, RATIO_BAR, JUMP_BAR = 0.016, 0.6, 0.050
GROWTH_BAR = 1.1
"""How much more memory ten times the rows may take."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one process measured: seconds, and its largest size in MB."""

    page: float
    """The 95th percentile of a page's redraw."""
    median: float
    cpu: float
    """Seconds of this process's processor a page takes, which other work on the machine moves less."""
    last: float
    """The first jump to the last row."""
    jump: float
    peak: float


def measure(settings: Settings) -> list[Line]:
    """Show the rows in our grid and in tksheet, in turn."""
    import peers
    from table import Line

    work = f"grid over {ROWS:,} × {COLUMNS} at 1400×800"
    if shutil.which("Xvfb") is None:
        return [Line("P8", f"{work}: not measured, Xvfb is not installed (apt install xvfb)")]
    if importlib.util.find_spec("ttkbootstrap") is None:
        return [Line("P8", f"{work}: not measured, ttkbootstrap is not installed (pip install 'alveary[desktop]')")]
    site = os.environ.get("BENCH_TKSHEET", "")
    with contextlib.suppress(peers.PeerMissingError):
        site = site or peers.packages_of(settings.data, "tksheet")
    peer = bool(site)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch, on_display() as display:
        many, fewer = Path(scratch) / "many", Path(scratch) / "fewer"
        make(many, ROWS)
        make(fewer, FEWER_ROWS)

        def show(what: str, directory: Path) -> Shown:
            command = [sys.executable, __file__, what, str(directory), site]
            settings.environment["DISPLAY"] = display
            return Shown(**json.loads(settings.run(command).output))

        ours, theirs = [], []
        for _ in range(settings.rounds or 3):
            ours.append(show("ours", many))
            if peer:
                theirs.append(show("tksheet", many))
        small = show("ours", fewer)
    return _lines(work, ours, theirs, small)


def _lines(work: str, ours: list[Shown], theirs: list[Shown], small: Shown) -> list[Line]:
    from table import Line, spread, verdict

    page = statistics.median(each.page for each in ours)
    last = statistics.median(each.last for each in ours)
    peaks = max(each.peak for each in ours), max((each.peak for each in theirs), default=0.0)
    lines = [
        Line(
            "P8",
            f"{work}: page redraw, p95; peer: tksheet",
            ours=_milliseconds(page),
            peer=_milliseconds(statistics.median(each.page for each in theirs))
            if theirs
            else "not measured: tksheet can't be installed",
            ratio=spread([mine.page / other.page for mine, other in zip(ours, theirs, strict=True)]) if theirs else "–",
            cpu=f"{statistics.median(mine.cpu / other.cpu for mine, other in zip(ours, theirs, strict=True)):.2f}"
            if theirs
            else "–",
            bar=verdict(f"≤ {PAGE_BAR * 1000:g} ms", page <= PAGE_BAR),
            peak=f"{peaks[0]:.0f} / {peaks[1]:.0f}" if theirs else f"{peaks[0]:.0f}",
        ),
        Line(
            "P8",
            "the same, first jump to the last row",
            ours=_milliseconds(last),
            peer=_milliseconds(statistics.median(each.last for each in theirs)) if theirs else "–",
            ratio=spread([mine.last / other.last for mine, other in zip(ours, theirs, strict=True)]) if theirs else "–",
            bar=verdict(f"≤ {JUMP_BAR * 1000:g} ms", last <= JUMP_BAR),
        ),
        Line(
            "P8",
            f"the same, jumps anywhere; peak MB beside {FEWER_ROWS:,} rows",
            ours=_milliseconds(statistics.median(each.jump for each in ours)),
            peer=_milliseconds(statistics.median(each.jump for each in theirs)) if theirs else "–",
            bar=verdict(f"≤ {GROWTH_BAR:g} × the MB", peaks[0] <= GROWTH_BAR * small.peak),
            peak=f"{peaks[0]:.0f} / {small.peak:.0f}",
        ),
    ]
    if theirs:
        ratio = statistics.median(mine.page / other.page for mine, other in zip(ours, theirs, strict=True))
        lines.append(Line("P8", "the ratio's own bar", bar=verdict(f"≤ {RATIO_BAR:g}", ratio <= RATIO_BAR)))
    return lines


def make(directory: Path, rows: int) -> None:
    """Store a result of so many rows, of every kind a column has; a few hundred pages of it come again and again."""
    from alveary import Column, ValueKind
    from alveary.results import ResultWriter

    words = ("alpha", "bravo charlie", "", "delta echo foxtrot golf hotel india", "hôtel", "日本語テキスト", None)
    kinds = [ValueKind.NUMBER, ValueKind.TEXT, ValueKind.TEXT, ValueKind.TEMPORAL, ValueKind.NUMBER]
    names = ["id", "email", "words", "created_at", "amount"]
    writer = ResultWriter(directory)
    writer.columns(
        [
            Column(name=names[number] if number < 5 else f"col_{number}", kind=kinds[number % 5], type_name="text")
            for number in range(COLUMNS)
        ]
    )
    page, pages = 500, []
    for number in range(64):
        start = number * page
        pages.append(
            [
                (
                    str(row), f"user_{row}@example.org", words[row % 7], f"2024-01-01 00:{row % 60:02}:00",
                    f"{row * 1.2345:.4f}", *(str(row * column) if row % 5 else None for column in range(15)),
                )
                for row in range(start, start + page)
            ]
        )  # fmt: skip
    for number in range(rows // page):
        writer.rows(pages[number % len(pages)])
    writer.close(True)


@contextlib.contextmanager
def on_display() -> Iterator[str]:
    """Start a private X server of 1400×800 and yield its display."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield f":{said.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


# -- the measured process ----------------------------------------------------------------------------------------


def main(what: str, directory: str, site: str = "") -> None:
    """Show the rows and time what a person does with them."""
    if site:
        sys.path.append(site)
    import ttkbootstrap

    from alveary import ResultSet

    result = ResultSet(directory)
    root = ttkbootstrap.App(title="bench", iconphoto=None, size=(1400, 800))
    root.geometry("1400x800+0+0")
    go, settled = (ours if what == "ours" else tksheet)(root, result)

    def step(row: int) -> float:
        started = time.perf_counter()
        go(row)
        root.update()
        while not settled():
            root.update()
        root.winfo_pointerx()  # a round trip: the server has drawn it
        return time.perf_counter() - started

    root.update()
    rows = len(result)
    step(0)
    last = step(rows - 1)
    step(0)
    processor = time.process_time()
    pages = sorted(step(number * 27) for number in range(1, PAGES + 1))
    processor = time.process_time() - processor
    chance = random.Random(8)
    jumps = [step(chance.randrange(rows - 100)) for _ in range(JUMPS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    measured = {
        "page": pages[int(len(pages) * 0.95)],
        "median": statistics.median(pages),
        "cpu": processor / PAGES,
        "last": last,
        "jump": statistics.median(jumps),
        "peak": peak,
    }
    sys.stdout.write(json.dumps(measured))
    sys.stdout.flush()
    os._exit(0)  # the result would delete its files at the end, and they are shown again


def ours(root: tk.Tk, result: ResultSet) -> tuple[Callable[[int], object], Callable[[], bool]]:
    """Show the rows in our grid; return what scrolls to a row, and what tells whether it is drawn."""
    from alveary_shell.theme import Theme
    from alveary_shell.themes import DARK
    from alveary_shell.widgets.grid import Grid
    from alveary_shell.widgets.grid_rows import CachedRows, Reader

    theme = Theme(root, [DARK])  # type: ignore[arg-type]  # it is the application's root
    theme.use("dark")
    grid = Grid(root, theme)
    grid.pack(fill="both", expand=True)
    rows = CachedRows(lambda: result, len(result.columns), Reader())
    rows.grown(len(result))
    grid.show(result.columns, rows)
    root.update()

    def go(row: int) -> None:
        # Down to the end of the page first, so that the row is the topmost one.
        grid.see(min(row + len(grid.visible_rows) - 1, len(rows) - 1), 0)
        grid.see(row, 0)

    return go, lambda: grid.settled


def tksheet(root: tk.Tk, result: ResultSet) -> tuple[Callable[[int], object], Callable[[], bool]]:
    """Show the rows in tksheet, as lazily as it lets one: a list that reads, and no look at every row's length."""
    from tksheet import Sheet  # type: ignore[import-not-found, unused-ignore]  # not a dependency

    @functools.lru_cache(maxsize=64)
    def block(number: int) -> list[list[Any]]:
        return [list(row) for row in result.window(number * 256, number * 256 + 256)]

    class Lazy(list[Any]):
        """Rows that are read when they are asked for."""

        def __len__(self) -> int:
            return len(result)

        def __bool__(self) -> bool:
            return True

        def __getitem__(self, at: Any) -> Any:
            return block(at // 256)[at % 256]

        def __iter__(self) -> Iterator[Any]:
            return (self[at] for at in range(len(self)))

    sheet = Sheet(root, theme="dark", headers=[column.name for column in result.columns])
    sheet.pack(fill="both", expand=True)
    sheet.MT.total_data_cols = lambda *_, **__: len(result.columns)
    sheet.MT.data = Lazy()
    sheet.MT.set_col_positions(itr=[120] * len(result.columns))
    sheet.MT.set_row_positions(itr=itertools.repeat(sheet.MT.get_default_row_height(), len(result)))
    sheet.refresh()
    root.update()
    height = sheet.MT.get_default_row_height() * len(result)

    def go(row: int) -> None:
        sheet.set_yview(row * sheet.MT.get_default_row_height() / height)

    return go, lambda: True


if __name__ == "__main__":
    main(*sys.argv[1:])
