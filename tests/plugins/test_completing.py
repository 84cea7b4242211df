"""Completion in the editor: what keys do while suggestions are shown, and that nothing is inserted uninvited."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_editor import open_editor
from fix_postgres import PostgresServer
from fix_window import Screen

from alveary_plugins.panels.editor.completing import Completing
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_shell.window import MainWindow

NAMED = {" ": "space", ".": "period", "*": "asterisk", "_": "underscore", "(": "parenleft"}


@pytest.fixture
def editor(window: MainWindow, screen: Screen, shop_url: str) -> EditorPanel:
    """An editor on the shop, whose catalog is known."""
    panel = open_editor(window, screen, text="", target=shop_url, connect=True)
    screen.pump(lambda: panel.model.connected)
    assert panel.model.session is not None
    window.kernel.catalogs.load(panel.model.session)
    return panel


def type_in(screen: Screen, panel: EditorPanel, text: str) -> None:
    for char in text:
        panel.code.text.event_generate("<Key>", keysym=NAMED.get(char, char))
    screen.settle()


def labels(panel: EditorPanel) -> list[str]:
    return [row.label for row in panel.completing.list.rows]


def asked(window: MainWindow, screen: Screen, panel: EditorPanel) -> Completing:
    """Ask for suggestions as a person does, and wait for them."""
    screen.press(panel.code.text, "<Control-Key-space>")
    screen.pump(lambda: panel.completing.list.shown)
    return panel.completing


def test_control_space_shows_what_fits_and_enter_inserts_it_in_one_step(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    type_in(screen, editor, "select pr from item")
    editor.code.go_to(9)
    completing = asked(window, screen, editor)
    assert labels(editor)[0] == "price"
    assert completing.list.armed
    assert window.root.focus_get() is editor.code.text
    screen.press(editor.code.text, "<Return>")
    assert editor.code.content == "select price from item"
    assert editor.code.caret == 12
    assert not completing.list.shown
    window.run("editor.undo")
    assert editor.code.content == "select pr from item"


def test_what_comes_unasked_is_taken_by_tab_and_enter_stays_a_new_line(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    type_in(screen, editor, "select * from it")
    screen.pump(lambda: editor.completing.list.shown)
    assert labels(editor)[0] == "item"
    assert not editor.completing.list.armed
    screen.press(editor.code.text, "<Return>")
    assert editor.code.content == "select * from it\n"
    assert not editor.completing.list.shown
    screen.press(editor.code.text, "<BackSpace>")
    type_in(screen, editor, "e")
    screen.pump(lambda: editor.completing.list.shown)
    screen.press(editor.code.text, "<Tab>")
    assert editor.code.content == "select * from item"


def test_asked_for_what_is_shown_already_enter_takes_it(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    type_in(screen, editor, "select * from it")
    screen.pump(lambda: editor.completing.list.shown)
    screen.press(editor.code.text, "<Control-Key-space>")
    screen.pump(lambda: editor.completing.list.armed)
    screen.press(editor.code.text, "<Return>")
    assert editor.code.content == "select * from item"


def test_one_that_was_chosen_is_taken_by_enter(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    editor.code.load("select  from item i")
    editor.code.go_to(7)
    type_in(screen, editor, "i.")
    screen.pump(lambda: editor.completing.list.shown)
    assert labels(editor)[:4] == ["id", "name", "price", "picture"]
    screen.press(editor.code.text, "<Down>", "<Down>")
    assert editor.completing.list.at == 1
    screen.press(editor.code.text, "<Return>")
    assert editor.code.content == "select i.name from item i"


def test_typing_on_narrows_and_asks_nobody_again(
    window: MainWindow, screen: Screen, editor: EditorPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.code.load("select  from item")
    editor.code.go_to(7)
    asked(window, screen, editor)
    monkeypatch.setattr(window.kernel.completion, "suggestions", lambda _: pytest.fail("it was asked again"))
    everything = len(labels(editor))
    type_in(screen, editor, "pi")
    screen.pump(lambda: 0 < len(labels(editor)) < everything)
    assert labels(editor)[0] == "picture"
    screen.press(editor.code.text, "<BackSpace>")
    screen.pump(lambda: labels(editor)[:2] == ["price", "picture"])
    type_in(screen, editor, "rice")
    screen.pump(lambda: labels(editor)[:1] == ["price"])
    screen.press(editor.code.text, "<Tab>")
    assert editor.code.content == "select price from item"


def test_what_was_chosen_stays_so_when_another_answer_comes(
    window: MainWindow, screen: Screen, editor: EditorPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.code.load("select  from item")
    editor.code.go_to(7)
    completing = asked(window, screen, editor)
    screen.press(editor.code.text, "<Down>")
    assert labels(editor)[completing.list.at] == "name"
    real = window.kernel.completion.suggestions
    monkeypatch.setattr(window.kernel.completion, "suggestions", lambda request: list(real(request))[1:])
    completing._ask(asked=True)
    screen.pump(lambda: labels(editor)[0] == "name")
    assert completing.list.at == 0
    assert completing.list.armed
    screen.press(editor.code.text, "<Down>")
    monkeypatch.setattr(window.kernel.completion, "suggestions", lambda request: list(real(request))[3:])
    completing._ask(asked=True)
    screen.pump(lambda: labels(editor)[0] == "picture")
    assert not completing.list.armed


def test_escape_puts_them_away_and_none_come_again_within_the_word(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    type_in(screen, editor, "select na")
    screen.pump(lambda: editor.completing.list.shown)
    screen.press(editor.code.text, "<Escape>")
    assert not editor.completing.list.shown
    type_in(screen, editor, "m")
    screen.pump(lambda: "ask" not in editor.completing._timers)
    assert not editor.completing._busy
    assert not editor.completing.list.shown


def test_what_was_put_away_comes_again_once_the_word_was_left(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    for _ in range(2):
        type_in(screen, editor, "select na")
        screen.pump(lambda: editor.completing.list.shown)
        screen.press(editor.code.text, "<Escape>")
        assert not editor.completing.list.shown
        editor.code.replace(0, len(editor.code.content), "")


def test_they_are_asked_for_behind_a_word_that_is_as_long_as_a_picture(
    window: MainWindow, screen: Screen, editor: EditorPanel
) -> None:
    # Whoever looks for the end of a word from each of its characters looks at ten thousand million here.
    editor.code.replace(0, 0, f"select x'{'0f' * 150_000}', ")
    type_in(screen, editor, "na")
    screen.pump(lambda: editor.completing._last is not None and not editor.completing._busy)


@pytest.mark.parametrize("keys", ["<Left>", "<Home>", "<space>"])
def test_they_go_when_the_caret_does(window: MainWindow, screen: Screen, editor: EditorPanel, keys: str) -> None:
    type_in(screen, editor, "select")
    completing = asked(window, screen, editor)
    screen.press(editor.code.text, keys)
    screen.pump(lambda: not completing.list.shown)


def test_they_go_when_the_keyboard_does(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    completing = asked(window, screen, editor)
    editor.code.open_find()
    screen.pump(lambda: not completing.list.shown)


@pytest.mark.parametrize(("when", "comes"), [("asked", []), ("dot", ["id"])])
def test_the_setting_says_when_they_come_unasked(
    window: MainWindow, screen: Screen, editor: EditorPanel, when: str, comes: list[str]
) -> None:
    window.kernel.settings.set("editor.complete", when)
    editor.code.load("select  from item i")
    editor.code.go_to(7)
    type_in(screen, editor, "na")
    assert "ask" not in editor.completing._timers
    type_in(screen, editor, " i.")
    screen.pump(lambda: "ask" not in editor.completing._timers and not editor.completing._busy)
    assert labels(editor)[:1] == comes


def test_typing_goes_on_while_a_completer_thinks_and_what_comes_too_late_is_not_shown(
    window: MainWindow, screen: Screen, editor: EditorPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    real = window.kernel.completion.suggestions

    def slow(request: object) -> object:
        goes_on.wait(20)
        return real(request)  # type: ignore[arg-type]  # it is what came in

    monkeypatch.setattr(window.kernel.completion, "suggestions", slow)
    type_in(screen, editor, "select")
    screen.press(editor.code.text, "<Control-Key-space>")
    screen.pump(lambda: editor.completing._busy)
    type_in(screen, editor, " 1 ")
    assert editor.code.content == "select 1 "
    goes_on.set()
    screen.pump(lambda: not editor.completing._busy)
    assert not editor.completing.list.shown


def test_what_the_database_holds_is_asked_for_once_and_then_shown(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    panel = open_editor(window, screen, text="", target=shop_url, connect=True)
    screen.pump(lambda: panel.model.connected)
    type_in(screen, panel, "select * from it")
    screen.pump(lambda: "item" in labels(panel))
    said = [each.origin for each in window.kernel.sent.entries("completion")]
    assert said
    assert set(said) == {"completion"}


def test_keys_with_ctrl_and_alt_are_the_editors(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    editor.code.load("select 1;\nselect  from item")
    editor.code.go_to(17)
    asked(window, screen, editor)
    screen.press(editor.code.text, "<Mod1-Key-Up>")
    assert editor.code.content == "select  from item\nselect 1;"
    assert not editor.completing.list.shown
    editor.code.load("select n from item")
    editor.code.go_to(8)
    asked(window, screen, editor)
    screen.press(editor.code.text, "<Control-Return>")
    assert editor.code.content == "select n from item"
    screen.pump(lambda: editor.code.has_errors)  # it was run, and there is no column n


def test_where_nothing_fits_that_is_said(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    editor.code.load("select 'abc")
    editor.code.go_to(11)
    asked(window, screen, editor)
    assert labels(editor) == ["No suggestions"]
    screen.press(editor.code.text, "<Return>")
    assert editor.code.content == "select 'abc\n"


def test_they_stay_on_the_screen_and_follow_the_zoom(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    editor.code.load("\n" * 60 + " " * 200 + "sel")
    editor.code.go_to(263)
    screen.settle()
    completing = asked(window, screen, editor)
    screen.settle()
    left, top, width, height = completing.list.box
    assert left >= 0
    assert left + width <= window.root.winfo_screenwidth()
    assert top >= 0
    assert top + height <= window.root.winfo_screenheight()
    before = height
    screen.theme.zoom(14)
    try:
        window.theme.zoom(14)
        screen.settle()
        assert completing.list.box[3] > before or not completing.list.shown
    finally:
        window.theme.zoom(10)


def test_a_click_takes_one(window: MainWindow, screen: Screen, editor: EditorPanel) -> None:
    editor.code.load("select  from item")
    editor.code.go_to(7)
    completing = asked(window, screen, editor)
    screen.settle()
    completing.list._canvas.event_generate("<Button-1>", x=40, y=completing.list._height + 5)
    screen.settle()
    assert editor.code.content == "select name from item"


def test_a_closed_editor_asks_nothing_more(
    window: MainWindow, screen: Screen, editor: EditorPanel, install: Callable[..., None], tmp_path: Path
) -> None:
    type_in(screen, editor, "sele")
    window.confirm = lambda *_, **__: True  # type: ignore[method-assign]  # nobody is there to answer
    window.close(editor)
    screen.settle()
    assert not editor.completing.list.shown


def test_a_sequence_is_completed_within_its_string_and_an_index_once_one_is_named(
    window: MainWindow, screen: Screen, postgres: PostgresServer
) -> None:
    with postgres.database() as name:
        postgres.psql("create table t (k int); create index t_by_k on t (k); create sequence numbers", name)
        panel = open_editor(window, screen, text="", target=postgres.url(name), connect=True)
        screen.pump(lambda: panel.model.connected)
        assert panel.model.session is not None
        window.kernel.catalogs.load(panel.model.session)
        panel.code.load("select nextval('nu")
        panel.code.go_to(18)
        asked(window, screen, panel)
        screen.press(panel.code.text, "<Return>")
        assert panel.code.content == "select nextval('numbers'"
        panel.code.load("drop index t_")
        panel.code.go_to(13)
        asked(window, screen, panel)
        screen.press(panel.code.text, "<Return>")
        assert panel.code.content == "drop index t_by_k"
        window.close(panel)
        screen.pump(lambda: not window.kernel.sessions())
