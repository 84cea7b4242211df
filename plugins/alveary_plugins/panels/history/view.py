"""The history as it is drawn: a search field above the newest statements that fit it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alveary.events import QueryEnded
from alveary.history import HistoryEntry
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.flat import CheckButton
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.searchfield import SearchField

LIMIT = 500
TYPING_MILLISECONDS = 150
"""How long after the last key the store is asked."""
REFRESH_MILLISECONDS = 500

_COLUMNS = (
    ListColumn("Time", 140),
    ListColumn("Connection", 170),
    ListColumn("Seconds", 80, numeric=True),
    ListColumn("Rows", 80, numeric=True),
    ListColumn("Statement", 400, stretch=True),
)


class HistoryPanel(Panel):
    """Enter or a double click opens the statement in a new editor on its connection; nothing is run unasked."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme = window.theme
        bar = tk.Frame(frame, borderwidth=0)
        bar.pack(fill="x")
        self._search = SearchField(bar, theme, "Search the history", lambda: self._soon(TYPING_MILLISECONDS))
        self._search.pack(side="left", fill="x", expand=True, padx=theme.px(8), pady=theme.px(6))
        self._failed = CheckButton(bar, theme, self._ask, text="Only failed")
        self._failed.pack(side="left", padx=(0, theme.px(10)))
        self._list = Listing(frame, theme, _COLUMNS, on_open=self._open, on_menu=self._menu)
        self._list.pack(fill="both", expand=True)
        self._entries: dict[str, HistoryEntry] = {}
        self._after: str | None = None
        self._asked = 0
        self._search.bind("<Down>", lambda _: self._list.focus_list())
        self._search.bind("<Return>", lambda _: self._list.focus_list())
        window.subscribe(self._list, QueryEnded, lambda _: self._soon(REFRESH_MILLISECONDS))
        theme.follow(bar, lambda: bar.configure(background=theme.color("surface")))
        self._ask()

    def focus(self) -> None:
        self._search.focus_set()

    def closed(self) -> None:
        if self._after is not None:
            self._list.after_cancel(self._after)

    def _soon(self, milliseconds: int) -> None:
        if self._after is None:
            self._after = self._list.after(milliseconds, self._ask)

    def _ask(self) -> None:
        self._after = None
        self._asked += 1
        asked = self._asked
        parameters = {"search": self._search.get() or None, "failed": self._failed.ticked, "limit": LIMIT}

        def done(entries: list[HistoryEntry]) -> None:
            if asked == self._asked:  # an answer to what was typed before comes too late
                self._show(entries)

        kernel = self.window.kernel
        self.window.background(
            "Searching the history", lambda job: kernel.commands.run("history.list", parameters, job=job), done
        )

    def _show(self, entries: list[HistoryEntry]) -> None:
        self._entries = {str(entry.id): entry for entry in entries}
        sought = self._search.get() or self._failed.ticked
        self._list.empty_text = "Nothing in the history is like that" if sought else "Nothing has been run yet"
        self._list.show([(key, _cells(entry), _role(entry)) for key, entry in self._entries.items()])

    def _open(self, key: str) -> None:
        entry = self._entries[key]
        self.window.open("editor", {"target": entry.connection, "text": entry.statement})

    def _menu(self, key: str, event: tk.Event[tk.Misc]) -> None:
        entry = self._entries[key]
        self.window.menu(
            [
                ("Open in a new editor", lambda: self._open(key)),
                ("Copy statement", lambda: self.window.copy(entry.statement)),
            ],
            event,
        )


def _cells(entry: HistoryEntry) -> list[str]:
    count = entry.rows if entry.rows_affected is None else entry.rows_affected
    return [
        datetime.fromisoformat(entry.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        entry.connection,
        "" if entry.seconds is None else f"{entry.seconds:.3f}",
        "" if count is None else f"{count:,}",
        entry.statement,
    ]


def _role(entry: HistoryEntry) -> str:
    return {"failed": "danger", "cancelled": "warning", "interrupted": "warning"}.get(entry.outcome, "")
