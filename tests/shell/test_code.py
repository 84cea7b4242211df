"""The editor's widget: what is typed is what it holds, whatever it holds; colours, brackets, finding, errors."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import pytest
from fix_window import Screen

from alveary.sqltext import MYSQL, POSTGRES, SQLITE, Piece
from alveary_shell.widgets import code_statements
from alveary_shell.widgets.code import Code
from alveary_shell.widgets.search import BadExpression, Match, Query, expanded, find

STRANGE = "a\x00b \ud800 \udc80 \x1b[0m \u202eRTL\ufeff \U0001f600\U0001f469\u200d\U0001f4bb שלום é\r end"


@pytest.fixture
def make(screen: Screen, frame: tk.Frame) -> Callable[..., Code]:
    def make(text: str = "", **options: object) -> Code:
        code = Code(frame, screen.theme, **options)  # type: ignore[arg-type]  # each is one of its own
        code.pack(fill="both", expand=True)
        code.load(text)
        screen.pump(lambda: not code.loading)
        code.text.focus_force()
        screen.pump(lambda: code.text.focus_get() is code.text)
        return code

    return make


def type_in(screen: Screen, code: Code, text: str) -> None:
    named = {" ": "space", "(": "parenleft", ")": "parenright", ";": "semicolon", "'": "apostrophe", "*": "asterisk"}
    for char in text:
        code.text.event_generate("<Key>", keysym=named.get(char, char))
    screen.settle()


def tags(code: Code, offset: int) -> set[str]:
    """Return the tags of a character as it is shown, but for the line's and the selection."""
    index = code.sheet.index(code.document.position(offset))
    return {str(tag) for tag in code.text.tag_names(index)} - {"line", "sel"}


def shown(code: Code) -> str:
    return str(code.sheet.call("get", "1.0", "end-1c"))


def test_what_is_typed_is_there_with_its_colours(screen: Screen, make: Callable[..., Code]) -> None:
    code = make(dialect=SQLITE)
    type_in(screen, code, "select count(*) x;")
    assert code.content == shown(code) == "select count(*) x;"
    assert tags(code, 0) == {"keyword"}
    assert tags(code, 7) == {"function"}
    assert tags(code, 16) == set()
    screen.press(code.text, "<Control-Key-z>")
    assert code.content != "select count(*) x;"


