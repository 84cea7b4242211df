"""Rows as INSERT statements of many at once, each small enough for any server, and which of them an error is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from alveary.contracts.types import Kind, LoadColumn
from alveary.contracts.values import Cell, Row
from alveary.errors import InvalidInputError, QueryError
from alveary_plugins.drivers.mysql.binding import literal

MOST = 1 << 19
"""Characters of one statement, about; the smallest bound of a server that is in use is twice that."""
_NULL = literal(None)
_ROW = re.compile(r" at row (\d+)$")
_WHOLE = re.compile(r"[0-9]{1,65}").fullmatch
_TOGETHER = re.compile(r"[ -&(-\[\]-~]*").fullmatch  # ASCII without quote, backslash and control characters


def statements(head: str, columns: Sequence[LoadColumn], rows: Sequence[Row]) -> Iterator[tuple[str, int, int]]:
    """Yield statements that insert rows, and of each the number of its first row, counted from 0, and how many it has.

    Raises QueryError, with the line, for a value that MySQL has no literal for.
    """
    if not rows:
        return
    made = [_literals(column, cells) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    pieces: list[str] = []
    size = first = 0
    for number, values in enumerate(zip(*made, strict=True)):
        piece = f"({','.join(values)})"
        if pieces and size + len(piece) > MOST:
            yield head + ",".join(pieces), first, len(pieces)
            pieces, size, first = [], 0, number
        pieces.append(piece)
        size += len(piece) + 1
    if pieces:
        yield head + ",".join(pieces), first, len(pieces)


def row_of(message: str) -> int | None:
    """Return the number of the row, within its statement and counted from 1, that a message names."""
    match = _ROW.search(message)
    return int(match[1]) if match else None


def _literals(column: LoadColumn, cells: Sequence[Cell]) -> Sequence[str]:
    if column.kind is Kind.TIMESTAMPTZ:
        cells = [_in_utc(cell) if isinstance(cell, str) else cell for cell in cells]
    elif column.kind is Kind.TIMESTAMP:
        cells = [cell.replace("T", " ") if isinstance(cell, str) else cell for cell in cells]
    elif column.kind is Kind.DECIMAL:
        # A column of bits takes a text for the bits themselves, a number for what they count.
        cells = [int(cell) if isinstance(cell, str) and _WHOLE(cell) else cell for cell in cells]
    texts = [cell for cell in cells if isinstance(cell, str)]
    nulls = 0 if len(texts) == len(cells) else cells.count(None)
    if len(texts) + nulls == len(cells) and _TOGETHER("".join(texts)):
        if nulls:
            return [f"'{cell}'" if isinstance(cell, str) else _NULL for cell in cells]
        return [f"'{cell}'" for cell in texts]
    made = []
    for number, cell in enumerate(cells, start=1):
        try:
            made.append(literal(cell))
        except InvalidInputError as exc:
            raise QueryError(exc.message, detail=f"column {column.name}", line=number) from exc
    return made


def _in_utc(text: str) -> str:
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return text
