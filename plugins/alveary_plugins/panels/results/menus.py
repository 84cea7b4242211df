"""The context menus of the results: of a cell, of a column's header, of a tab."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from alveary.arrangement import Filter, Sort
from alveary_plugins.panels.results.details import RECORD
from alveary_plugins.panels.results.model import Entry

if TYPE_CHECKING:
    from alveary_plugins.panels.results.view import ResultsPanel

COPIED = (("sql", "SQL INSERT"), ("csv", "CSV"), ("tsv", "TSV"), ("json", "JSON"), ("markdown", "Markdown"))
"""Formats offered for the clipboard, beside all others in the command's parameter."""

Items: TypeAlias = list[tuple[str, Callable[[], object]] | None]


def of_cell(panel: ResultsPanel, row: int, column: int) -> Items:
    """Return what can be done with the selected cells, and with the one that was clicked (-1: the row's number)."""
    taking, looking, filter_value = panel.taking, panel.looking, panel.ordering.filter_value
    items: Items = [
        ("Copy", taking.copy),
        ("Copy with headers", lambda: taking.copy(header=True)),
        *(
            (f"Copy as {word}", functools.partial(taking.copy, format, header=True))
            for format, word in COPIED
            if format != "tsv"
        ),
        None,
        ("View the value", looking.view),
        ("View the row", lambda: looking.view(RECORD)),
    ]
    if column >= 0:
        items += [
            None,
            ("Only rows with this value", lambda: filter_value(row, column, "equals", "null")),
            ("Without rows of this value", lambda: filter_value(row, column, "differs", "not null")),
        ]
    return [
        *items,
        None,
        ("Save the selected cells…", lambda: taking.save(selection=True)),
        ("Save all rows…", taking.save),
    ]


def of_column(panel: ResultsPanel, entry: Entry, column: int) -> Items:
    """Return what can be done with a column."""
    ordering, grid = panel.ordering, panel.grid

    def by(sort: Sort) -> Callable[[], object]:
        return lambda: ordering.sort_by([sort])

    return [
        ("Sort ascending", by(Sort(column=column))),
        ("Sort descending", by(Sort(column=column, descending=True))),
        ("Sort ascending, NULL first", by(Sort(column=column, nulls="first"))),
        ("Sort beside the columns before", lambda: ordering.sort(column, True)),
        ("Rows as they came", lambda: ordering.sort_by([])),
        None,
        ("Filter…", lambda: ordering.open_bar(column)),
        ("Only NULL", lambda: ordering.filter_by([Filter(test="null", column=column)])),
        ("Without NULL", lambda: ordering.filter_by([Filter(test="not null", column=column)])),
        None,
        ("Fit this column", lambda: grid.fit_columns([column])),
        ("Fit all columns", grid.fit_columns),
        ("Select the column", lambda: grid.select_column(column)),
        ("Copy the name", lambda: panel.window.copy(entry.columns[column].name)),
    ]


def of_tab(panel: ResultsPanel, entry: Entry, others: Sequence[Entry]) -> Items:
    """Return what can be done with a tab; ``others`` are those that close with "Close others"."""
    return [
        ("Unpin" if entry.pinned else "Pin", lambda: panel.pin(entry)),
        ("Copy the statement", lambda: panel.window.copy(entry.statement.sql)),
        None,
        ("Close", lambda: panel.close_entries([entry])),
        ("Close others", lambda: panel.close_entries(others)),
    ]