def test_an_open_string_colours_what_follows_until_it_is_closed(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\nselect 2;\nselect 'x';\n")
    screen.pump(lambda: code.colours.states.complete)
    code.go_to(0)
    type_in(screen, code, "'")
    screen.pump(lambda: tags(code, code.content.index("select 2")) == {"string"})
    screen.press(code.text, "<BackSpace>")
    screen.pump(lambda: tags(code, code.content.index("select 2")) == {"keyword"})


def test_enter_keeps_the_indentation_and_tab_makes_it(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("    select (")
    code.go_to(len(code.content))
    screen.press(code.text, "<Return>")
    assert code.content == "    select (\n        "
    type_in(screen, code, ")")
    assert code.content == "    select (\n    )"
    code.select_all()
    screen.press(code.text, "<Tab>")
    assert code.content == "        select (\n        )"
    screen.press(code.text, "<Shift-ISO_Left_Tab>", "<Shift-ISO_Left_Tab>", "<Shift-ISO_Left_Tab>")
    assert code.content == "select (\n)"
    assert code.selection is not None
    screen.press(code.text, "<Control-Key-z>")
    assert code.content == "    select (\n    )"


def test_comments_come_and_go(make: Callable[..., Code]) -> None:
    code = make("  select 1,\n\n    2;\n", dialect=MYSQL)
    code.go_to(0, len(code.content) - 1)
    code.comment()
    assert code.content == "  -- select 1,\n\n  --   2;\n"
    code.comment()
    assert code.content == "  select 1,\n\n    2;\n"
    code.undo()
    code.undo()
    assert code.content == "  select 1,\n\n    2;\n"


def test_lines_are_repeated_removed_and_moved(make: Callable[..., Code]) -> None:
    code = make("one\ntwo\nthree")
    code.go_to(5)
    code.duplicate_lines()
    assert code.content == "one\ntwo\ntwo\nthree"
    assert code.caret == 9
    code.delete_lines()
    assert code.content == "one\ntwo\nthree"
    code.go_to(5)
    code.move_lines(-1)
    assert code.content == "two\none\nthree"
    code.move_lines(-1)
    assert code.content == "two\none\nthree"
    code.move_lines(1)
    code.move_lines(1)
    assert code.content == "one\nthree\ntwo"
    code.delete_lines()
    assert code.content == "one\nthree"
    code.go_to(0)
    code.select_line()
    code.select_line()
    assert code.selection == (0, 9)
    code.go_to(5)
    code.select_word()
    assert code.selection == (4, 9)


def test_words_are_erased_whole(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("alpha  beta.gamma")
    code.go_to(len(code.content))
    screen.press(code.text, "<Control-BackSpace>")
    assert code.content == "alpha  beta."
    code.go_to(0)
    screen.press(code.text, "<Control-Delete>")
    assert code.content == "  beta."
    code.load("a\nb")
    code.go_to(2)
    screen.press(code.text, "<BackSpace>")
    assert code.content == "ab"
    code.load("a\nb")
    code.go_to(1)
    screen.press(code.text, "<Delete>", "<Delete>")
    assert code.content == "a"


def test_what_tk_can_not_draw_has_a_stand_in_and_stays_what_it_is(screen: Screen, make: Callable[..., Code]) -> None:
    code = make(f"{STRANGE}\nselect 1")
    assert code.content == f"{STRANGE}\nselect 1"
    assert "\x00" not in shown(code)
    assert "␀" in shown(code)
    assert len(shown(code)) >= len(code.content)  # Tk counts some characters twice
    screen.pump(lambda: "undrawable" in tags(code, 1))
    for offset in range(len(code.content) + 1):
        code.go_to(offset)
        assert code.caret == offset
    at = code.content.index("\U0001f469")
    code.go_to(at)
    screen.press(code.text, "<Delete>", "<BackSpace>")
    assert code.content == f"{STRANGE}\nselect 1".replace("\U0001f600\U0001f469", "")
    code.undo()
    code.undo()
    assert code.content == f"{STRANGE}\nselect 1"
    code.select_all()
    code.copy()
    code.go_to(0)
    code.paste()
    assert code.content == 2 * f"{STRANGE}\nselect 1"
    assert code.clipboard_get(type="UTF8_STRING").count("␀") == 1


def test_a_line_of_five_million_characters_is_shown_and_edited(screen: Screen, make: Callable[..., Code]) -> None:
    line = "insert into t values ('x'), " * 178_572
    code = make(f"select 1;\n{line}\nselect 2;", dialect=SQLITE)
    assert len(line) > 4_999_000
    assert code.content == f"select 1;\n{line}\nselect 2;"
    code.go_to(10 + 2_500_000)
    type_in(screen, code, "typed")
    assert code.content == f"select 1;\n{line[:2_500_000]}typed{line[2_500_000:]}\nselect 2;"
    longest = max(map(len, shown(code).split("\n")))
    assert longest < 10_000
    code.undo()
    assert code.content == f"select 1;\n{line}\nselect 2;"
    code.go_to(10, 10 + len(line))
    code.erase(forward=True)
    assert code.content == "select 1;\n\nselect 2;" == shown(code)


def test_a_long_text_is_shown_in_slices_and_not_edited_so_long(screen: Screen, make: Callable[..., Code]) -> None:
    text = "select 1;\n" * 60_000
    code = make()
    code.load(text)
    assert code.loading
    code.type("x")
    assert code.content == text
    code.go_to(500_000, 500_003)
    screen.pump(lambda: not code.loading)
    screen.settle()
    assert shown(code) == text
    assert code.selection == (500_000, 500_003)
    assert code.scroll[0] > 49_000
    code.go_to(len(text))
    code.type("x")
    assert code.content == text + "x"


def test_tk_s_own_bindings_edit_the_document(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("abc\ndef")
    code.text.insert("1.1", "X\nY")
    assert code.content == shown(code) == "aX\nYbc\ndef"
    code.text.delete("1.1", "2.1")
    assert code.content == shown(code) == "abc\ndef"
    code.text.replace("1.0", "1.1", "Z")
    assert code.content == shown(code) == "Zbc\ndef"
    code.text.delete("1.0")
    assert code.content == shown(code) == "bc\ndef"
    code.text.delete("1.0", "end")
    assert code.content == shown(code) == ""
    code.undo()
    assert code.content == "bc\ndef"
    with pytest.raises(tk.TclError):
        code.text.get("sel.first", "sel.last")


def test_a_read_only_text_is_not_changed(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("fixed", read_only=True)
    type_in(screen, code, "x")
    screen.press(code.text, "<BackSpace>", "<Return>", "<Tab>", "<Control-Key-x>", "<Control-Key-v>")
    code.text.insert("1.0", "x")
    assert code.content == shown(code) == "fixed"


def test_control_and_alt_type_nothing(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("x")
    screen.press(code.text, "<Control-Key-1>", "<Control-Key-k>", "<Alt-Key-q>", "<Control-Key-o>", "<Control-Key-t>")
    assert code.content == "x"


def test_copying_without_a_selection_takes_the_line(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("one\ntwo\n")
    code.go_to(5)
    screen.press(code.text, "<Control-Key-c>")
    assert code.clipboard_get() == "two\n"
    screen.press(code.text, "<Control-Key-x>")
    assert code.content == "one\n"
    code.clipboard_clear()
    code.clipboard_append("a\r\nb")
    screen.press(code.text, "<Control-Key-v>")
    assert code.content == "one\na\nb"


def test_the_bracket_beside_the_caret_and_its_counterpart_are_marked(screen: Screen, make: Callable[..., Code]) -> None:
    text = "f(a, ')', /* ( */\n  g(b))"
    code = make(text)
    screen.pump(lambda: code.colours.states.complete)
    code.go_to(2)
    screen.pump(lambda: tags(code, 1) >= {"bracket"})
    assert "bracket" in tags(code, len(text) - 1)
    assert "bracket" not in tags(code, text.index(")'"))
    code.go_to(0)
    screen.pump(lambda: "bracket" not in tags(code, 1))


def test_the_statement_of_the_caret_is_known_and_marked(screen: Screen, make: Callable[..., Code]) -> None:
    text = "select 1;\n\nselect\n  2;\n-- end\n"
    code = make(text)
    code.go_to(text.index("2"))
    screen.pump(lambda: code.statements.marked == (2, 3))
    code.select_statement()
    assert code.selection is not None
    assert text[slice(*code.selection)] == "select\n  2"
    code.go_to(0)
    type_in(screen, code, "x")
    screen.pump(lambda: code.statements.marked == (0, 0))
    assert code.gutter.find_withtag("mark")


def test_statements_of_a_long_text_are_told_apart_in_another_thread(
    screen: Screen, make: Callable[..., Code], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_statements, "SPLIT_AT_ONCE", 10)
    code = make("select 1; select 2;")
    heard: list[list[Piece]] = []
    code.go_to(0)
    code.type("x")
    code.when_split(heard.append)
    code.when_split(heard.append)
    screen.pump(lambda: len(heard) == 2)
    assert heard[0] is heard[1]
    assert [piece.sql(code.content) for piece in heard[1]] == ["xselect 1", "select 2"]
    code.when_split(heard.append)
    assert len(heard) == 3


def test_an_error_is_marked_and_gone_when_its_word_is_edited(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\nselect oops from t;\nselect 3;")
    at = code.content.index("oops")
    code.mark_error(at, "no such column")
    assert tags(code, at) >= {"error"}
    assert "error" not in tags(code, at + 4)
    code.go_to(0)
    type_in(screen, code, "x")
    assert code.go_to_error()
    assert code.caret == at + 1
    type_in(screen, code, "y")
    assert not code.has_errors
    assert "error" not in tags(code, at + 1)
    code.mark_error(len(code.content), "at the end")
    assert tags(code, len(code.content) - 1) >= {"error"}
    code.clear_errors()
    assert not code.go_to_error()


MARKED = [
    ("select ^a", "a"),
    ("select 'é' || ^\"no pe\" from t", '"no pe"'),
    ("select a ^<> b", "<>"),
    ("select a ^->> b", "->>"),
    ("select (^(1)", "("),
    ("/* é\n 😀 */ select ^nope", "nope"),
    ("select 'a\nb' ^'c\nd'", "'c"),
    ("select ^1.5e3x", "1.5e3x"),
]


@pytest.mark.parametrize(("text", "token"), MARKED)
def test_the_whole_token_is_marked(screen: Screen, make: Callable[..., Code], text: str, token: str) -> None:
    code = make(text.replace("^", ""), dialect=POSTGRES)
    screen.pump(lambda: code.settled)
    at = text.index("^")
    code.mark_error(at, "wrong")
    marked = [place for place in range(len(code.content)) if "error" in tags(code, place)]
    assert marked == list(range(at, at + len(token)))


def test_a_mark_moves_with_its_word_through_edits_of_all_kinds(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\nselect a, oops, b from t;\nselect 3;")
    code.mark_error(code.content.index("oops"), "no such column")

    def check() -> None:
        at = code.content.index("oops")
        assert [place for place in range(len(code.content)) if "error" in tags(code, place)] == list(range(at, at + 4))
        code.go_to(0)
        assert code.go_to_error()
        assert code.caret == at

    for where, text in (
        ("1;", "é😀\n"),
        ("a,", "b, "),
        ("a,", "\n"),
        (" b from", "\n\n"),
        ("select 3", "x"),
        (" oops", "q,"),
    ):
        code.go_to(code.content.index(where))
        code.insert(text)
        check()
    for gone in ("é😀\n", ";\nselect", "\n\n", "q,", "\n"):
        at = code.content.index(gone)
        code.go_to(at, at + len(gone))
        code.erase(forward=True)
        check()
    for _ in range(4):
        code.undo()
        check()
    code.go_to(code.content.index("oops") + 4)
    code.insert("s")
    assert not code.has_errors


def test_marks_of_some_stretches_are_taken_away(make: Callable[..., Code]) -> None:
    code = make("aa bb cc")
    for at in (0, 3, 6):
        code.mark_error(at, f"wrong at {at}")
    code.clear_errors([(2, 5)])
    assert [place for place in range(8) if "error" in tags(code, place)] == [0, 1, 6, 7]
    code.clear_errors([])
    assert code.has_errors
    code.clear_errors()
    assert not code.has_errors


def test_what_is_wrong_is_said_where_the_pointer_rests(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\nselect oops;\n")
    at = code.content.index("oops")
    code.mark_error(at, "no such column: oops")
    screen.settle()

    def said() -> list[str]:
        windows = (each for each in code.winfo_children() if isinstance(each, tk.Toplevel))
        return [str(label["text"]) for window in windows for label in window.winfo_children()]

    box = code.text.bbox(code.sheet.index(code.document.position(at + 1)))
    assert box is not None
    code.text.event_generate("<Motion>", x=box[0] + 1, y=box[1] + 2)
    screen.pump(said)
    assert said() == ["no such column: oops"]
    code.text.event_generate("<Motion>", x=2, y=2)
    assert said() == []
    code.gutter.event_generate("<Motion>", x=5, y=box[1] + 2)
    screen.pump(said)
    code.go_to(at + 1)
    code.insert("x")
    assert said() == []


def test_finding_steps_round_and_replacing_is_one_step(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("Order orders ORDER border")
    code.open_find()
    bar = code.find_bar
    bar._entry.insert(0, "order")
    screen.press(bar._entry, "<KeyRelease-r>")
    screen.pump(lambda: code.selection == (0, 5))
    assert str(bar._count["text"]) == "1 of 4"
    bar.step()
    assert code.selection == (6, 11)
    bar.step(back=True)
    bar.step(back=True)
    assert code.selection == (20, 25)
    bar._word.invoke()
    assert str(bar._count["text"]) == "1 of 2"
    bar._case.invoke()
    assert str(bar._count["text"]) == "nothing found"
    bar._case.invoke()
    bar._with.insert(0, "thing")
    assert bar.replace_every() == 2
    assert code.content == "thing orders thing border"
    code.undo()
    assert code.content == "Order orders ORDER border"
    bar._regex.invoke()
    bar._word.invoke()
    bar._entry.delete(0, "end")
    bar._entry.insert(0, "(o)rder(s?)")
    bar._with.delete(0, "end")
    bar._with.insert(0, r"<\2|\1>")
    assert bar.replace_every() == 4
    assert code.content == "<|O> <s|o> <|O> b<|o>"
    bar._entry.delete(0, "end")
    bar._entry.insert(0, "(")
    bar.step()
    assert "parentheses" in str(bar._count["text"])
    screen.press(bar._entry, "<Escape>")
    assert not bar.shown
    screen.pump(lambda: code.text.focus_get() is code.text)


def test_matches_are_replaced_one_by_one(make: Callable[..., Code]) -> None:
    code = make("a-a-a")
    code.open_find(replace=True)
    code.find_bar._entry.insert(0, "a")
    code.find_bar._with.insert(0, "bb")
    code.find_bar.replace()
    code.find_bar.replace()
    assert code.content == "bb-a-a"
    assert code.selection == (3, 4)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("b.", regex=True), ["b\U0001f600"]),
        (Query("^.c", regex=True), ["\ud800c"]),
        (Query("\U0001f600"), ["\U0001f600"] * 2),
        (Query("C", case=True), []),
        (Query("x*", regex=True), []),
        (Query(""), []),
    ],
)
def test_matches_are_told_in_characters_whatever_they_are(screen: Screen, query: Query, expected: list[str]) -> None:
    text = "a\U0001f600b\U0001f600\n\ud800c"
    assert [text[match.start : match.end] for match in find(text, query, screen.root)] == expected


def test_expressions_expand_their_groups(screen: Screen) -> None:
    query = Query(r"(\w+) (\w*)", regex=True)
    (match,) = find("one two", query, screen.root)
    assert match == Match(0, 7, ((0, 3), (4, 7)))
    assert expanded(match, "one two", r"\2\n\1\\\0\9", query) == "two\none\\one two"
    with pytest.raises(BadExpression, match="quantifier"):
        find("x", Query("*", regex=True), screen.root)


def test_the_theme_and_the_zoom_are_followed(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\n" * 200, dialect=POSTGRES)
    dark = str(code.text["background"])
    height = code._height()
    points = int(screen.theme.ui.actual("size"))
    screen.theme.use("light")
    screen.theme.zoom(points + 4)
    try:
        screen.settle()
        assert str(code.text["background"]) != dark
        assert int(str(code.text["highlightthickness"])) == 0
        assert code._height() > height
        assert str(code.sheet.call("tag", "cget", "keyword", "-foreground")) == screen.theme.color("keyword")
    finally:
        screen.theme.zoom(points)


def test_scrolling_colours_what_comes_into_view(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1; -- one\n" * 3000)
    code.go_to_line(2500)
    screen.pump(lambda: tags(code, code.document.offset(code.caret_position)) == {"keyword"})
    numbers = [str(code.tk.call(str(code.gutter), "itemcget", item, "-text")) for item in code.gutter._numbers]
    assert "2500" in numbers
    code.go_to_line(10**9)
    assert code.caret == len(code.content)
    line, _ = code.scroll
    code.scroll = (5, 0.0)
    assert code.scroll[0] == 5 != line


def test_a_widget_that_is_destroyed_leaves_nothing_to_be_called(screen: Screen, make: Callable[..., Code]) -> None:
    code = make("select 1;\n" * 60_000)
    path = str(code.text)
    code.load("select 2;\n" * 60_000)
    code.destroy()
    screen.pump(lambda: not code.timers)
    assert not screen.root.tk.call("info", "commands", path)
    assert make("again").content == "again"
