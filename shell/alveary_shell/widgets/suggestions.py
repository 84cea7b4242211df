"""A list of suggestions beside a caret: it takes no focus, stays on the screen, and is led by whoever has the keys."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_text import Fitter, visible

ROWS = 10
"""Rows that are seen at once."""
NARROWEST, WIDEST = 280, 640
"""Units that the list is wide, whatever it holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list; ``icon`` is a name of the Bootstrap Icons in the colour of ``role``."""

    label: str
    kind: str = ""
    detail: str = ""
    icon: str = "dot"
    role: str = "muted"


class SuggestionList:
    """The list of one text. ``chosen`` is called with the number of a row that was clicked."""

    def __init__(self, owner: tk.Misc, theme: Theme, chosen: Callable[[int], object]) -> None:
        self._owner, self._theme, self._chosen = owner, theme, chosen
        self._rows: Sequence[Row] = ()
        self._at = self._top = 0
        self._armed = False
        self._place = (0, 0, 0)
        self._wide = self._footer = 0
        self._label, self._small = Fitter(theme.code), Fitter(theme.small)
        self._window = window = tk.Toplevel(owner, takefocus=False, borderwidth=0, highlightthickness=1)
        window.withdraw()
        window.overrideredirect(True)
        if sys.platform == "linux":
            window.attributes("-type", "combo")
        self._canvas = tk.Canvas(window, borderwidth=0, highlightthickness=0, takefocus=False)
        self._canvas.pack(fill="both", expand=True)
        self._canvas.bind("<Button-1>", self._pressed)
        for event, step in (("<Button-4>", -3), ("<Button-5>", 3)):
            self._canvas.bind(event, lambda _, step=step: self._scroll(step))  # type: ignore[misc]  # mypy can't infer a default
        self._canvas.bind("<MouseWheel>", lambda event: self._scroll(-3 if event.delta > 0 else 3))
        theme.follow(window, self._paint)

    @property
    def shown(self) -> bool:
        """Whether it is on the screen."""
        return bool(self._rows)

    @property
    def rows(self) -> Sequence[Row]:
        """What is in it; nothing while it is not shown."""
        return self._rows

    @property
    def at(self) -> int:
        """The number of the row that stands out."""
        return self._at

    @property
    def armed(self) -> bool:
        """Whether that row was chosen by somebody, and does not merely come first."""
        return self._armed

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Where it is on the screen: left, top, width, height."""
        window = self._window
        return window.winfo_rootx(), window.winfo_rooty(), window.winfo_width(), window.winfo_height()

    def show(self, rows: Sequence[Row], x: int, y: int, height: int, *, armed: bool, at: int = 0) -> None:
        """Show rows below, or above, a line of a height whose upper end is at a place of the screen.

        The row ``at`` stands out, and counts as chosen if it is ``armed``.
        """
        if not rows:
            self.hide()
            return
        self._rows, self._place = rows, (x, y, height)
        self._at, self._armed = at, armed
        self._top = max(0, at - ROWS + 1)
        self._paint()
        self._window.deiconify()
        self._window.lift()

    def hide(self) -> None:
        """Put it away."""
        if self._rows:
            self._rows, self._armed = (), False
            self._window.withdraw()

    def move(self, step: int) -> None:
        """Go so many rows down, or up; one step leads from one end to the other."""
        count = len(self._rows)
        if not count:
            return
        if not self._armed and step == 1:
            step = 0  # the first row is what is meant, and is chosen now
        self._armed = True
        wanted = self._at + step
        self._at = wanted % count if abs(step) == 1 else max(0, min(wanted, count - 1))
        self._top = max(min(self._top, self._at), self._at - ROWS + 1)
        self._draw()

    def _scroll(self, step: int) -> str:
        self._top = max(0, min(self._top + step, len(self._rows) - ROWS))
        self._draw()
        return "break"

    def _pressed(self, event: tk.Event[tk.Misc]) -> str:
        row = self._top + event.y // self._height
        if event.y >= 0 and row < min(len(self._rows), self._top + ROWS):
            self._chosen(row)
        return "break"

    # -- drawing -------------------------------------------------------------------------------------------------

    @property
    def _height(self) -> int:
        return int(self._theme.code.metrics("linespace")) + self._theme.span(6)

    def _paint(self) -> None:
        """Take the theme's colours and sizes, and a place on the screen."""
        color = self._theme.color
        self._window.configure(
            background=color("raised"), highlightbackground=color("border"), highlightcolor=color("border")
        )
        self._canvas.configure(background=color("raised"))
        if not self._rows:
            return
        px = self._theme.span
        label, small = self._label, self._small = Fitter(self._theme.code), Fitter(self._theme.small)
        wanted = max(
            label.width(visible(row.label)[:80]) + small.width(visible(row.detail)[:60]) + small.width(row.kind)
            for row in self._rows
        )
        screen = self._owner.winfo_screenwidth(), self._owner.winfo_screenheight()
        width = min(max(wanted + px(76), px(NARROWEST)), px(WIDEST), screen[0])
        footer = self._height if any(row.detail for row in self._rows) else 0
        height = min(len(self._rows), ROWS) * self._height + footer + px(2)
        x, y, line = self._place
        below = y + line + px(2)
        top = below if below + height <= screen[1] or y - height < 0 else y - height - px(2)
        left = max(0, min(x - px(28), screen[0] - width))
        self._window.geometry(f"{width}x{height}+{left}+{max(0, min(top, screen[1] - height))}")
        self._wide, self._footer = width, footer
        self._draw()

    def _draw(self) -> None:
        theme, canvas, px = self._theme, self._canvas, self._theme.span
        canvas.delete("all")
        height, width = self._height, self._wide - px(2)
        label, small = self._label, self._small
        for line, row in enumerate(self._rows[self._top : self._top + ROWS]):
            y, middle = line * height, line * height + height // 2
            if self._top + line == self._at:
                fill = theme.color("selection" if self._armed else "selection_idle")
                canvas.create_rectangle(0, y, width, y + height, fill=fill, width=0)
            canvas.create_image(px(15), middle, image=theme.icon(row.icon, row.role, 13))
            kind = canvas.create_text(
                width - px(12), middle, anchor="e", text=row.kind, font=theme.small, fill=theme.color("muted")
            )
            room = canvas.bbox(kind)[0] - px(28) - px(10)
            name = canvas.create_text(
                px(28),
                middle,
                anchor="w",
                text=label.fit(visible(row.label), room),
                font=theme.code,
                fill=theme.color("text"),
            )
            end = canvas.bbox(name)[2] + px(10)
            if (left := canvas.bbox(kind)[0] - px(10) - end) > px(20):
                canvas.create_text(
                    end,
                    middle,
                    anchor="w",
                    text=small.fit(visible(row.detail), left),
                    font=theme.small,
                    fill=theme.color("muted"),
                )
        self._draw_more(width, height)

    def _draw_more(self, width: int, height: int) -> None:
        """Draw what is below the rows, the whole detail of the one that stands out, and how far they go on."""
        theme, canvas, px = self._theme, self._canvas, self._theme.span
        seen = min(len(self._rows), ROWS)
        if self._footer:
            y = seen * height
            canvas.create_line(0, y, width, y, fill=theme.color("border"))
            row = self._rows[self._at]
            text = " ".join(filter(None, [row.label, row.detail]))
            canvas.create_text(
                px(12),
                y + height // 2,
                anchor="w",
                text=self._small.fit(visible(text), width - px(24)),
                font=theme.small,
                fill=theme.color("muted"),
            )
        if len(self._rows) > ROWS:
            whole = seen * height
            length = max(whole * ROWS // len(self._rows), px(16))
            start = (whole - length) * self._top // (len(self._rows) - ROWS)
            canvas.create_rectangle(
                width - px(4), start, width - px(1), start + length, fill=theme.color("faint"), width=0
            )
