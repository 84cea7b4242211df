"""Where everything stands in the window: told to whoever writes it down, put back when the next one is made."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from alveary.contracts.window import PanelSpec
from alveary.errors import StorageError
from alveary_shell.docks import SIZES
from alveary_shell.workspace import SavedPanel, Workspace

if TYPE_CHECKING:
    from alveary_shell.window import MainWindow

SIZE = (1360, 860)
"""Units the window is wide and high when it is first opened, if the screen has them."""


class Standing:
    """Belongs to a window, on Tk's thread."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._postponed: list[PanelSpec] = []

    def now(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs, as JSON has it; the panels' own states are kept beside it."""
        docks = self._window.docks
        frames = docks.frames.values()
        return {
            "geometry": self._window.root.geometry(),
            "sizes": docks.sizes(),
            "hidden": [dock for dock in SIZES if not docks.wanted(dock)],
            "panels": [place.panel.id for frame in frames for place in frame.places],
            "front": [frame.front.panel.id for frame in frames if frame.front is not None],
        }

    def restore(self, workspace: Workspace, *, own_root: bool, panels: bool, at_once: bool) -> None:
        """Give the root its size, if it is the window's own, and open again what was open, where it stood.

        Without ``panels`` only those are opened that are there from the start, and unless it is to be ``at_once``,
        those nobody sees are left to :meth:`make_postponed`.
        """
        window, docks = self._window, self._window.docks
        layout, saved = self._read(workspace)
        if own_root:
            self._size(layout.get("geometry"))
        if isinstance(sizes := layout.get("sizes"), dict):
            docks.resize(sizes)
        order = [id for id in layout.get("panels", []) if id in saved]
        for id in [*order, *(id for id in saved if id not in order)]:
            spec = window.kernel.plugins.panels.find(saved[id].panel)
            if spec is not None and panels:
                window.make(spec, saved[id].state, id)
        # Below stand results and what is told of them: there is nothing of the kind before anything is run.
        hidden = layout.get("hidden", ["bottom"])
        self._open_at_start(hidden if not at_once else [])
        for dock in SIZES:
            frame = docks.frames[dock]
            if frame.places:
                frame.select(frame.places[0])
            if frame.places and dock not in hidden:
                docks.show(dock)
            else:
                docks.hide(dock)
        in_front = layout.get("front", [])
        for panel in window.panels():
            if panel.id in in_front and (found := docks.place_of(panel)) is not None:
                found[0].select(found[1])

    def make_postponed(self) -> None:
        """Build one of the panels that nobody sees yet, then the next; they listen, so they are wanted all the same."""
        window = self._window
        if window.closing or not self._postponed:
            return
        spec = self._postponed.pop(0)
        if not window.panels(spec.id):
            window.make(spec, {})
            if not window.docks.visible(spec.dock):
                frame = window.docks.frames[spec.dock]
                frame.select(frame.places[0])
        window.root.after(1, self.make_postponed)

    def _read(self, workspace: Workspace) -> tuple[dict[str, Any], dict[str, SavedPanel]]:
        window = self._window
        try:
            for panel, id in workspace.kept():
                window.count(panel, id)
            return workspace.layout(), {panel.id: panel for panel in workspace.open_panels()}
        except StorageError as exc:
            error = exc
            # What is kept there can't be told, and it may be written again soon, so ids are taken that nobody had.
            for spec in window.kernel.plugins.panels:
                window.count(spec.id, f"{spec.id}-{time.time_ns()}")
            window.post(lambda: window.show_error(error, title="The workspace can't be read; nothing will be kept."))
            return {}, {}

    def _size(self, saved: object) -> None:
        window = self._window
        screen = window.root.winfo_screenwidth(), window.root.winfo_screenheight()
        px = window.theme.px
        # What the desktop needs for its bars, and the window for its title and menu.
        room = screen[0] - px(24), screen[1] - px(80)
        first = f"{min(px(SIZE[0]), room[0])}x{min(px(SIZE[1]), room[1])}"
        window.root.geometry(fitting(saved, screen) or first)

    def _open_at_start(self, postponed_in: list[str]) -> None:
        window = self._window
        empty = not window.docks.frames["center"].places
        for spec in window.kernel.plugins.panels:
            if spec.open_at_start and (empty if spec.dock == "center" else not window.panels(spec.id)):
                if spec.dock in postponed_in:
                    self._postponed.append(spec)
                else:
                    window.make(spec, {})


def fitting(geometry: object, screen: tuple[int, int]) -> str | None:
    """Return a saved geometry, ``WIDTHxHEIGHT+X+Y``, such that it lies on a screen of this size; None if it is none."""
    found = re.fullmatch(r"(\d+)x(\d+)\+(-?\d+)\+(-?\d+)", geometry) if isinstance(geometry, str) else None
    if found is None:
        return None
    width, height, x, y = map(int, found.groups())
    width, height = min(width, screen[0]), min(height, screen[1])
    return f"{width}x{height}+{max(0, min(x, screen[0] - width))}+{max(0, min(y, screen[1] - height))}"
