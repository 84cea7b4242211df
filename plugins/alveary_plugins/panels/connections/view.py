"""The databases as they are drawn: a filter above a tree whose branches are read when they are opened."""

from __future__ import annotations

import threading
import tkinter as tk
from collections.abc import Callable, Iterator, Mapping
from tkinter import ttk
from typing import Any

from alveary.commands.connections import Listing
from alveary.errors import AlvearyError
from alveary.events import (
    CommandEnded,
    SchemaRefreshed,
    SessionClosed,
    SessionOpened,
    SessionOpenFailed,
    SessionStateChanged,
)
from alveary.jobs import Job
from alveary.profile_store import Group
from alveary_plugins.panels.catalog.model import TREE, Failed, Part, Table
from alveary_plugins.panels.catalog.reading import is_read, read
from alveary_plugins.panels.catalog.revealing import Goal
from alveary_plugins.panels.connections.menus import items
from alveary_plugins.panels.connections.model import Databases, Saved, Unsaved, failure, waiting
from alveary_shell.sdk import Panel, PersonAsked, Window
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.form import Hint
from alveary_shell.widgets.tree import Tree
from alveary_shell.widgets.tree_rows import Node

SOON = 60
"""Milliseconds in which several changes of sessions are looked at together."""
PATIENCE = 150
"""Milliseconds until it is said that something is being read."""
_CHANGES = frozenset(
    f"{noun}.{verb}" for noun in ("connections", "groups") for verb in ("add", "edit", "remove", "copy", "import")
) | {"store.restore"}
"""Commands after which the saved connections are read again."""


