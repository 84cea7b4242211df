"""What a grid is made of, without Tk: the selection, the rows it is handed, the text it draws."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fix_window import Screen
from hypothesis import given
from hypothesis import strategies as st

from alveary import Column, ResultSet, ValueKind
from alveary.contracts.values import Row
from alveary.errors import StorageError
from alveary.results import ResultWriter
from alveary_shell.widgets import grid_rows
from alveary_shell.widgets.grid_rows import CachedRows, ListedRows, Reader
from alveary_shell.widgets.grid_text import LONGEST, Fitter, cell_line, visible, visible_lines
from alveary_shell.widgets.grid_view import END, Range, Selection, spans

HANG = 30


# -- selection ---------------------------------------------------------------------------------------------------


def cells(selection: Selection, rows: int = 6, columns: int = 4) -> set[tuple[int, int]]:
    clipped = selection.clipped(rows, columns)
    return {
        (row, column)
        for each in clipped
        for row in range(each.top, each.bottom)
        for column in range(each.left, each.right)
    }


def test_a_new_selection_is_the_first_cell() -> None:
    assert Selection().single
    assert cells(Selection()) == {(0, 0)}


def test_extending_keeps_the_cursor_where_it_began() -> None:
    selection = Selection()
    selection.go(2, 2)
    selection.extend(0, 3)
    assert cells(selection) == {(row, column) for row in (0, 1, 2) for column in (2, 3)}
    assert (selection.row, selection.column) == (2, 2)
    assert selection.corner == (0, 3)
    selection.extend(3, 1)
    assert cells(selection) == {(row, column) for row in (2, 3) for column in (1, 2)}
    assert selection.corner == (3, 1)


def test_ranges_are_added_and_a_single_cell_is_taken_away_again() -> None:
    selection = Selection()
    selection.go(0, 0)
    selection.add(2, 2)
    selection.extend(3, 3)
    selection.add(5, 0)
    assert len(selection.ranges) == 3
    selection.add(5, 0)
    assert len(selection.ranges) == 2
    assert (selection.row, selection.column) == (2, 2)
    assert selection.count(6, 4) == (3, 3)


def test_whole_rows_and_columns_reach_to_an_end_that_moves() -> None:
    selection = Selection()
    selection.columns(1, 2)
    selection.extend(1, 3)
    assert selection.ranges == [Range(0, 2, END, 4)]
    assert selection.count(6, 4) == (6, 2)
    assert selection.count(1_000_000, 4) == (1_000_000, 2)
    selection.rows(4, 1)
    selection.extend(2, 0)
    assert cells(selection) == {(row, column) for row in (2, 3, 4) for column in range(4)}
    selection.everything()
    assert selection.count(6, 4) == (6, 4)


def test_what_lies_outside_is_not_selected() -> None:
    selection = Selection()
    selection.go(10, 10)
    assert selection.clipped(6, 4) == []
    assert selection.count(6, 4) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10))))
def test_spans_hold_each_number_once_and_in_order(parts: list[tuple[int, int]]) -> None:
    halves = [(start, start + size) for start, size in parts]
    joined = spans(halves)
    assert {number for start, end in joined for number in range(start, end)} == {
        number for start, end in halves for number in range(start, end)
    }
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(joined))


# -- text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain", "plain"),
        ("日本語 שלום é 🐝 👩\u200d👧", "日本語 שלום é 🐝 👩\u200d👧"),
        ("a\nb\tc\rd", "a↵b⇥c\\rd"),
        ("nul\0 esc\x1b", "nul\\x00 esc\\x1b"),
        ("turn\u202e back", "turn\\u202e back"),
        ("lone \ud800 byte \udcff", "lone \\ud800 byte \\xff"),
        ("hidden \u200b\ufeff\U000e0041", "hidden \\u200b\\ufeff\\U000e0041"),
    ],
)
def test_what_can_not_be_drawn_is_seen(text: str, drawn: str) -> None:
    assert visible(text) == drawn
    assert "\n" in visible_lines("a\nb\0")


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_the_text_tcl_gets_one_safe_line(text: str) -> None:
    line = cell_line(Column(name="c"), text)
    line.encode()
    assert not {"\0", "\n", "\r", "\t"} & set(line)


def test_a_cell_is_drawn_in_part_only_and_shows_it() -> None:
    column = Column(name="c")
    assert cell_line(column, "x" * 10_000_000) == "x" * LONGEST + "…"
    assert cell_line(column, b"\xab" * 10_000_000) == "0x" + "AB" * (LONGEST // 2) + "…"
    assert cell_line(column, b"\x00\xff") == "0x00FF"
    assert cell_line(column, 7**10_000).endswith("…")
    assert cell_line(column, 0.1) == "0.1"


def test_text_is_cut_to_the_room_there_is(screen: Screen) -> None:
    font = screen.theme.ui
    fitter = Fitter(font)
    for text in ("hello", "WWWWW", "日本語テキスト", "mixed 🐝 bees", "x" * 1000):
        assert fitter.width(text) == font.measure(text)
        for room in range(0, font.measure(text) + 5, 7):
            fitted = fitter.fit(text, room)
            assert (
                fitted == text or fitted in ("", "…") or (fitted[:-1] == text[: len(fitted) - 1] and fitted[-1] == "…")
            )
            assert font.measure(fitted) <= max(room, font.measure("…"))
        assert fitter.fit(text, font.measure(text)) == text


# -- rows --------------------------------------------------------------------------------------------------------


class Slow:
    """Rows of which a test decides when they can be read."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.go = threading.Event()
        self.asked: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return self.rows

    def window(self, top: int, bottom: int) -> Sequence[Row]:
        self.asked.append((top, bottom))
        assert self.go.wait(HANG)
        return [(number,) for number in range(top, min(bottom, self.rows))]


