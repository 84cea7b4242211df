"""The text of an editor without Tk: edits and what undoes them, rows of long lines, what is open where."""

from __future__ import annotations

import time
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary.sqltext import MYSQL, POSTGRES, SQLITE, LexState, scan_line
from alveary_shell.widgets import highlight, rows
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.highlight import LineStates, stretches
from alveary_shell.widgets.rows import Patch, Rows, with_breaks
from alveary_shell.widgets.standins import UNDRAWABLE, drawn, drawn_lines

Action: TypeAlias = tuple[str, int, int, str]

texts = st.text(st.sampled_from("abcdef 'x/*-\n$\U0001f600"), max_size=40)
actions = st.lists(
    st.tuples(
        st.sampled_from(["insert", "type", "delete", "erase", "replace", "all", "undo", "redo", "separate"]),
        st.integers(0, 200),
        st.integers(0, 200),
        texts,
    ),
    max_size=12,
)


def do(document: Document, action: Action) -> None:
    """Do something to a document, at places that are within it."""
    what, first, second, text = action
    length = len(document.text)
    start, end = sorted((first % (length + 1), second % (length + 1)))
    at, to = document.position(start), document.position(end)
    match what:
        case "insert":
            document.insert(at, text)
        case "type":
            document.insert(at, text, "typing")
        case "delete":
            document.delete(at, to)
        case "erase":
            document.delete(at, to, "erasing")
        case "replace":
            document.replace(at, to, text)
        case "all":
            document.replace_all(document.text[:start] + text + document.text[end:])
        case "undo":
            document.undo()
        case "redo":
            document.redo()
        case "separate":
            document.separate()


@given(texts, actions)
def test_edits_tell_the_text_and_undo_leads_back(text: str, todo: list[Action]) -> None:
    document = Document(text)
    told = [text]

    def follow(edit: Edit) -> None:
        lines = told[0].split("\n")
        start = sum(len(line) + 1 for line in lines[: edit.start.line]) + edit.start.column
        if edit.inserted:
            told[0] = told[0][:start] + edit.text + told[0][start:]
        else:
            assert told[0][start : start + len(edit.text)] == edit.text
            told[0] = told[0][:start] + told[0][start + len(edit.text) :]

    document.listen(follow)
    states = {0: text}
    for action in todo:
        do(document, action)
        assert document.text == told[0]
        assert states.setdefault(document.state, document.text) == document.text
    while document.can_undo:
        caret = document.undo()
        assert caret is not None
        assert document.within(caret) == caret
        assert states.setdefault(document.state, document.text) == document.text
    assert document.text == text
    assert document.size == len(text)
    assert document.state == 0
    while document.can_redo:
        document.redo()
        assert states[document.state] == document.text


@given(texts)
def test_offsets_and_positions_are_each_others_reverse(text: str) -> None:
    document = Document(text)
    for offset in range(len(text) + 1):
        position = document.position(offset)
        assert document.offset(position) == offset
        assert document.slice(Position(0, 0), position) == text[:offset]
    assert document.position(-5) == Position(0, 0)
    assert document.position(len(text) + 5) == document.end


def test_a_word_typed_is_one_step_and_the_next_another() -> None:
    document = Document()
    for at, char in enumerate("select one"):
        document.insert(Position(0, at), char, "typing")
    document.undo()
    assert document.text == "select "
    document.undo()
    assert document.text == ""
    assert document.undo() is None


def test_replacing_everything_touches_only_what_differs() -> None:
    document = Document("a\nb\nc\nd")
    edits: list[Edit] = []
    document.listen(edits.append)
    document.replace_all("a\nB\nc\nd")
    assert [(edit.text, edit.inserted) for edit in edits] == [("b", False), ("B", True)]
    document.undo()
    assert document.text == "a\nb\nc\nd"


@given(texts, actions)
def test_rows_show_the_lines_whatever_is_edited(text: str, todo: list[Action]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MOST", 8)
        patch.setattr(rows, "PART", 4)
        document, layout = Document(text), Rows()
        layout.reset(document.lines)
        shown = with_breaks(text).split("\n")

        def apply(patch: Patch) -> None:
            first, last = shown[patch.row][: patch.column], shown[patch.end_row][patch.end_column :]
            shown[patch.row : patch.end_row + 1] = (first + patch.text + last).split("\n")

        def follow(edit: Edit) -> None:
            for patch in layout.edited(edit, document.lines):
                apply(patch)

        document.listen(follow)
        for action in todo:
            do(document, action)
            found = [layout.row(at) for at in range(len(shown))]
            assert [document.lines[row.line][row.start : row.end] for row in found] == shown
            assert [row.line for row in found if row.start == 0] == list(range(len(document.lines)))
            assert max(map(len, shown)) <= 8
            for offset in range(len(document.text) + 1):
                position = document.position(offset)
                row, column = layout.place(position)
                assert column <= len(shown[row])
                assert layout.position(row, column) == position


@given(texts, actions, st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=12, max_size=12))
def test_what_is_open_where_a_line_begins_is_known_or_not_said(
    text: str, todo: list[Action], readings: list[tuple[int, bool]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(highlight, "LONGEST", 6)
        patch.setattr(highlight, "_SOME", 1)
        document, states = Document(text), LineStates(POSTGRES)
        states.reset(len(document.lines))
        document.listen(states.edited)
        for action, (until, hurried) in zip(todo, readings, strict=False):
            do(document, action)
            states.advance(document.lines, until, 0 if hurried else time.perf_counter() + 60)
            right = LexState()
            for number, line in enumerate(document.lines):
                assert states.state(number) in (None, right)
                right = scan_line(line, right, POSTGRES)[1]
        states.advance(document.lines, len(document.lines), time.perf_counter() + 60)
        assert states.complete


def test_a_comment_that_opens_changes_the_lines_below_up_to_its_end() -> None:
    document, states = Document("a\nb\nc */ d\ne"), LineStates(SQLITE)
    states.reset(4)
    document.listen(states.edited)
    far = time.perf_counter() + 60
    states.advance(document.lines, 3, far)
    document.insert(Position(0, 0), "/*")
    assert states.advance(document.lines, 3, far) == {1, 2}
    assert states.complete


def test_stretches_tell_keywords_from_names_and_functions() -> None:
    line = "select o.order, count(*) from \"from\" where x='it''s' and y = :z -- end"
    found = [(line[start:end], kind) for start, end, kind in stretches(line, LexState(), LineStates(SQLITE).lexer)]
    assert found == [
        ("select", "keyword"),
        (".", "operator"),
        (",", "operator"),
        ("count", "function"),
        ("(*)", "operator"),
        ("from", "keyword"),
        ("where", "keyword"),
        ("=", "operator"),
        ("'it''s'", "string"),
        ("and", "keyword"),
        ("=", "operator"),
        (":z", "parameter"),
        ("-- end", "comment"),
    ]
    hashed = stretches("1 # note", LexState(), LineStates(MYSQL).lexer)
    assert [kind for _, _, kind in hashed] == ["number", "comment"]


@given(st.text())
def test_stand_ins_are_one_for_one_and_can_be_drawn(text: str) -> None:
    shown = drawn_lines(text)
    assert len(shown) == len(text)
    assert not UNDRAWABLE.search(shown)
    shown.encode()
    assert shown.split("\n") == [drawn(line) for line in text.split("\n")]