class ConnectionsPanel(Panel):
    """Groups, connections and what they hold. Nothing is connected until a branch is opened or a command asks so."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        closed = state.get("closed")
        self.model = Databases(window.kernel.plugins.drivers, closed if isinstance(closed, list) else ())
        self._reads: dict[Node, Job] = {}
        self._once_read: dict[Node, Callable[[], object]] = {}
        """What is done once what is in a node was read."""
        self._pending: dict[str, str] = {}
        self._asked = ""
        """What a person is asked, while they are."""
        self._listed = False
        self._wanted: str | None = None
        """Key of the node to be selected once it is there."""
        self._build()
        subscribe = window.subscribe
        for kind in (SessionOpened, SessionOpenFailed, SessionStateChanged, SessionClosed):
            subscribe(frame, kind, lambda _: self._later("arrange", SOON, self._arrange))
        subscribe(frame, CommandEnded, self._command_ended)
        subscribe(frame, SchemaRefreshed, self._refreshed)
        subscribe(frame, PersonAsked, self._person_asked)
        self.ask()

    # -- what the window asks ------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {"closed": self.model.closed}

    def focus(self) -> None:
        self.tree.focus_set()

    def closed(self) -> None:
        for id in self._pending.values():
            self.frame.after_cancel(id)
        for job in self._reads.values():
            job.cancel()
        self._pending.clear()
        self._reads.clear()

    # -- what commands ask ---------------------------------------------------------------------------------------

    @property
    def selected(self) -> Node | None:
        """The node that is selected."""
        return self.tree.selected

    def focus_filter(self) -> None:
        """Put the keyboard into the filter."""
        self._filter.focus_set()
        self._filter.select_range(0, "end")

    def refresh(self, node: Node | None = None) -> None:
        """Read a node anew, or the list of connections without one."""
        while node is not None and not (isinstance(node.data, Saved | Unsaved) or is_read(node.data)):
            node = node.parent
        if node is None:
            self.ask()
        else:
            self._read(node, refresh=True)

    def show_below(self, key: str) -> None:
        """Open the child with this key of the node that is selected, once that has been read, and select it."""
        if (node := self.selected) is None:
            return
        if (child := node.find((key,))) is None:
            self._once_read[node] = lambda: self._select_below(node, key)
            self._read(node)
            return
        node.open = child.open = True
        if child.children is None:
            self._read(child)
        self.tree.select(child)

    def _select_below(self, node: Node, key: str) -> None:
        if node.find((key,)) is not None:
            self.tree.select(node)
            self.show_below(key)

    def go_to(self, target: str, session: str | None, goal: Goal) -> bool:
        """Select something in the tree once what it stands in was read; return whether its database is there.

        ``session`` is the id of the one that alone reaches the database.
        """
        for node in self.model.databases():
            database = node.data.database
            if database.target == target and (session is None or getattr(database.session, "id", None) == session):
                if self.tree.filtered:
                    self._end_filter()
                self._go(node, goal)
                return True
        return False

    def _go(self, node: Node, goal: Goal, *, read: Node | None = None) -> None:
        """Go from a node towards a goal as far as it leads, and select what is reached; ``read`` was read just now."""
        while (child := goal.towards(node)) is not None:
            if goal.is_at(child):
                self.tree.select(child)
                self.focus()
                return
            node = child
        if node is read or not (isinstance(node.data, Saved | Unsaved) or is_read(node.data)):
            self.tree.select(node)
            self.window.notify(f"{goal.column or goal.name} is not shown in the tree", "warning")
            return
        self.tree.select(node)
        self._once_read[node] = lambda: self._go(node, goal, read=node)
        self._read(node)

    def ask(self) -> None:
        """Read the list of saved connections."""
        kernel = self.window.kernel
        self.window.background(
            "Reading the saved connections", lambda job: kernel.commands.run("connections.list", job=job), self._show
        )

    def reveal(self, key: str) -> None:
        """Select the connection or group with this key once it is there."""
        if (node := self.model.node_of(key)) is not None:
            self._wanted = None
            self.tree.select(node)
        else:
            self._wanted = key

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme, px, window = self.window.theme, self.window.theme.px, self.window
        bar = tk.Frame(self.frame, borderwidth=0)
        bar.pack(fill="x")
        self._filter = ttk.Entry(bar, font=theme.ui)
        self._filter.pack(side="left", fill="x", expand=True, padx=(px(8), px(4)), pady=px(6))
        self._hint = Hint(self._filter, theme, "Filter")
        tools: tuple[tuple[str, Callable[[], object]], ...] = (
            ("plus-lg", lambda: window.run("connections.new")),
            ("arrow-clockwise", lambda: self.refresh(self.selected)),
        )
        for icon, press in tools:
            FlatButton(bar, theme, press, icon=icon, focusable=False).pack(side="left", padx=(0, px(4)))
        self.tree = Tree(
            self.frame,
            theme,
            on_open=self._opened,
            on_close=self._closed,
            on_activate=self._activate,
            on_menu=self._menu,
            on_type=self._typed,
        )
        self.tree.pack(fill="both", expand=True)
        self._beginning = _Beginning(self.frame, window)
        entry = self._filter
        entry.bind("<KeyRelease>", lambda _: self._sift())
        entry.bind("<Escape>", lambda _: self._end_filter())
        for keys in ("<Down>", "<Return>", "<KP_Enter>"):
            entry.bind(keys, lambda _: self._to_tree())
        canvas = self.tree.canvas
        canvas.bind("<Escape>", lambda _: self._end_filter())
        for keys, command, kinds in (
            ("<F2>", "connections.rename", (Saved, Group)),
            ("<Delete>", "connections.delete", (Saved, Group)),
            ("<F5>", "catalog.refresh", (object,)),
            ("<Control-Key-c>", "catalog.copy-name", (object,)),
            ("<Control-Key-f>", "connections.find", (object,)),
        ):
            canvas.bind(keys, lambda _, command=command, kinds=kinds: self._press(command, kinds))  # type: ignore[misc]  # mypy can't infer a default
        self._sifted = ""

        theme.follow(bar, lambda: bar.configure(background=theme.color("surface")))

    def _press(self, command: str, kinds: tuple[type, ...]) -> str:
        """Run a command if what is selected is of a kind it is for."""
        if isinstance(self.selected.data if self.selected is not None else None, kinds):
            self.window.run(command)
        return "break"

    def _later(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        if what in self._pending:
            return

        def call() -> None:
            del self._pending[what]
            callback()

        self._pending[what] = self.frame.after(milliseconds, call)

    # -- the filter ----------------------------------------------------------------------------------------------

    def _sift(self) -> None:
        text = self._filter.get()
        self._hint.show(not text)
        if text != self._sifted:
            self._sifted = text
            self.tree.empty_text = "Nothing that has been read fits.\nWhat is closed was not looked through."
            self.tree.filter(text)

    def _typed(self, text: str) -> None:
        self._filter.focus_set()
        self._filter.insert("end", text)
        self._filter.icursor("end")
        self._sift()

    def _to_tree(self) -> str:
        self.tree.focus_set()
        return "break"

    def _end_filter(self) -> str:
        self._filter.delete(0, "end")
        self._sift()
        self.tree.focus_set()
        return "break"

    # -- what is saved, and what is open -------------------------------------------------------------------------

    def _command_ended(self, event: CommandEnded) -> None:
        if event.command in _CHANGES and event.outcome == "ok":
            self._later("ask", SOON, self.ask)

    def _show(self, listing: Listing) -> None:
        self.model.take(listing)
        self._listed = True
        self._arrange()

    def _arrange(self) -> None:
        kernel = self.window.kernel
        before = {node.key for node in self.model.roots}
        self.model.arrange(kernel.sessions(), kernel.pools.states())
        self.tree.show(self.model.roots)
        if self._wanted is not None:
            self.reveal(self._wanted)
        self._beginning.show(self._listed and not self.model.roots)
        for node in self.model.roots:
            # Somebody has just opened it, so what it holds is wanted.
            if isinstance(node.data, Unsaved) and node.key not in before:
                self.tree.toggle(node)

    def _person_asked(self, event: PersonAsked) -> None:
        self._asked = event.what
        for node in self._reads:
            if node.children and all(child.passing for child in node.children):
                node.adopt([waiting(self._asked)])
        self.tree.refresh()

    # -- reading -------------------------------------------------------------------------------------------------

    def _opened(self, node: Node) -> None:
        if isinstance(node.data, Group):
            self.window.changed(self)
        else:
            self._read(node)

    def _closed(self, node: Node) -> None:
        if isinstance(node.data, Group):
            self.window.changed(self)
        elif (job := self._reads.pop(node, None)) is not None:
            job.cancel()

    def _read(self, node: Node, *, refresh: bool = False) -> None:
        """Read what is in a node, in the background; what is known of it is only asked again for a ``refresh``."""
        what = node.data.database if isinstance(node.data, Saved | Unsaved) else node.data
        if (before := self._reads.pop(node, None)) is not None:
            before.cancel()
        kernel = self.window.kernel

        def work(job: Job) -> list[Node]:
            stopped = threading.Event()
            job.on_cancel(stopped.set)
            return read(kernel, what, stopped, refresh=refresh)

        def done(children: list[Node]) -> None:
            if self._reads.get(node) is job:
                del self._reads[node]
                self._put(node, children)

        def failed(error: AlvearyError) -> None:
            if self._reads.get(node) is job:
                del self._reads[node]
                self._once_read.pop(node, None)
                node.adopt([failure(error)])
                self.tree.refresh()

        def tell() -> None:
            if self._reads.get(node) is job and all(child.passing for child in node.children or ()):
                node.adopt([waiting(self._asked)])
                self.tree.refresh()

        node.open = True
        job = self._reads[node] = self.window.background(f"Reading {node.text}", work, done, failed)
        self._later(f"tell {job.id}", PATIENCE, tell)
        self.tree.refresh()

    def _put(self, node: Node, children: list[Node]) -> None:
        """Hang what was read under a node; what was open there is opened again."""
        were_open = list(_open_below(node))
        node.adopt(children)
        for keys in were_open:
            if (child := node.find(keys)) is not None and not child.leaf:
                child.open = True
        for child in _unread(children):
            self._read(child)
        self.tree.refresh()
        if (then := self._once_read.pop(node, None)) is not None:
            then()

    def _refreshed(self, event: SchemaRefreshed) -> None:
        """Show what a catalog holds that was read anew, not by the tree itself, wherever it is shown."""
        if event.error is not None or event.origin == TREE:
            return
        catalogs = self.window.kernel.catalogs
        for node in self.model.databases():
            database = node.data.database
            shown = node.open and node.children is not None and node not in self._reads
            if shown and catalogs.key(database.session or database.target) == event.catalog:
                self._read(node)

    # -- what a person does --------------------------------------------------------------------------------------

    def _activate(self, node: Node) -> bool:
        data = node.data
        if isinstance(data, Failed):
            assert node.parent is not None, "something else could not be read"
            self._read(node.parent)
        elif isinstance(data, Saved | Unsaved):
            self.window.run("connections.open")
        elif isinstance(data, Table):
            self.window.run("catalog.open-table")
        else:
            return isinstance(data, Part) and node.leaf
        return True

    def _menu(self, node: Node | None, event: tk.Event[tk.Misc]) -> None:
        run = self.window.run
        self.window.menu(
            [None if each is None else (each[0], lambda id=each[1]: run(id)) for each in items(node)],  # type: ignore[misc]  # mypy can't infer a default
            event,
        )


class _Beginning(tk.Frame):
    """What stands in the place of an empty tree: how to get a first database."""

    def __init__(self, master: tk.Misc, window: Window) -> None:
        super().__init__(master, borderwidth=0)
        theme, px = window.theme, window.theme.px
        self._said = tk.Label(self, text="No connections yet", borderwidth=0)
        self._said.pack(pady=(0, px(10)))
        known = {spec.id for spec in window.kernel.plugins.commands}
        for command, icon, text in (
            ("connections.new", "plus-lg", "New connection"),
            ("welcome.open-sample", "play-circle", "Open the sample database"),
        ):
            if command in known:
                press = FlatButton(
                    self,
                    theme,
                    lambda command=command: window.run(command),  # type: ignore[misc]  # mypy can't infer a default
                    text=f" {text}",
                    icon=icon,
                    ground="background",
                    role="accent",
                )
                press.pack(pady=px(2))

        def paint() -> None:
            self.configure(background=theme.color("background"))
            self._said.configure(background=theme.color("background"), foreground=theme.color("muted"), font=theme.ui)

        theme.follow(self, paint)

    def show(self, shown: bool) -> None:
        """Come up, or go."""
        if shown:
            self.place(relx=0.5, rely=0.3, anchor="center")
        else:
            self.place_forget()


def _open_below(node: Node, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys that lead from a node to each open one below it."""
    for child in node.children or ():
        if child.open:
            yield (*keys, child.key)
            yield from _open_below(child, (*keys, child.key))


def _unread(nodes: list[Node]) -> Iterator[Node]:
    """Yield the nodes that are open though nobody knows what is in them."""
    for node in nodes:
        if node.open and node.children is None:
            yield node
        elif node.open:
            yield from _unread(node.children or [])
