"""The bracket that belongs to the one beside the caret, strings and comments left aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alveary.sqltext import Dialect, LexState, TokenKind, scan_line
from alveary_shell.widgets.document import Position

MOST_LINES = 400
"""Lines that are looked through."""
MOST_CHARACTERS = 100_000
_OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = {closing: opening for opening, closing in _OPENING.items()}


def pair_at(
    lines: Sequence[str], caret: Position, state: Callable[[int], LexState | None], dialect: Dialect
) -> tuple[Position, Position] | None:
    """Return the places of the bracket beside the caret and of its counterpart; None if there is none.

    ``state`` tells what is open where a line begins.
    """
    here = {at for at in _brackets(lines, caret.line, state, dialect) if at in (caret.column, caret.column - 1)}
    if not here:
        return None
    # The one before the caret has just been typed, so it comes first.
    column = min(here)
    char = lines[caret.line][column]
    forward = char in _OPENING
    other = _OPENING[char] if forward else _CLOSING[char]
    step = 1 if forward else -1
    depth, characters = 0, 0
    line = caret.line
    for _ in range(MOST_LINES):
        if not 0 <= line < len(lines) or characters > MOST_CHARACTERS:
            return None
        characters += len(lines[line])
        if char in lines[line] or other in lines[line]:
            places = _brackets(lines, line, state, dialect)
            for at in places if forward else reversed(places):
                if line == caret.line and (at - column) * step < 0:
                    continue
                found = lines[line][at]
                depth += (found == char) - (found == other)
                if depth == 0 and found == other:
                    return Position(caret.line, column), Position(line, at)
        line += step
    return None


def _brackets(lines: Sequence[str], line: int, state: Callable[[int], LexState | None], dialect: Dialect) -> list[int]:
    """Return where brackets stand in a line that are neither in strings nor in comments."""
    text, before = lines[line], state(line)
    if before is None or len(text) > MOST_CHARACTERS:
        return []
    return [
        start
        for start, end, kind in scan_line(text, before, dialect)[0]
        if kind is TokenKind.OPERATOR and end == start + 1 and text[start] in "()[]{}"
    ]
