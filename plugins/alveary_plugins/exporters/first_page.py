"""Formats that look at the first rows of a result before they lay it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Column, Row, ValueKind, cell_text
from alveary_plugins.exporters.texts import encode

PAGE_ROWS = 1000
PAGE_CHARACTERS = 1 << 20


class FirstPageExporter(Exporter):
    """Holds back the first page of a result, at most, so that memory does not grow with the rows.

    Results are a blank line apart.
    """

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions) -> None:
        super().__init__(write, options)
        self.null = "NULL" if options.null is None else options.null
        self.columns: Sequence[Column] = ()
        self._page: list[Row] | None = None
        self._weight = 0
        self._gap = ""

    @abstractmethod
    def head(self, page: Sequence[Row]) -> str:
        """Lay the result out by its first rows, which may be none, and return what stands before them."""

    @abstractmethod
    def body(self, rows: Sequence[Row]) -> str:
        """Return rows in the layout of this result, the first page included."""

    def begin(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self._page = []
        self._weight = 0

    def rows(self, rows: Sequence[Row]) -> None:
        start = 0
        if self._page is not None:
            for row in rows:
                start += 1
                self._page.append(row)
                self._weight += sum(1 if cell is None else len(cell_text(cell)) for cell in row)
                if len(self._page) >= PAGE_ROWS or self._weight >= PAGE_CHARACTERS:
                    self._lay_out(self._page)
                    break
        if start < len(rows):
            self.write(encode(self.body(rows[start:])))

    def end(self, whole: bool) -> None:
        if self._page is not None:
            self._lay_out(self._page)

    def _lay_out(self, page: list[Row]) -> None:
        self._page = None
        text = self.head(page) + self.body(page)
        if text:
            self.write(encode(self._gap + text))
            self._gap = "\n"

    def numeric(self, page: Sequence[Row]) -> tuple[bool, ...]:
        """Say of each column whether it reads as numbers, by its kind or else by the cells on the page."""
        classes = [{type(cell) for cell in cells} - {type(None)} for cells in zip(*page, strict=True)]
        return tuple(
            column.kind is ValueKind.NUMBER
            or (column.kind is ValueKind.DYNAMIC and bool(seen) and seen <= {int, float})
            for column, seen in zip(self.columns, classes or [set()] * len(self.columns), strict=True)
        )
