"""The command palette: every command by a few letters of its name, with its keys."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk

from alveary_shell.theme import Theme
from alveary_shell.widgets.focus import focused

ROWS = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of the palette."""

    id: str
    title: str
    hint: str = ""
    detail: str = ""


def rank(query: str, choices: list[Choice]) -> list[Choice]:
    """Return the choices whose title or id holds the query's letters in order, the best first.

    Words that begin with what is typed come before letters scattered over a name; ties keep their order.
    """
    wanted = query.lower().split()
    found: list[tuple[int, int, Choice]] = []
    for place, choice in enumerate(choices):
        text = f"{choice.title} {choice.id}".lower()
        costs = [_cost(word, text) for word in wanted]
        if all(cost is not None for cost in costs):
            found.append((sum(cost for cost in costs if cost is not None), place, choice))
    return [choice for _, _, choice in sorted(found, key=lambda each: each[:2])]


def _cost(word: str, text: str) -> int | None:
    at = text.find(word)
    if at == 0:
        return 0
    if at > 0:
        return 1 if not text[at - 1].isalnum() else 3
    place = -1
    gaps = 0
    for letter in word:
        following = text.find(letter, place + 1)
        if following < 0:
            return None
        if following > 0 and text[following - 1].isalnum():  # the first letters of words cost nothing
            gaps += following - place
        place = following
    return 10 + gaps


class Palette:
    """An overlay at the top of the window; Enter runs, Escape or another click closes."""

    def __init__(self, root: tk.Tk, theme: Theme, chosen: Callable[[str], object]) -> None:
        self._root, self._theme, self._chosen = root, theme, chosen
        self._frame: tk.Frame | None = None
        self._choices: list[Choice] = []
        self._shown: list[Choice] = []
        self._before: tk.Misc | None = None

    def open(self, choices: list[Choice], placeholder: str = "Type a command") -> None:
        """Show the palette with these choices."""
        self.close()
        theme, px = self._theme, self._theme.px
        self._choices = choices
        self._before = focused(self._root)
        self._frame = frame = tk.Frame(
            self._root, borderwidth=0, highlightthickness=1, background=theme.color("raised")
        )
        frame.configure(highlightbackground=theme.color("border"), highlightcolor=theme.color("border"))
        self._entry = ttk.Entry(frame, font=theme.ui)
        self._entry.pack(fill="x", padx=px(10), pady=(px(10), px(6)))
        self._list = tk.Canvas(frame, highlightthickness=0, borderwidth=0, background=theme.color("raised"))
        self._list.pack(fill="both", expand=True, padx=px(4), pady=(0, px(6)))
        self._row = theme.ui.metrics("linespace") + px(12)
        self._list.configure(height=self._row * ROWS)
        self._at = self._top = 0
        self._placeholder = placeholder
        frame.place(relx=0.5, y=px(48), anchor="n", width=px(640))
        frame.lift()
        self._entry.bind("<KeyRelease>", self._typed)
        for keys, step in (("<Down>", 1), ("<Up>", -1), ("<Next>", ROWS), ("<Prior>", -ROWS)):
            self._entry.bind(keys, lambda _, step=step: self._move(step))  # type: ignore[misc]  # mypy can't infer a default
        self._entry.bind("<Return>", lambda _: self._run(self._at))
        self._entry.bind("<Escape>", lambda _: self.close())
        self._entry.bind("<FocusOut>", lambda _: self.close())
        self._list.bind("<Button-1>", lambda event: self._run(self._top + event.y // self._row))
        for event, step in (("<Button-4>", -3), ("<Button-5>", 3)):
            self._list.bind(event, lambda _, step=step: self._move(step))  # type: ignore[misc]  # likewise
        self._entry.focus_set()
        self._query = None
        self._filter()

    def close(self) -> None:
        """Put it away and give the focus back."""
        frame, self._frame = self._frame, None
        if frame is not None:
            frame.destroy()
            if self._before is not None and self._before.winfo_exists():
                self._before.focus_set()

    _query: str | None = None

    def _typed(self, _: tk.Event[tk.Misc]) -> None:
        if self._frame is not None:
            self._filter()

    def _filter(self) -> None:
        query = self._entry.get()
        if query == self._query:
            return
        self._query = query
        self._shown = rank(query, self._choices)
        self._at = self._top = 0
        self._paint()

    def _move(self, step: int) -> str:
        self._at = max(0, min(self._at + step, len(self._shown) - 1))
        self._top = max(min(self._top, self._at), self._at - ROWS + 1)
        self._paint()
        return "break"

    def _paint(self) -> None:
        theme, px = self._theme, self._theme.px
        self._list.delete("all")
        width = px(640) - px(10)
        for line, choice in enumerate(self._shown[self._top : self._top + ROWS]):
            y = line * self._row
            if self._top + line == self._at:
                self._list.create_rectangle(0, y, width, y + self._row, fill=theme.color("selection"), width=0)
            middle = y + self._row // 2
            name = self._list.create_text(
                px(10), middle, anchor="w", text=choice.title, font=theme.ui, fill=theme.color("text")
            )
            end = self._list.bbox(name)[2]
            room = width - end - theme.small.measure(choice.hint) - px(40)
            detail = choice.detail if theme.small.measure(choice.detail) <= room else ""
            self._list.create_text(
                end + px(12), middle, anchor="w", text=detail, font=theme.small, fill=theme.color("faint")
            )
            self._list.create_text(
                width - px(12), middle, anchor="e", text=choice.hint, font=theme.small, fill=theme.color("muted")
            )
        if not self._shown:
            text = "Nothing fits" if self._query else self._placeholder
            self._list.create_text(
                px(10), self._row // 2, anchor="w", text=text, font=theme.ui, fill=theme.color("muted")
            )

    def _run(self, at: int) -> str:
        if 0 <= at < len(self._shown):
            chosen = self._shown[at].id
            self.close()
            self._chosen(chosen)
        return "break"
