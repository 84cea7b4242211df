"""The palette: what is found while one types, a line each, and what its keys do with it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from alveary.finding import Found
from alveary.tables import visible
from alveary_shell.palette_lines import Lines
from alveary_shell.theme import Theme
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.form import Hint

ROWS = 12
WIDTH = 760
"""Units it is wide, if the window is."""
TOP, AROUND = 48, 120
"""Units above it, and those that its field, its foot and what is to be seen below it take."""
ACTION_KEYS = ("Enter", "Shift+Enter", "Alt+Enter", "Ctrl+Shift+Enter")
"""What is pressed for a hit's actions, in their order."""


class Palette:
    """An overlay at the top of the window; it is as high as what was found, and Escape or another click closes it."""

    def __init__(self, root: tk.Tk, theme: Theme) -> None:
        self._root, self._theme = root, theme
        self._frame: tk.Frame | None = None
        self._before: tk.Misc | None = None

    @property
    def query(self) -> str:
        """What is typed; nothing while it is closed."""
        return self._entry.get() if self._frame is not None else ""

    def open(
        self,
        placeholder: str,
        *,
        asked: Callable[[str], object],
        chosen: Callable[[Found, int], object],
        read: Callable[[], object],
        closed: Callable[[], object],
    ) -> None:
        """Show it, empty. ``asked`` is called with what is typed, ``chosen`` with a hit and the number of an action,
        ``read`` for Ctrl+Enter, ``closed`` when it is gone."""
        self.close()
        theme, px = self._theme, self._theme.px
        self._asked, self._chosen, self._read, self._gone = asked, chosen, read, closed
        self._before = focused(self._root)
        self._shown: list[Found] = []
        self._notes: Sequence[str] = ()
        self._at = self._top = 0
        self._is_whole = self._has_answer = self._has_more = False
        self._waiting: int | None = None
        """Number of the action that is to be done with the first hit, once there is one."""
        self._frame = frame = tk.Frame(self._root, borderwidth=0, highlightthickness=1)
        self._entry = ttk.Entry(frame, font=theme.ui)
        self._entry.pack(fill="x", padx=px(10), pady=(px(10), px(6)))
        self._hint = Hint(self._entry, theme, placeholder)
        self._list = tk.Canvas(frame, highlightthickness=0, borderwidth=0, height=1)
        self._list.pack(fill="x", padx=px(4))
        self._foot = tk.Label(frame, borderwidth=0, anchor="w", justify="left")
        self._foot.pack(fill="x", padx=px(12), pady=(px(4), px(7)))
        self._typed = ""
        self._bind()
        theme.follow(frame, self._dress)
        frame.lift()
        self._entry.focus_set()

    def show(self, found: Sequence[Found], *, whole: bool, more: bool, notes: Sequence[str]) -> None:
        """Show what was found for what is typed; it is ``whole`` once the search is over."""
        if self._frame is None:
            return
        chosen = self._shown[self._at].hit if self._has_answer and self._at < len(self._shown) else None
        self._shown, self._notes, self._has_more = list(found), notes, more
        if self._at:  # where somebody has moved to a line, that line stays chosen
            hits = [each.hit for each in self._shown]
            self._at = hits.index(chosen) if chosen in hits else 0
        self._is_whole, self._has_answer = whole, True
        self._scroll()
        self._paint()
        if self._waiting is not None and whole:
            waiting, self._waiting = self._waiting, None
            self._run(self._at, waiting)

    def close(self) -> None:
        """Put it away and give the focus back."""
        frame, self._frame = self._frame, None
        if frame is not None:
            frame.destroy()
            self._gone()
            if self._before is not None and self._before.winfo_exists():
                self._before.focus_set()

    # -- keys and pointer ------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        entry = self._entry
        entry.bind("<KeyRelease>", lambda _: self._look())
        for keys, step in (("<Down>", 1), ("<Up>", -1), ("<Next>", ROWS), ("<Prior>", -ROWS)):
            entry.bind(keys, lambda _, step=step: self._move(step))  # type: ignore[misc]  # mypy can't infer a default
        for state, number in (("", 0), ("Shift-", 1), ("Alt-", 2), ("Control-Shift-", 3)):
            for key in ("Return", "KP_Enter"):
                entry.bind(f"<{state}{key}>", lambda _, number=number: self._enter(number))  # type: ignore[misc]  # likewise
        entry.bind("<Control-Return>", lambda _: self._reads())
        entry.bind("<Escape>", lambda _: self.close())
        entry.bind("<FocusOut>", lambda _: self.close())
        self._list.bind("<Button-1>", lambda event: self._run(self._top + event.y // self._lines.height, 0))
        for event, step in (("<Button-4>", -3), ("<Button-5>", 3)):
            self._list.bind(event, lambda _, step=step: self._move(step))  # type: ignore[misc]  # likewise
        self._list.bind("<MouseWheel>", lambda event: self._move(-3 if event.delta > 0 else 3))

    def _look(self) -> None:
        """Ask for what is typed now, unless it is what was asked for last."""
        if self._frame is None or (text := self._entry.get()) == self._typed:
            return
        self._typed = text
        self._hint.show(not text)
        self._at = self._top = 0
        self._is_whole = self._has_answer = False
        self._asked(text)

    def _enter(self, number: int) -> str:
        self._look()
        if self._has_answer and self._shown:
            self._run(self._at, number)
        else:
            self._waiting = number
        return "break"

    def _reads(self) -> str:
        self._read()
        return "break"

    def _move(self, step: int) -> str:
        self._at = max(0, min(self._at + step, len(self._shown) - 1))
        self._scroll()
        self._paint()
        return "break"

    def _run(self, at: int, number: int) -> None:
        if 0 <= at < len(self._shown) and number < len(self._shown[at].hit.actions):
            found = self._shown[at]
            self.close()
            self._chosen(found, number)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _dress(self) -> None:
        """Take colours, fonts and sizes as they are now."""
        frame, theme, px = self._frame, self._theme, self._theme.px
        if frame is None:
            return
        ground, border = theme.color("raised"), theme.color("border")
        frame.configure(background=ground, highlightbackground=border, highlightcolor=border)
        self._list.configure(background=ground)
        self._foot.configure(background=ground, foreground=theme.color("muted"), font=theme.small)
        wide = max(px(WIDTH), theme.ui.measure("n") * 100)
        width = max(px(200), min(wide, self._root.winfo_width() - px(40)))
        self._foot.configure(wraplength=width - px(24))
        self._lines = Lines(self._list, theme, width - px(10))
        frame.place(relx=0.5, y=px(TOP), anchor="n", width=width)
        self._paint()

    @property
    def _rows(self) -> int:
        """Lines there is room for."""
        room = self._root.winfo_height() - self._theme.px(TOP + AROUND)
        return max(1, min(ROWS, room // self._lines.height))

    def _scroll(self) -> None:
        self._top = max(min(self._top, self._at), self._at - self._rows + 1, 0)

    def _paint(self) -> None:
        shown, lines = self._shown[self._top : self._top + self._rows], self._lines
        self._list.delete("all")
        self._list.configure(height=lines.height * max(1, len(shown)))
        for number, found in enumerate(shown):
            lines.draw(found, number * lines.height, chosen=self._top + number == self._at)
        if not shown and self._is_whole:
            lines.say("Nothing fits")
        self._foot.configure(text=self._told())

    def _told(self) -> str:
        """Return the foot: what the keys do with the line that is chosen, and what else is to be known."""
        said = []
        if self._at < len(self._shown):
            actions = self._shown[self._at].hit.actions
            keys = [f"{key}  {action.title}" for key, action in zip(ACTION_KEYS, actions, strict=False)]
            count = f"the first {len(self._shown)} are shown" if self._has_more else ""
            said.append("     ".join(filter(None, [*keys, count])))
        return "\n".join([*said, *map(visible, self._notes)])
