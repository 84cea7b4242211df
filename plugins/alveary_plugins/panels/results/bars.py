"""The two bars above the rows: which rows are shown, and where some text is."""

from __future__ import annotations

import functools
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import TYPE_CHECKING

from alveary.arrangement import Filter, Test
from alveary.contracts.values import Column
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid_text import visible

if TYPE_CHECKING:
    from alveary_shell.theme import Theme

TYPING = 300
"""Milliseconds after the last key until what was typed is looked for."""
ANY = "Any column"
WORDS: tuple[tuple[Test, str], ...] = (
    ("contains", "contains"),
    ("lacks", "does not contain"),
    ("equals", "="),
    ("differs", "≠"),
    ("less", "<"),
    ("at most", "≤"),
    ("greater", ">"),
    ("at least", "≥"),
    ("matches", "matches regex"),
    ("null", "is NULL"),
    ("not null", "is not NULL"),
)
_WITHOUT_VALUE = ("null", "not null")


class FilterBar(tk.Frame):
    """A line to make a condition in, and the conditions made so far; text in any column filters while it is typed."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        changed: Callable[[tuple[Filter, ...], str], object],
        closed: Callable[[], object],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._changed, self._closed = changed, closed
        self._columns: Sequence[Column] = ()
        self._filters: tuple[Filter, ...] = ()
        self._after: str | None = None
        pad = theme.px(6)
        self._row = tk.Frame(self, borderwidth=0)
        self._row.pack(fill="x", padx=theme.px(8), pady=theme.px(4))
        self._icon = tk.Label(self._row, borderwidth=0)
        self._icon.pack(side="left", padx=(0, pad))
        self._column = ttk.Combobox(self._row, state="readonly", width=18)
        self._column.pack(side="left", padx=(0, pad))
        self._test = ttk.Combobox(self._row, state="readonly", width=14, values=[word for _, word in WORDS])
        self._test.current(0)
        self._test.pack(side="left", padx=(0, pad))
        self._value = ttk.Entry(self._row, width=28)
        self._value.pack(side="left", padx=(0, pad))
        self._add = FlatButton(self._row, theme, self.add, text="Add", icon="plus-lg", role="text")
        self._add.pack(side="left", padx=(0, pad))
        FlatButton(self._row, theme, self.clear, text="Clear").pack(side="left")
        FlatButton(self._row, theme, closed, icon="x-lg").pack(side="right")
        self._chips = tk.Frame(self, borderwidth=0)
        self._value.bind("<KeyRelease>", self._typed)
        self._value.bind("<Return>", lambda _: self.add())
        for widget in (self._value, self._column, self._test):
            widget.bind("<Escape>", lambda _: closed())
        for widget in (self._column, self._test):
            widget.bind("<<ComboboxSelected>>", self._chosen)
        self.bind("<Destroy>", self._destroyed, add="+")
        theme.follow(self, self._paint)

    def show(self, columns: Sequence[Column], filters: tuple[Filter, ...], quick: str) -> None:
        """Show the conditions on another result."""
        self._columns = columns
        self._column.configure(values=[ANY, *(visible(column.name[:60]) for column in columns)])
        self._column.current(0)
        self._test.current(0)
        self._filters = filters
        self._value.delete(0, "end")
        self._value.insert(0, quick)
        self._draw_chips()

    def begin(self, column: int | None = None) -> None:
        """Put the keyboard into the value, for a condition on a column."""
        if column is not None:
            self._column.current(column + 1)
        self._value.focus_set()
        self._value.selection_range(0, "end")

    def add(self) -> None:
        """Make a condition of what is filled in."""
        test, value = WORDS[self._test.current()][0], self._value.get()
        if self._typing:
            self._tell()  # typing has filtered already, or will now
            return
        if value or test in (*_WITHOUT_VALUE, "equals", "differs"):
            at = self._column.current()
            self._filters = (*self._filters, Filter(test=test, value=value, column=at - 1 if at > 0 else None))
            self._value.delete(0, "end")
            self._draw_chips()
            self._tell()

    def clear(self) -> None:
        """Take all conditions away."""
        self._filters = ()
        self._value.delete(0, "end")
        self._draw_chips()
        self._tell()

    @property
    def _typing(self) -> bool:
        """Whether what is typed filters at once."""
        return self._column.current() <= 0 and self._test.current() == 0

    def _typed(self, _: object) -> None:
        if self._after is not None:
            self.after_cancel(self._after)
            self._after = None
        if self._typing:
            self._after = self.after(TYPING, self._tell)

    def _tell(self) -> None:
        if self._after is not None:
            self.after_cancel(self._after)
            self._after = None
        self._changed(self._filters, self._value.get() if self._typing else "")

    def _chosen(self, _: object) -> None:
        without = WORDS[self._test.current()][0] in _WITHOUT_VALUE
        self._value.configure(state="disabled" if without else "normal")
        (self._add if without else self._value).focus_set()

    def _draw_chips(self) -> None:
        for child in self._chips.winfo_children():
            child.destroy()
        if not self._filters:
            self._chips.pack_forget()
            return
        self._chips.pack(fill="x", padx=self._theme.px(8), pady=(0, self._theme.px(4)))
        for filter in self._filters:
            remove = functools.partial(self._remove, filter)
            chip = FlatButton(
                self._chips, self._theme, remove, text=self._words(filter), icon="x", ground="raised", role="text"
            )
            chip.pack(side="left", padx=(0, self._theme.px(6)))

    def _remove(self, filter: Filter) -> None:
        self._filters = tuple(other for other in self._filters if other is not filter)
        self._draw_chips()
        self._tell()

    def _words(self, filter: Filter) -> str:
        column = ANY if filter.column is None else self._columns[filter.column].name
        value = "" if filter.test in _WITHOUT_VALUE else f" {filter.value[:40]}"
        return visible(f"{column[:40]} {dict(WORDS)[filter.test]}{value}")

    def _paint(self) -> None:
        surface = self._theme.color("surface")
        for frame in (self, self._row, self._chips, self._icon):
            frame.configure(background=surface)
        self._icon.configure(image=self._theme.icon("funnel", "muted", 14))

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self and self._after is not None:
            self.after_cancel(self._after)
            self._after = None


class FindBar(tk.Frame):
    """A line for what is looked for, and how many rows have it."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        changed: Callable[[str, bool], object],
        step: Callable[[int], object],
        closed: Callable[[], object],
    ) -> None:
        """``changed`` gets the text and whether it is a regular expression; ``step`` gets 1 or -1."""
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._changed, self._step = changed, step
        self._after: str | None = None
        self._asked: tuple[str, bool] = ("", False)
        pad = theme.px(6)
        row = self._row = tk.Frame(self, borderwidth=0)
        row.pack(fill="x", padx=theme.px(8), pady=theme.px(4))
        self._icon = tk.Label(row, borderwidth=0)
        self._icon.pack(side="left", padx=(0, pad))
        self.entry = ttk.Entry(row, width=36)
        self.entry.pack(side="left", padx=(0, pad))
        self._regex = FlatButton(row, theme, self._toggle_regex, text="Regex", icon="asterisk")
        self._regex.pack(side="left", padx=(0, pad))
        FlatButton(row, theme, lambda: self.go(-1), icon="chevron-up").pack(side="left", padx=theme.px(2))
        FlatButton(row, theme, lambda: self.go(1), icon="chevron-down").pack(side="left", padx=theme.px(2))
        self._said = tk.Label(row, borderwidth=0)
        self._said.pack(side="left", padx=pad)
        FlatButton(row, theme, closed, icon="x-lg").pack(side="right")
        self.entry.bind("<KeyRelease>", self._typed)
        self.entry.bind("<Return>", lambda _: self.go(1))
        self.entry.bind("<Shift-Return>", lambda _: self.go(-1))
        self.entry.bind("<Escape>", lambda _: closed())
        self.bind("<Destroy>", self._destroyed, add="+")
        theme.follow(self, self._paint)

    def begin(self) -> None:
        """Put the keyboard into the line."""
        self.entry.focus_set()
        self.entry.selection_range(0, "end")

    def go(self, by: int) -> None:
        """Go to the next match, or the one before."""
        if self._asked != (self.entry.get(), self._regex.on):
            self._tell()
        else:
            self._step(by)

    def say(self, text: str, role: str = "muted") -> None:
        """Say how many there are."""
        self._said.configure(text=visible(text), foreground=self._theme.color(role))

    def _toggle_regex(self) -> None:
        self._regex.on = not self._regex.on
        self._tell()

    def _typed(self, _: object) -> None:
        if self._asked[0] != self.entry.get():
            self._cancel()
            self._after = self.after(TYPING, self._tell)

    def _tell(self) -> None:
        self._cancel()
        self._asked = (self.entry.get(), self._regex.on)
        self._changed(*self._asked)

    def again(self) -> None:
        """What is searched is another result, or its rows stand otherwise: look again."""
        if self._asked[0]:
            self._tell()

    def _cancel(self) -> None:
        if self._after is not None:
            self.after_cancel(self._after)
            self._after = None

    def _paint(self) -> None:
        theme = self._theme
        surface = theme.color("surface")
        for widget in (self, self._row, self._icon, self._said):
            widget.configure(background=surface)
        self._said.configure(foreground=theme.color("muted"), font=theme.small)
        self._icon.configure(image=theme.icon("search", "muted", 14))

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            self._cancel()
