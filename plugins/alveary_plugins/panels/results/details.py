"""The side of the results: one value in full, or one row as a record."""

from __future__ import annotations

import functools
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import TYPE_CHECKING

from alveary.contracts.values import Cell, Column, Row, ValueKind
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid import Grid
from alveary_shell.widgets.grid_rows import ListedRows
from alveary_shell.widgets.grid_text import visible
from alveary_shell.widgets.tabs import Tab, TabStrip

if TYPE_CHECKING:
    from alveary_shell.theme import Theme

VALUE, RECORD = "value", "record"
_MODES = (("text", "Text"), ("json", "JSON"), ("hex", "Hex"))
_RECORD_COLUMNS = (
    Column(name="Column", kind=ValueKind.TEXT),
    Column(name="Value", kind=ValueKind.TEXT),
)


class Details(tk.Frame):
    """Two tabs beside the grid. It shows what it is handed; what is asked of a value goes to its owner."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        changed: Callable[[], object],
        copy: Callable[[], object],
        save: Callable[[], object],
        closed: Callable[[], object],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._changed = changed
        self.tab = VALUE
        self.mode: str | None = None
        """``text``, ``json`` or ``hex`` if a person chose one, None for whatever suits the value."""
        self._strip = TabStrip(self, theme, select=self.choose)
        self._strip.pack(fill="x")
        self._value = tk.Frame(self, borderwidth=0)
        self._tools = tk.Frame(self._value, borderwidth=0)
        self._tools.pack(fill="x", padx=theme.px(6), pady=theme.px(3))
        self._modes = {
            mode: FlatButton(self._tools, theme, functools.partial(self._choose_mode, mode), text=word)
            for mode, word in _MODES
        }
        for button in self._modes.values():
            button.pack(side="left", padx=(0, theme.px(2)))
        self._wrapped = FlatButton(self._tools, theme, self._wrap, text="Wrap", icon="text-wrap")
        self._wrapped.on = True
        self._wrapped.pack(side="left", padx=(theme.px(6), 0))
        for icon, command in (("x-lg", closed), ("download", save), ("copy", copy)):
            FlatButton(self._tools, theme, command, icon=icon).pack(side="right", padx=theme.px(2))
        self._said = tk.Label(self._value, borderwidth=0, anchor="w", justify="left")
        self._said.pack(side="bottom", fill="x", padx=theme.px(8), pady=theme.px(3))
        box = tk.Frame(self._value, borderwidth=0)
        box.pack(fill="both", expand=True)
        self._text = tk.Text(box, wrap="char", state="disabled", undo=False, height=4, width=20)
        down = ttk.Scrollbar(box, orient="vertical", command=self._text.yview)
        self._across = ttk.Scrollbar(box, orient="horizontal", command=self._text.xview)
        self._text.configure(yscrollcommand=down.set, xscrollcommand=self._across.set)
        down.pack(side="right", fill="y")
        self._text.pack(fill="both", expand=True)
        self._text.bind("<Button-1>", lambda _: self._text.focus_set(), add="+")
        self._text.bind("<Escape>", lambda _: closed())
        self._record = Grid(self, theme, on_open=lambda row, _: self._open_field(row))
        self.on_field: Callable[[int], object] = lambda _: None
        theme.follow(self, self._paint)
        self.choose(VALUE)

    def choose(self, tab: str) -> None:
        """Bring one of the two to the front."""
        self.tab = tab
        tabs = [
            Tab(key=VALUE, text="Value", icon="card-text"),
            Tab(key=RECORD, text="Row", icon="list-columns-reverse"),
        ]
        self._strip.show(tabs, tab)
        for page, key in ((self._value, VALUE), (self._record, RECORD)):
            if key == tab:
                page.pack(fill="both", expand=True)
            else:
                page.pack_forget()
        self._changed()

    def show_value(self, column: Column, cell: Cell, mode: str, text: str, note: str) -> None:
        """Show a value as it was prepared for the screen."""
        for each, button in self._modes.items():
            button.on = each == mode
        size = (
            f"{len(cell):,} bytes"
            if isinstance(cell, bytes)
            else f"{len(cell):,} characters"
            if isinstance(cell, str)
            else ""
        )
        parts = [visible(column.name[:80]), column.type_name, "NULL" if cell is None else size, note]
        self._said.configure(text=" · ".join(filter(None, parts)))
        self._put("NULL" if cell is None else text, "null" if cell is None else "")

    def show_nothing(self) -> None:
        """There is no cell to show."""
        self._said.configure(text="")
        self._put("", "")
        self._record.show(_RECORD_COLUMNS, ListedRows())

    def show_record(self, columns: Sequence[Column], row: Row) -> None:
        """Show a row, a line for each of its columns."""
        rows = [(column.name, cell) for column, cell in zip(columns, row, strict=True)]
        view = self._record.view
        self._record.show(_RECORD_COLUMNS, ListedRows(rows), view)

    def focus_set(self) -> None:
        """Give the keyboard to what is shown."""
        (self._text if self.tab == VALUE else self._record).focus_set()

    def _put(self, text: str, tag: str) -> None:
        self._text.configure(state="normal")
        self._text.delete("1.0", "end")
        self._text.insert("1.0", text, tag)
        self._text.configure(state="disabled")

    def _choose_mode(self, mode: str) -> None:
        self.mode = mode
        self._changed()

    def _wrap(self) -> None:
        wrapped = self._wrapped.on = not self._wrapped.on
        self._text.configure(wrap="char" if wrapped else "none")
        if wrapped:
            self._across.pack_forget()
        else:
            self._across.pack(side="bottom", fill="x", before=self._text)

    def _open_field(self, row: int) -> None:
        self.on_field(row)

    def _paint(self) -> None:
        theme, color = self._theme, self._theme.color
        for frame in (self, self._value, self._tools, self._said):
            frame.configure(background=color("surface"))
        self._said.configure(foreground=color("muted"), font=theme.small)
        self._text.configure(
            background=color("background"),
            foreground=color("text"),
            font=theme.code,
            borderwidth=0,
            highlightthickness=0,
            padx=theme.px(10),
            pady=theme.px(8),
            selectbackground=color("selection"),
            selectforeground=color("text"),
            inactiveselectbackground=color("selection_idle"),
        )
        self._text.tag_configure("null", foreground=color("faint"), font=theme.small)
