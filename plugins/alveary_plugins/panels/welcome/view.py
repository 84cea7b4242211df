"""The first page as it is drawn."""

from __future__ import annotations

import functools
import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.focus import focused

_ACTIONS = (
    ("welcome.open-sample", "play-circle", "Open the sample database", "A small music shop, to look around in"),
    ("welcome.open-database", "folder2-open", "Open a database file", "SQLite, or any engine that keeps a file"),
    ("welcome.new-database", "file-earmark-plus", "New database file", "An empty SQLite database"),
    ("connections.new", "plug", "New connection", "PostgreSQL, MySQL, MariaDB and whatever plugins bring"),
    ("welcome.open-url", "link-45deg", "Paste a URL", "postgresql://user@host/database"),
)


class WelcomePanel(Panel):
    """A column of ways to begin, in the middle of the page."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme, px = window.theme, window.theme.px
        column = tk.Frame(frame, borderwidth=0)

        def centre(height: int) -> None:
            """Stand a little above the middle, but never with the beginning out of sight."""
            above = round(0.42 * height) - column.winfo_reqheight() // 2
            column.place(relx=0.5, y=max(above, px(16)), anchor="n")

        frame.bind("<Configure>", lambda event: centre(event.height))
        column.bind("<Configure>", lambda _: centre(frame.winfo_height()))
        title = tk.Label(column, text="Alveary", anchor="w", borderwidth=0)
        title.pack(fill="x", padx=px(14))
        word = tk.Label(column, text="Where would you like to begin?", anchor="w", borderwidth=0)
        word.pack(fill="x", padx=px(14), pady=(px(2), px(16)))
        known = {spec.id for spec in window.kernel.plugins.commands}
        self._cards = [_Card(column, window, *action) for action in _ACTIONS if action[0] in known]
        for at, card in enumerate(self._cards):
            card.pack(fill="x", pady=px(2))
            card.bind("<Down>", functools.partial(self._step, at + 1))
            card.bind("<Up>", functools.partial(self._step, at - 1))
        hint = tk.Label(column, text="Ctrl+P finds anything, Ctrl+Shift+P every command", anchor="w", borderwidth=0)
        hint.pack(fill="x", padx=px(14), pady=(px(16), 0))

        def paint() -> None:
            ground = theme.color("background")
            column.configure(background=ground)
            title.configure(background=ground, foreground=theme.color("text"), font=theme.ui_bold)
            word.configure(background=ground, foreground=theme.color("muted"), font=theme.ui)
            hint.configure(background=ground, foreground=theme.color("muted"), font=theme.small)

        theme.follow(column, paint)

    def focus(self) -> None:
        self._cards[0].focus_set()

    def _step(self, at: int, _: tk.Event[tk.Misc]) -> None:
        self._cards[at % len(self._cards)].focus_set()


class _Card(tk.Canvas):
    """One way to begin: an icon, what it does, and a word about it."""

    def __init__(self, master: tk.Misc, window: Window, command: str, icon: str, title: str, word: str) -> None:
        self._theme = theme = window.theme
        self._icon, self._title, self._word = icon, title, word
        super().__init__(master, highlightthickness=0, borderwidth=0, takefocus=True)
        self._over = False
        run = functools.partial(window.run, command)
        for event in ("<Button-1>", "<Return>", "<space>"):
            self.bind(event, lambda _: run())
        for event in ("<FocusIn>", "<FocusOut>"):
            self.bind(event, lambda _: self._paint())
        self.bind("<Enter>", lambda _: self._point(True))
        self.bind("<Leave>", lambda _: self._point(False))
        theme.follow(self, self._paint)

    def _point(self, over: bool) -> None:
        self._over = over
        self.configure(cursor="hand2" if over else "")
        self._paint()

    def _paint(self) -> None:
        theme, px = self._theme, self._theme.span
        line = theme.ui.metrics("linespace")
        height = line + theme.small.metrics("linespace") + px(20)
        has_focus = focused(self) is self
        width = theme.span(54) + max(theme.span(376), theme.small.measure(self._word) + px(14))
        self.configure(
            width=width, height=height, background=theme.color("raised" if self._over or has_focus else "background")
        )
        self.delete("all")
        if has_focus:
            self.create_rectangle(0, 0, px(3), height, width=0, fill=theme.color("accent"))
        self.create_image(px(28), height // 2, image=theme.icon(self._icon, "accent", 20))
        self.create_text(px(54), px(9), anchor="nw", text=self._title, font=theme.ui, fill=theme.color("text"))
        self.create_text(
            px(54), px(11) + line, anchor="nw", text=self._word, font=theme.small, fill=theme.color("muted")
        )
