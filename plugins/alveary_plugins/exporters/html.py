"""HTML: a page with a table per result, for a browser or a mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape as escape_markup

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary_plugins.exporters.terminal import escape, escape_except_layout

# What a page can't hold, or would change; a carriage return has a form of its own.
_ESCAPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_STYLE = (
    "body{font-family:sans-serif}table{border-collapse:collapse;margin:1em 0}"
    "th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top}"
    "td{white-space:pre-wrap}th{background:#eee}td.number{text-align:right}td.null,.escape{color:#888}"
)


class HtmlExporter(Exporter):
    """A table per result; NULL and characters that no page can hold are marked, so that no text looks like them."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        title: str = "Result",
        document: bool = True,
    ) -> None:
        super().__init__(write, options)
        self._title, self._document = title, document
        self._null = f'<td class="null">{self._markup("NULL" if options.null is None else options.null)}</td>'
        self._columns: Sequence[Column] = ()
        self._begun = False

    def begin(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._open()
        names = "".join(f"<th>{self._markup(column.name)}</th>" for column in columns)
        head = f"<thead><tr>{names}</tr></thead>\n" if self.options.header else ""
        self._write(f"<table>\n{head}<tbody>\n")

    def rows(self, rows: Sequence[Row]) -> None:
        if rows:
            cells = [
                [self._cell(column.kind, cell) for cell in cells]
                for column, cells in zip(self._columns, zip(*rows, strict=True), strict=True)
            ]
            self._write("".join(f"<tr>{line}</tr>\n" for line in map("".join, zip(*cells, strict=True))))

    def end(self, whole: bool) -> None:
        if whole:
            self._write("</tbody>\n</table>\n")

    def finish(self) -> None:
        self._open()
        if self._document:
            self._write("</body>\n</html>\n")

    def _open(self) -> None:
        if self._document and not self._begun:
            title = self._markup(self._title)
            self._write(
                f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
                f"<style>{_STYLE}</style>\n</head>\n<body>\n"
            )
        self._begun = True

    def _cell(self, kind: ValueKind, cell: Cell) -> str:
        if cell is None:
            return self._null
        is_number = kind is ValueKind.NUMBER or (kind is ValueKind.DYNAMIC and type(cell) in (int, float))
        kind_class = ' class="number"' if is_number else ""
        return f"<td{kind_class}>{self._markup(cell_text(cell))}</td>"

    def _markup(self, text: str) -> str:
        if self.options.terminal:
            text = escape_except_layout(text)
        marked = escape_markup(text, quote=False)
        if marked.isprintable():
            return marked
        marked = _ESCAPED.sub(lambda found: f'<span class="escape">{escape(found[0])}</span>', marked)
        return marked.replace("\r", "&#13;")

    def _write(self, text: str) -> None:
        self.write(text.encode())
