"""The file of a spreadsheet: sheets written row by row into a ZIP that streams, so that memory does not grow with them.

Office Open XML (ECMA-376), of which this writes the little that a table needs. Nothing is sought or kept back, so the
file can go down a pipe; its times are constant, so the same rows give the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, cast
from xml.sax.saxutils import escape, quoteattr

from alveary_plugins.exporters.stream import Stream

MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_576, 16_384, 32_767
"""Of a sheet, and of a cell, there in UTF-16 code units."""
MOST_BYTES = 3 << 30
"""Of the XML of a sheet: ZIP's own form of more than 4 GiB in a stream is one that Excel does not read."""

PLAIN, DATE, MOMENT, BOLD = range(4)
"""Styles of cells, by their place in the style sheet."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    + "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" '
        'applyFont="1"/>'
        for number, font in ((0, 0), (164, 0), (165, 0), (0, 1))
    )
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_FROZEN = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/></sheetView></sheetViews>'
)
# What XML can't hold, a carriage return, which it would change, and text that reads like the escape of such a thing.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# What needs a second look in texts between bars: markup, escapes, and space at either end.
_SPECIAL = ("&", "<", ">", "_x", "| ", " |")


class Workbook:
    """A workbook on its way out; a sheet takes rows until the next one is begun."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """``write`` takes the bytes of the file, in order."""
        self._stream = Stream(write)
        self._zip = _Zip(cast("IO[bytes]", self._stream), "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._sheet: IO[bytes] | None = None
        self._names: list[str] = []
        self.size = 0
        """Bytes of XML of the sheet."""

    def begin_sheet(self, name: str, widths: Sequence[float], *, header: bool) -> None:
        """Begin a sheet with columns of these widths, in characters; the first row of one with a header stays put."""
        self.end_sheet()
        self._names.append(name)
        self._sheet = self._zip.open(_entry(f"xl/worksheets/sheet{len(self._names)}.xml"), "w")
        self.size = 0
        columns = "".join(
            f'<col min="{number}" max="{number}" width="{width:g}" customWidth="1"/>'
            for number, width in enumerate(widths, start=1)
        )
        cols = f"<cols>{columns}</cols>" if columns else ""
        view = _FROZEN if header else ""
        self.write(f'{_HEAD}<worksheet xmlns="{_MAIN}">{view}{cols}<sheetData>')

    def write(self, xml: str) -> None:
        """Write rows, or another part of the sheet, as XML."""
        assert self._sheet is not None, "a sheet has begun"
        data = xml.encode()
        self.size += len(data)
        self._sheet.write(data)

    def end_sheet(self) -> None:
        """End the sheet, if there is one."""
        if self._sheet is not None:
            self.write("</sheetData></worksheet>")
            self._sheet.close()
            self._sheet = None

    def abandon(self) -> None:
        """Write nothing any more: the file stays without its end."""
        self._stream.abandoned = True

    def close(self) -> None:
        """Write what stands after the sheets; without it no program takes the file for a workbook."""
        self.end_sheet()
        numbers = range(1, len(self._names) + 1)
        sheets = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
            for number, name in zip(numbers, self._names, strict=True)
        )
        self._part(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
            f"<sheets>{sheets}</sheets></workbook>",
        )
        relations = [(f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
        self._relations("xl/_rels/workbook.xml.rels", [*relations, ("styles", "styles", "styles.xml")])
        self._relations("_rels/.rels", [("rId1", "officeDocument", "xl/workbook.xml")])
        self._zip.writestr(_entry("xl/styles.xml"), _STYLES)
        parts = [("xl/workbook.xml", "sheet.main"), ("xl/styles.xml", "styles")]
        parts += [(f"xl/worksheets/sheet{number}.xml", "worksheet") for number in numbers]
        overrides = "".join(f'<Override PartName="/{name}" ContentType="{_TYPE}{kind}+xml"/>' for name, kind in parts)
        self._part(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>',
        )
        self._zip.close()

    def _relations(self, name: str, relations: Sequence[tuple[str, str, str]]) -> None:
        each = "".join(f'<Relationship Id="{id}" Type="{_OFFICE}/{kind}" Target="{to}"/>' for id, kind, to in relations)
        self._part(name, f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>')

    def _part(self, name: str, xml: str) -> None:
        self._zip.writestr(_entry(name), _HEAD + xml)


class _Zip(zipfile.ZipFile):
    def __del__(self) -> None:
        """Leave a file alone that nobody has closed: it was cut short, and must not be made to look whole."""


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # of the first day there is
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry._compresslevel = 1  # type: ignore[attr-defined]  # no public name before Python 3.13
    return entry


def xml_text(text: str) -> str:
    """Return text as it stands in XML; what XML can't hold is written ``_x001B_``, as spreadsheets do."""
    if not text.isprintable() or "_x" in text:
        text = _ESCAPED.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return escape(text)


def text_cell(text: str, style: int = PLAIN) -> str:
    """Return the cell of a text, which is never taken for a formula or a number."""
    space = ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
    return f'<c{_style(style)} t="inlineStr"><is><t{space}>{xml_text(text)}</t></is></c>'


def text_cells(texts: Sequence[str]) -> list[str]:
    """Return the cells of texts, several times as fast as one by one where XML can hold all of them as they are."""
    together = f"|{'|'.join(texts)}|"
    if together.isprintable() and not any(special in together for special in _SPECIAL):
        return [f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts]
    return list(map(text_cell, texts))


def number_cell(number: str, style: int = PLAIN) -> str:
    """Return the cell of a number, which programs read as a double."""
    return f"<c{_style(style)}><v>{number}</v></c>"


def boolean_cell(value: bool) -> str:
    """Return the cell of a truth value."""
    return f'<c t="b"><v>{int(value)}</v></c>'


EMPTY_CELL = "<c/>"


def _style(style: int) -> str:
    return f' s="{style}"' if style else ""
