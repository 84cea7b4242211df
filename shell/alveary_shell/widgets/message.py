"""A few words where there is nothing else to show, and perhaps a button below them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid_text import visible, visible_lines

WIDTH = 560
"""Units after which a line of the detail is broken."""


class MessagePage(tk.Frame):
    """A sentence in the middle, and what there is to say about it."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._role = "muted"
        inner = self._inner = tk.Frame(self, borderwidth=0)
        inner.place(relx=0.5, rely=0.45, anchor="center")
        self._title = tk.Label(inner, borderwidth=0, justify="center")
        self._title.pack()
        self._detail = tk.Label(inner, borderwidth=0, justify="center")
        self._detail.pack(pady=(theme.px(4), 0))
        self._press: Callable[[], object] = lambda: None
        self._button = FlatButton(inner, theme, self._pressed, ground="raised", role="text")
        self.bind("<Configure>", lambda _: self._fit())
        theme.follow(self, self._paint)

    def _pressed(self) -> None:
        self._press()

    def show(
        self,
        title: str,
        detail: str = "",
        *,
        role: str = "muted",
        button: tuple[str, Callable[[], object]] | None = None,
    ) -> None:
        """Say something; ``role`` is the theme's colour of the title."""
        self._title.configure(text=visible(title))
        self._detail.configure(text=visible_lines(detail))
        if role != self._role:
            self._role = role
            self._paint()
        if button is None:
            self._button.pack_forget()
        else:
            self._press = button[1]
            self._button.show(text=f" {button[0]} ")
            self._button.pack(pady=(self._theme.px(12), 0))

    def focus_set(self) -> None:
        """Put the keyboard on the button, if there is one."""
        if self._button.winfo_manager():
            self._button.focus_set()
        else:
            super().focus_set()

    def _paint(self) -> None:
        theme, ground = self._theme, self._theme.color("background")
        self.configure(background=ground)
        self._inner.configure(background=ground)
        self._title.configure(background=ground, foreground=theme.color(self._role), font=theme.ui_bold)
        self._detail.configure(background=ground, foreground=theme.color("muted"), font=theme.ui)
        self._fit()

    def _fit(self) -> None:
        """Break lines where the place is too narrow."""
        width = min(self._theme.span(WIDTH), self.winfo_width() - self._theme.px(24))
        for each in (self._title, self._detail):
            each.configure(wraplength=max(width, 1))
