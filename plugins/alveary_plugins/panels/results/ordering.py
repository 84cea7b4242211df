"""Which rows of the result in front are shown, and in what order: sorts and filters, carried out in the background."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from alveary.arrangement import Arrangement, Filter, Sort, Test
from alveary.contracts.values import Row, cell_text
from alveary.errors import AlvearyError, QueryCancelledError
from alveary_plugins.panels.results import parts
from alveary_plugins.panels.results.bars import FilterBar
from alveary_plugins.panels.results.front import Front
from alveary_plugins.panels.results.model import Awaited, Entry, arranging
from alveary_shell.widgets.grid_view import Mark


class Ordering:
    """Sorts and filters, and the bar the filters are made in."""

    def __init__(self, front: Front, master: tk.Misc) -> None:
        self._front = front
        self.bar = FilterBar(master, front.window.theme, changed=self._filtered, closed=self.close_bar)
        self._settled: dict[str, Callable[[], object]] = {}
        """What is to be done once the rows of an entry stand as is wanted, by the entry's key."""

    def sort(self, column: int, more: bool = False) -> None:
        """Sort by a column, then the other way round, then no longer; beside the columns before if ``more``."""
        if (entry := self._front.gridded) is not None:
            entry.turn(column, more=more)
            self.arrange(entry)

    def sort_by(self, sorts: Sequence[Sort]) -> None:
        """Sort by these columns."""
        if (entry := self._front.gridded) is not None:
            entry.sorts = tuple(sorts)
            self.arrange(entry)

    def filter_by(self, filters: Sequence[Filter]) -> None:
        """Show the rows that pass these filters, beside those there are."""
        if (entry := self._front.gridded) is not None:
            entry.filters = (*entry.filters, *filters)
            self.bar.show(entry.columns, entry.filters, entry.quick)
            self.open_bar(focus=False)
            self.arrange(entry)

    def filter_value(self, row: int, column: int, test: Test, of_null: Test) -> None:
        """Show the rows that stand in a relation to the value of a cell, which must be read first."""
        if (entry := self._front.gridded) is None:
            return

        def done(found: Row | None) -> None:
            if found is not None and self._front.gridded is entry:
                cell = found[column]
                self.filter_by(
                    [
                        Filter(test=of_null, column=column)
                        if cell is None
                        else Filter(test=test, value=cell_text(cell), column=column)
                    ]
                )

        self._front.wait_for(Awaited(self._front.model.reader, parts.value_at(entry.source(), row)), done)

    def open_bar(self, column: int | None = None, *, focus: bool = True) -> None:
        """Show the bar with the conditions."""
        self._front.show_above(self.bar)
        if focus:
            self.bar.begin(column)

    def close_bar(self) -> None:
        """Hide the bar, and show all rows again."""
        self.bar.pack_forget()
        if (entry := self._front.gridded) is not None and (entry.filters or entry.quick):
            self.bar.clear()
        self._front.focus()

    def follow(self, entry: Entry | None) -> None:
        """Another result is in front; None where none has rows."""
        if entry is None:
            self.bar.pack_forget()
            return
        self.bar.show(entry.columns, entry.filters, entry.quick)
        if (entry.filters or entry.quick) and not self.bar.winfo_manager():
            self.open_bar()

    def arrange(self, entry: Entry) -> None:
        """Bring the rows of a result into the order that is wanted, in the background."""
        if entry.arranging is not None:
            entry.arranging.cancel()
            entry.arranging = None
        self.mark(entry)
        if not any(entry.wanted):
            self._arranged(entry, None)
            return

        def done(arrangement: Arrangement) -> None:
            if entry.arranging is job:
                entry.arranging = None
                self._arranged(entry, arrangement)

        def failed(error: AlvearyError) -> None:
            if entry.arranging is job:
                entry.arranging = None
                self._settled.pop(entry.key, None)
                if not isinstance(error, QueryCancelledError):
                    self._front.window.show_error(error)
                if entry.arrangement is None:
                    entry.sorts, entry.filters, entry.quick = (), (), ""
                    self.mark(entry)
                self._front.refresh()

        job = entry.arranging = self._front.window.background("Arranging rows", arranging(entry), done, failed)
        self._front.say()

    def when_settled(self, entry: Entry, then: Callable[[], object]) -> None:
        """Call ``then`` once all rows of a result are there and stand as is wanted; not at all if that fails."""
        self._settled[entry.key] = then
        self.settle(entry)

    def settle(self, entry: Entry) -> None:
        """See to it that the rows stand as is wanted, now that no more come."""
        if entry.running or entry.arranging is not None:
            return
        if entry.outdated:
            self.arrange(entry)
        elif (then := self._settled.pop(entry.key, None)) is not None and entry.error is None:
            then()

    def mark(self, entry: Entry) -> None:
        """Show in the header what the rows are sorted by."""
        if self._front.gridded is entry:
            many = len(entry.sorts) > 1
            marks = {sort.column: Mark(sort.descending, at if many else 0) for at, sort in enumerate(entry.sorts, 1)}
            self._front.grid.mark(marks)

    def _filtered(self, filters: tuple[Filter, ...], quick: str) -> None:
        entry = self._front.gridded
        if entry is not None and (filters, quick) != (entry.filters, entry.quick):
            entry.filters, entry.quick = filters, quick
            self.arrange(entry)

    def _arranged(self, entry: Entry, arrangement: Arrangement | None) -> None:
        entry.arranged(arrangement)
        self._front.rewind(entry)
        self._front.refresh()
        self.settle(entry)
