"""The side beside the rows: one value or one row in full, and what a person does with it."""

from __future__ import annotations

from collections.abc import Callable
from tkinter import ttk

from alveary.contracts.values import Row
from alveary.saving import Part
from alveary_plugins.panels.results import cellvalues, parts
from alveary_plugins.panels.results.details import RECORD, VALUE, Details
from alveary_plugins.panels.results.front import Front
from alveary_plugins.panels.results.model import Awaited
from alveary_plugins.panels.results.taking import Taking


class Looking:
    """Shows and hides the side, and reads what it is to show."""

    def __init__(self, front: Front, panes: ttk.Panedwindow, taking: Taking, changed: Callable[[], object]) -> None:
        """``changed`` is called when the side was shown or hidden."""
        self._front, self._panes, self._taking, self._changed = front, panes, taking, changed
        self.shown = False
        """Whether the side is shown."""
        self.details = Details(
            panes, front.window.theme, changed=self.look, copy=self.copy_value, save=self.save_value, closed=self.toggle
        )
        self.details.on_field = self._field_opened
        panes.bind("<Configure>", lambda event: self._keep_rows(event.width), add="+")

    def toggle(self) -> None:
        """Show or hide the side with one value or one row."""
        self.shown = not self.shown
        if not self.shown:
            self._panes.forget(self.details)
            self._front.focus()
        else:
            room = max(self._panes.winfo_width(), 2)
            self.details.configure(width=min(self._front.window.theme.px(380), room // 2))
            self.details.pack_propagate(False)
            self._panes.add(self.details, weight=0)
            self.look()
        self._changed()

    def _keep_rows(self, width: int) -> None:
        """Leave the rows half of the room at least when that becomes less."""
        if self.shown and self._panes.sashpos(0) < width // 2 - 1:  # type: ignore[no-untyped-call]  # not annotated there
            self._panes.sashpos(0, width // 2)  # type: ignore[no-untyped-call]  # likewise

    def view(self, tab: str = VALUE) -> None:
        """Show the value under the cursor, or its row, at the side."""
        if not self.shown:
            self.toggle()
        self.details.choose(tab)

    def look(self) -> None:
        """Read what the side is to show."""
        if not self.shown:
            return
        front = self._front
        entry, selection = front.gridded, front.grid.selection
        if entry is None or selection.row >= len(front.grid.rows):
            self.details.show_nothing()
            return
        number, tab, mode = selection.column, self.details.tab, self.details.mode
        column = entry.columns[number]
        read = parts.value_at(entry.source(), selection.row)

        def work() -> tuple[Row, str, str, str] | None:
            if (row := read()) is None:
                return None
            if tab == RECORD or row[number] is None:
                return row, mode or "text", "", ""
            cell = row[number]
            chosen = mode or cellvalues.best_mode(column, cell)
            if chosen == "hex":
                cell = cellvalues.binary_bytes(column, cell)
            return row, chosen, *cellvalues.shown(cell, chosen)

        def done(found: tuple[Row, str, str, str] | None) -> None:
            if found is None or front.gridded is not entry:
                self.details.show_nothing()
            elif tab == RECORD:
                self.details.show_record(entry.columns, found[0])
            else:
                self.details.show_value(column, found[0][number], *found[1:])

        front.wait_for(Awaited(front.model.reader, work, "look"), done)

    def copy_value(self) -> None:
        """Put the whole value under the cursor on the clipboard."""
        front = self._front
        entry, selection = front.gridded, front.grid.selection
        if entry is not None and len(front.grid.rows):
            part = Part(columns=(selection.column,), rows=((selection.row, selection.row + 1),))
            format = self._taking.format("tsv", header=False)
            work = parts.copying(entry.source(), entry.columns, part, format, entry.origin)
            front.window.background(
                "Copying a value", work, lambda text: front.window.copy(parts.clipboard_safe(text)[0])
            )

    def save_value(self) -> None:
        """Write the whole value under the cursor to a file, bytes as bytes and text as UTF-8."""
        front = self._front
        entry, selection = front.gridded, front.grid.selection
        if entry is None or not len(front.grid.rows):
            return
        column = entry.columns[selection.column]
        if (path := front.window.ask_file(save=True, title="Save the value", name="value")) is not None:
            work = cellvalues.writing(parts.value_at(entry.source(), selection.row), selection.column, column, path)
            work = parts.checked(front.window.kernel.refuse_replacing, path, work)
            front.window.background(
                "Saving a value", work, lambda size: front.window.notify(f"Saved {size:,} bytes", "success")
            )

    def _field_opened(self, column: int) -> None:
        self._front.grid.select(self._front.grid.selection.row, column)
        self.details.choose(VALUE)
