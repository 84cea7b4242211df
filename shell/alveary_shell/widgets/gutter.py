"""The column beside the text of an editor: line numbers, the statement the caret is in, and where errors are."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alveary_shell.theme import Theme


@dataclass(frozen=True, slots=True)
class Line:
    """What stands beside one row of the text; ``y`` is where it begins, ``number`` None where a line goes on."""

    y: int
    number: int | None
    current: bool = False
    statement: bool = False
    error: bool = False


class Gutter(tk.Canvas):
    """Draws what it is shown; a click selects the line beside it."""

    def __init__(self, master: tk.Misc, theme: Theme, select: Callable[[int, bool], object]) -> None:
        """``select`` is called with a height in pixels and whether the selection is to be extended."""
        super().__init__(master, highlightthickness=0, borderwidth=0, takefocus=False, cursor="arrow")
        self._theme = theme
        self._shown: tuple[Sequence[Line], int, int] = ((), 0, 0)
        self._numbers: list[int] = []
        self._texts: list[tuple[int, str, str]] = []
        self.bind("<Button-1>", lambda event: select(event.y, bool(int(event.state) & 1)))
        self.bind("<B1-Motion>", lambda event: select(event.y, True))

    def width_for(self, lines: int) -> int:
        """Return how wide it is for so many lines."""
        digits = max(3, len(str(lines)))
        return self._theme.code.measure("0" * digits) + self._theme.px(34)

    def show(self, lines: Sequence[Line], height: int, count: int) -> None:
        """Draw what stands beside the rows; each is ``height`` pixels high, and there are ``count`` lines in all."""
        if (lines, height, count) == self._shown:
            return
        self._shown = lines, height, count
        theme = self._theme
        width = self.width_for(count)
        if int(self["width"]) != width:
            self.configure(width=width)
        right = width - theme.px(16)
        call, path = self.tk.call, str(self)
        while len(self._numbers) < len(lines):
            self._numbers.append(self.create_text(0, 0, anchor="ne", font=theme.code))
            self._texts.append((-1, "", ""))
        for at, item in enumerate(self._numbers):
            if at < len(lines):
                line = lines[at]
                text = "" if line.number is None else str(line.number)
                drawn = line.y, text, theme.color("text" if line.current else "faint")
            else:
                drawn = -1000, "", ""
            if self._texts[at] != drawn:
                self._texts[at] = drawn
                call(path, "coords", item, right, drawn[0])
                call(path, "itemconfigure", item, "-text", drawn[1], "-fill", drawn[2])
        self.delete("mark")
        bar = width - theme.px(8)
        for at, line in enumerate(lines):
            if line.statement and not (at and lines[at - 1].statement):
                last = at
                while last + 1 < len(lines) and lines[last + 1].statement:
                    last += 1
                self._mark(bar, line.y, bar + theme.px(2), lines[last].y + height, "accent")
            if line.error:
                self._mark(0, line.y, theme.px(3), line.y + height, "danger")

    def _mark(self, left: int, top: int, right: int, bottom: int, role: str) -> None:
        self.create_rectangle(left, top, right, bottom, width=0, fill=self._theme.color(role), tags="mark")

    def repaint(self) -> None:
        """Draw it all anew, in the theme's colours."""
        shown, self._shown = self._shown, ((), 0, 0)
        self.configure(background=self._theme.color("background"))
        self._texts = [(-1, "", "")] * len(self._numbers)
        if shown[0]:
            self.show(*shown)
