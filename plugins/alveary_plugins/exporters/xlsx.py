"""XLSX: each value as a spreadsheet can hold it exactly, and as text where it can't."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import isfinite

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.errors import InvalidInputError
from alveary_plugins.exporters import workbook
from alveary_plugins.exporters.workbook import (
    BOLD,
    DATE,
    EMPTY_CELL,
    MOMENT,
    MOST_BYTES,
    MOST_CHARACTERS,
    MOST_COLUMNS,
    Workbook,
    boolean_cell,
    number_cell,
    text_cell,
    text_cells,
)

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})").fullmatch
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?").fullmatch
_REAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][-+]?[0-9]+").fullmatch
_DIGITS = 15
"""Of a number, that spreadsheets show and keep when somebody edits it."""
_EXACT = 10**_DIGITS
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}):([0-9]{2}):([0-9]{2}))?").fullmatch
_FIRST_DAY = date(1900, 3, 1)
"""Before it spreadsheets count a day that never was, or no days at all."""
_DAY_ZERO = date(1899, 12, 30).toordinal()
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$")
_LONGEST_NAME = 24
"""Characters of the name of a sheet, which may have 31, so that there is room for a number."""


class XlsxExporter(Exporter):
    """Writes each result to a sheet of its own, and what one can't hold to further sheets."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        sheet: str = "Sheet",
        dates: str = "dates",
        long: str = "refuse",
    ) -> None:
        super().__init__(write, options)
        if not sheet or len(sheet) > _LONGEST_NAME or _FORBIDDEN.search(sheet):
            raise InvalidInputError(
                f"{sheet!r} can't be the name of a sheet",
                hint=f"give 1 to {_LONGEST_NAME} characters, none of them one of [ ] : * ? / \\",
            )
        self._book = Workbook(write)
        self._name, self._dates, self._cut = sheet, dates == "dates", long == "cut"
        self._null = EMPTY_CELL if options.null is None else text_cell(options.null)
        self._columns: Sequence[Column] = ()
        self._sheets = self._used = self._rows = 0

    def begin(self, columns: Sequence[Column]) -> None:
        if len(columns) > MOST_COLUMNS:
            raise InvalidInputError(
                f"the result has {len(columns):,} columns, and a sheet holds {MOST_COLUMNS:,}", hint="write it as csv"
            )
        self._columns = columns
        self._rows = 0
        self._begin_sheet()

    def rows(self, rows: Sequence[Row]) -> None:
        start = 0
        while start < len(rows):
            is_full = self._book.size >= MOST_BYTES and self._used > self.options.header
            if is_full or self._used >= workbook.MOST_ROWS:
                self._begin_sheet()
            part = rows[start : start + workbook.MOST_ROWS - self._used]
            width = len(self._columns) + 2
            pieces = ["<row>", *[""] * len(self._columns), "</row>"] * len(part)
            for place, (column, cells) in enumerate(zip(self._columns, zip(*part, strict=True), strict=True), start=1):
                pieces[place::width] = self._cells(column, cells)
            self._book.write("".join(pieces))
            start += len(part)
            self._used += len(part)
            self._rows += len(part)

    def end(self, whole: bool) -> None:
        if whole:
            self._book.end_sheet()
        else:
            self._book.abandon()

    def finish(self) -> None:
        if not self._sheets:
            self._begin_sheet()
        self._book.close()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        name = self._name if self._sheets == 1 else f"{self._name} {self._sheets}"
        header = self.options.header and bool(self._columns)
        widths = [20 if column.kind is ValueKind.TEMPORAL else _width(column.name) for column in self._columns]
        self._book.begin_sheet(name, widths, header=header)
        self._used = int(header)
        if header:
            names = "".join(text_cell(self._fitting(column.name, column, 0), BOLD) for column in self._columns)
            self._book.write(f"<row>{names}</row>")

    def _cells(self, column: Column, cells: Sequence[Cell]) -> Sequence[str]:
        """Return the cells of a column as XML."""
        present = [cell for cell in cells if cell is not None] if None in cells else cells
        classes = set(map(type, present))
        sized = present if classes <= {str, bytes} else [cell for cell in present if isinstance(cell, str | bytes)]
        if _may_be_long(max(map(len, sized), default=0)):  # type: ignore[arg-type]  # of what has a length
            return [
                self._null if cell is None else self._long_cell(column, cell, row)
                for row, cell in enumerate(cells, start=self._rows + 1)
            ]
        written = self._written(column, present, classes)
        if present is cells:
            return written
        rest = iter(written)
        return [self._null if cell is None else next(rest) for cell in cells]

    def _written(self, column: Column, cells: Sequence[Cell], classes: set[type]) -> Sequence[str]:
        """Return cells of these classes, which are not NULL and not too long, as XML."""
        from_texts = _FROM_TEXTS.get(column.kind, text_cells)
        if column.kind is ValueKind.TEMPORAL and not self._dates:
            from_texts = text_cells
        if classes == {str}:
            return from_texts(cells)  # type: ignore[arg-type]  # the classes have been looked at
        return [from_texts([cell])[0] if isinstance(cell, str) else _cell(cell) for cell in cells]

    def _long_cell(self, column: Column, cell: Cell, row: int) -> str:
        if isinstance(cell, str | bytes) and _may_be_long(len(cell)):
            return text_cell(self._fitting(cell_text(cell), column, row))
        return self._written(column, [cell], {type(cell)})[0]

    def _fitting(self, text: str, column: Column, row: int) -> str:
        """Return a text that fits into a cell: if it is too long it is cut and says so, or refused."""
        if (
            not _may_be_long(len(text))
            or len(units := text.encode("utf-16-le", "surrogatepass")) <= 2 * MOST_CHARACTERS
        ):
            return text
        said = f"{len(units) // 2:,} characters"
        if not self._cut:
            raise InvalidInputError(
                f"row {row:,}, column {column.name}: a value of {said}, and a cell holds {MOST_CHARACTERS:,}",
                hint="--option long=cut cuts such values and says so in their cells; other formats hold them whole",
            )
        mark = f" … [cut: it has {said}]"
        return units[: 2 * (MOST_CHARACTERS - len(mark))].decode("utf-16-le", "ignore") + mark


