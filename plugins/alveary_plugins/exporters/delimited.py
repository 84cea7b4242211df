"""CSV and TSV by the rule of PostgreSQL's COPY, whichever database the rows come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import ClassVar

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, cell_text
from alveary_plugins.exporters.terminal import escape_except_layout
from alveary_plugins.exporters.texts import encode


class DelimitedExporter(Exporter):
    """Writes a line per row. A field that equals the text of NULL is NULL exactly if it is not quoted.

    Works column by column within a batch: one look at all cells of a column together usually settles that
    none needs quotes, which is several times faster than asking each.
    """

    delimiter: ClassVar[str]

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions) -> None:
        super().__init__(write, options)
        self._null = options.null or ""
        self._alone = False

    def begin(self, columns: Sequence[Column]) -> None:
        self._alone = len(columns) == 1
        if self.options.header:
            self.rows([tuple(column.name for column in columns)])

    def rows(self, rows: Sequence[Row]) -> None:
        if rows:
            fields = [self._fields(cells) for cells in zip(*rows, strict=True)]
            lines = map(self.delimiter.join, zip(*fields, strict=True))
            self.write(encode("\n".join(lines) + "\n"))

    def end(self, whole: bool) -> None:
        return

    def _fields(self, cells: Sequence[Cell]) -> Sequence[str]:
        classes = set(map(type, cells))
        if type(None) not in classes:
            return self._quoted(_texts(cells, classes))
        classes.remove(type(None))
        present = iter(self._quoted(_texts([cell for cell in cells if cell is not None], classes)))
        return [self._null if cell is None else next(present) for cell in cells]

    def _quoted(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts of cells that are not NULL as fields."""
        if self.options.terminal:
            texts = [escape_except_layout(text) for text in texts]
        together = "".join(texts)
        if (
            '"' in together
            or self.delimiter in together
            or "\n" in together
            or "\r" in together
            or "" in texts
            or self._null in texts
            or (self._alone and "\\." in texts)
        ):
            return [self._field(text) for text in texts]
        return texts

    def _field(self, text: str) -> str:
        if '"' in text:
            return '"' + text.replace('"', '""') + '"'
        if (
            not text
            or self.delimiter in text
            or "\n" in text
            or "\r" in text
            or text == self._null
            or (self._alone and text == "\\.")  # alone on its line it would end the data of a COPY FROM STDIN
        ):
            return f'"{text}"'
        return text


class CsvExporter(DelimitedExporter):
    """Comma-separated values."""

    delimiter = ","


class TsvExporter(DelimitedExporter):
    """Tab-separated values, quoted as CSV is."""

    delimiter = "\t"


def _texts(cells: Sequence[Cell], classes: set[type]) -> Sequence[str]:
    """Return the texts of cells, none of them NULL, that are of these classes."""
    if classes == {str}:
        return cells  # type: ignore[return-value]  # the classes have been looked at
    if classes == {int}:
        return list(map(str, cells))
    if classes == {float} and all(map(isfinite, cells)):  # type: ignore[arg-type]  # the same
        return list(map(repr, cells))
    return [cell_text(cell) for cell in cells]
