"""The bar above the messages: for what statements were sent, each to be shown or hidden."""

from __future__ import annotations

import functools
import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid_text import visible

if TYPE_CHECKING:
    from alveary_shell.theme import Theme


class Origins(tk.Frame):
    """A button for each origin of statements that nobody typed; pressed, what was sent for that is shown."""

    def __init__(self, master: tk.Misc, theme: Theme, hidden: object, *, changed: Callable[[], object]) -> None:
        """``hidden`` are the origins that were hidden when this was closed last, as its state says."""
        super().__init__(master, borderwidth=0)
        self._theme, self._changed = theme, changed
        self.hidden = {origin for origin in hidden if isinstance(origin, str)} if isinstance(hidden, list) else set()
        self.known: dict[str, FlatButton] = {}
        self._label = tk.Label(self, text="Also sent by Alveary:", borderwidth=0)
        self._label.pack(side="left", padx=(theme.px(12), theme.px(4)), pady=theme.px(2))
        self._none = tk.Label(self, text="nothing yet", borderwidth=0)
        self._none.pack(side="left")
        theme.follow(self, self._paint)

    def add(self, origin: str) -> None:
        """Something was sent for an origin."""
        if origin in self.known:
            return
        self._none.pack_forget()
        button = FlatButton(self, self._theme, functools.partial(self.toggle, origin), text=visible(origin[:40]))
        button.on = origin not in self.hidden
        button.pack(side="left", padx=self._theme.px(2))
        self.known[origin] = button

    def toggle(self, origin: str) -> None:
        """Show what was sent for an origin, or hide it."""
        self.hidden ^= {origin}
        if (button := self.known.get(origin)) is not None:
            button.on = origin not in self.hidden
        self._changed()

    def _paint(self) -> None:
        surface, muted = self._theme.color("surface"), self._theme.color("muted")
        self.configure(background=surface)
        for label in (self._label, self._none):
            label.configure(background=surface, foreground=muted, font=self._theme.small)
