"""The results panel's widgets: tabs, one grid that shows the tab in front, and a line that says how it stands."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tkinter import ttk
from typing import Any, TypeVar

from alveary.arrangement import Arrangement, Filter, Matches, Sort, Test
from alveary.contracts.specs import ExporterSpec
from alveary.contracts.values import Row, cell_text
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError, UnknownFormatError
from alveary.events import (
    JobProgressed,
    Outcome,
    QueryColumnsReady,
    QueryEnded,
    QueryProgressed,
    QueryStarted,
    SessionState,
    SessionStateChanged,
)
from alveary.saving import Format, Part
from alveary_plugins.panels.results import cellvalues, parts
from alveary_plugins.panels.results.bars import FilterBar, FindBar
from alveary_plugins.panels.results.details import RECORD, VALUE, Details
from alveary_plugins.panels.results.inserts import insert_format
from alveary_plugins.panels.results.model import (
    OVERVIEW,
    Awaited,
    Entry,
    ResultsModel,
    arranging,
    counted,
    finding,
)
from alveary_plugins.panels.results.pages import ErrorPage, MessagePage
from alveary_shell.sdk import ActiveChanged, Panel, StatementQueued, Window
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid import Grid
from alveary_shell.widgets.grid_rows import ListedRows
from alveary_shell.widgets.grid_view import Mark, View
from alveary_shell.widgets.tabs import Tab, TabStrip

T = TypeVar("T")

CLOCK = 200
"""Milliseconds between two looks at a clock that a person watches."""
LOOK = 10
"""Milliseconds between two looks whether something was read."""
REST = 60
"""Milliseconds a cursor rests on a cell before the side shows it."""
INSERT = "insert"
COPIED = ((INSERT, "SQL INSERT"), ("csv", "CSV"), ("tsv", "TSV"), ("json", "JSON"), ("markdown", "Markdown"))
"""Formats offered for the clipboard, beside all others in the command's parameter."""


