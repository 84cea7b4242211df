"""Tables and records for a person to read, drawn as psql draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from alveary.contracts.exporter import ExportOptions
from alveary.contracts.values import Row
from alveary_plugins.exporters.first_page import FirstPageExporter
from alveary_plugins.exporters.terminal import escape
from alveary_plugins.exporters.texts import row_texts
from alveary_plugins.exporters.widths import text_width

# A wider cell is written in full but pushes its own line out. Without these bounds one huge cell on the first
# page would have every later row padded to its width.
WIDEST_COLUMN = 1000
WIDEST_RULE = 80


class AlignedExporter(FirstPageExporter):
    """What tables and records share: cells cut into lines."""

    def lines(self, text: str) -> list[str]:
        """Return the lines of a cell or name, safe for where they go."""
        lines = text.split("\n")
        return [escape(line) for line in lines] if self.options.terminal else lines


class TableExporter(AlignedExporter):
    """A table. The first page of rows decides how wide each column is and to which side it is aligned."""

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions) -> None:
        super().__init__(write, options)
        self._widths: list[int] = []
        self._right: tuple[bool, ...] = ()
        self._template = ""

    def head(self, page: Sequence[Row]) -> str:
        names = [self.lines(column.name) for column in self.columns]
        self._right = self.numeric(page)
        self._widths = [_widest(name) for name in names]
        for row in page:
            self._widths = [
                max(width, len(text) if _plain(text) else _widest(self.lines(text)))
                for width, text in zip(self._widths, row_texts(row, self.null), strict=True)
            ]
        self._widths = [min(width, WIDEST_COLUMN) for width in self._widths]
        *cells, last = [
            f" %{'' if right else '-'}{width}s " for width, right in zip(self._widths, self._right, strict=True)
        ]
        self._template = "|".join([*cells, last[:-1] if self._right[-1] else " %s"])
        if not self.options.header:
            return ""
        header = _fold(names, self._widths, [False] * len(names))
        rule = "+".join("-" * (width + 2) for width in self._widths)
        return "".join(f"{line}\n" for line in (*header, rule))

    def body(self, rows: Sequence[Row]) -> str:
        lines: list[str] = []
        for row in rows:
            texts = row_texts(row, self.null)
            line = self._template % texts
            # Most rows are as wide as they are long; only the others need their cells measured and cut.
            if _plain(line) and not line.endswith(" "):
                lines.append(line)
            else:
                lines.extend(_fold([self.lines(text) for text in texts], self._widths, self._right))
        return "".join(f"{line}\n" for line in lines)


class VerticalExporter(AlignedExporter):
    """A record per row and a line per value; without a header the records have no number."""

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions) -> None:
        super().__init__(write, options)
        self._names: list[list[str]] = []
        self._starts: list[str] = []
        self._widths: tuple[int, int] = (0, 0)
        self._record = 0

    def head(self, page: Sequence[Row]) -> str:
        self._names = [self.lines(column.name) for column in self.columns]
        value_widths = (_widest(self.lines(text)) for row in page for text in row_texts(row, self.null))
        self._widths = (
            min(max(map(_widest, self._names)), WIDEST_COLUMN),
            min(max(value_widths, default=0), WIDEST_RULE),
        )
        # What stands before a value of one line, if the name is one, too.
        self._starts = [
            f"{name[0]}{' ' * (self._widths[0] - text_width(name[0]))} | " if len(name) == 1 else ""
            for name in self._names
        ]
        self._record = 0
        return ""

    def body(self, rows: Sequence[Row]) -> str:
        lines: list[str] = []
        rule = "-" * (self._widths[0] + 1) + "+" + "-" * (self._widths[1] + 1)
        for row in rows:
            self._record += 1
            label = f"-[ RECORD {self._record} ]" if self.options.header else ""
            if label or self._record > 1:
                lines.append(label + rule[len(label) :])
            for name, start, text in zip(self._names, self._starts, row_texts(row, self.null), strict=True):
                if start and text and text.isprintable():
                    lines.append(start + text)
                else:
                    # A record is a table of two columns without the margin.
                    folded = _fold([name, self.lines(text)], self._widths, (False, False))
                    lines.extend(line[1:] for line in folded)
        return "".join(f"{line}\n" for line in lines)


def _fold(cells: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    """Yield the lines of one row of cells; ``+`` after a cell's line says that the cell goes on below."""
    last = len(cells) - 1
    for number in range(max(map(len, cells))):
        parts = []
        for position, lines in enumerate(cells):
            text = lines[number] if number < len(lines) else ""
            goes_on = number + 1 < len(lines)
            padding = " " * (widths[position] - text_width(text))
            if right[position]:
                part = f" {padding}{text}"
            elif position < last or goes_on:
                part = f" {text}{padding}"
            else:
                part = f" {text}"
            if goes_on:
                part += "+"
            elif position < last:
                part += " "
            elif not text:
                part = ""
            parts.append(part)
        yield "|".join(parts)


def _plain(text: str) -> bool:
    """Tell whether ``text`` is one line of printable ASCII, hence as wide as it is long and safe to show."""
    return text.isascii() and text.isprintable()


def _widest(lines: Sequence[str]) -> int:
    return max(map(text_width, lines))
