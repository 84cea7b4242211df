"""COPY from the client: rows as the text the server reads, and which of them an error is about."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from alveary.contracts.values import Cell, Row
from alveary.errors import AlvearyError, InvalidInputError, QueryError

# What COPY's text format escapes; anything else stands for itself.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_SPECIAL = re.compile(r"[\\\n\r\t]").search
_LINE = re.compile(r"COPY .*?, line (\d+)(?:, column ([^\n]*?))?(?::|$)", re.DOTALL)


def text(rows: Sequence[Row], codec: str) -> bytes:
    """Return rows in COPY's text format; raises QueryError with the line of one that it can't hold."""
    columns = [_fields(cells) for cells in zip(*rows, strict=True)]
    together = "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"
    try:
        # The bytes that came as lone surrogates, out of a database without an encoding, go back as they were.
        return together.encode(codec, "surrogateescape" if codec != "utf-8" else "strict")
    except UnicodeEncodeError as exc:
        raise QueryError(
            f"a value holds a character that {codec} has no bytes for", line=together.count("\n", 0, exc.start) + 1
        ) from exc


def literal(text: str) -> str:
    """Return a text as a literal of an option."""
    escaped = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{escaped}'" if "\\" in text else f"'{escaped}'"


def placed(error: AlvearyError, failure: PGresult, codec: str) -> AlvearyError:
    """Return an error of a COPY with the number of the row it is about, where the server names it.

    What it counts are the rows of one portion, so its own words for the place are left out; its column stands before
    the detail as ``column NAME: ``.
    """

    def field(name: DiagnosticField) -> str:
        return (failure.error_field(name) or b"").decode(codec, "backslashreplace")

    column, context = field(DiagnosticField.COLUMN_NAME), field(DiagnosticField.CONTEXT)
    if (match := _LINE.search(context)) is not None:
        error.line = int(match[1])
        # Of a value that could not be read the context alone tells the column.
        column = column or match[2] or ""
        context = context[: match.start()].rstrip()  # what a trigger or a function adds stands before it
    parts = (field(DiagnosticField.MESSAGE_DETAIL), context and f"CONTEXT: {context}")
    detail = "\n".join(filter(None, parts))
    error.detail = ": ".join(filter(None, (column and f"column {column}", detail))) or None
    return error


def line_of(failure: PGresult) -> int | None:
    """Return the line of the data, counted from 1, that the server had an error with; None if it does not say."""
    context = (failure.error_field(DiagnosticField.CONTEXT) or b"").decode("utf-8", "replace")
    match = _LINE.search(context)
    return None if match is None else int(match[1])


def _fields(cells: Sequence[Cell]) -> Sequence[str]:
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(texts) < len(cells):
        return ["\\N" if cell is None else _field(cell) for cell in cells]
    return [text.translate(_ESCAPES) for text in texts] if _SPECIAL("".join(texts)) else texts


def _field(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell.translate(_ESCAPES) if _SPECIAL(cell) else str(cell)
    if isinstance(cell, bool):
        return "t" if cell else "f"
    if isinstance(cell, bytes):
        return "\\\\x" + cell.hex()
    if isinstance(cell, float) and math.isinf(cell):
        return "Infinity" if cell > 0 else "-Infinity"
    if cell is None or isinstance(cell, int | float):
        return str(cell)
    raise InvalidInputError(f"a value is a {type(cell).__name__}, which can't be loaded")
