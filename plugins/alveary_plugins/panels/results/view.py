"""The results panel's widgets: tabs, one grid that shows the tab in front, and what stands around it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from tkinter import ttk
from typing import Any, TypeVar

from alveary.events import (
    CursorClosed,
    JobProgressed,
    Outcome,
    QueryColumnsReady,
    QueryEnded,
    QueryProgressed,
    QueryResumed,
    QueryStarted,
    SessionState,
    SessionStateChanged,
)
from alveary_plugins.panels.results import menus
from alveary_plugins.panels.results.continuing import Continuing
from alveary_plugins.panels.results.foot import Foot
from alveary_plugins.panels.results.looking import Looking
from alveary_plugins.panels.results.model import OVERVIEW, Awaited, Entry, ResultsModel, counted, first_line
from alveary_plugins.panels.results.ordering import Ordering
from alveary_plugins.panels.results.pages import ErrorPage
from alveary_plugins.panels.results.searching import Searching
from alveary_plugins.panels.results.taking import Taking
from alveary_shell.sdk import ActiveChanged, Panel, StatementQueued, Window
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid import Grid
from alveary_shell.widgets.grid_rows import ListedRows
from alveary_shell.widgets.grid_view import View
from alveary_shell.widgets.message import MessagePage
from alveary_shell.widgets.tabs import Tab, TabStrip

T = TypeVar("T")

CLOCK = 200
"""Milliseconds between two looks at a clock that a person watches."""
LOOK = 10
"""Milliseconds between two looks whether something was read."""
REST = 60
"""Milliseconds a cursor rests on a cell before the side shows it."""

Heard = QueryStarted | QueryResumed | QueryColumnsReady | QueryProgressed | QueryEnded | CursorClosed


class ResultsPanel(Panel):
    """Shows what the active panel of the centre ran last. Its parts do the rest: see the rooms beside this one."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.model = ResultsModel()
        self._views: dict[str, View] = {}
        self._shown: str | None = None
        self._pending: dict[str, str] = {}
        """Ids of what Tk will call, by what for."""
        self._status = ("", "")
        self._quiet = False
        """Whether it comes to the front for somebody to see, not to work in."""
        self._build(bool(state.get("details")))
        subscribe = window.subscribe
        subscribe(frame, StatementQueued, self._queued)
        subscribe(frame, ActiveChanged, self._activated)
        subscribe(frame, QueryStarted, self._heard)
        subscribe(frame, QueryResumed, self._heard)
        subscribe(frame, QueryColumnsReady, self._heard)
        subscribe(frame, QueryProgressed, self._heard)
        subscribe(frame, QueryEnded, self._heard)
        subscribe(frame, CursorClosed, self._heard)
        subscribe(frame, SessionStateChanged, self._session_changed)
        subscribe(frame, JobProgressed, self._job_at)
        self.refresh()

    # -- what the window asks ------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {"details": self.looking.shown}

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
        self._foot = Foot(self.frame, theme)
        self._foot.pack(side="bottom", fill="x")
        self._panes = ttk.Panedwindow(self.frame, orient="horizontal")
        self._panes.pack(fill="both", expand=True)
        self._body = tk.Frame(self._panes, borderwidth=0, takefocus=True)
        self._panes.add(self._body, weight=1)
        self.ordering = Ordering(self, self.frame)
        self.searching = Searching(self, self.frame)
        self.continuing = Continuing(self)
        self.taking = Taking(self, self.ordering, self.continuing)
        self.looking = Looking(self, self._panes, self.taking, changed=lambda: self.window.changed(self))
        self._buttons = [
            self._tool("funnel", "Filter", self.ordering.open_bar),
            self._tool("search", "Find", self.searching.open),
            self._tool("copy", "Copy", self.taking.copy),
            self._tool("download", "Save", self.taking.save),
            self._tool("layout-sidebar-reverse", "Details", self.looking.toggle),
        ]
        self.grid = Grid(
            self._body,
            theme,
            on_select=self._selected,
            on_open=self._opened,
            on_sort=self.ordering.sort,
            on_menu=self._menu,
        )
        self._error = ErrorPage(self._body, theme, copy=self.window.copy)
        self._message = MessagePage(self._body, theme)
        for keys, command in (
            ("<Control-Key-c>", self.taking.copy),
            ("<Control-Shift-Key-C>", lambda: self.taking.copy(header=True)),
            ("<Control-Key-Insert>", self.taking.copy),
            ("<Control-Key-f>", self.searching.open),
            ("<Control-Shift-Key-F>", self.ordering.open_bar),
            ("<F3>", lambda: self.searching.step(1)),
            ("<Shift-F3>", lambda: self.searching.step(-1)),
        ):
            self.grid.cells.bind(keys, lambda _, command=command: self._act(command))  # type: ignore[misc]  # mypy can't infer a default
        theme.follow(self.frame, self._paint)
        if details:
            self.looking.toggle()

    def _tool(self, icon: str, text: str, command: Callable[[], object]) -> FlatButton:
        button = FlatButton(self._tools, self.window.theme, command, text=text, icon=icon)
        button.pack(side="left")
        return button

    def _act(self, command: Callable[[], object]) -> str:
        command()
        return "break"

    def _paint(self) -> None:
        color = self.window.theme.color
        for widget in (self._top, self._tools):
            widget.configure(background=color("surface"))
        self._rule.configure(background=color("border"))
        self._body.configure(background=color("background"))

    def _after(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        """Call back later, instead of a call for the same purpose that has not come yet."""
        if (before := self._pending.pop(what, None)) is not None:
            self.frame.after_cancel(before)

        def call() -> None:
            del self._pending[what]
            callback()

        self._pending[what] = self.frame.after(milliseconds, call)

    def wait_for(self, awaited: Awaited[T], done: Callable[[T | None], object]) -> None:
        """Call ``done`` with what another thread found, or show its error."""
        if not awaited.ready:
            self._after(f"await {id(awaited)}", LOOK, lambda: self.wait_for(awaited, done))
        elif awaited.error is not None:
            self.window.show_error(awaited.error)
        else:
            done(awaited.value)

    def show_above(self, bar: tk.Widget) -> None:
        """Put a bar above the rows, if it is not there."""
        if not bar.winfo_manager():
            bar.pack(fill="x", before=self._panes)

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

    def _heard(self, event: Heard) -> None:
        if (entry := self.model.started(event.statement)) is None:
            return
        if isinstance(event, QueryEnded | CursorClosed):
            self.ordering.settle(entry)  # it may have been sorted while its rows still came
        self.refresh()

    def _session_changed(self, event: SessionStateChanged) -> None:
        if event.new in (SessionState.BROKEN, SessionState.CLOSED):
            self.refresh()  # its statements ended without a word of their own

    def _job_at(self, event: JobProgressed) -> None:
        entry = self.entry
        if entry is not None and entry.arranging is not None and entry.arranging.id == event.job:
            self.say()

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

    @property
    def place(self) -> Panel:
        """The panel whose run is shown; this one where it is closed."""
        return next((panel for panel in self.window.panels() if panel.id == self.model.place), self)

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
        self.say()
        if any(entry.running for entry in entries):
            self._after("clock", CLOCK, self.refresh)
        if self.model.has_forgotten:  # not now: who called may still hold them
            self._after("sweep", CLOCK, self.model.sweep)

    def _front_changed(self) -> None:
        entry = self.entry
        usable = entry if entry is not None and entry.columns else None
        for button in self._buttons:
            button.show(enabled=usable is not None)
        self.ordering.follow(usable)
        self.searching.follow(usable is not None)

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
                self.ordering.mark(entry)
                self._front_changed()
            else:
                self.grid.refresh()
        elif entry.running:
            self._put(self._message)
            title = "Running…" if entry.started is not None else "Waiting for its turn…"
            self._message.show(title, first_line(entry), button=("Cancel", entry.statement.cancel))
        else:
            self._put(self._message)
            cancelled = entry.statement.outcome is Outcome.CANCELLED
            title = "Cancelled" if cancelled else entry.summary().partition(" · ")[0]
            self._message.show(title, first_line(entry), role="warning" if cancelled else "success")

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

    def say(self) -> None:
        """Say below the rows how the result in front stands, and offer what can be done about it."""
        entry = self.entry
        said = entry.summary() if entry is not None else ""
        if entry is not None and entry.arranging is not None:
            percent = entry.arranging.percent
            sorting = entry.sorts and (entry.arranging.item == "sorting" or not entry.wanted[1])
            doing = "Sorting" if sorting else "Filtering"
            said = f"{doing}…" if percent is None or percent >= 100 else f"{doing}… {percent:.0f} %"
        self._foot.show(said, self.continuing.offers(entry) if entry is not None else ())
        rows = counted(entry.statement.rows, "row") if entry is not None and entry.columns else ""
        times = entry.times() if entry is not None and not entry.running else ""
        if (rows, times) != self._status:
            self._status = (rows, times)
            self.window.status("rows", rows)
            self.window.status("time", times)
        self._pick()
        if entry is not None and entry.held:
            self._after("countdown", CLOCK, self.say)

    def _pick(self) -> None:
        """Say where the cursor is and how much is selected."""
        entry, count = self.gridded, len(self.grid.rows)
        if entry is None or not count:
            self._foot.pick("")
            return
        selection = self.grid.selection
        rows, columns = selection.count(count, len(entry.columns))
        size = "" if selection.single else f"  ·  {rows:,} × {columns:,} selected"
        text = f"row {min(selection.row + 1, count):,} of {count:,}{size}"
        self._foot.pick(text)

    def _selected(self) -> None:
        self._pick()
        if self.looking.shown:
            self._after("look", REST, self.looking.look)

    def _opened(self, row: int, column: int) -> None:
        if self._shown == OVERVIEW and self.model.run is not None:
            entry = self.model.run.entries[row]
            if entry in self.model.tabs():
                self.choose(entry.key)
        elif self.gridded is not None:
            self.looking.view()

    def rewind(self, entry: Entry) -> None:
        """The rows of a result stand in another order: show the first ones."""
        if (view := self._views.get(entry.key)) is not None:
            view.top = 0
            view.selection.go(0, view.selection.column)

    def _tidy(self) -> None:
        for key in [key for key in self._views if key != OVERVIEW and self.model.entry(key) is None]:
            del self._views[key]

    def _color(self, entry: Entry) -> str | None:
        return self.window.theme.color("danger") if entry.error is not None else None

    # -- results -------------------------------------------------------------------------------------------------

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

    # -- menus ---------------------------------------------------------------------------------------------------

    def _menu(self, event: tk.Event[tk.Misc], row: int, column: int) -> None:
        if (entry := self.gridded) is None:
            return
        if row >= 0:
            self.window.menu(menus.of_cell(self, row, column), event)
        elif column >= 0:
            self.window.menu(menus.of_column(self, entry, column), event)

    def _tab_menu(self, key: str, event: tk.Event[tk.Misc]) -> None:
        if (entry := self.model.entry(key)) is not None:
            others = [other for other in self.model.tabs() if other is not entry and not other.pinned]
            self.window.menu(menus.of_tab(self, entry, others), event)


def _icon(entry: Entry) -> str | None:
    if entry.pinned:
        return "pin-angle-fill"
    if entry.error is not None:
        return "exclamation-circle"
    return "hourglass-split" if entry.running else None
