"""One value as a person wants to look at it: text, JSON set out in lines, bytes in hex."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.errors import InvalidInputError
from alveary.output import write_whole
from alveary_shell.widgets.grid_text import visible_lines

if TYPE_CHECKING:
    from alveary.jobs import Job

MOST_TEXT = 200_000
"""Characters that are shown; a file takes all of them."""
MOST_BYTES = 1 << 16
LONGEST_LINE = 10_000
"""Characters after which a line is broken on the screen: Tk draws endless ones slowly."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def best_mode(column: Column, cell: Cell) -> str:
    """Return how a value is best looked at: ``text``, ``json`` or ``hex``."""
    if isinstance(cell, bytes) or column.kind is ValueKind.BINARY:
        return "hex"
    if isinstance(cell, str) and (column.kind is ValueKind.JSON or cell[:1] in ("{", "[")) and is_json(cell):
        return "json"
    return "text"


def shown(cell: Cell, mode: str) -> tuple[str, str]:
    """Return what is shown of a value that is not NULL, and a word if that is not all or not as asked."""
    if mode == "hex":
        data = as_bytes(cell)
        note = f"the first {MOST_BYTES:,} of {len(data):,} bytes" if len(data) > MOST_BYTES else ""
        return hex_dump(data[:MOST_BYTES]), note
    text = cell if isinstance(cell, str) else "" if cell is None else cell_text(cell)
    note = f"the first {MOST_TEXT:,} of {len(text):,} characters" if len(text) > MOST_TEXT else ""
    if mode == "json":
        if note:
            return broken(text[:MOST_TEXT]), f"too long to set out; {note}"
        if is_json(text):
            return broken(pretty(text)), ""
        return broken(text), "this is no JSON"
    return broken(text[:MOST_TEXT]), note


def broken(text: str) -> str:
    """Return text that Tk can draw, with endless lines broken."""
    safe = visible_lines(text.replace("\r\n", "\n"))
    if len(safe) <= LONGEST_LINE:
        return safe
    lines = safe.split("\n")
    return "\n".join(
        "↩\n".join(line[start : start + LONGEST_LINE] for start in range(0, max(len(line), 1), LONGEST_LINE))
        for line in lines
    )


def is_json(text: str) -> bool:
    """Return whether a text is JSON."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True


def pretty(text: str) -> str:
    """Return JSON set out in lines. Only the space between its tokens changes: no digit, no key, no order."""
    pieces: list[str] = []
    depth = 0
    before = ""
    for token in _TOKENS.findall(text):
        if token in "}]":
            depth -= 1
            if before not in ("{", "["):
                pieces.append("\n" + "  " * depth)
        elif before in ("{", "[", ","):
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if token == ":" else token)
        if token in "{[":
            depth += 1
        before = token
    return "".join(pieces)


def as_bytes(cell: Cell) -> bytes:
    """Return the bytes of a value, or of its text."""
    if isinstance(cell, bytes):
        return cell
    text = cell if isinstance(cell, str) else "" if cell is None else cell_text(cell)
    return text.encode("utf-8", "surrogateescape" if _only_bytes(text) else "surrogatepass")


def binary_bytes(column: Column, cell: Cell) -> bytes:
    """Return the bytes that a value stands for, PostgreSQL's two spellings of bytea included."""
    if column.kind is ValueKind.BINARY and isinstance(cell, str):
        decoded = column.decode(cell)
        if isinstance(decoded, bytes):
            return decoded
    return as_bytes(cell)


def writing(read: Callable[[], Row | None], number: int, column: Column, path: str) -> Callable[[Job], int]:
    """Return the work that writes a value to a file, bytes as bytes and text as UTF-8; it returns how many bytes."""

    def work(job: Job) -> int:
        row = read()
        if row is None or row[number] is None:
            raise InvalidInputError("there is no value to save: it is NULL")
        return write_whole(path, binary_bytes(column, row[number]))

    return work


def hex_dump(data: bytes) -> str:
    """Return bytes in lines of sixteen: where, in hex, as ASCII."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        halves = part[:8].hex(" "), part[8:].hex(" ")
        characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in part)
        lines.append(f"{start:08x}  {halves[0]:<23}  {halves[1]:<23}  {characters}")
    return "\n".join(lines)


def _only_bytes(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
