"""The editor's tools for statements, in a window with real keys: laying out, parameters, errors, expanding, peeking."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_editor import open_editor, statements_of
from fix_window import Screen

from alveary_plugins.panels.editor.view import EditorPanel
from alveary_plugins.panels.saved.view import given_by_default
from alveary_shell.window import MainWindow

# -- laying out --------------------------------------------------------------------------------------------------


def test_the_statement_at_the_caret_is_laid_out_as_one_step_and_the_caret_stays(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    text = "select  1;\nselect id,name from item where price>1 and name='x' order by id;\nselect  3;\n"
    panel = open_editor(window, screen, text=text, target=shop_url)
    caret = text.index("price") + 3
    panel.code.go_to(caret)
    screen.press(panel.code.text, "<Control-Shift-F>")
    laid = "select  1;\nselect id, name\nfrom item\nwhere price > 1 and name = 'x'\norder by id;\nselect  3;\n"
    screen.pump(lambda: panel.code.content == laid)
    assert panel.code.caret == laid.index("price") + 3
    panel.code.undo()
    assert panel.code.content == text
    panel.code.redo()
    assert panel.code.content == laid


def test_a_selection_is_laid_out_and_stays_selected(window: MainWindow, screen: Screen) -> None:
    text = "select  1;\nselect  2;\nselect  3;"
    panel = open_editor(window, screen, text=text)
    panel.code.go_to(3, text.index("2"))
    screen.press(panel.code.text, "<Control-Shift-F>")
    laid = "select 1;\nselect 2;\nselect  3;"
    screen.pump(lambda: panel.code.content == laid)
    assert panel.code.selection == (3, laid.index("2"))


def test_everything_is_laid_out_with_the_persons_style_and_what_is_left_is_told(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    window.kernel.settings.set("format.keyword_case", "upper")
    trigger = "create trigger x after insert on t begin select  1; end;"
    panel = open_editor(window, screen, text=f"select  a;\n{trigger}\n", target=shop_url)
    screen.pump(lambda: panel.model.dialect.name == "sqlite")
    told: list[str] = []
    window.notify = lambda text, *_, **__: told.append(text)  # type: ignore[method-assign]  # to hear it
    screen.press(panel.code.text, "<Control-Alt-f>")
    screen.pump(lambda: told)
    assert panel.code.content == f"SELECT a;\n{trigger}\n"
    assert told == ["Line 2 is left as it is: it holds statements of its own"]


def test_what_is_typed_meanwhile_is_not_overwritten(window: MainWindow, screen: Screen) -> None:
    panel = open_editor(window, screen, text="select  1")
    told: list[str] = []
    window.notify = lambda text, *_, **__: told.append(text)  # type: ignore[method-assign]  # to hear it
    window.run("editor.format")
    panel.code.type("x")
    screen.pump(lambda: told)
    assert told == ["The text was changed meanwhile; nothing was laid out"]
    assert panel.code.content == "xselect  1"


# -- parameters --------------------------------------------------------------------------------------------------


def ask(window: MainWindow, screen: Screen, panel: EditorPanel) -> None:
    """Run what is at the caret, up to the question for its parameters."""
    screen.pump(lambda: panel.model.connected)
    window.run("editor.run")
    screen.pump(panel.parameters.winfo_ismapped)


def test_values_have_types_that_are_checked_and_bound(window: MainWindow, screen: Screen, shop_url: str) -> None:
    text = "select typeof(:n), :n, typeof(:day), :day, :ok, :nothing, @other"
    panel = open_editor(window, screen, text=text, target=shop_url, connect=True)
    heard = statements_of(window)
    ask(window, screen, panel)
    panel.parameters.give("n", "12", "Number")
    panel.parameters.give("ok", "yes", "Boolean")
    panel.parameters.give("nothing", "", "NULL")
    panel.parameters.give("other", "'; drop table item; --")
    panel.parameters.give("day", "2023-02-29", "Date")
    entry = panel.parameters._fields["day"][0]
    screen.press(entry, "<Return>")
    assert heard == []
    assert ":day is no date such as 2024-12-31" in str(panel.parameters._wrong["text"])
    assert window.root.focus_get() is entry
    panel.parameters.give("day", "2024-02-29", "Date")
    screen.press(entry, "<Return>")
    screen.pump(lambda: heard and panel.model.run is None)
    result = heard[0].statement.result
    assert result is not None
    assert [tuple(row) for row in result.window(0, 1)] == [
        ("integer", 12, "text", "2024-02-29", 1, None, "'; drop table item; --")
    ]


def test_values_are_there_again_after_a_restart_but_no_secret(
    make: Callable[[], MainWindow], screen: Screen, shop_url: str, home: Path
) -> None:
    window = make()
    panel = open_editor(window, screen, text="select :name, :api_token, :n", target=shop_url, connect=True)
    heard = statements_of(window)
    ask(window, screen, panel)
    entry, choice = panel.parameters._fields["api_token"]
    assert choice.get() == "Secret"  # for its name
    assert str(entry["show"]) == "•"
    panel.parameters.give("name", "Ann")
    panel.parameters.give("n", "0.1", "Number")
    panel.parameters.give("api_token", "sesame-4711", "Secret")
    panel._run_with_values()
    screen.pump(lambda: heard and panel.model.run is None)
    window.run("editor.run")
    assert panel.parameters.values() == {"name": "Ann", "n": 0.1, "api_token": "sesame-4711"}
    window = make()
    (panel,) = (panel for panel in window.panels("editor") if isinstance(panel, EditorPanel))
    panel.connection.connect()
    ask(window, screen, panel)
    assert panel.parameters.values() == {"name": "Ann", "n": 0.1, "api_token": ""}
    window.kernel.recorder.flush()
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert b"Ann" in kept
    assert b"sesame-4711" not in kept


def test_a_saved_query_brings_its_defaults_along(window: MainWindow, screen: Screen, shop_url: str) -> None:
    kernel = window.kernel
    query = kernel.commands.run(
        "queries.save",
        {
            "name": "q",
            "sql": "select :day, :n, :ok, :nothing, :other",
            "defaults": {"day": "2024-01-01", "n": 1.5, "ok": True, "nothing": None},
        },
    )
    state = {"text": query.statement, "parameters": given_by_default(query)}
    panel = open_editor(window, screen, target=shop_url, connect=True, **state)
    ask(window, screen, panel)
    assert panel.parameters.values() == {"day": "2024-01-01", "n": 1.5, "ok": True, "nothing": None, "other": ""}


# -- errors ------------------------------------------------------------------------------------------------------


def test_an_error_is_marked_in_its_statement_and_goes_when_that_is_run_again(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    text = "select 'é😀';\nselect nope from item;\n/* é */ select 1 frm item;\nselect 2;\n"
    panel = open_editor(window, screen, text=text, target=shop_url, connect=True)
    screen.pump(lambda: panel.model.connected)

    def run_at(word: str) -> None:
        heard = len(panel.code.errors.lines)
        panel.code.go_to(panel.code.content.index(word))
        window.run("editor.run")
        screen.pump(lambda: panel.model.run is None and panel.model.last is not None)
        if word != "2":
            screen.pump(lambda: len(panel.code.errors.lines) != heard)

    run_at("nope")
    run_at("item;\nselect 2")
    assert panel.code.errors.lines == {1, 2}
    panel.code.go_to(0)
    screen.press(panel.code.text, "<F8>")
    assert panel.code.caret == panel.code.content.index("nope")
    screen.press(panel.code.text, "<F8>")
    assert panel.code.content[panel.code.caret :].startswith("item;\nselect 2")
    run_at("2")
    assert panel.code.errors.lines == {1, 2}
    panel.code.go_to(0)
    panel.code.insert("-- above\n")
    assert panel.code.errors.lines == {2, 3}
    at = panel.code.content.index("nope")
    panel.code.go_to(at, at + 4)
    panel.code.insert("id")
    assert panel.code.errors.lines == {3}
    at = panel.code.content.index("frm")
    panel.code.go_to(at, at + 3)
    panel.code.insert("from")
    run_at("1 from")
    assert panel.code.errors.lines == set()


# -- stars and names ---------------------------------------------------------------------------------------------


@pytest.fixture
def library_url(tmp_path: Path) -> str:
    """A database of two tables and a view."""
    connection = sqlite3.connect(tmp_path / "library.db")
    connection.executescript(
        "create table author (id integer primary key, name text not null, \"Born in\" text default '?');"
        "create table book (id integer primary key, author_id integer references author (id), title text);"
        "create index by_title on book (title); create view titles as select title from book;"
    )
    connection.close()
    return f"sqlite:///{tmp_path / 'library.db'}"


def test_a_star_becomes_its_columns_as_one_step(window: MainWindow, screen: Screen, library_url: str) -> None:
    text = "select 1;\nselect a.*, b.title from author a join book b on b.author_id = a.id;\n"
    panel = open_editor(window, screen, text=text, target=library_url)
    screen.pump(lambda: panel.model.dialect.name == "sqlite")
    panel.code.go_to(text.index("a.*") + 2)
    screen.press(panel.code.text, "<Control-Alt-e>")
    expanded = text.replace("a.*", 'a.id, a.name, a."Born in"')
    screen.pump(lambda: panel.code.content == expanded)
    assert panel.code.caret == expanded.index(", b.title")
    panel.code.undo()
    assert panel.code.content == text


def test_a_star_that_is_not_certain_and_none_at_all_are_told(
    window: MainWindow, screen: Screen, library_url: str
) -> None:
    told: list[str] = []
    window.notify = lambda text, *_, **__: told.append(text)  # type: ignore[method-assign]  # to hear it
    panel = open_editor(window, screen, text="select * from nowhere; select 1", target=library_url)
    screen.pump(lambda: panel.model.dialect.name == "sqlite")
    panel.code.go_to(8)
    window.run("editor.expand")
    screen.pump(lambda: told)
    panel.code.go_to(len(panel.code.content))
    window.run("editor.expand")
    screen.pump(lambda: len(told) == 2)
    assert told == [
        "A star is left as it is: the columns of nowhere are not known",
        "There is no star to expand at the caret",
    ]


def test_a_name_is_peeked_at_by_key_and_the_keyboard_stays_in_the_editor(
    window: MainWindow, screen: Screen, library_url: str
) -> None:
    text = "select b.author_id from book b"
    panel = open_editor(window, screen, text=text, target=library_url)
    screen.pump(lambda: panel.model.dialect.name == "sqlite")
    peek = panel.scopes._peek
    panel.code.go_to(text.index("author_id") + 2)
    screen.press(panel.code.text, "<F12>")
    screen.pump(lambda: peek.shown)
    assert peek.text is not None
    shown = peek.text.get("1.0", "end")
    assert "→ author.id" in shown
    assert "by_title" in shown
    assert "CREATE TABLE book" in shown.replace("create table", "CREATE TABLE")
    assert "author_id" in peek.text.get(*map(str, peek.text.tag_ranges("meant")))
    assert window.root.focus_get() is panel.code.text
    screen.press(panel.code.text, "<Escape>")
    assert not peek.shown
    panel.code.go_to(text.index("b.author"))
    screen.press(panel.code.text, "<F12>")
    screen.pump(lambda: peek.shown)
    screen.press(panel.code.text, "<F12>")
    assert not peek.shown
    screen.press(panel.code.text, "<F12>")
    screen.pump(lambda: peek.shown)
    screen.press(panel.code.text, "x")
    assert not peek.shown


def test_the_pointer_peeks_with_control_held_once_there_is_a_session(
    window: MainWindow, screen: Screen, library_url: str
) -> None:
    panel = open_editor(window, screen, text="select * from titles", target=library_url, connect=True)
    screen.pump(lambda: panel.model.connected)
    box = panel.code.text.bbox("1.16")
    assert box is not None
    panel.code.text.event_generate("<Control-Motion>", x=box[0] + 1, y=box[1] + 2)
    peek = panel.scopes._peek
    screen.pump(lambda: peek.shown)
    assert peek.text is not None
    assert "title" in peek.text.get("1.0", "end")


def test_what_a_name_means_is_opened(
    window: MainWindow, screen: Screen, library_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, object]] = []
    panel = open_editor(window, screen, text="select * from author; select nothing", target=library_url)
    screen.pump(lambda: panel.model.dialect.name == "sqlite")
    monkeypatch.setattr(window, "open", lambda panel, state: opened.append((panel, state)))
    panel.code.go_to(16)
    screen.press(panel.code.text, "<Shift-F12>")
    screen.pump(lambda: opened)
    assert opened == [
        ("table", {"target": library_url, "schema": "main", "table": "author", "implied": True, "session": None})
    ]
