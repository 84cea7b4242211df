"""The editor panel in the window: typing, running, files and what comes back after a restart."""

from __future__ import annotations

import os
import signal
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk
from typing import Any

import msgspec
import pytest
from fix_editor import open_editor, statements_of
from fix_window import Screen

from alveary.errors import AlvearyError
from alveary.events import Outcome, SessionState
from alveary_plugins.panels import editor as declaration
from alveary_plugins.panels.editor import files
from alveary_plugins.panels.editor.compare import CompareWindow
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_shell.dialogs import Dialog
from alveary_shell.sdk import SessionChanged
from alveary_shell.window import MainWindow

FOREVER = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


def describe(panel: EditorPanel) -> str:
    """Return what a panel's tab says."""
    return f"{panel.title}, modified" if panel.modified else panel.title


def test_every_command_has_its_handler_and_keys_nobody_else_has(window: MainWindow) -> None:
    for spec in declaration.alveary_commands():
        window.kernel.commands.get(spec.id)
        window.enabled(spec)
    assert [conflict for conflict in window.keymap.conflicts if "editor." in conflict] == []


def test_control_enter_connects_and_runs_the_statement_at_the_caret(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    heard = statements_of(window)
    sessions: list[SessionChanged] = []
    window.subscribe(window.root, SessionChanged, sessions.append)
    panel = open_editor(window, screen, text="select 1;\nselect name from item;\n", target=shop_url)
    assert panel.model.phase == "disconnected"
    assert panel.title == "Query 1"
    panel.code.go_to(15)
    screen.press(panel.code.text, "<Control-Return>")
    screen.pump(lambda: heard and panel.model.run is None)
    (event,) = heard
    assert event.panel is panel
    assert event.session is panel.model.session
    assert event.statement.sql == "select name from item"
    assert event.statement.rows == 3
    screen.pump(lambda: sessions and sessions[-1].session is panel.model.session)
    screen.pump(lambda: panel.bar.shown is not None and panel.bar.shown.connected)
    assert panel.bar.shown is not None
    assert panel.bar.shown.name == "shop.db"
    panel.code.select_all()
    window.run("editor.run")
    screen.pump(lambda: len(heard) == 3 and panel.model.run is None)
    assert [each.statement.sql for each in heard[1:]] == ["select 1", "select name from item"]
    assert heard[1].batch == heard[2].batch != heard[0].batch


def test_control_enter_writes_nothing_where_nothing_can_be_run(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    panel = open_editor(window, screen, text="select 1", target=shop_url)
    panel.connection.connect()
    assert panel.model.phase == "connecting"
    screen.press(panel.code.text, "<Control-Return>")
    assert panel.code.content == "select 1"
    screen.pump(lambda: panel.model.connected)


def test_an_error_is_marked_at_its_place_though_the_text_moved(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    panel = open_editor(window, screen, text="select 1;\nselect nothing from item;\nselect 3;", target=shop_url)
    heard = statements_of(window)
    window.run("editor.run-script")
    screen.pump(lambda: panel.model.connected)
    panel.code.go_to(0)
    panel.code.insert("-- new\n")
    screen.pump(lambda: panel.code.has_errors)
    assert len(heard) == 2
    window.run("editor.go-to-error")
    at = panel.code.content.index("select nothing")
    assert at <= panel.code.caret < at + len("select nothing from item")
    assert "nothing" in str(panel.code.errors.message["text"])


def test_what_can_not_be_sent_is_marked_and_nothing_runs(window: MainWindow, screen: Screen, shop_url: str) -> None:
    panel = open_editor(window, screen, text="select 1;\nselect 'open", target=shop_url, connect=True)
    heard = statements_of(window)
    screen.pump(lambda: panel.model.connected)
    window.run("editor.run-script")
    assert panel.code.go_to_error()
    assert panel.code.caret == panel.code.content.index("'")
    assert heard == []


def test_a_statement_is_cancelled_by_a_key(window: MainWindow, screen: Screen, shop_url: str) -> None:
    panel = open_editor(window, screen, text=FOREVER, target=shop_url)
    heard = statements_of(window)
    window.run("editor.run")
    screen.pump(lambda: panel.model.session is not None and panel.model.session.state is SessionState.RUNNING)
    screen.pump(lambda: panel.bar.shown is not None and panel.bar.shown.busy)
    screen.press(panel.code.text, "<Control-Key-period>")
    screen.pump(lambda: panel.model.run is None)
    assert heard[0].statement.outcome is Outcome.CANCELLED
    assert not panel.code.has_errors


def test_values_of_parameters_are_asked_for(window: MainWindow, screen: Screen, shop_url: str) -> None:
    panel = open_editor(window, screen, text="select :a, :b, :c", target=shop_url, connect=True)
    heard = statements_of(window)
    screen.pump(lambda: panel.model.connected)
    window.run("editor.run")
    screen.settle()
    assert heard == []
    panel.parameters.give("a", "text")
    panel.parameters.give("b", "x", "Number")
    panel.parameters.give("c", "", "NULL")
    panel._run_with_values()
    assert "no number" in str(panel.parameters._wrong["text"])
    panel.parameters.give("b", "2.5", "Number")
    panel._run_with_values()
    screen.pump(lambda: heard and panel.model.run is None)
    result = heard[0].statement.result
    assert result is not None
    assert [tuple(row) for row in result.window(0, 1)] == [("text", 2.5, None)]
    window.run("editor.run")
    assert panel.parameters.values() == {"a": "text", "b": 2.5, "c": None}


def test_transactions_by_hand_are_shown_and_asked_about(
    window: MainWindow, screen: Screen, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_editor(window, screen, text="update item set price = 0", target=shop_url)
    window.run("editor.autocommit")
    window.run("editor.run")
    screen.pump(lambda: panel.model.transaction == "open" and panel.model.phase == "idle")
    screen.pump(lambda: panel.bar.shown is not None and panel.bar.shown.can_commit)
    asked: list[str] = []

    def refuse(question: str, **_: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(window, "confirm", refuse)
    assert not window.close(panel)
    assert asked == ["A transaction is open in Query 1"]
    window.run("editor.rollback")
    screen.pump(lambda: panel.model.transaction == "none" and panel.model.phase == "idle")
    assert window.close(panel)
    assert len(asked) == 1


def test_a_lost_session_is_shown_and_the_text_stays(
    window: MainWindow, screen: Screen, shop_url: str, said: list[AlvearyError], monkeypatch: pytest.MonkeyPatch
) -> None:
    foot: dict[str, tuple[str, ...]] = {}
    monkeypatch.setattr(window, "status", lambda slot, *told: foot.update({slot: told}))
    panel = open_editor(window, screen, text="select 1", target=shop_url, connect=True)
    screen.pump(lambda: panel.model.connected)
    first = panel.model.session
    os.kill(first._host.process, signal.SIGKILL)  # type: ignore[union-attr]  # the test's subject
    screen.pump(lambda: panel.model.phase == "lost")
    screen.pump(lambda: panel.bar.shown is not None and panel.bar.shown.lost)
    screen.pump(lambda: "lost" in foot["session"][0])
    assert foot["session"][1] == "danger"
    window.run("editor.run")
    assert [error.code for error in said] == ["session_closed"]
    assert panel.code.content == "select 1"
    window.run("editor.reconnect")
    screen.pump(lambda: panel.model.connected)
    assert panel.model.session is not first
    screen.pump(lambda: foot["session"][1] == "success")


def test_files_are_opened_edited_and_saved(window: MainWindow, screen: Screen, tmp_path: Path) -> None:
    path = tmp_path / "report.sql"
    path.write_bytes(b"select 1;\r\nselect 2;\r\n")
    window.run("editor.open-file", {"path": str(path)})
    panel = window.active
    assert isinstance(panel, EditorPanel)
    screen.pump(lambda: panel.code.content)
    assert describe(panel) == "report.sql"
    panel.code.go_to(0)
    panel.code.type("-- x")
    assert describe(panel) == "report.sql, modified"
    window.run("editor.save")
    screen.pump(lambda: not panel.modified)
    assert path.read_bytes() == b"-- xselect 1;\r\nselect 2;\r\n"
    panel.code.undo()
    assert describe(panel) == "report.sql, modified"
    panel.code.redo()
    assert describe(panel) == "report.sql"
    window.run("editor.open-file", {"path": str(path)})
    assert window.panels("editor") == [panel]
    window.run("editor.save-as", {"path": str(tmp_path / "copy.sql")})
    screen.pump(lambda: panel.title == "copy.sql")
    assert (tmp_path / "copy.sql").read_bytes() == path.read_bytes()


def test_a_file_that_is_not_there_is_said(window: MainWindow, screen: Screen, said: list[AlvearyError]) -> None:
    window.run("editor.open-file", {"path": "/nowhere/at-all.sql"})
    screen.pump(lambda: said)
    assert said[0].code == "file_unreadable"


def test_a_file_changed_by_others_is_never_overwritten_unasked(
    window: MainWindow, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOOK_SECONDS", 0.02)
    path = tmp_path / "shared.sql"
    path.write_text("one\n")
    panel = open_editor(window, screen, path=str(path))
    screen.pump(lambda: panel.code.content == "one\n")
    panel.code.type("mine ")
    path.write_text("theirs\n")
    window.run("editor.save")
    screen.pump(panel.question.winfo_ismapped)
    assert path.read_text() == "theirs\n"
    answers = {str(button["text"]): button for button in panel.question._answers}
    answers["Compare"].invoke()
    screen.pump(lambda: any(isinstance(child, CompareWindow) for child in panel.frame.winfo_children()))
    answers["Keep mine"].invoke()
    assert not panel.question.winfo_manager()
    assert describe(panel) == "shared.sql, modified"
    path.write_text("theirs again\n")
    screen.pump(panel.question.winfo_ismapped)
    panel.file.reload()
    screen.pump(lambda: panel.code.content == "theirs again\n")
    assert describe(panel) == "shared.sql"
    panel.code.undo()
    assert panel.code.content == "mine one\n"
    path.unlink()
    screen.pump(panel.question.winfo_ismapped)
    {str(button["text"]): button for button in panel.question._answers}["Save it again"].invoke()
    screen.pump(path.exists)
    assert path.read_text() == "mine one\n"


def test_everything_is_back_after_a_restart_but_the_connection(
    make: Callable[[], MainWindow], screen: Screen, shop_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "kept.sql"
    path.write_bytes(b"\xef\xbb\xbfselect 1;\r\n")
    window = make()
    first = open_editor(window, screen, text="select 1;\nselect 2;", target=shop_url, connect=True)
    screen.pump(lambda: first.model.connected)
    first.code.go_to(3, 8)
    window.run("editor.limit", {"rows": 50})
    window.run("editor.autocommit")
    second = open_editor(window, screen, path=str(path))
    screen.pump(lambda: second.code.content)
    second.code.go_to(len(second.code.content))
    second.code.type("\ud800 half")
    third = open_editor(window, screen, path=str(path))
    screen.pump(lambda: third.code.content == "select 1;\n")
    window = make()
    editors = window.panels("editor")
    first, second, third = editors  # type: ignore[assignment]  # they are editors
    assert first.code.content == "select 1;\nselect 2;"
    assert first.code.selection == (3, 8)
    assert (first.title, first.model.phase, first.model.target) == ("Query 1", "disconnected", shop_url)
    assert (first.model.limit, first.model.autocommit) == (50, False)
    assert second.code.content == "select 1;\n\ud800 half"
    assert (second.title, second.modified, second.file.form.newline) == ("kept.sql", True, "\r\n")
    assert (third.title, third.modified) == ("kept.sql", False)
    screen.pump(lambda: second.file.watch is not None and not second.file.watch.changed)


def test_a_state_holds_no_password_and_is_json(window: MainWindow, screen: Screen) -> None:
    panel = open_editor(window, screen, text="\ud800\x00", target="postgres://me:topsecret@host/db")
    encoded = msgspec.json.encode(panel.state())
    assert b"topsecret" not in encoded
    assert panel.state()["target"] == "postgres://me@host/db"
    again = open_editor(window, screen, **msgspec.json.decode(encoded))
    assert again.code.content == "\ud800\x00"


@pytest.mark.parametrize(
    "state",
    [
        {"text": 5, "caret": "x", "selection": [1, "y"], "limit": -1, "number": "n", "scroll": ["a", None]},
        {"text": "x", "caret": 10**9, "selection": [5, 6, 7], "path": "/no/such", "stamp": [1], "mark": "zz"},
        {"escaped": "not json", "caret": -5, "target": 7, "autocommit": None},
    ],
)
def test_a_state_from_elsewhere_opens_something(window: MainWindow, screen: Screen, state: dict[str, Any]) -> None:
    panel = open_editor(window, screen, **state)
    assert panel.code.caret <= len(panel.code.content)
    msgspec.json.encode(panel.state())


def test_a_closed_tab_is_back_with_its_text(window: MainWindow, screen: Screen) -> None:
    panel = open_editor(window, screen, text="")
    panel.code.type("precious")
    window.run("window.close-tab")
    assert window.panels("editor") == []
    window.run("window.reopen-tab")
    screen.pump(lambda: window.panels("editor"))
    (panel,) = window.panels("editor")  # type: ignore[assignment]  # it is an editor
    assert panel.code.content == "precious"


def test_new_editors_connect_where_the_one_in_front_does(window: MainWindow, screen: Screen, shop_url: str) -> None:
    first = open_editor(window, screen, target=shop_url)
    screen.press(first.code.text, "<Control-Key-n>")
    assert [panel.title for panel in window.panels("editor")] == ["Query 1", "Query 2"]
    second = window.active
    assert isinstance(second, EditorPanel)
    assert second.model.target == shop_url


def test_editing_commands_leave_other_fields_alone(window: MainWindow, screen: Screen) -> None:
    panel = open_editor(window, screen, text="one")
    panel.code.type("x")
    screen.press(panel.code.text, "<Control-Key-f>")
    entry = panel.code.find_bar._entry
    screen.pump(lambda: window.root.focus_get() is entry)
    screen.press(entry, "<Control-Key-z>", "<Control-Key-slash>")
    assert panel.code.content == "xone"
    screen.press(entry, "<Escape>")
    screen.press(panel.code.text, "<Control-Key-z>")
    assert panel.code.content == "one"
    screen.press(panel.code.text, "<Control-Key-slash>")
    assert panel.code.content == "-- one"


def test_the_status_bar_says_where_the_caret_is(window: MainWindow, screen: Screen, shop_url: str) -> None:
    panel = open_editor(window, screen, text="select 1;\nselect\x00 2;", target=shop_url)
    said = window._status._labels
    panel.code.go_to(12)
    screen.pump(lambda: str(said["position"]["text"]) == "Ln 2, Col 3")
    panel.code.go_to(16)
    screen.pump(lambda: "U+0000" in str(said["position"]["text"]))
    panel.code.go_to(0, 6)
    screen.pump(lambda: "(6 selected)" in str(said["position"]["text"]))
    assert str(said["session"]["text"]) == ""
    panel.connection.connect()
    screen.pump(lambda: "SQLite" in str(said["session"]["text"]))
    assert str(said["transaction"]["text"]) == "Autocommit"
    other = window.open("editor")
    screen.settle()
    assert str(said["session"]["text"]) == ""
    window.raise_panel(panel)
    screen.settle()
    assert "shop.db" in str(said["session"]["text"])
    window.close(other)


def dialogs_in(window: MainWindow) -> list[Dialog]:
    return [child for child in window.root.winfo_children() if isinstance(child, Dialog)]


def texts_of(widget: tk.Misc) -> str:
    """Return what the labels in a dialog say, however deep they stand."""
    own = [str(widget["text"])] if isinstance(widget, tk.Label | ttk.Label) else []
    return "\n".join([*own, *map(texts_of, widget.winfo_children())])


@pytest.mark.parametrize(("typed", "runs"), [("shop", True), ("other", False)])
def test_production_wants_its_name_typed_before_anything_is_sent(
    window: MainWindow, screen: Screen, shop_url: str, said: list[AlvearyError], typed: str, runs: bool
) -> None:
    window.kernel.run("connections.add", {"name": "shop", "url": shop_url, "environment": "production"})
    panel = open_editor(window, screen, text="select 1;\ndelete from item;", target="shop")
    heard = statements_of(window)
    seen: list[str] = []

    def answer() -> None:
        """Type in the dialog, which keeps Tk's loop to itself until it is closed."""
        dialog = next(iter(dialogs_in(window)), None)
        entry = dialog.focus_get() if dialog is not None and dialog.winfo_viewable() else None
        if dialog is None or not isinstance(entry, ttk.Entry):
            window.root.after(20, answer)
            return
        seen.append(texts_of(dialog))
        entry.insert(0, typed)
        entry.event_generate("<Return>")
        if dialog.winfo_exists():  # a wrong name goes nowhere
            seen.append("refused")
            dialog.finish("")

    window.root.after(20, answer)
    window.run("editor.run-script")
    screen.pump(lambda: seen and panel.model.phase == "idle")
    assert seen[1:] == ([] if runs else ["refused"])
    assert "DELETE without WHERE on shop (production)?" in seen[0]
    assert "delete from item" in seen[0]
    assert "Type shop to go on:" in seen[0]
    assert len(heard) == (2 if runs else 0)
    if not runs:
        assert "it was not confirmed; nothing was sent" in str(panel.code.errors.message["text"])
