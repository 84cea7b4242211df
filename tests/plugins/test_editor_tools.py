"""The editor's tools for statements, in a window with real keys: laying out, parameters, errors, expanding, peeking."""

from __future__ import annotations

from fix_editor import open_editor
from fix_window import Screen

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
