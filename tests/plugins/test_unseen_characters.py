"""Characters that act on what shows them: nowhere in the window, in no tab, tree, grid, error, message or menu."""

from __future__ import annotations

import re
import sqlite3
import tkinter as tk
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tkinter import ttk

import pytest
from fix_window import Screen

from alveary import Kernel
from alveary.paths import Paths
from alveary.policy import Confirmation
from alveary_plugins.panels.connections.view import ConnectionsPanel
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_shell import dialogs
from alveary_shell.window import MainWindow

UNSEEN = "\x1b[31m\u202eevil\u2066\x07\x9b\u200b\u061c\ufeff"
NAME = f"n{UNSEEN}\nm"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database in which every name and every value acts."""
    path = tmp_path / "unseen.db"
    quoted = '"' + NAME + '"'
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"create table {quoted} ({quoted} text, other integer default '{UNSEEN}')")
        db.execute(f"insert into {quoted} values (?, 1)", (NAME,))
        db.execute(f'create view "v{NAME}" as select * from {quoted}')
        db.execute(f'create index "i{NAME}" on {quoted} ({quoted})')
        db.execute(f'create trigger "t{NAME}" after insert on {quoted} begin select 1; end')
        db.commit()
    return path


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        kernel.plugins.vaults._specs.clear()
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


def shown(widget: tk.Misc) -> Iterator[tuple[str, str]]:
    """Yield every text below a widget that is on the screen, with the widget it is in."""
    if isinstance(widget, tk.Canvas):
        for item in widget.find_all():
            if str(widget.type(item)) == "text":
                yield str(widget), str(widget.tk.call(str(widget), "itemcget", item, "-text"))
    elif isinstance(widget, tk.Text):
        yield str(widget), widget.get("1.0", "end")
    elif isinstance(widget, tk.Entry | ttk.Entry):
        yield str(widget), widget.get()
    elif isinstance(widget, tk.Menu):
        for at in range((widget.index("end") or -1) + 1):
            if widget.type(at) != "separator":
                yield str(widget), str(widget.entrycget(at, "label"))
    elif isinstance(widget, ttk.Treeview):
        for row in widget.get_children():
            yield str(widget), str(widget.item(row))
    else:
        with suppress(tk.TclError):  # it has none
            yield str(widget), str(widget.cget("text"))
    for child in widget.winfo_children():
        yield from shown(child)


def told(window: MainWindow, screen: Screen) -> list[str]:
    """Return the texts that hold what stands between the characters, after a look that none of those is shown."""
    screen.settle()
    texts = list(shown(window.root))
    assert [(place, text) for place, text in texts if ACTING.search(text)] == []
    return [text for _, text in texts if "evil" in text]


def done(window: MainWindow, screen: Screen) -> None:
    screen.pump(lambda: not window.kernel.jobs.open())
    screen.settle()


def run(window: MainWindow, screen: Screen, text: str) -> EditorPanel:
    panel = window.open("editor", {"target": "odd", "text": text})
    assert isinstance(panel, EditorPanel)
    window.run("editor.run-script")
    screen.pump(lambda: panel.model.phase == "idle")
    done(window, screen)
    return panel


@pytest.fixture
def connected(window: MainWindow, screen: Screen, file: Path) -> MainWindow:
    window.run("connections.add", {"name": "odd", "url": f"sqlite:///{file}"})
    return window


def test_the_tree_and_the_page_of_a_table(connected: MainWindow, screen: Screen) -> None:
    (tree,) = connected.panels("connections")
    assert isinstance(tree, ConnectionsPanel)
    screen.pump(lambda: tree.model.roots)
    node = tree.model.roots[0]
    tree.tree.toggle(node)
    screen.pump(lambda: node.children and not node.children[0].passing)
    for child in list(node.children or ()):
        tree.tree.toggle(child)
    done(connected, screen)
    assert any("\\u202eevil" in text for text in told(connected, screen))
    connected.open("table", {"target": "odd", "schema": "main", "table": NAME, "implied": True})
    done(connected, screen)
    assert len(told(connected, screen)) > 5, "tabs, the grid, its columns and indexes"


def test_results_errors_messages_and_history(connected: MainWindow, screen: Screen) -> None:
    run(connected, screen, f"select '{UNSEEN}' as \"{NAME}\"")
    assert told(connected, screen)
    run(connected, screen, f'select * from "{UNSEEN}"')
    assert any("no such table: \\x1b[31m\\u202eevil" in text for text in told(connected, screen))
    for panel in ("history", "messages", "jobs", "doctor", "saved"):
        connected.open(panel)
        done(connected, screen)
        assert told(connected, screen)


def test_toasts_questions_menus_and_the_foot(
    connected: MainWindow, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.notify(NAME, "info", detail=NAME)
    connected.status("session", NAME)
    assert len(told(connected, screen)) >= 3
    popped: list[tk.Menu] = []
    monkeypatch.setattr(tk.Menu, "tk_popup", lambda menu, *_: popped.append(menu))
    event: tk.Event[tk.Misc] = tk.Event()
    event.x_root = event.y_root = 0
    connected.menu([(NAME, lambda: None), None], event)
    assert "evil" in popped[0].entrycget(0, "label")
    assert not ACTING.search(popped[0].entrycget(0, "label"))
    asked: list[list[str]] = []

    def answer() -> None:
        (dialog,) = [each for each in connected.root.winfo_children() if isinstance(each, dialogs.Dialog)]
        asked.append(told(connected, screen))
        dialog.finish("")

    connected.root.after(200, answer)
    confirmation = Confirmation(what=f"DDL{UNSEEN}", name=f"odd{UNSEEN}", typed=True, statements=(NAME,), count=1)
    assert dialogs.confirm_named(connected.root, connected.theme, confirmation) == ""
    assert len(asked[0]) >= 3, "the question, the statement, and the name"
