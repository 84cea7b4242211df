"""Small tables for a person's eye: plain columns of short text, control characters made visible."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"~?-?\d+(\.\d+)?")


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines of columns under a header, numbers to the right, ending in a newline."""
    table = [[visible(cell) for cell in row] for row in (header, *rows)]
    columns = [_column(list(cells)) for cells in zip(*table, strict=True)]
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def _column(cells: list[str]) -> list[str]:
    """Return a column's cells, the header first, padded to one width and with a rule under the header."""
    width = max(map(len, cells))
    numeric = any(cells[1:]) and all(not cell or _NUMBER.fullmatch(cell) for cell in cells[1:])
    padded = [cell.rjust(width) if numeric else cell.ljust(width) for cell in cells]
    return [padded[0], "-" * width, *padded[1:]]


def visible(text: str) -> str:
    """Return text that can't drive a terminal: what is not printable is written as its escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def visible_lines(text: str) -> str:
    """Do the same, but leave line feeds and tabs alone."""
    if text.isascii() and not _ACTS.search(text):
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else visible(char) for char in text)


def visible_json(text: str) -> str:
    """Return JSON of the same value that can't drive a terminal: what is not printable is written as ``\\uXXXX``."""
    if text.isprintable():
        return text

    def escaped(char: str) -> str:
        units = char.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

    return "".join(char if char.isprintable() else escaped(char) for char in text)
