"""The docks: where panels stand, left, right, below and in the middle, each dock with its tabs."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass, field
from tkinter import ttk
from typing import Any

from alveary.contracts.window import Dock
from alveary_shell.sdk import Panel
from alveary_shell.theme import Theme
from alveary_shell.widgets.tabs import Tab, TabStrip

SIZES: dict[Dock, int] = {"left": 280, "right": 320, "bottom": 320}
"""Units a dock is wide or high when it is first opened."""
LEAST = 80


@dataclass(slots=True)
class Place:
    """A panel in a dock: its key there, and the frame it was built into."""

    key: str
    frame: tk.Frame
    panel: Panel


@dataclass(slots=True)
class _Reactions:
    """Whom a dock tells."""

    selected: Callable[[Dock], object]
    close: Callable[[Panel], object]
    menu: Callable[[Panel, tk.Event[tk.Misc]], object]
    opened: Callable[[Dock], object] = field(default=lambda _: None)


class DockFrame(tk.Frame):
    """One dock: a strip of tabs above the panel in front."""

    def __init__(self, master: tk.Misc, theme: Theme, dock: Dock, reactions: _Reactions) -> None:
        super().__init__(master, borderwidth=0)
        self.dock = dock
        self._theme = theme
        self._reactions = reactions
        self.places: list[Place] = []
        self.front: Place | None = None
        self._strip = TabStrip(self, theme, select=self._chosen, close=self._closing, menu=self._menu)
        self._strip.pack(fill="x")
        self.body = tk.Frame(self, borderwidth=0)
        self.body.pack(fill="both", expand=True)
        self.body.pack_propagate(False)
        theme.follow(self, lambda: self.body.configure(background=theme.color("background")))

    def make(self) -> tk.Frame:
        """Return a frame for a panel to be built into."""
        frame = tk.Frame(self.body, borderwidth=0)
        self._theme.follow(frame, lambda: frame.configure(background=self._theme.color("background")))
        return frame

    def add(self, place: Place) -> None:
        """Add a panel, in the order its spec asks for, and bring it to the front."""
        at = len(self.places)
        if self.dock != "center":
            order = (place.panel.spec.order, place.panel.spec.title)
            at = sum((each.panel.spec.order, each.panel.spec.title) <= order for each in self.places)
        self.places.insert(at, place)
        self.select(place)

    def select(self, place: Place) -> None:
        """Bring a panel to the front."""
        if self.front is not place:
            if self.front is not None:
                self.front.frame.pack_forget()
            place.frame.pack(fill="both", expand=True)
            self.front = place
        self.retitle()

    def remove(self, place: Place) -> None:
        """Take a panel away; its neighbour comes to the front."""
        at = self.places.index(place)
        self.places.remove(place)
        place.frame.pack_forget()
        if self.front is place:
            self.front = None
            if self.places:
                self.select(self.places[min(at, len(self.places) - 1)])
        self.retitle()

    def retitle(self) -> None:
        """Show the titles anew."""
        tabs = [
            Tab(
                key=place.key,
                text=place.panel.title,
                icon=place.panel.spec.icon,
                color=place.panel.color,
                modified=place.panel.modified,
                closable=self.dock == "center",
            )
            for place in self.places
        ]
        self._strip.show(tabs, self.front.key if self.front is not None else None)

    def _place(self, key: str) -> Place:
        return next(place for place in self.places if place.key == key)

    def _chosen(self, key: str) -> None:
        self.select(self._place(key))
        self._reactions.selected(self.dock)

    def _closing(self, key: str) -> None:
        if self.dock == "center":
            self._reactions.close(self._place(key).panel)

    def _menu(self, key: str, event: tk.Event[tk.Misc]) -> None:
        self._reactions.menu(self._place(key).panel, event)


class Docks(tk.Frame):
    """All docks, with sashes between them; a dock is hidden and shown as a whole."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        selected: Callable[[Dock], object],
        close: Callable[[Panel], object],
        menu: Callable[[Panel, tk.Event[tk.Misc]], object],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._columns = ttk.Panedwindow(self, orient="horizontal")
        self._rows = ttk.Panedwindow(self._columns, orient="vertical")
        self._columns.pack(fill="both", expand=True)
        reactions = _Reactions(selected, close, menu)
        self.frames: dict[Dock, DockFrame] = {
            "left": DockFrame(self._columns, theme, "left", reactions),
            "center": DockFrame(self._rows, theme, "center", reactions),
            "bottom": DockFrame(self._rows, theme, "bottom", reactions),
            "right": DockFrame(self._columns, theme, "right", reactions),
        }
        self._sizes: dict[str, int] = {dock: theme.px(size) for dock, size in SIZES.items()}
        self._folded = False
        """Whether the bottom dock is only hidden as long as a page is in front that has its room."""
        self._columns.add(self._rows, weight=1)
        self._rows.add(self.frames["center"], weight=1)

    def visible(self, dock: Dock) -> bool:
        """Return whether a dock is shown."""
        return str(self.frames[dock].winfo_manager()) == "panedwindow"

    def wanted(self, dock: Dock) -> bool:
        """Return whether a dock is shown, or will be when the page in front no longer has its room."""
        return self.visible(dock) or (dock == "bottom" and self._folded)

    def fold(self, folded: bool) -> None:
        """Give the page in front the room of the bottom dock, or that dock its own."""
        if folded and self.visible("bottom"):
            self.hide("bottom")
            self._folded = True
        elif not folded and self._folded:
            self.show("bottom")

    def show(self, dock: Dock) -> None:
        """Show a dock at the size it had when it was hidden."""
        if dock == "bottom":
            self._folded = False
        if self.visible(dock):
            return
        frame = self.frames[dock]
        if dock == "bottom":
            frame.configure(height=self._sizes[dock])
            self._rows.add(frame, weight=0)
        elif dock == "left":
            frame.configure(width=self._sizes[dock])
            self._columns.insert(0, frame, weight=0)
        else:
            frame.configure(width=self._sizes[dock])
            self._columns.add(frame, weight=0)
        frame.pack_propagate(False)

    def hide(self, dock: Dock) -> None:
        """Hide a dock, and remember its size."""
        if dock == "bottom":
            self._folded = False
        if dock != "center" and self.visible(dock):
            self._sizes = self.sizes()
            (self._rows if dock == "bottom" else self._columns).forget(self.frames[dock])

    def sizes(self) -> dict[str, int]:
        """Return how wide or high each dock is, in pixels; of a hidden one, was."""
        now = dict(self._sizes)
        for dock in SIZES:
            frame = self.frames[dock]
            size = frame.winfo_height() if dock == "bottom" else frame.winfo_width()
            if self.visible(dock) and size > 1:
                now[dock] = size
        return now

    def resize(self, sizes: dict[str, Any]) -> None:
        """Set the sizes docks are shown with from now on; what is no size is left out."""
        least = self._theme.px(LEAST)
        for dock in SIZES:
            if isinstance(size := sizes.get(dock), int):
                self._sizes[dock] = max(least, size)

    def place_of(self, panel: Panel) -> tuple[DockFrame, Place] | None:
        """Return where a panel stands."""
        for frame in self.frames.values():
            for place in frame.places:
                if place.panel is panel:
                    return frame, place
        return None
