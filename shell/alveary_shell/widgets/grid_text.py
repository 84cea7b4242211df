"""Cells as a grid draws them: one short line each, safe for Tcl, cut to the room there is."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from alveary.contracts.values import Cell, Column

if TYPE_CHECKING:
    from tkinter.font import Font

LONGEST = 500
"""Characters of a cell that are drawn at most."""
ELLIPSIS = "…"

# Controls, marks that turn the direction of writing or are not seen at all, line separators, surrogates, tags.
# The joiners U+200C and U+200D stay: scripts and emoji are written with them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_UNSAFE_BUT_LAYOUT = re.compile(f"(?![\t\n]){_UNSAFE.pattern}")
_SHORT = {"\n": "↵", "\t": "⇥", "\r": "\\r"}


def visible(text: str) -> str:
    """Return text on one line, with everything that can't be drawn, or would act on what draws it, as a sign."""
    return text if text.isprintable() else _UNSAFE.sub(_sign, text)


def visible_lines(text: str) -> str:
    """Do the same, but leave tabs and line feeds alone."""
    return text if text.isprintable() else _UNSAFE_BUT_LAYOUT.sub(_sign, text)


def cell_line(column: Column, cell: Cell) -> str:
    """Return a cell that is not NULL as one line, as the server writes it, cut after :data:`LONGEST` characters."""
    if isinstance(cell, str):
        if len(cell) <= LONGEST:
            return visible(cell)
        return visible(cell[:LONGEST]) + ELLIPSIS
    if isinstance(cell, bytes) and len(cell) > LONGEST // 2:
        return (column.text(cell[: LONGEST // 2]) or "") + ELLIPSIS
    if isinstance(cell, int) and cell.bit_length() > 10_000:  # more digits than Python likes to write
        return f"0x{cell:x}"[:LONGEST] + ELLIPSIS
    return visible(column.text(cell) or "")


def _sign(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if (short := _SHORT.get(character)) is not None:
        return short
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Widths(dict[str, int]):
    def __init__(self, font: Font) -> None:
        self._font = font

    def __missing__(self, character: str) -> int:
        width = self[character] = self._font.measure(character)
        return width


class Fitter:
    """Cuts text to a width in pixels. Tk does not kern, so a text is as wide as its characters together."""

    def __init__(self, font: Font) -> None:
        self._widths = _Widths(font)
        self._ellipsis = font.measure(ELLIPSIS)
        self._widest = max(self._widths[character] for character in "W@%M")

    def width(self, text: str) -> int:
        """Return how many pixels a text takes."""
        return sum(map(self._widths.__getitem__, text))

    def fit(self, text: str, room: int) -> str:
        """Return the text, or as much of its beginning as fits with an ellipsis behind it."""
        if len(text) * self._widest <= room and text.isascii():
            return text
        ends = list(accumulate(map(self._widths.__getitem__, text[: max(room, 0)])))
        if not ends or (ends[-1] <= room and len(ends) == len(text)):
            return text if room > 0 else ""
        return text[: bisect_right(ends, room - self._ellipsis)] + ELLIPSIS