def until(ready: Callable[[], object]) -> None:
    for _ in range(HANG * 100):
        if ready():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come about")


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_rows_that_are_not_at_hand_are_none_until_they_are_read(reader: Reader) -> None:
    slow = Slow(1000)
    rows = CachedRows(lambda: slow, 1, reader)
    rows.grown(1000)
    assert list(rows.window(10, 13)) == [None, None, None]
    slow.go.set()
    until(lambda: None not in rows.window(10, 13))
    assert list(rows.window(10, 13)) == [(10,), (11,), (12,)]
    assert list(rows.window(998, 2000))[-1] in (None, (999,))
    reader.close()


def test_what_was_asked_for_last_is_read_first(reader: Reader) -> None:
    slow = Slow(100_000)
    rows = CachedRows(lambda: slow, 1, reader)
    rows.grown(100_000)
    for top in (0, 20_000, 40_000, 60_000):
        rows.window(top, top + 5)
    slow.go.set()
    until(lambda: None not in rows.window(60_000, 60_005))
    tops = [top for top, _ in slow.asked]
    assert tops.index(60_000 // grid_rows.BLOCK_ROWS * grid_rows.BLOCK_ROWS) <= 2
    reader.close()


def test_rows_grow_while_they_are_looked_at(tmp_path: Path, reader: Reader) -> None:
    writer = ResultWriter(tmp_path / "result")
    writer.columns([Column(name="n")])
    result = ResultSet(tmp_path / "result")
    rows = CachedRows(lambda: result, 1, reader)
    assert list(rows.window(0, 10)) == []
    writer.rows([(1,), (2,)])
    rows.grown(2)
    until(lambda: list(rows.window(0, 10)) == [(1,), (2,)])
    writer.rows([(3,)])
    rows.grown(3)
    until(lambda: list(rows.window(0, 10)) == [(1,), (2,), (3,)])
    writer.close(True)
    reader.close()


def test_few_blocks_and_short_cells_are_kept(tmp_path: Path, reader: Reader) -> None:
    writer = ResultWriter(tmp_path / "result")
    writer.columns([Column(name="n"), Column(name="t")])
    writer.rows([(number, "x" * 50_000) for number in range(20)])
    writer.close(True)
    result = ResultSet(tmp_path / "result")
    rows = CachedRows(lambda: result, 2, reader)
    rows.grown(20)
    until(lambda: None not in rows.window(0, 20))
    assert all(row is not None and len(str(row[1])) == LONGEST + 1 for row in rows.window(0, 20))
    slow = Slow(1_000_000)
    slow.go.set()
    many = CachedRows(lambda: slow, 1, reader)
    many.grown(1_000_000)
    for _ in range(100):
        top = random.Random(1).randrange(1_000_000)
        many.window(top, top + 50)
    assert len(many._blocks) <= grid_rows.CACHED_BLOCKS
    reader.close()


def test_rows_that_can_not_be_read_say_why(tmp_path: Path, reader: Reader) -> None:
    def gone() -> ResultSet:
        raise StorageError("the stored result was dropped")

    rows = CachedRows(gone, 1, reader)
    rows.grown(5)
    until(lambda: [rows.window(0, 5), rows.error][1])
    assert isinstance(rows.error, StorageError)
    assert list(rows.window(0, 5)) == [()] * 5
    reader.close()


def test_a_list_is_rows_too() -> None:
    rows = ListedRows([(1,), (2,)])
    assert (len(rows), rows.window(1, 9)) == (2, [(2,)])


def test_models_need_no_tk() -> None:
    code = (
        "import sys; sys.modules['tkinter'] = sys.modules['_tkinter'] = None\n"
        "import alveary_shell.widgets.grid_rows, alveary_shell.widgets.grid_view, alveary_shell.widgets.grid_text\n"
        "import alveary_plugins.panels.results.model, alveary_plugins.panels.results.parts\n"
        "import alveary_plugins.panels.results.commands, alveary_plugins.panels.results.cellvalues\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_numbers_are_known_by_their_kind() -> None:
    assert cell_line(Column(name="n", kind=ValueKind.NUMBER), "12.50") == "12.50"
