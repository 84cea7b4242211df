"""The bar to find and replace in an editor."""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_left
from collections.abc import Callable
from tkinter import ttk
from typing import TYPE_CHECKING

from alveary_shell.theme import Theme
from alveary_shell.widgets import search
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.search import BadExpression, Match, Query
from alveary_shell.widgets.standins import drawn

if TYPE_CHECKING:
    from alveary_shell.widgets.code import Code

PAUSE_MILLISECONDS = 60
"""How long nothing must be typed before it is looked for."""
LONG = 300_000
"""Characters of a text that is only looked through after a longer pause."""


class FindBar(tk.Frame):
    """Finds as it is typed into; Enter and Shift+Enter step, Escape puts it away."""

    def __init__(self, master: tk.Misc, theme: Theme, code: Code) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._code = theme, code
        self.shown = False
        self._matches: list[Match] = []
        self._looked: tuple[Query, int] | None = None
        self._after: str | None = None
        self._start = 0
        """Where the caret was when something else began to be looked for."""
        self._build()
        theme.follow(self, self._paint)
        self.bind("<Destroy>", lambda event: self._cancel() if event.widget is self else None, add="+")

    def open(self, text: str | None, *, replace: bool) -> None:
        """Show the bar with a text to find, or the last one; ``replace`` shows the second row."""
        self.shown = True
        self.grid(row=0, column=0, columnspan=3, sticky="ew")
        if replace:
            self._second.grid()
        if text:
            self._entry.delete(0, "end")
            self._entry.insert(0, drawn(text))
        self._entry.select_range(0, "end")
        self._entry.icursor("end")
        self.update_idletasks()  # what is not there yet can't take the focus, and the next key may come at once
        self._entry.focus_set()
        self._start = self._code.selection[0] if self._code.selection is not None else self._code.caret
        self._looked = None
        self._look(go=False)

    def close(self) -> None:
        """Put the bar away."""
        if self.shown:
            self.shown = False
            self._second.grid_remove()
            self.grid_remove()
            self._cancel()
            self._code.show_found([])
            self._code.focus()

    @property
    def query(self) -> Query:
        """What is looked for."""
        text = self._entry.get()
        return Query(text, self._case.on, self._word.on, self._regex.on)

    def text_changed(self) -> None:
        """Look again, soon: the text is another."""
        self._later(400 if self._code.document.size > LONG else PAUSE_MILLISECONDS, go=False)

    def step(self, *, back: bool = False) -> None:
        """Go to the next match behind the caret, or the one before, round the ends of the text."""
        if not self._entry.get():
            self.open(None, replace=False)
            return
        self._cancel()
        self._look(go=False)
        if not self._matches:
            self._code.bell()
            return
        starts = [match.start for match in self._matches]
        selection = self._code.selection
        if back:
            here = selection[0] if selection is not None else self._code.caret
            at = bisect_left(starts, here) - 1
        else:
            here = selection[1] if selection is not None else self._code.caret
            at = bisect_left(starts, here) % len(starts)
        self._go(at)

    def replace(self) -> None:
        """Replace the match that is selected and go to the next; select the first one if none is."""
        self._look(go=False)
        selection = self._code.selection
        current = next((match for match in self._matches if (match.start, match.end) == selection), None)
        if current is not None:
            text = self._code.content
            self._code.insert(search.expanded(current, text, self._with.get(), self._looked_for()))
        self.step()

    def replace_every(self) -> int:
        """Replace all matches in one step of undo; return how many there were."""
        self._look(go=False)
        text, query, replacement = self._code.content, self._looked_for(), self._with.get()
        parts, end = [], 0
        for match in self._matches:
            parts += [text[end : match.start], search.expanded(match, text, replacement, query)]
            end = match.end
        count = len(self._matches)
        if count:
            self._code.replace_all("".join([*parts, text[end:]]))
            self._look(go=False)
            self._say(f"{count:,} replaced")
        return count

    def _build(self) -> None:
        theme, px = self._theme, self._theme.px
        self.columnconfigure(0, weight=1)
        first = tk.Frame(self, borderwidth=0)
        second = self._second = tk.Frame(self, borderwidth=0)
        self._rows = (first, second)
        self._entry = ttk.Entry(first, width=30, font=theme.ui)
        self._count = tk.Label(first, borderwidth=0, anchor="w", width=18)
        self._case = FlatButton(first, theme, lambda: self._toggle(self._case), text="Aa")
        self._word = FlatButton(first, theme, lambda: self._toggle(self._word), text="Word")
        self._regex = FlatButton(first, theme, lambda: self._toggle(self._regex), text=".*")
        previous = FlatButton(first, theme, lambda: self.step(back=True), icon="arrow-up")
        following = FlatButton(first, theme, self.step, icon="arrow-down")
        close = FlatButton(first, theme, self.close, icon="x-lg")
        for button in (close, following, previous):
            button.pack(side="right", padx=px(1))
        self._entry.pack(side="left", padx=(px(10), px(6)), pady=px(5))
        for button in (self._case, self._word, self._regex):
            button.pack(side="left", padx=px(1))
        self._count.pack(side="left", padx=px(10))
        self._with = ttk.Entry(second, width=30, font=theme.ui)
        self._with.pack(side="left", padx=(px(10), px(6)), pady=(0, px(5)))
        FlatButton(second, theme, self.replace, text="Replace", role="text").pack(side="left", padx=px(1))
        FlatButton(second, theme, self.replace_every, text="Replace all", role="text").pack(side="left", padx=px(1))
        first.grid(row=0, sticky="ew")
        second.grid(row=1, sticky="ew")
        second.grid_remove()
        self._line = tk.Frame(self, height=1, borderwidth=0)
        self._line.grid(row=2, sticky="ew")
        self._entry.bind("<KeyRelease>", lambda _: self._later(PAUSE_MILLISECONDS, go=True))
        for entry, enter in ((self._entry, self.step), (self._with, self.replace)):
            entry.bind("<Return>", self._then(enter))
            entry.bind("<Shift-Return>", self._then(lambda: self.step(back=True)))
            entry.bind("<Control-Return>", self._then(self.replace_every))
        for widget in (first, second, *first.winfo_children(), *second.winfo_children()):
            widget.bind("<Escape>", self._then(self.close), add="+")

    @staticmethod
    def _then(action: Callable[[], object]) -> Callable[[tk.Event[tk.Misc]], str]:
        def call(_: tk.Event[tk.Misc]) -> str:
            action()
            return "break"

        return call

    def _toggle(self, button: FlatButton) -> None:
        button.on = not button.on
        self._look(go=True)

    def _looked_for(self) -> Query:
        return self._looked[0] if self._looked is not None else self.query

    def _later(self, milliseconds: int, *, go: bool) -> None:
        self._cancel()

        def look() -> None:
            self._after = None
            self._look(go=go)

        self._after = self.after(milliseconds, look)

    def _cancel(self) -> None:
        if self._after is not None:
            self.after_cancel(self._after)
            self._after = None

    def _look(self, *, go: bool) -> None:
        """Look for what is in the entry, unless that has just been done; ``go`` goes to the first match."""
        query, version = self.query, self._code.document.version
        if self._looked == (query, version):
            return
        other = self._looked is None or self._looked[0] != query
        self._looked = query, version
        try:
            self._matches = search.find(self._code.content, query, self)
        except BadExpression as exc:
            self._matches = []
            self._code.show_found([])
            self._say(str(exc), wrong=True)
            return
        self._code.show_found(self._matches)
        if go and other and self._matches:
            starts = [match.start for match in self._matches]
            self._go(bisect_left(starts, self._start) % len(starts))
        else:
            self._say_count(None)

    def _go(self, at: int) -> None:
        match = self._matches[at]
        self._start = match.start
        self._code.go_to(match.start, match.end, middle=True)
        self._say_count(at % len(self._matches))

    def _say_count(self, at: int | None) -> None:
        count = len(self._matches)
        more = "+" if count == search.MOST else ""
        if not self._entry.get():
            self._say("")
        elif not count:
            self._say("nothing found", wrong=True)
        else:
            self._say(f"{count:,}{more} found" if at is None else f"{at + 1:,} of {count:,}{more}")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self._count.configure(
            text=text if len(text) < 60 else text[:59] + "…",
            width=max(18, min(len(text), 60)),
            foreground=self._theme.color("danger" if wrong else "muted"),
        )

    def _paint(self) -> None:
        theme = self._theme
        for widget in (self, *self._rows, self._count):
            widget.configure(background=theme.color("surface"))
        self._count.configure(foreground=theme.color("muted"), font=theme.small)
        self._line.configure(background=theme.color("border"))
        for entry in (self._entry, self._with):
            entry.configure(font=theme.ui)
