"""What stands above and below a table's rows: the filter and what is wrong with it, the pages and what was read."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk

from alveary_plugins.panels.table.model import PAGE, Page
from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.form import Hint
from alveary_shell.widgets.grid_text import visible, visible_lines
from alveary_shell.widgets.words import CutLabel

MOST_SHOWN = 160
"""Characters of the statement that the foot shows."""


class FilterBar(tk.Frame):
    """A condition in SQL. ``applied`` is called with it on Enter, ``left`` when the keyboard should go to the rows."""

    def __init__(
        self, master: tk.Misc, theme: Theme, *, applied: Callable[[str], object], left: Callable[[], object]
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._applied, self._left = applied, left
        self._in_force = ""
        px = theme.px
        bar = tk.Frame(self, borderwidth=0)
        bar.pack(fill="x")
        word = tk.Label(bar, text="where", borderwidth=0)
        word.pack(side="left", padx=(px(10), px(6)))
        self._where = ttk.Entry(bar, font=theme.code)
        self._where.pack(side="left", fill="x", expand=True, pady=px(6))
        self._hint = Hint(self._where, theme, "all rows; a condition in SQL, then Enter")
        FlatButton(bar, theme, self._apply, text=" Apply ", icon="funnel").pack(side="left", padx=px(4))
        FlatButton(bar, theme, self.clear, icon="x-lg").pack(side="left", padx=(0, px(6)))
        self._wrong = tk.Label(self, borderwidth=0, justify="left", anchor="w")
        for keys, press in (
            ("<Return>", self._apply),
            ("<KP_Enter>", self._apply),
            ("<Escape>", self._leave),
        ):
            self._where.bind(keys, lambda _, press=press: _act(press))  # type: ignore[misc]  # mypy can't infer a default
        self._where.bind("<KeyRelease>", lambda _: self._hint.show(not self._where.get()))
        self._where.bind("<Down>", lambda _: left())

        def paint() -> None:
            surface = theme.color("surface")
            for each in (self, bar):
                each.configure(background=surface)
            word.configure(background=surface, foreground=theme.color("keyword"), font=theme.code)
            self._where.configure(font=theme.code)
            self._wrong.configure(
                background=surface, foreground=theme.color("danger"), font=theme.small, padx=px(10), pady=px(3)
            )

        theme.follow(self, paint)

    @property
    def text(self) -> str:
        """The condition that stands there; what is set is in force."""
        return self._where.get().strip()

    @text.setter
    def text(self, where: str) -> None:
        self._in_force = where
        self._where.delete(0, "end")
        self._where.insert(0, where)
        self._hint.show(not where)

    def clear(self) -> None:
        """Take the condition away."""
        before, self.text = self._in_force, ""
        if before:
            self._applied("")

    def complain(self, text: str) -> None:
        """Say what is wrong with the condition, "" if nothing is."""
        if text:
            self._wrong.configure(text=visible_lines(text), wraplength=max(self.winfo_width() - 40, 200))
            self._wrong.pack(fill="x")
        else:
            self._wrong.pack_forget()

    def focus_set(self) -> None:
        """Put the keyboard into the condition."""
        self._where.focus_set()
        self._where.select_range(0, "end")

    def _apply(self) -> None:
        self._in_force = self.text
        self._applied(self.text)

    def _leave(self) -> None:
        """Go to the rows, and leave there what is in force."""
        self.text = self._in_force
        self._left()


class Foot(tk.Frame):
    """Buttons to turn the pages, what was read, and the statement; ``actions`` are back, next, stop and copy."""

    def __init__(self, master: tk.Misc, theme: Theme, actions: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(master, borderwidth=0)
        px = theme.px
        line = tk.Frame(self, height=1, borderwidth=0)
        line.pack(fill="x")
        self._back = FlatButton(self, theme, actions["back"], icon="chevron-left")
        self._back.pack(side="left", padx=(px(6), 0), pady=px(2))
        self._next = FlatButton(self, theme, actions["next"], icon="chevron-right")
        self._next.pack(side="left")
        self._said = tk.Label(self, borderwidth=0, anchor="w")
        self._said.pack(side="left", padx=px(8))
        self._stop = FlatButton(self, theme, actions["stop"], text="Stop", role="accent")
        self._shown = CutLabel(self, anchor="e")
        self._shown.configure(cursor="hand2")
        self._shown.pack(side="right", padx=px(10), fill="x", expand=True)
        self._shown.bind("<Button-1>", lambda _: actions["copy"]())

        def paint() -> None:
            surface = theme.color("surface")
            line.configure(background=theme.color("border"))
            self.configure(background=surface)
            self._said.configure(background=surface, foreground=theme.color("muted"), font=theme.small)
            self._shown.wear(background=surface, foreground=theme.color("faint"), font=theme.small)

        theme.follow(self, paint)

    def turn(self, *, back: bool, forth: bool) -> None:
        """Say whether there is a page before, and one after."""
        self._back.show(enabled=back)
        self._next.show(enabled=forth)

    def say(self, text: str, *, stop: bool = False) -> None:
        """Say how it stands; with ``stop`` there is a button to stop it."""
        self._said.configure(text=text)
        if not stop:
            self._stop.pack_forget()
        elif not self._stop.winfo_manager():
            self._stop.pack(side="left", after=self._said)

    def show_statement(self, sql: str) -> None:
        """Show what was sent."""
        self._shown.say(visible(" ".join(sql.split()))[:MOST_SHOWN])


def page_text(page: Page, estimate: int | None) -> str:
    """Return which rows a page has, of how many by the server's estimate, and how long they took."""
    first = page.wish.page * PAGE
    rows = f"rows {first + 1:,}–{first + page.rows:,}"
    if not page.rows or not (first or page.more):
        rows = f"{page.rows:,} row{'' if page.rows == 1 else 's'}" if page.rows else "no rows"
    whole = ""
    if page.more:
        known = estimate is not None and not page.wish.where and estimate > page.rows
        whole = f", of about {estimate:,}" if known else ", and more"
    unordered = "" if page.ordered_by or not (page.more or page.wish.page) else "  ·  in no order"
    return f"{rows}{whole}  ·  {page.seconds * 1000:.0f} ms{unordered}"


def _act(press: Callable[[], object]) -> str:
    press()
    return "break"
