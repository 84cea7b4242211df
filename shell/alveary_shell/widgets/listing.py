"""A list of short records in columns, for what has hundreds of lines; what has millions stands in the grid."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tkinter import ttk
from typing import Literal

from alveary.tables import visible
from alveary_shell.theme import Theme
from alveary_shell.widgets.scrollbar import AutoScrollbar

LEAST_STRETCHED = 100
"""Units that a column has at least which takes the room that is left."""
MOST_TEXT = 500
"""Characters drawn of a cell."""


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column: its heading, its usual width in units, and whether it takes the room that is left, that much at least.

    One that does not is as wide as its longest text, from half its usual width to twice that.
    """

    title: str
    width: int = 120
    stretch: bool = False
    numeric: bool = False


class Listing(tk.Frame):
    """Lines under headings. ``on_open`` is called with a line's key for Enter and a double click, ``on_menu`` with it
    and the event for a context menu."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        columns: Sequence[ListColumn],
        *,
        on_open: Callable[[str], object] | None = None,
        on_menu: Callable[[str, tk.Event[tk.Misc]], object] | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        names = [str(number) for number in range(len(columns))]
        self._theme = theme
        self._shape = dict(zip(names, columns, strict=True))
        self._longest = {name: column.title for name, column in self._shape.items()}
        self._widths: dict[str, int] = {}
        """What the columns were given; one that is another by now was moved by a person."""
        self.tree = ttk.Treeview(self, columns=names, show="headings", selectmode="browse")
        for name, column in self._shape.items():
            anchor: Literal["e", "w"] = "e" if column.numeric else "w"
            self.tree.heading(name, text=column.title, anchor=anchor)
            self.tree.column(name, stretch=False, anchor=anchor)  # whose idea of it counts what is out of sight
        self.tree.pack(side="left", fill="both", expand=True)
        self.tree.bind("<Configure>", lambda _: self._stretch(), add="+")
        AutoScrollbar(self.tree)
        self.empty_text = ""
        """What is said in the middle when there are no lines."""
        self._said = tk.Label(self.tree, borderwidth=0, justify="center")
        if on_open is not None:
            self.tree.bind("<Return>", lambda _: self._with_selected(on_open))
            self.tree.bind("<Double-1>", lambda event: self._at(event, on_open))
        if on_menu is not None:
            self.tree.bind("<Button-3>", lambda event: self._at(event, lambda key: on_menu(key, event)))
        theme.follow(self, lambda: self._paint(theme))

    @property
    def selected(self) -> str | None:
        """The key of the line that is selected."""
        chosen = self.tree.selection()
        return chosen[0] if chosen else None

    def show(self, lines: Sequence[tuple[str, Sequence[str], str]]) -> None:
        """Show these lines, each a key, its cells, and a role its text is coloured by ("" for the usual one)."""
        before = self.selected
        self.tree.delete(*self.tree.get_children())
        longest = self._longest = {name: column.title for name, column in self._shape.items()}
        for key, cells, role in lines:
            values = [_cell(cell) for cell in cells]
            self.tree.insert("", "end", iid=key, values=values, tags=(role,) if role else ())
            for name, value in zip(longest, values, strict=False):
                if len(value) > len(longest[name]):
                    longest[name] = value
        self._fit()
        if before is not None and self.tree.exists(before):
            self.tree.selection_set(before)
        if lines or not self.empty_text:
            self._said.place_forget()
        else:
            self._said.configure(text=self.empty_text)
            self._said.place(relx=0.5, rely=0.45, anchor="center")

    def focus_list(self) -> None:
        """Put the keyboard into the list, on a line."""
        self.tree.focus_set()
        if self.selected is None and (children := self.tree.get_children()):
            self.tree.selection_set(children[0])
            self.tree.focus(children[0])

    def _fit(self) -> None:
        """Make the columns as wide as their texts, but for those that a person has made wider or narrower."""
        theme, said, head = self._theme, self._theme.ui, self._theme.ui_bold
        for name, column in self._shape.items():
            usual, text = theme.span(column.width), self._longest[name]
            needed = (head if text == column.title else said).measure(text) + theme.span(16)
            moved = self._widths.get(name) not in (None, int(self.tree.column(name, "width")))
            if not column.stretch and not moved:
                self._widths[name] = width = max(usual // 2, min(needed, 2 * usual))
                self.tree.column(name, width=width, minwidth=theme.span(30))
        self._stretch()

    def _stretch(self) -> None:
        """Give the room that is left to the columns that take it, and break the lines of what is said."""
        room = self.tree.winfo_width()
        self._said.configure(wraplength=max(room - self._theme.px(24), 1))
        loose = [name for name, column in self._shape.items() if column.stretch]
        left = room - sum(int(self.tree.column(name, "width")) for name in self._shape if name not in loose)
        for name in loose:
            least = self._theme.span(min(self._shape[name].width, LEAST_STRETCHED))
            self.tree.column(name, width=max(left // len(loose), least), minwidth=self._theme.span(30))

    def _with_selected(self, act: Callable[[str], object]) -> None:
        if (key := self.selected) is not None:
            act(key)

    def _at(self, event: tk.Event[tk.Misc], act: Callable[[str], object]) -> None:
        if key := self.tree.identify_row(event.y):
            self.tree.selection_set(key)
            act(key)

    def _paint(self, theme: Theme) -> None:
        self.configure(background=theme.color("background"))
        self._said.configure(background=theme.color("background"), foreground=theme.color("faint"), font=theme.ui)
        for role in ("muted", "faint", "success", "warning", "danger"):
            self.tree.tag_configure(role, foreground=theme.color(role))
        self._fit()


def _cell(text: str) -> str:
    return visible(text[:MOST_TEXT].replace("\n", " ⏎ "))
