"""A table as it is drawn: a tab with its rows, a page at a time, and a tab that shows how it is built."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from alveary.contracts.catalog import ForeignKey
from alveary.contracts.values import Cell, Column
from alveary.errors import AlvearyError, QueryCancelledError
from alveary.events import SessionClosed, SessionState, SessionStateChanged
from alveary.jobs import Job
from alveary_plugins.panels.table.bars import FilterBar, Foot, page_text
from alveary_plugins.panels.table.model import PAGE, Page, Place, Structure, TableReader, Wish, tsv
from alveary_plugins.panels.table.structure import StructurePage
from alveary_shell.sdk import ActiveChanged, Panel, SessionChanged, Window
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid import Grid
from alveary_shell.widgets.grid_rows import CachedRows, ListedRows, Reader
from alveary_shell.widgets.grid_text import visible
from alveary_shell.widgets.grid_view import Mark, View
from alveary_shell.widgets.message import MessagePage
from alveary_shell.widgets.tabs import Tab, TabStrip

T = TypeVar("T")

DATA, STRUCTURE = "data", "structure"
CLOCK = 100
"""Milliseconds between two looks at a clock that a person watches."""
LONGEST_WHERE = 24
"""Characters of a filter that a tab shows."""
MOST_REFERENCES = 12
"""Tables that refer to this one which the menu of a cell lists."""


class TablePanel(Panel):
    """Shows one table. What was shown before a restart is read again only when somebody asks."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.place = Place.from_state(state)
        self.reader = TableReader(window.kernel, self.place)
        self.wish = Wish.from_state(state)
        self.page: Page | None = None
        """What is shown."""
        self.structure: Structure | None = None
        self._color: str | None = None
        self._rows_reader = Reader()
        self._reading: Job | None = None
        self._others: list[Job] = []
        self._clock: str | None = None
        self._closed = False
        self._since = 0.0
        self._tab = STRUCTURE if state.get("tab") == STRUCTURE else DATA
        self._build()
        subscribe = window.subscribe
        subscribe(frame, ActiveChanged, lambda event: self._activated() if event.panel is self else None)
        subscribe(frame, SessionStateChanged, self._session_changed)
        subscribe(frame, SessionClosed, self._session_changed)
        self.choose(self._tab)
        if state.get("restored") is True:
            self._message.show(
                "Not read yet", "The rows are read when you ask for them.", button=("Read the rows", self.start)
            )
            self._put(self._message)
        else:
            self.start()

    # -- what the window asks ------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        where = self.wish.where if len(self.wish.where) <= LONGEST_WHERE else self.wish.where[:LONGEST_WHERE] + "…"
        return visible(f"{self.place.table}  {where}".rstrip())

    @property
    def color(self) -> str | None:
        return self._color

    @property
    def shows(self) -> tuple[str, str, str] | None:
        """Which table is shown, as long as all of it is: target, schema and name."""
        place = self.place
        return None if self.wish.where else (place.target, place.schema, place.table)

    def state(self) -> dict[str, Any]:
        place, wish = self.place, self.wish
        return {
            "target": place.target,
            "schema": place.schema,
            "table": place.table,
            "implied": place.implied,
            "session": place.session,
            "where": wish.where,
            "order": [list(pair) for pair in wish.order],
            "page": wish.page,
            "tab": self._tab,
            "restored": True,
        }

    def focus(self) -> None:
        if self._tab == STRUCTURE:
            self._built.focus_set()
        elif self._message.winfo_manager():
            self._message.focus_set()
        else:
            self.grid.focus_set()

    def closed(self) -> None:
        self._closed = True
        for job in (self._reading, *self._others):
            if job is not None:
                job.cancel()
        if self._clock is not None:
            self.frame.after_cancel(self._clock)
        self._rows_reader.close()
        self.reader.close()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme, px = self.window.theme, self.window.theme.px
        top = tk.Frame(self.frame, borderwidth=0)
        top.pack(fill="x")
        tools = tk.Frame(top, borderwidth=0)
        tools.pack(side="right", padx=px(4))
        for icon, text, press in (
            ("arrow-clockwise", "Reload", self.reload),
            ("code-slash", "In an editor", self.open_in_editor),
        ):
            FlatButton(tools, theme, press, text=f" {text}", icon=icon).pack(side="left", padx=px(2))
        self._strip = TabStrip(top, theme, select=self.choose)
        self._strip.pack(side="left", fill="x", expand=True)
        self._data = tk.Frame(self.frame, borderwidth=0)
        self._built = StructurePage(self.frame, theme, opened=self._open_relation)
        self._filter = FilterBar(self._data, theme, applied=self._filtered, left=self.focus)
        self._filter.text = self.wish.where
        self._filter.pack(fill="x")
        self._foot = Foot(
            self._data,
            theme,
            {"back": self.previous_page, "next": self.next_page, "stop": self.stop, "copy": self._copy_statement},
        )
        self._foot.pack(side="bottom", fill="x")
        self._body = tk.Frame(self._data, borderwidth=0)
        self._body.pack(fill="both", expand=True)
        self.grid = Grid(
            self._body, theme, on_select=self._selected, on_sort=self.sort, on_open=self._opened, on_menu=self._menu
        )
        self._message = MessagePage(self._body, theme)
        for keys, press in (
            ("<Control-Key-c>", self.copy),
            ("<Control-Shift-Key-C>", lambda: self.copy(header=True)),
            ("<Control-Key-Insert>", self.copy),
        ):
            self.grid.cells.bind(keys, lambda _, press=press: self._act(press))  # type: ignore[misc]  # mypy can't infer a default

        def paint() -> None:
            for each in (top, tools):
                each.configure(background=theme.color("surface"))
            for each in (self._data, self._body):
                each.configure(background=theme.color("background"))

        theme.follow(top, paint)

    def _act(self, press: Callable[[], object]) -> str:
        press()
        return "break"

    def _put(self, page: tk.Widget) -> None:
        for other in (self.grid, self._message):
            if other is not page:
                other.pack_forget()
        page.pack(fill="both", expand=True)

    # -- tabs ----------------------------------------------------------------------------------------------------

    def choose(self, tab: str) -> None:
        """Bring the rows or the structure to the front."""
        self._tab = tab
        self._strip.show([Tab(DATA, "Data", "table"), Tab(STRUCTURE, "Structure", "list-columns-reverse")], tab)
        front, back = (self._data, self._built) if tab == DATA else (self._built, self._data)
        back.pack_forget()
        front.pack(fill="both", expand=True)
        self.window.changed(self)

    # -- reading -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Read how the table is built, and its rows."""
        reader = self.reader
        self._others.append(self._background("Reading the connection", lambda job: reader.color(), self._colored))
        self._others.append(
            self._background(
                f"Reading the structure of {self.place.table}",
                reader.read_structure,
                self._structured,
                self._built.failed,
            )
        )
        self.read(self.wish)

    def _background(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        """Do the work in another thread; what comes of it when the panel is closed by then concerns nobody."""

        def finished(result: T) -> None:
            if not self._closed:
                done(result)

        def refused(error: AlvearyError) -> None:
            if not self._closed and failed is not None:
                failed(error)
            elif not self._closed and not isinstance(error, QueryCancelledError):
                self.window.show_error(error)

        return self.window.background(title, work, finished, refused)

    def _colored(self, color: str | None) -> None:
        self._color = color
        self.window.retitle(self)

    def _structured(self, structure: Structure) -> None:
        self.structure = structure
        self._built.show(self.place, structure)
        self._say()

    def read(self, wish: Wish) -> None:
        """Read the rows that are wanted; those that are shown stay until the others are there."""
        if self._reading is not None:
            self._reading.cancel()
        reader = self.reader
        self.wish = wish
        self.window.retitle(self)
        self.window.changed(self)
        self._since = time.monotonic()

        def done(page: Page) -> None:
            if self._reading is job:
                self._finished()
                self._show(page)

        def failed(error: AlvearyError) -> None:
            if self._reading is job:
                self._finished()
                self._failed(error)

        job = self._reading = self._background(
            f"Reading {self.place.table}", lambda job: reader.read_page(job, wish), done, failed
        )
        if self._clock is None:
            self._tick()

    def _tick(self) -> None:
        self._clock = None
        if self._reading is not None:
            self._say()
            self._clock = self.frame.after(CLOCK, self._tick)

    def _finished(self) -> None:
        self._reading = None
        self._say()
        self.window.announce(SessionChanged(self, self.reader.session))
        if self.window.active is self:
            self._activated()

    def _show(self, page: Page) -> None:
        before, self.page = self.page, page
        self._filter.complain("")
        self._put(self.grid)
        rows: CachedRows | ListedRows = ListedRows()
        if (result := page.result) is not None:
            rows = CachedRows(lambda: result, len(page.columns), self._rows_reader)
            rows.grown(page.rows)
        view = View()
        if before is not None and before.columns == page.columns:
            view.widths, view.left, view.measured = self.grid.view.widths, self.grid.view.left, True
            if before.wish == page.wish:
                view.top, view.selection = self.grid.view.top, self.grid.view.selection
        self.grid.empty_text = "No row passes the filter" if page.wish.where else "No rows"
        self.grid.show(page.columns, rows, view)
        names = [column.name for column in page.columns]
        several = len(page.ordered_by) > 1
        self.grid.mark(
            {
                names.index(name): Mark(down, rank if several else 0)
                for rank, (name, down) in enumerate(page.ordered_by, 1)
                if name in names
            }
        )
        self._say()

    def _failed(self, error: AlvearyError) -> None:
        if isinstance(error, QueryCancelledError):
            if self.page is None:
                self._message.show("Stopped", "The rows were not read.", button=("Read the rows", self.reload))
                self._put(self._message)
            return
        text = "\n".join(filter(None, [error.message, error.detail, error.hint]))
        if self.page is None:
            self._message.show("The rows can't be read", text, role="danger", button=("Try again", self.start))
            self._put(self._message)
        else:
            self._filter.complain(text)

    def _say(self) -> None:
        page, reading = self.page, self._reading is not None
        self._foot.turn(back=not reading and self.wish.page > 0, forth=not reading and page is not None and page.more)
        if reading:
            seconds = time.monotonic() - self._since
            self._foot.say(f"reading… {seconds:.1f} s" if seconds >= 0.3 else "reading…", stop=True)
        elif page is None:
            self._foot.say("")
        else:
            relation = self.structure.relation if self.structure is not None else None
            self._foot.say(page_text(page, relation.rows if relation is not None else None))
            self._foot.show_statement(page.sql)

    # -- what a person does --------------------------------------------------------------------------------------

    @property
    def is_reading(self) -> bool:
        """Whether rows are being read."""
        return self._reading is not None

    def reload(self) -> None:
        """Read the page again, and the structure if it was never read."""
        if self.structure is None:
            self.start()
        else:
            self.read(self.wish)

    def stop(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()

    def next_page(self) -> None:
        """Go to the next rows."""
        if self.page is not None and self.page.more:
            self.read(replace(self.page.wish, page=self.page.wish.page + 1))

    def previous_page(self) -> None:
        """Go to the rows before."""
        if self.wish.page > 0:
            self.read(replace(self.wish, page=self.wish.page - 1))

    def sort(self, column: int, more: bool) -> None:
        """Have the server order by a column."""
        if self.page is not None:
            self.read(self.wish.sorted_by(self.page.columns[column].name, more=more))

    def focus_filter(self) -> None:
        """Put the keyboard into the filter."""
        self.choose(DATA)
        self._filter.focus_set()

    def set_filter(self, where: str) -> None:
        """Read the rows for which a condition holds, "" for all."""
        self._filter.text = where
        self._filtered(where)

    def clear_filter(self) -> None:
        """Read all rows."""
        self._filter.clear()

    def _filtered(self, where: str) -> None:
        self.read(replace(self.wish, where=where, page=0))

    def open_in_editor(self) -> None:
        """Write the statement that is shown into an editor."""
        if self.page is not None:
            self.window.open("editor", {"target": self.place.target, "text": f"{self.page.sql};\n", "connect": True})

    def _copy_statement(self) -> None:
        if self.page is not None:
            self.window.copy(f"{self.page.sql};\n")
            self.window.notify("Copied the statement")

    def copy(self, *, header: bool = False) -> None:
        """Copy the selected cells, tab-separated; read in the background, whole."""
        page = self.page
        if page is None or page.result is None or not page.rows:
            return
        result, parts = page.result, self.grid.selection.clipped(page.rows, len(page.columns))

        def work(job: Job) -> str:
            return "\n".join(
                tsv(result, range(part.top, part.bottom), range(part.left, part.right), header=header) for part in parts
            )

        self._background("Copying", work, self.window.copy)

    # -- following keys ------------------------------------------------------------------------------------------

    def references_at(self, column: int) -> list[ForeignKey]:
        """Return the foreign keys that a column of the page takes part in."""
        if self.page is None or self.structure is None or column >= len(self.page.columns):
            return []
        return self.structure.keys_on(self.page.columns[column].name)

    def follow(self, key: ForeignKey | None = None) -> None:
        """Open the rows that the row under the cursor refers to by a key; the first one of its column without one."""
        keys = [key] if key is not None else self.references_at(self.grid.selection.column)
        if keys and self.structure is not None:
            key = keys[0]
            self._go(key.target_schema, key.target_relation, self.structure.target_columns(key), key.columns)

    def _go(self, schema: str, table: str, names: Sequence[str], columns: Sequence[str]) -> None:
        """Open the rows of a table whose columns ``names`` have the values of the row under the cursor."""
        page, reader = self.page, self.reader
        if page is None or not page.rows or len(names) != len(columns):
            return
        number = self.grid.selection.row
        places = {column.name: at for at, column in enumerate(page.columns)}

        def work(job: Job) -> str:
            row = page.row(number)
            pairs: list[tuple[Column, Cell]] = [(page.columns[places[name]], row[places[name]]) for name in columns]
            return reader.condition(job, names, pairs)

        def done(where: str) -> None:
            place = self.place
            state = {"target": place.target, "schema": schema, "table": table, "where": where}
            implied = place.implied and schema == place.schema
            self.window.open("table", {**state, "implied": implied, "session": place.session})

        self._background("Following a key", work, done)

    def _opened(self, row: int, column: int) -> None:
        if self.references_at(column):
            self.follow()

    def _menu(self, event: tk.Event[tk.Misc], row: int, column: int) -> None:
        items: list[tuple[str, Callable[[], object]] | None] = []
        page, structure = self.page, self.structure
        if page is None:
            return
        if row >= 0 and column >= 0:
            items += [("Copy", self.copy), ("Copy with headers", lambda: self.copy(header=True))]
            if page.rows:
                items.append(("Only rows with this value", lambda: self._filter_by(row, column)))
            follows: list[tuple[str, Callable[[], object]] | None] = [
                (f"Follow to {key.target_relation}", lambda key=key: self.follow(key))  # type: ignore[misc]  # mypy can't infer a default
                for key in self.references_at(column)
            ]
            references = structure.referenced_by[:MOST_REFERENCES] if structure is not None else []
            follows += [
                (
                    f"Rows of {key.relation} that refer here ({', '.join(key.columns)})",
                    lambda key=key: self._go_back(key),  # type: ignore[misc]  # likewise
                )
                for key in references
            ]
            items += [None, *follows] if follows else []
        elif column >= 0:
            items += [
                ("Order by this column", lambda: self.sort(column, False)),
                ("Order by it as well", lambda: self.sort(column, True)),
                None,
                ("Fit its width", lambda: self.grid.fit_columns([column])),
            ]
        items += [None, ("Reload", self.reload), ("Statement in an editor", self.open_in_editor)]
        self.window.menu(items[1:] if items[0] is None else items, event)

    def _go_back(self, key: ForeignKey) -> None:
        assert self.structure is not None, "it knows the key"
        self._go(key.schema, key.relation, key.columns, self.structure.target_columns(key) or self._own_key())

    def _own_key(self) -> tuple[str, ...]:
        return self.structure.primary_key if self.structure is not None else ()

    def _filter_by(self, number: int, column: int) -> None:
        """Add to the filter that a column has the value of a cell."""
        page, reader = self.page, self.reader
        if page is None:
            return
        name, before = page.columns[column].name, self.wish.where

        def done(condition: str) -> None:
            where = f"({before}) and {condition}" if before else condition
            self.set_filter(where)

        self._background(
            "Filtering",
            lambda job: reader.condition(job, [name], [(page.columns[column], page.row(number)[column])]),
            done,
        )

    def _open_relation(self, schema: str, table: str) -> None:
        place = self.place
        implied = place.implied and schema == place.schema
        self.window.open(
            "table",
            {"target": place.target, "schema": schema, "table": table, "implied": implied, "session": place.session},
        )

    # -- the status bar ------------------------------------------------------------------------------------------

    def _selected(self) -> None:
        if self.window.active is self and self.page is not None and self.page.rows:
            first = self.page.wish.page * PAGE
            self.window.status("position", f"row {first + self.grid.selection.row + 1:,}")

    def _activated(self) -> None:
        session = self.reader.session
        state = session.state if session is not None else SessionState.CLOSED
        open_ = state not in (SessionState.CLOSED, SessionState.BROKEN)
        self.window.status("session", f"{self.place.target} · read-only" if open_ and session is not None else "")
        if self.page is not None:
            self.window.status("rows", f"{self.page.rows:,} rows")
            self.window.status("time", f"{self.page.seconds * 1000:.0f} ms")

    def _session_changed(self, event: SessionStateChanged | SessionClosed) -> None:
        session = self.reader.session
        if session is not None and event.session == session.id and self.window.active is self:
            self._activated()