def _may_be_long(length: int) -> bool:
    """Tell whether so many characters, of one or two code units, or bytes, of two digits, can be too many."""
    return length * 2 + 2 > MOST_CHARACTERS


def _width(name: str) -> int:
    return max(10, min(len(name) + 3, 40))


def _cell(cell: Cell) -> str:
    """Return a cell that is no text and not NULL, by its class."""
    if isinstance(cell, bool):
        return boolean_cell(cell)
    if isinstance(cell, int):
        return number_cell(str(cell)) if -_EXACT < cell < _EXACT else text_cell(str(cell))
    if isinstance(cell, float) and isfinite(cell):
        return number_cell(repr(cell))
    assert cell is not None, "NULL is no value"
    return text_cell(cell_text(cell))


def _numbers(texts: Sequence[str]) -> list[str]:
    """Return the cells of a server's numbers."""
    return [f"<c><v>{text}</v></c>" if _is_number(text) else text_cell(text) for text in texts]


def _is_number(text: str) -> bool:
    """Tell whether a double holds each digit of a server's number, and of an integer no more than spreadsheets keep."""
    if len(text) <= _DIGITS:
        if _DECIMAL(text):
            return True
    elif "." in text and _DECIMAL(text):
        digits = len(text.lstrip("-0.").replace(".", ""))
        return digits <= _DIGITS or repr(number := float(text)) == text or Decimal(repr(number)) == Decimal(text)
    elif _INTEGER(text):
        return True
    return _REAL(text) is not None and isfinite(number := float(text)) and Decimal(repr(number)) == Decimal(text)


def _booleans(texts: Sequence[str]) -> list[str]:
    return [
        boolean_cell(text in ("t", "true")) if text in ("t", "true", "f", "false") else text_cell(text)
        for text in texts
    ]


def _temporals(texts: Sequence[str]) -> list[str]:
    """Return the cells of days or of whole seconds of a day, and of any other times as text."""
    matches = list(map(_MOMENT, texts))
    if not any(matches):
        return text_cells(texts)
    return [text_cell(text) if match is None else _moment(match) for text, match in zip(texts, matches, strict=True)]


def _moment(match: re.Match[str]) -> str:
    day = _serial(match[1])
    if day is None:
        return text_cell(match[0])
    if match[2] is None:
        return number_cell(str(day), DATE)
    hours, minutes, seconds = int(match[2]), int(match[3]), int(match[4])
    if hours > 23 or minutes > 59 or seconds > 59:
        return text_cell(match[0])
    return number_cell(repr(day + (hours * 3600 + minutes * 60 + seconds) / 86400), MOMENT)


@lru_cache(maxsize=1 << 15)
def _serial(day: str) -> int | None:
    """Return the number by which spreadsheets know a day; None for one that they have not."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return found.toordinal() - _DAY_ZERO if found >= _FIRST_DAY else None


_FROM_TEXTS: dict[ValueKind, Callable[[Sequence[str]], list[str]]] = {
    ValueKind.NUMBER: _numbers,
    ValueKind.BOOLEAN: _booleans,
    ValueKind.TEMPORAL: _temporals,
}
