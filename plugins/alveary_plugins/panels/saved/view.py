"""The saved queries as they are drawn: a search field above a line for each."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from alveary.saved import SavedQuery
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.searchfield import SearchField

TYPING_MILLISECONDS = 150
"""How long after the last key the store is asked."""

_COLUMNS = (
    ListColumn("Query", 220),
    ListColumn("Connection", 140),
    ListColumn("Tags", 120),
    ListColumn("Parameters", 160),
    ListColumn("Statement", 400, stretch=True),
)


class SavedPanel(Panel):
    """Enter or a double click opens a query in a new editor on its connection; Delete removes it, after asking."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme = window.theme
        self._search = SearchField(frame, theme, "Search saved queries", self._soon)
        self._search.pack(fill="x", padx=theme.px(8), pady=theme.px(6))
        self._list = Listing(frame, theme, _COLUMNS, on_open=self._open, on_menu=self._menu)
        self._list.pack(fill="both", expand=True)
        self._queries: dict[str, SavedQuery] = {}
        self._after: str | None = None
        self._search.bind("<Down>", lambda _: self._list.focus_list())
        self._search.bind("<Return>", lambda _: self._list.focus_list())
        self._list.tree.bind("<Delete>", lambda _: self._remove(self._list.selected))
        self.ask()

    def focus(self) -> None:
        self._search.focus_set()
        self.ask()  # a command line may have saved something since

    def closed(self) -> None:
        if self._after is not None:
            self._list.after_cancel(self._after)

    def ask(self) -> None:
        """Read the queries anew."""
        self._after = None
        kernel, search = self.window.kernel, self._search.get() or None
        self.window.background(
            "Reading the saved queries",
            lambda job: kernel.commands.run("queries.list", {"search": search}, job=job),
            lambda listing: self._show(listing.queries),
        )

    def _soon(self) -> None:
        if self._after is None:
            self._after = self._list.after(TYPING_MILLISECONDS, self.ask)

    def _show(self, queries: list[SavedQuery]) -> None:
        self._queries = {query.id: query for query in queries}
        self._list.empty_text = (
            "No saved query has these words"
            if self._search.get()
            else "Nothing is saved yet.\n“Save as query…” in the Query menu keeps what an editor holds;"
            " with :parameters it is a template."
        )
        self._list.show([(id, _cells(query), "") for id, query in self._queries.items()])

    def _open(self, id: str) -> None:
        query = self._queries[id]
        state = {"text": query.statement, "target": query.connection, "parameters": given_by_default(query)}
        self.window.open("editor", {name: value for name, value in state.items() if value is not None})

    def _menu(self, id: str, event: tk.Event[tk.Misc]) -> None:
        query = self._queries[id]
        self.window.menu(
            [
                ("Open in a new editor", lambda: self._open(id)),
                ("Copy statement", lambda: self.window.copy(query.statement)),
                None,
                ("Delete…", lambda: self._remove(id)),
            ],
            event,
        )

    def _remove(self, id: str | None) -> None:
        if id is None or not self.window.confirm(f"Delete the query {self._queries[id].path}?", yes="Delete"):
            return
        kernel = self.window.kernel
        self.window.background(
            "Deleting a query",
            lambda job: kernel.commands.run("queries.delete", {"name": id}, job=job),
            lambda _: self.ask(),
        )


def given_by_default(query: SavedQuery) -> dict[str, list[str]]:
    """Return the defaults of a query as an editor is given values: text and kind by name."""
    found = {}
    for each in query.parameters:
        value = each.default
        if value is UNSET:
            continue
        if value is None:
            found[each.name] = ["", "NULL"]
        elif isinstance(value, bool):
            found[each.name] = [str(value).lower(), "Boolean"]
        else:
            found[each.name] = [str(value), "Text" if isinstance(value, str) else "Number"]
    return found


def _cells(query: SavedQuery) -> list[str]:
    names = ", ".join(f":{each.name}" for each in query.parameters)
    return [query.path, query.connection or "", ", ".join(query.tags), names, query.statement]
