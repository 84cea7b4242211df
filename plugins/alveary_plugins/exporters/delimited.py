"""CSV and TSV by the rule of PostgreSQL's COPY, whichever database the rows come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.errors import InvalidInputError
from alveary_plugins.exporters.terminal import escape_except_layout
from alveary_plugins.exporters.texts import encoder

_BARE = (ValueKind.NUMBER, ValueKind.BOOLEAN)
"""Kinds of columns whose values are no text."""


class DelimitedExporter(Exporter):
    """Writes a line per row. A field that equals the text of NULL is NULL exactly if it is not quoted.

    Works column by column within a batch: one look at all cells of a column together usually settles that
    none needs quotes, which is several times faster than asking each.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        delimiter: str,
        quote: str = "needed",
        line_end: str = "lf",
        encoding: str = "utf-8",
        bom: bool = False,
    ) -> None:
        super().__init__(write, options)
        self.delimiter = _one_character(delimiter)
        self._null = options.null or ""
        self._policy = quote
        self._line_end = {"lf": "\n", "crlf": "\r\n"}[line_end]
        self._encode = encoder(encoding)
        if bom and not encoding.startswith("utf-"):
            raise InvalidInputError(f"there is no byte order mark in {encoding}", hint="leave the option bom out")
        self._mark = "\ufeff" if bom or encoding == "utf-16" else ""
        self._alone = False
        self._kinds: list[ValueKind] = []

    def begin(self, columns: Sequence[Column]) -> None:
        self._write(self._mark)
        self._mark = ""
        self._alone = len(columns) == 1
        self._kinds = [ValueKind.TEXT] * len(columns)
        if self.options.header:
            self.rows([tuple(column.name for column in columns)])
        self._kinds = [column.kind for column in columns]

    def rows(self, rows: Sequence[Row]) -> None:
        if rows:
            fields = [
                self._fields(cells, kind) for cells, kind in zip(zip(*rows, strict=True), self._kinds, strict=True)
            ]
            lines = map(self.delimiter.join, zip(*fields, strict=True))
            self._write(self._line_end.join(lines) + self._line_end)

    def _write(self, text: str) -> None:
        if text:
            self.write(self._encode(text))

    def end(self, whole: bool) -> None:
        return

    def _fields(self, cells: Sequence[Cell], kind: ValueKind) -> Sequence[str]:
        if self._policy != "needed":
            return [self._null if cell is None else self._by_policy(cell, kind) for cell in cells]
        try:
            # Most cells are text; to ask for their classes first takes three times as long as this.
            return self._quoted(cells, "".join(cells))  # type: ignore[arg-type]  # refused by join() unless all are text
        except TypeError:
            present = [cell for cell in cells if cell is not None]
        texts = _texts(present)
        fields = self._quoted(texts, "".join(texts))
        if len(present) == len(cells):
            return fields
        if fields is present:
            return [self._null if cell is None else cell for cell in cells]  # type: ignore[misc]  # the same
        rest = iter(fields)
        return [self._null if cell is None else next(rest) for cell in cells]

    def _quoted(self, texts: Sequence[str], together: str) -> Sequence[str]:
        """Return the texts of cells that are not NULL, and which are this text ``together``, as fields."""
        if self.options.terminal:
            texts = [escape_except_layout(text) for text in texts]
            together = "".join(texts)
        if '"' in together:
            return ['"' + text.replace('"', '""') + '"' if '"' in text else self._field(text) for text in texts]
        if (
            self.delimiter in together
            or "\n" in together
            or "\r" in together
            or "" in texts
            or (self._null and self._null in texts)
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

    def _by_policy(self, cell: Cell, kind: ValueKind) -> str:
        text = cell_text(cell)
        if self.options.terminal:
            text = escape_except_layout(text)
        is_text = isinstance(cell, str | bytes) if kind is ValueKind.DYNAMIC else kind not in _BARE
        if self._policy == "all" or is_text:
            return '"' + text.replace('"', '""') + '"'
        return self._field(text)


class CsvExporter(DelimitedExporter):
    """Comma-separated values."""

    def __init__(
        self, write: Callable[[bytes], object], options: ExportOptions, *, delimiter: str = ",", **more: Any
    ) -> None:
        super().__init__(write, options, delimiter=delimiter, **more)


class TsvExporter(DelimitedExporter):
    """Tab-separated values, quoted as CSV is."""

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions, **more: Any) -> None:
        super().__init__(write, options, delimiter="\t", **more)


def _one_character(delimiter: str) -> str:
    """Return a delimiter that can be told from what stands between two of them; raises InvalidInputError."""
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or not delimiter.isascii():
        raise InvalidInputError(
            f"{delimiter!r} can't separate fields", hint="give one ASCII character that is no quote; \\t is the tab"
        )
    return delimiter


def _texts(cells: Sequence[Cell]) -> Sequence[str]:
    """Return the texts of cells, none of them NULL."""
    classes = set(map(type, cells))
    if classes == {str}:
        return cells  # type: ignore[return-value]  # the classes have been looked at
    if classes == {int}:
        return list(map(str, cells))
    if classes == {float} and all(map(isfinite, cells)):  # type: ignore[arg-type]  # the same
        return list(map(repr, cells))
    return [cell_text(cell) for cell in cells]
