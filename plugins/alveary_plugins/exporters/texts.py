"""Cells as text and text as bytes, alike for every format."""

from __future__ import annotations

import re

from alveary.contracts.values import Row, cell_text

# Every surrogate but U+DC80-U+DCFF, which are the bytes that surrogateescape brought in.
_OTHER_SURROGATES = re.compile("([\ud800-\udc7f\udd00-\udfff]+)")


def row_texts(row: Row, null: str) -> tuple[str, ...]:
    """Return every cell of a row as text."""
    return tuple([null if cell is None else cell if type(cell) is str else cell_text(cell) for cell in row])


def encode(text: str) -> bytes:
    """Return ``text`` as UTF-8; bytes that were no UTF-8 when they came in go out as they were.

    Surrogates of any other kind are written as UTF-8 would write them if it allowed them: nothing is lost.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        pieces = _OTHER_SURROGATES.split(text)
    errors = ("surrogateescape", "surrogatepass")
    return b"".join(piece.encode(errors=errors[position % 2]) for position, piece in enumerate(pieces))