class ResultsPanel(Panel):
    """Shows what the active panel of the centre ran last."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.model = ResultsModel()
        self._views: dict[str, View] = {}
        self._shown: str | None = None
        self._pending: dict[str, str] = {}
        """Ids of what Tk will call, by what for."""
        self._matches: Matches | None = None
        self._needle = ""
        self._going_to: int | None = None
        """The row with a match whose cells are being looked at for it."""
        self._status = ("", "")
        self._quiet = False
        """Whether it comes to the front for somebody to see, not to work in."""
        self.details_shown = False
        """Whether the side with one value or one row is shown."""
        self._build(bool(state.get("details")))
        subscribe = window.subscribe
        subscribe(frame, StatementQueued, self._queued)
        subscribe(frame, ActiveChanged, self._activated)
        subscribe(frame, QueryStarted, self._heard)
        subscribe(frame, QueryColumnsReady, self._heard)
        subscribe(frame, QueryProgressed, self._heard)
        subscribe(frame, QueryEnded, self._heard)
        subscribe(frame, SessionStateChanged, self._session_changed)
        subscribe(frame, JobProgressed, self._job_at)
        self.refresh()

    # -- what the window asks ------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {"details": self.details_shown}

    def focus(self) -> None:
        if self._quiet:
            return
        if self._front_is(self.grid):
            self.grid.focus_set()
        elif self._front_is(self._error):
            self._error.focus_set()
        else:
            self._body.focus_set()

    def closed(self) -> None:
        for id in self._pending.values():
            self.frame.after_cancel(id)
        self._pending.clear()
        self.model.close_all()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self, details: bool) -> None:
        theme = self.window.theme
        self._top = tk.Frame(self.frame, borderwidth=0)
        self._top.pack(fill="x")
        self._rule = tk.Frame(self._top, height=1, borderwidth=0)
        self._rule.place(relx=0, rely=1.0, relwidth=1.0, anchor="sw")
        self._tools = tk.Frame(self._top, borderwidth=0)
        self._tools.pack(side="right", padx=(theme.px(4), theme.px(4)))
        self._strip = TabStrip(self._top, theme, select=self.choose, close=self._close_tab, menu=self._tab_menu)
        self._strip.pack(side="left", fill="x", expand=True)
        self._buttons = [
            self._tool("funnel", "Filter", self.open_filter),
            self._tool("search", "Find", self.open_find),
            self._tool("copy", "Copy", self.copy),
            self._tool("download", "Save", self.save),
            self._tool("layout-sidebar-reverse", "Details", self.toggle_details),
        ]
        self._filter = FilterBar(self.frame, theme, changed=self._filtered, closed=self.close_filter)
        self._find = FindBar(self.frame, theme, changed=self._sought, step=self.step, closed=self.close_find)
        self._foot = tk.Frame(self.frame, borderwidth=0)
        self._foot.pack(side="bottom", fill="x")
        self._line = tk.Frame(self._foot, height=1, borderwidth=0)
        self._line.pack(fill="x")
        self._said = tk.Label(self._foot, borderwidth=0, anchor="w")
        self._said.pack(side="left", padx=theme.px(10), pady=theme.px(3))
        self._offering: Callable[[], object] = lambda: None
        self._offer = FlatButton(self._foot, theme, self._take_offer, role="accent")
        self._picked = tk.Label(self._foot, borderwidth=0, anchor="e")
        self._picked.pack(side="right", padx=theme.px(10))
        self._panes = ttk.Panedwindow(self.frame, orient="horizontal")
        self._panes.pack(fill="both", expand=True)
        self._body = tk.Frame(self._panes, borderwidth=0, takefocus=True)
        self._panes.add(self._body, weight=1)
        self.grid = Grid(
            self._body, theme, on_select=self._selected, on_open=self._opened, on_sort=self.sort, on_menu=self._menu
        )
        self._error = ErrorPage(self._body, theme, copy=self.window.copy)
        self._message = MessagePage(self._body, theme)
        self.details = Details(
            self._panes,
            theme,
            changed=self._look,
            copy=self.copy_value,
            save=self.save_value,
            closed=self.toggle_details,
        )
        self.details.on_field = self._field_opened
        for keys, command in (
            ("<Control-Key-c>", self.copy),
            ("<Control-Shift-Key-C>", lambda: self.copy(header=True)),
            ("<Control-Key-Insert>", self.copy),
            ("<Control-Key-f>", self.open_find),
            ("<Control-Shift-Key-F>", self.open_filter),
            ("<F3>", lambda: self.step(1)),
            ("<Shift-F3>", lambda: self.step(-1)),
        ):
            self.grid.cells.bind(keys, lambda _, command=command: self._act(command))  # type: ignore[misc]  # mypy can't infer a default
        theme.follow(self.frame, self._paint)
        if details:
            self.toggle_details()

    def _tool(self, icon: str, text: str, command: Callable[[], object]) -> FlatButton:
        button = FlatButton(self._tools, self.window.theme, command, text=text, icon=icon)
        button.pack(side="left")
        return button

    def _act(self, command: Callable[[], object]) -> str:
        command()
        return "break"

    def _paint(self) -> None:
        color, small = self.window.theme.color, self.window.theme.small
        for widget in (self._top, self._tools, self._foot):
            widget.configure(background=color("surface"))
        for line in (self._line, self._rule):
            line.configure(background=color("border"))
        self._body.configure(background=color("background"))
        self._said.configure(background=color("surface"), foreground=color("muted"), font=small)
        self._picked.configure(background=color("surface"), foreground=color("muted"), font=small)

    def _after(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        """Call back later, instead of a call for the same purpose that has not come yet."""
        if (before := self._pending.pop(what, None)) is not None:
            self.frame.after_cancel(before)

        def call() -> None:
            del self._pending[what]
            callback()

        self._pending[what] = self.frame.after(milliseconds, call)

    def _await(self, awaited: Awaited[T], done: Callable[[T | None], object]) -> None:
        """Call ``done`` with what another thread found, or show its error."""
        if not awaited.ready:
            self._after(f"await {id(awaited)}", LOOK, lambda: self._await(awaited, done))
        elif awaited.error is not None:
            self.window.show_error(awaited.error)
        else:
            done(awaited.value)

    # -- what happens --------------------------------------------------------------------------------------------

    def _queued(self, event: StatementQueued) -> None:
        before = self.model.run
        if self.model.queued(event.panel.id, event.session, event.statement, event.batch) is not None:
            self._tidy()
            self.refresh()
            if self.model.run is not before:
                self._come_forward()

    def _come_forward(self) -> None:
        """Be seen when something is run, but leave the keyboard where it is."""
        if not self.frame.winfo_viewable():
            self._quiet = True
            self.window.raise_panel(self)
            self._quiet = False

    def _activated(self, event: ActiveChanged) -> None:
        self.model.keep({panel.id for panel in self.window.panels()})
        if event.panel is not None:
            self.model.place = event.panel.id
        self._status = ("", "")  # the window has cleared them
        self._tidy()
        self.refresh()

    def _heard(self, event: QueryStarted | QueryColumnsReady | QueryProgressed | QueryEnded) -> None:
        if (entry := self.model.started(event.statement)) is None:
            return
        if isinstance(event, QueryEnded) and entry.outdated:
            self._arrange(entry)  # it was sorted while its rows still came
        self.refresh()

    def _session_changed(self, event: SessionStateChanged) -> None:
        if event.new in (SessionState.BROKEN, SessionState.CLOSED):
            self.refresh()  # its statements ended without a word of their own

    def _job_at(self, event: JobProgressed) -> None:
        entry = self.entry
        if entry is not None and entry.arranging is not None and entry.arranging.id == event.job:
            self._say()

    # -- showing -------------------------------------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """The result in front; None where there is none, or the list of statements is."""
        return self.model.entry(self._shown)

    @property
    def gridded(self) -> Entry | None:
        """The result in front if its rows are shown in the grid."""
        entry = self.entry
        return entry if entry is not None and self.grid.rows is entry.rows else None

    def choose(self, key: str) -> None:
        """Bring a tab to the front."""
        self.model.choose(key)
        self.refresh()
        self.focus()

    def refresh(self) -> None:
        """Show the tabs and the one in front as they are now."""
        entries = self.model.tabs()
        tabs = [
            Tab(key=entry.key, text=entry.title, icon=_icon(entry), closable=True, color=self._color(entry))
            for entry in entries
        ]
        if self.model.has_overview:
            tabs.append(Tab(key=OVERVIEW, text="Statements", icon="list-ol"))
        front = self.model.front()
        self._strip.show(tabs, front)
        changed, self._shown = front != self._shown, front
        if front == OVERVIEW:
            self._show_overview(changed)
        elif (entry := self.model.entry(front)) is not None:
            self._show_entry(entry)
        else:
            self._put(self._message)
            self._message.show("No results yet", "Run a statement, and its rows come up here.")
        if changed:
            self._front_changed()
        self._say()
        if any(entry.running for entry in entries):
            self._after("clock", CLOCK, self.refresh)

    def _front_changed(self) -> None:
        entry = self.entry
        usable = entry is not None and bool(entry.columns)
        for button in self._buttons:
            button.show(enabled=usable)
        self._forget_matches()
        if entry is not None and usable:
            self._filter.show(entry.columns, entry.filters, entry.quick)
            if (entry.filters or entry.quick) and not self._filter.winfo_manager():
                self.open_filter()
            if self._find.winfo_manager():
                self._find.again()
        else:
            self._filter.pack_forget()
            self._find.pack_forget()

    def _show_entry(self, entry: Entry) -> None:
        failed = entry.error if not entry.statement.rows else entry.rows.error if entry.columns else None
        if failed is not None:
            self._put(self._error)
            self._error.show(failed)
        elif entry.columns:
            self._put(self.grid)
            filtered = entry.arrangement is not None and bool(entry.wanted[1])
            self.grid.empty_text = "" if entry.running else "No row passes the filter" if filtered else "No rows"
            rows = entry.rows
            if self.grid.rows is not rows:
                self.grid.show(entry.columns, rows, self._views.setdefault(entry.key, View()))
                self._mark(entry)
                self._front_changed()
            else:
                self.grid.refresh()
        elif entry.running:
            self._put(self._message)
            title = "Running…" if entry.started is not None else "Waiting for its turn…"
            self._message.show(title, _first_line(entry), button=("Cancel", entry.statement.cancel))
        else:
            self._put(self._message)
            cancelled = entry.statement.outcome is Outcome.CANCELLED
            title = "Cancelled" if cancelled else entry.summary().partition(" · ")[0]
            self._message.show(title, _first_line(entry), role="warning" if cancelled else "success")

    def _show_overview(self, changed: bool) -> None:
        columns, rows = self.model.overview()
        self._put(self.grid)
        listed = self.grid.rows
        if changed or not isinstance(listed, ListedRows):
            self.grid.show(columns, ListedRows(rows), self._views.setdefault(OVERVIEW, View()))
        else:
            listed.rows = rows
            self.grid.refresh()

    def _put(self, page: tk.Widget) -> None:
        if not self._front_is(page):
            for other in (self.grid, self._error, self._message):
                other.pack_forget()
            page.pack(fill="both", expand=True)

    def _front_is(self, page: tk.Widget) -> bool:
        return bool(page.winfo_manager())

    def _say(self) -> None:
        entry = self.entry
        said = entry.summary() if entry is not None else ""
        if entry is not None and entry.arranging is not None:
            percent = entry.arranging.percent
            doing = "Sorting" if entry.sorts and entry.arranging.item != "reading" else "Looking through the rows"
            said = f"{doing}…" if percent is None or percent >= 100 else f"{doing}… {percent:.0f} %"
        self._said.configure(text=said)
        rows = counted(entry.statement.rows, "row") if entry is not None and entry.columns else ""
        times = entry.times() if entry is not None and not entry.running else ""
        if (rows, times) != self._status:
            self._status = (rows, times)
            self.window.status("rows", rows)
            self.window.status("time", times)
        if (offer := self._offered(entry)) is None:
            self._offer.pack_forget()
        else:
            self._offering = offer[1]
            self._offer.show(text=offer[0])
            self._offer.pack(side="left")
        self._pick()

    def _offered(self, entry: Entry | None) -> tuple[str, Callable[[], object]] | None:
        if entry is None:
            return None
        if entry.arranging is not None:
            return "Cancel", entry.arranging.cancel
        if entry.running:
            return "Cancel", entry.statement.cancel
        if (error := entry.error) is not None and entry.statement.rows:
            return "Show the error", lambda: self.window.show_error(error)
        if entry.statement.outcome is Outcome.TRUNCATED and not entry.statement.parameters:
            return "Run again without limit", lambda: self.run_again(entry)
        return None

    def _take_offer(self) -> None:
        self._offering()

    def _pick(self) -> None:
        """Say where the cursor is and how much is selected."""
        entry, count = self.gridded, len(self.grid.rows)
        if entry is None or not count:
            self._picked.configure(text="")
            return
        selection = self.grid.selection
        rows, columns = selection.count(count, len(entry.columns))
        size = "" if selection.single else f"  ·  {rows:,} × {columns:,} selected"
        text = f"row {min(selection.row + 1, count):,} of {count:,}{size}"
        self._picked.configure(text=text)

    def _selected(self) -> None:
        self._pick()
        if self.details_shown:
            self._after("look", REST, self._look)

    def _opened(self, row: int, column: int) -> None:
        if self._shown == OVERVIEW and self.model.run is not None:
            entry = self.model.run.entries[row]
            if entry in self.model.tabs():
                self.choose(entry.key)
        elif self.gridded is not None:
            self.view_value()

    def _tidy(self) -> None:
        for key in [key for key in self._views if key != OVERVIEW and self.model.entry(key) is None]:
            del self._views[key]

    def _color(self, entry: Entry) -> str | None:
        return self.window.theme.color("danger") if entry.error is not None else None

    # -- results -------------------------------------------------------------------------------------------------

    def run_again(self, entry: Entry) -> None:
        """Run a statement again, this time for all its rows; a person is asked where that may change something."""
        question = "Run this statement again? It may change something once more."
        if not entry.reads and not self.window.confirm(question, detail=_first_line(entry), yes="Run again"):
            return
        panel = next((panel for panel in self.window.panels() if panel.id == self.model.place), self)
        statement = entry.session.execute(entry.statement.sql)
        new = self.model.replaced(entry, statement)
        self.window.announce(StatementQueued(panel, entry.session, statement, -1))
        self.choose(new.key)

    def pin(self, entry: Entry) -> None:
        """Keep a result when the next run comes, or no longer."""
        self.model.pin(entry)
        self.refresh()

    def close_entries(self, entries: Sequence[Entry]) -> None:
        """Let results go."""
        for entry in entries:
            if entry.arranging is not None:
                entry.arranging.cancel()
            self.model.close(entry)
            self._views.pop(entry.key, None)
        self.refresh()

    def _close_tab(self, key: str) -> None:
        if (entry := self.model.entry(key)) is not None:
            self.close_entries([entry])

    # -- order ---------------------------------------------------------------------------------------------------

    def sort(self, column: int, more: bool = False) -> None:
        """Sort by a column, then the other way round, then no longer; beside the columns before if ``more``."""
        if (entry := self.gridded) is not None:
            entry.turn(column, more=more)
            self._arrange(entry)

    def sort_by(self, sorts: Sequence[Sort]) -> None:
        """Sort by these columns."""
        if (entry := self.gridded) is not None:
            entry.sorts = tuple(sorts)
            self._arrange(entry)

    def filter_by(self, filters: Sequence[Filter]) -> None:
        """Show the rows that pass these filters, beside those there are."""
        if (entry := self.gridded) is not None:
            entry.filters = (*entry.filters, *filters)
            self._filter.show(entry.columns, entry.filters, entry.quick)
            self.open_filter(focus=False)
            self._arrange(entry)

    def open_filter(self, column: int | None = None, *, focus: bool = True) -> None:
        """Show the bar with the conditions."""
        if not self._filter.winfo_manager():
            self._filter.pack(fill="x", before=self._panes)
        if focus:
            self._filter.begin(column)

    def close_filter(self) -> None:
        """Hide the bar, and show all rows again."""
        self._filter.pack_forget()
        if (entry := self.gridded) is not None and (entry.filters or entry.quick):
            self._filter.clear()
        self.focus()

    def _filtered(self, filters: tuple[Filter, ...], quick: str) -> None:
        entry = self.gridded
        if entry is not None and (filters, quick) != (entry.filters, entry.quick):
            entry.filters, entry.quick = filters, quick
            self._arrange(entry)

    def _arrange(self, entry: Entry) -> None:
        """Bring the rows of a result into the order that is wanted, in the background."""
        if entry.arranging is not None:
            entry.arranging.cancel()
            entry.arranging = None
        self._mark(entry)
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
                if not isinstance(error, QueryCancelledError):
                    self.window.show_error(error)
                if entry.arrangement is None:
                    entry.sorts, entry.filters, entry.quick = (), (), ""
                    self._mark(entry)
                self.refresh()

        job = entry.arranging = self.window.background("Arranging rows", arranging(entry), done, failed)
        self._say()

    def _arranged(self, entry: Entry, arrangement: Arrangement | None) -> None:
        entry.arranged(arrangement)
        view = self._views.get(entry.key)
        if view is not None:
            view.top = 0
            view.selection.go(0, view.selection.column)
        self.refresh()
        if entry.outdated and not entry.running:
            self._arrange(entry)

    def _mark(self, entry: Entry) -> None:
        if self.entry is entry:
            many = len(entry.sorts) > 1
            marks = {sort.column: Mark(sort.descending, at if many else 0) for at, sort in enumerate(entry.sorts, 1)}
            self.grid.mark(marks)

    # -- finding -------------------------------------------------------------------------------------------------

    def open_find(self) -> None:
        """Show the line for what is looked for."""
        if self.gridded is not None:
            if not self._find.winfo_manager():
                self._find.pack(fill="x", before=self._panes)
            self._find.begin()

    def close_find(self) -> None:
        """Hide the line."""
        self._find.pack_forget()
        self._forget_matches()
        self.focus()

    def step(self, by: int) -> None:
        """Go to the next row with a match, or the one before."""
        matches = self._matches
        if matches is None or not len(matches):
            return
        row = self.grid.selection.row if self._going_to is None else self._going_to
        at = matches.rank(row + 1) if by > 0 else matches.rank(row) - 1
        self._go_to_match(at % len(matches))

    def _sought(self, text: str, regex: bool) -> None:
        self._forget_matches()
        entry = self.gridded
        if entry is None or not text:
            self._find.say("")
            return
        wanted = Filter(test="matches" if regex else "contains", value=text)
        self._find.say("looking…")

        def done(matches: Matches) -> None:
            if self.gridded is entry and self._needle == text:
                self._matches = matches
                if len(matches):
                    self._go_to_match(matches.rank(self.grid.selection.row) % len(matches))
                else:
                    self._find.say("not found", "warning")

        def failed(error: AlvearyError) -> None:
            if isinstance(error, InvalidInputError):
                self._find.say(error.message, "danger")
            elif not isinstance(error, QueryCancelledError):
                self.window.show_error(error)

        self._needle = text
        self.grid.highlight("" if regex else text)
        self.window.background("Finding", finding(entry, wanted), done, failed)

    def _go_to_match(self, at: int) -> None:
        entry, matches, needle = self.gridded, self._matches, self._needle.casefold()
        if entry is None or matches is None:
            return
        position = self._going_to = matches[at]
        self._find.say(f"{at + 1:,} of {counted(len(matches), 'row')}")

        def done(row: Row | None) -> None:
            if position == self._going_to:
                self._going_to = None
            if row is not None and self.gridded is entry:
                held = [at for at, cell in enumerate(row) if cell is not None and needle in cell_text(cell).casefold()]
                self.grid.select(position, held[0] if held else self.grid.selection.column)

        self._await(Awaited(self.model.reader, parts.value_at(entry.source(), position)), done)

    def _forget_matches(self) -> None:
        self._matches, self._needle, self._going_to = None, "", None
        self.grid.highlight("")
        self._find.say("")

    # -- copying and saving --------------------------------------------------------------------------------------

    def copy(self, format: str = "tsv", *, header: bool = False) -> None:
        """Put the selected cells on the clipboard."""
        entry = self.gridded
        if entry is None:
            return
        ranges = self.grid.selection.clipped(len(self.grid.rows), len(entry.columns))
        if not ranges:
            return
        part = parts.selected_part(ranges)

        def done(text: str) -> None:
            safe, replaced = parts.clipboard_safe(text)
            self.window.copy(safe)
            if replaced:
                self.window.notify(
                    f"{counted(replaced, 'character')} can't stand on a clipboard and were replaced",
                    "warning",
                    detail="NUL and bytes that are no UTF-8; a file keeps them.",
                )
            elif not self.grid.selection.single:
                self.window.notify(f"Copied {part.count(1 << 62):,} × {len(part.columns or ()):,} cells")

        work = parts.copying(entry.source(), entry.columns, part, self._format(entry, format, header=header))
        self.window.background("Copying cells", work, done)

    def copy_names(self) -> None:
        """Put the names of the selected columns on the clipboard."""
        if (entry := self.gridded) is not None:
            ranges = self.grid.selection.clipped(max(len(self.grid.rows), 1), len(entry.columns))
            columns = parts.selected_part(ranges).columns or ()
            self.window.copy(", ".join(entry.columns[column].name for column in columns))

    def save(self, *, selection: bool = False, path: str | None = None, format: str | None = None) -> None:
        """Write the rows to a file, all that are shown or the selected cells; a person is asked where to."""
        entry = self.gridded
        if entry is None:
            return
        if path is None:
            title = "Save the selected cells" if selection else "Save the rows"
            path = self.window.ask_file(save=True, title=title, name="result.csv", endings=self._endings())
        if path is None:
            return
        wanted = self._format(entry, format or self._format_of(path))
        part = Part()
        if selection:
            part = parts.selected_part(self.grid.selection.clipped(len(self.grid.rows), len(entry.columns)))
        statement = entry.statement if not selection and entry.arrangement is None else None
        work = parts.saving(entry.source(), part, wanted, path, statement)
        name = Path(path).name
        self.window.background(
            f"Saving {name}",
            work,
            lambda rows: self.window.notify(f"Saved {counted(rows, 'row')} to {name}", "success"),
        )

    def _endings(self) -> dict[str, str]:
        endings = {spec.id.upper(): spec.extensions[0] for spec in self._exporters() if spec.extensions}
        return {"CSV": ".csv", **endings, "SQL INSERT": ".sql"}

    def _exporters(self) -> list[ExporterSpec]:
        return list(self.window.kernel.plugins.exporters)

    def _format_of(self, path: str) -> str:
        ending = Path(path).suffix.lower()
        if ending == ".sql":
            return INSERT
        for spec in self._exporters():
            if ending in spec.extensions:
                return spec.id
        known = ", ".join(self._endings().values())
        raise UnknownFormatError(f"no format goes by the ending {ending or 'of that name'}", hint=f"endings: {known}")

    def _format(self, entry: Entry, format: str, *, header: bool = True) -> Format:
        if format == INSERT:
            return insert_format(entry.statement.sql, entry.session.driver.dialect)
        if (spec := self.window.kernel.plugins.exporters.find(format)) is None:
            known = ", ".join([*self.window.kernel.plugins.exporters.ids(), INSERT])
            raise UnknownFormatError(f"no format is named {format!r}", hint=f"formats: {known}")
        return Format(factory=spec.factory, header=header)

    # -- one value, one row --------------------------------------------------------------------------------------

    def toggle_details(self) -> None:
        """Show or hide the side with one value or one row."""
        self.details_shown = not self.details_shown
        if not self.details_shown:
            self._panes.forget(self.details)
            self.focus()
        else:
            self.details.configure(width=self.window.theme.px(380))
            self.details.pack_propagate(False)
            self._panes.add(self.details, weight=0)
            self._look()
        self.window.changed(self)

    def view_value(self, tab: str = VALUE) -> None:
        """Show the value under the cursor, or its row, at the side."""
        if not self.details_shown:
            self.toggle_details()
        self.details.choose(tab)

    def _look(self) -> None:
        """Read what the side is to show."""
        if not self.details_shown:
            return
        entry, selection = self.gridded, self.grid.selection
        if entry is None or selection.row >= len(self.grid.rows):
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
            if found is None or self.gridded is not entry:
                self.details.show_nothing()
            elif tab == RECORD:
                self.details.show_record(entry.columns, found[0])
            else:
                self.details.show_value(column, found[0][number], *found[1:])

        self._await(Awaited(self.model.reader, work, "look"), done)

    def _field_opened(self, column: int) -> None:
        self.grid.select(self.grid.selection.row, column)
        self.details.choose(VALUE)

    def copy_value(self) -> None:
        """Put the whole value under the cursor on the clipboard."""
        entry, selection = self.gridded, self.grid.selection
        if entry is not None and len(self.grid.rows):
            part = Part(columns=(selection.column,), rows=((selection.row, selection.row + 1),))
            work = parts.copying(entry.source(), entry.columns, part, self._format(entry, "tsv", header=False))
            self.window.background(
                "Copying a value", work, lambda text: self.window.copy(parts.clipboard_safe(text)[0])
            )

    def save_value(self) -> None:
        """Write the whole value under the cursor to a file, bytes as bytes and text as UTF-8."""
        entry, selection = self.gridded, self.grid.selection
        if entry is None or not len(self.grid.rows):
            return
        column = entry.columns[selection.column]
        if (path := self.window.ask_file(save=True, title="Save the value", name="value")) is not None:
            work = cellvalues.writing(parts.value_at(entry.source(), selection.row), selection.column, column, path)
            self.window.background(
                "Saving a value", work, lambda size: self.window.notify(f"Saved {size:,} bytes", "success")
            )

    # -- menus ---------------------------------------------------------------------------------------------------

    def _menu(self, event: tk.Event[tk.Misc], row: int, column: int) -> None:
        if (entry := self.gridded) is None:
            return
        if row < 0:
            if column >= 0:
                self.window.menu(self._column_items(entry, column), event)
            return
        items: list[tuple[str, Callable[[], object]] | None] = [
            ("Copy", self.copy),
            ("Copy with headers", lambda: self.copy(header=True)),
            *((f"Copy as {word}", self._copier(format)) for format, word in COPIED if format != "tsv"),
            None,
            ("View the value", self.view_value),
            ("View the row", lambda: self.view_value(RECORD)),
        ]
        if column >= 0:
            items += [
                None,
                ("Only rows with this value", lambda: self._filter_value(entry, row, column, "equals", "null")),
                ("Without rows of this value", lambda: self._filter_value(entry, row, column, "differs", "not null")),
            ]
        items += [None, ("Save the selected cells…", lambda: self.save(selection=True)), ("Save all rows…", self.save)]
        self.window.menu(items, event)

    def _column_items(self, entry: Entry, column: int) -> list[tuple[str, Callable[[], object]] | None]:
        def sorter(**how: Any) -> Callable[[], object]:
            return lambda: self.sort_by([Sort(column=column, **how)])

        return [
            ("Sort ascending", sorter()),
            ("Sort descending", sorter(descending=True)),
            ("Sort ascending, NULL first", sorter(nulls="first")),
            ("Sort beside the columns before", lambda: self.sort(column, True)),
            ("Rows as they came", lambda: self.sort_by([])),
            None,
            ("Filter…", lambda: self.open_filter(column)),
            ("Only NULL", lambda: self.filter_by([Filter(test="null", column=column)])),
            ("Without NULL", lambda: self.filter_by([Filter(test="not null", column=column)])),
            None,
            ("Fit this column", lambda: self.grid.fit_columns([column])),
            ("Fit all columns", self.grid.fit_columns),
            ("Select the column", lambda: self.grid.select_column(column)),
            ("Copy the name", lambda: self.window.copy(entry.columns[column].name)),
        ]

    def _copier(self, format: str) -> Callable[[], object]:
        return lambda: self.copy(format, header=True)

    def _filter_value(self, entry: Entry, row: int, column: int, test: Test, of_null: Test) -> None:
        def done(found: Row | None) -> None:
            if found is not None and self.gridded is entry:
                cell = found[column]
                self.filter_by(
                    [
                        Filter(test=of_null, column=column)
                        if cell is None
                        else Filter(test=test, value=cell_text(cell), column=column)
                    ]
                )

        self._await(Awaited(self.model.reader, parts.value_at(entry.source(), row)), done)

    def _tab_menu(self, key: str, event: tk.Event[tk.Misc]) -> None:
        if (entry := self.model.entry(key)) is None:
            return
        others = [other for other in self.model.tabs() if other is not entry and not other.pinned]
        self.window.menu(
            [
                ("Unpin" if entry.pinned else "Pin", lambda: self.pin(entry)),
                ("Copy the statement", lambda: self.window.copy(entry.statement.sql)),
                None,
                ("Close", lambda: self.close_entries([entry])),
                ("Close others", lambda: self.close_entries(others)),
            ],
            event,
        )


def _icon(entry: Entry) -> str | None:
    if entry.pinned:
        return "pin-angle-fill"
    if entry.error is not None:
        return "exclamation-circle"
    return "hourglass-split" if entry.running else None


def _first_line(entry: Entry) -> str:
    line = " ".join(entry.statement.sql[:400].split())
    return line if len(line) <= 120 else line[:120] + "…"
