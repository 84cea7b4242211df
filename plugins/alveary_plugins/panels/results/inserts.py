"""Rows as INSERT statements in the dialect they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.saving import Format
from alveary.sqltext import Dialect
from alveary.sqltext.dialects import BackslashEscapes

ROWS_A_STATEMENT = 500

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII).fullmatch
_FROM = re.compile(
    r"\bfrom\s+((?:[\w$]+|\"[^\"]+\"|`[^`]+`|\[[^\]]+\])(?:\.(?:[\w$]+|\"[^\"]+\"|`[^`]+`|\[[^\]]+\]))*)", re.I
)
_OTHERS = re.compile(r"\b(join|union|intersect|except|with)\b", re.I)
_ESCAPES = {"\\": "\\\\", "'": "''", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}


class InsertExporter(Exporter):
    """Writes each result as statements of many rows. Numbers stand as they are, all else between quotes."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        table: str = "table_name",
        quote: str = '"',
        backslashes: bool = False,
    ) -> None:
        """``quote`` opens an identifier, and ``backslashes`` says that a backslash escapes in a string."""
        super().__init__(write, options)
        self._table, self._quote, self._backslashes = table, quote, backslashes
        self._head = ""
        self._columns: Sequence[Column] = ()

    def begin(self, columns: Sequence[Column]) -> None:
        names = ", ".join(quoted_name(column.name, self._quote) for column in columns)
        self._columns = columns
        self._head = f"INSERT INTO {self._table} ({names}) VALUES\n"

    def rows(self, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            lines = ",\n".join(map(self._row, rows[start : start + ROWS_A_STATEMENT]))
            self.write(f"{self._head}{lines};\n".encode("utf-8", "surrogateescape"))

    def end(self, whole: bool) -> None:
        return

    def _row(self, row: Row) -> str:
        return f"({', '.join(self._value(column, cell) for column, cell in zip(self._columns, row, strict=True))})"

    def _value(self, column: Column, cell: Cell) -> str:
        if cell is None:
            return "NULL"
        if isinstance(cell, bytes):
            return f"X'{cell.hex().upper()}'"
        if isinstance(cell, float) and cell in (float("inf"), float("-inf")):
            return "9e999" if cell > 0 else "-9e999"  # what SQLite reads as infinity
        if not isinstance(cell, str) or (column.kind is ValueKind.NUMBER and _NUMBER(cell)):
            return cell_text(cell)
        if self._backslashes:
            return "'" + "".join(_ESCAPES.get(character, character) for character in cell) + "'"
        if "\0" in cell:  # the only kind that can hold one is SQLite's, which would end the text there
            return f"CAST(X'{cell.encode('utf-8', 'surrogateescape').hex().upper()}' AS TEXT)"
        return "'" + cell.replace("'", "''") + "'"


def quoted_name(name: str, quote: str) -> str:
    """Return an identifier between the quotes of which the first is given."""
    closing = "]" if quote == "[" else quote
    return quote + name.replace(closing, closing * 2) + closing


def insert_format(sql: str, dialect: Dialect) -> Format:
    """Return the format for the rows of a query in its own dialect."""
    return Format(
        factory=f"{__name__}:InsertExporter",
        options={
            "table": table_of(sql),
            "quote": dialect.identifier_quotes[0],
            "backslashes": dialect.backslash_escapes is BackslashEscapes.ALWAYS,
        },
    )


def table_of(sql: str) -> str:
    """Return the table a simple query reads from, as it is written there; ``table_name`` where it is not just one."""
    found = _FROM.findall(sql)
    return found[0] if len(found) == 1 and not _OTHERS.search(sql) else "table_name"
