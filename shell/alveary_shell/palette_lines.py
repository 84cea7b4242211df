"""A line of the palette as it is drawn: mark, name with what matched, what it is, what is said of it, where it is."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterable
from dataclasses import dataclass
from tkinter.font import Font

from alveary.finding import Found, Ranges
from alveary.tables import visible
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_text import Fitter

PLAIN = ("command", "panel")
"""Kinds that are so many, and so plain, that they are not named."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How a part of a text is drawn: in the colour of a role, in a font."""

    role: str
    font: Font
    fitter: Fitter


class Lines:
    """Draws on a canvas in the theme's colours and fonts as they are now; made anew when these change."""

    def __init__(self, canvas: tk.Canvas, theme: Theme, width: int) -> None:
        self._canvas, self._theme, self._width = canvas, theme, width
        self.height = theme.ui.metrics("linespace") + theme.span(12)
        self._fitters = {font.name: Fitter(font) for font in (theme.ui, theme.ui_bold, theme.small)}

    def draw(self, found: Found, y: int, *, chosen: bool) -> None:
        """Draw a hit; the one that is ``chosen`` stands on the colour of a selection, where accents can't be read."""
        theme, px, hit, width = self._theme, self._theme.span, found.hit, self._width
        middle = y + self.height // 2
        if chosen:
            self._canvas.create_rectangle(0, y, width, y + self.height, fill=theme.color("selection"), width=0)
        if hit.color is not None:
            self._canvas.create_rectangle(0, y + px(4), px(3), y + self.height - px(4), fill=hit.color, width=0)
        self._canvas.create_image(px(20), middle, image=theme.icon(hit.icon, "muted", 13))
        marked = "text" if chosen else "accent"
        small = self._ink("muted", theme.small)
        # At the end stands what tells equals apart; what the name says already does not.
        where = hit.aside or (hit.connection if hit.connection != hit.text else None) or ""
        where = small.fitter.fit(visible(where), width // 4)
        end = width - px(10) - small.fitter.width(where)
        self._text([(where, small)], end, middle, width)
        end -= px(14)
        inks = {"match": self._ink(marked, theme.ui_bold), "path": self._ink("muted", theme.ui)}
        rest = self._ink("text", theme.ui)
        name = ((text, inks.get(part, rest)) for text, part in parts(hit.text, found.ranges, hit.name_at))
        start = px(36)
        reached = self._text(name, start, middle, min(end, start + width * 3 // 5))
        second = max(reached + px(16), start + width * 2 // 5)
        if hit.kind not in PLAIN:
            second = self._text([(f"{visible(hit.kind)}  ", small)], second, middle, end)
        detail = parts(hit.detail, found.detail_ranges, prose=True)
        mark, plain = self._ink(marked, theme.small), small
        self._text(((text, mark if part == "match" else plain) for text, part in detail), second, middle, end)

    def say(self, text: str) -> None:
        """Draw a sentence in the place of the first line."""
        self._text([(text, self._ink("muted", self._theme.ui))], self._theme.span(10), self.height // 2, self._width)

    def _ink(self, role: str, font: Font) -> Ink:
        return Ink(role, font, self._fitters[font.name])

    def _text(self, inked: Iterable[tuple[str, Ink]], x: int, middle: int, end: int) -> int:
        """Draw parts of a text one behind the other, as far as there is room; return where they end."""
        for text, ink in inked:
            cut = ink.fitter.fit(text, end - x)
            if cut:
                color = self._theme.color(ink.role)
                self._canvas.create_text(x, middle, anchor="w", text=cut, font=ink.font, fill=color)
                x += ink.fitter.width(cut)
            if cut != text:
                break
        return x


def parts(text: str, ranges: Ranges, name_at: int = 0, *, prose: bool = False) -> list[tuple[str, str]]:
    """Return a text in parts as they can be drawn, each with what it is: ``path``, ``match``, or "" for the rest.

    The line breaks of a name are told; those of ``prose`` are mere spaces.
    """
    marked = {place for start, end in ranges for place in range(start, end)}
    found: list[tuple[str, str]] = []
    for place, char in enumerate(text):
        part = "match" if place in marked else "path" if place < name_at else ""
        shown = visible(" " if prose and char in "\r\n\t" else char)
        if found and found[-1][1] == part:
            found[-1] = (found[-1][0] + shown, part)
        else:
            found.append((shown, part))
    return found
