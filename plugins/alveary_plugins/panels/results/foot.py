"""The line below the rows: how the result stands, what can be done about it, and where the cursor is."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alveary_shell.widgets.flat import FlatButton

if TYPE_CHECKING:
    from alveary_shell.theme import Theme

MOST_OFFERS = 2


@dataclass(frozen=True, slots=True)
class Offer:
    """Something a person can do about how the result stands."""

    text: str
    take: Callable[[], object]


class Foot(tk.Frame):
    """Two texts, and buttons between them."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._offers: Sequence[Offer] = ()
        self._line = tk.Frame(self, height=1, borderwidth=0)
        self._line.pack(fill="x")
        self._said = tk.Label(self, borderwidth=0, anchor="w")
        self._said.pack(side="left", padx=theme.px(10), pady=theme.px(3))
        self._buttons = [
            FlatButton(self, theme, lambda at=at: self._take(at), role="accent")  # type: ignore[misc]  # mypy can't infer a default
            for at in range(MOST_OFFERS)
        ]
        self._picked = tk.Label(self, borderwidth=0, anchor="e")
        self._picked.pack(side="right", padx=theme.px(10))
        theme.follow(self, self._paint)

    def show(self, said: str, offers: Sequence[Offer]) -> None:
        """Say how the result stands, and offer up to ``MOST_OFFERS`` things to do."""
        self._said.configure(text=said)
        self._offers = offers
        for at, button in enumerate(self._buttons):
            if at < len(offers):
                button.show(text=offers[at].text)
                button.pack(side="left")
            else:
                button.pack_forget()

    def pick(self, text: str) -> None:
        """Say where the cursor is."""
        self._picked.configure(text=text)

    def _take(self, at: int) -> None:
        if at < len(self._offers):
            self._offers[at].take()

    def _paint(self) -> None:
        color = self._theme.color
        self.configure(background=color("surface"))
        self._line.configure(background=color("border"))
        for label in (self._said, self._picked):
            label.configure(background=color("surface"), foreground=color("muted"), font=self._theme.small)
