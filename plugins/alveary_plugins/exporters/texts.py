"""Cells as text and text as bytes, alike for every format."""

from __future__ import annotations

import re
from collections.abc import Callable

from alveary.contracts.values import Row, cell_text
from alveary.errors import InvalidInputError

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


CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "latin-1": "latin-1", "windows-1252": "cp1252"}
"""Encodings a person can ask for, by what Python calls them."""


def encoder(encoding: str) -> Callable[[str], bytes]:
    """Return what encodes text; a character that the encoding has not raises InvalidInputError."""
    if encoding == "utf-8":
        return encode
    codec = CODECS[encoding]

    def encode_strictly(text: str) -> bytes:
        try:
            return text.encode(codec)
        except UnicodeEncodeError as exc:
            raise InvalidInputError(
                f"the encoding {encoding} has no character U+{ord(text[exc.start]):04X}",
                hint="write it in utf-8, which has them all",
            ) from exc

    return encode_strictly
