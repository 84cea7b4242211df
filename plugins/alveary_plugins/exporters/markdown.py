"""Markdown tables, as GitHub and most others read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from alveary.contracts.values import Row
from alveary_plugins.exporters.first_page import FirstPageExporter
from alveary_plugins.exporters.terminal import escape
from alveary_plugins.exporters.texts import row_texts

_SPECIAL = re.compile(r"(\\*)\||\r\n|\r|\n")


class MarkdownExporter(FirstPageExporter):
    """A line per row; a Markdown table can't be without a header, so without one its names are left empty."""

    def head(self, page: Sequence[Row]) -> str:
        names = [column.name if self.options.header else "" for column in self.columns]
        rule = ["---:" if numeric else "---" for numeric in self.numeric(page)]
        return self._line(names) + self._line(rule)

    def body(self, rows: Sequence[Row]) -> str:
        return "".join([self._line(row_texts(row, self.null)) for row in rows])

    def _line(self, texts: Iterable[str]) -> str:
        cells = list(texts)
        together = "".join(cells)
        if "|" in together or not together.isprintable():
            cells = [_SPECIAL.sub(_escaped, cell) for cell in cells]
            if self.options.terminal:
                cells = [escape(cell) for cell in cells]
        return f"| {' | '.join(cells)} |\n"


def _escaped(match: re.Match[str]) -> str:
    """Return what stands for a pipe or the end of a line.

    A pipe needs a backslash; those that stand before it are doubled, or they would be taken for its own.
    """
    return match[1] * 2 + "\\|" if match[0].endswith("|") else "<br>"
