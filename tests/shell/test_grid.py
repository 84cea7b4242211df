"""The grid as a person meets it: what is drawn, what keys and the pointer do, at any number of rows."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from typing import Any

import pytest
from fix_window import Screen

from alveary import Column, ValueKind
from alveary.contracts.values import Row
from alveary_shell.widgets.grid import Grid
from alveary_shell.widgets.grid_rows import ListedRows
from alveary_shell.widgets.grid_view import Mark, Range, View

COLUMNS = (
    Column(name="id", type_name="int8", kind=ValueKind.NUMBER),
    Column(name="name", type_name="text", kind=ValueKind.TEXT),
    Column(name="any", kind=ValueKind.DYNAMIC),
    Column(name="more", type_name="text", kind=ValueKind.TEXT),
)


class Counting:
    """Any number of rows, and which were asked for."""

    def __init__(self, rows: int, columns: int = 4, ready: bool = True) -> None:
        self.rows, self.columns, self.ready = rows, columns, ready
        self.asked: set[int] = set()
        self.looks = 0

    def __len__(self) -> int:
        return self.rows

    def window(self, top: int, bottom: int) -> Sequence[Row | None]:
        numbers = range(max(top, 0), min(bottom, self.rows))
        self.asked.update(numbers)
        self.looks += 1
        if not self.ready:
            return [None] * len(numbers)
        return [(str(number), f"row {number}", *([number] * (self.columns - 2))) for number in numbers]


class Events:
    """What the grid told its owner."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def grid(screen: Screen, frame: tk.Frame, events: Events) -> Grid:
    grid = Grid(
        frame,
        screen.theme,
        on_select=lambda: events.said.append(("select",)),
        on_sort=lambda column, more: events.said.append(("sort", column, more)),
        on_open=lambda row, column: events.said.append(("open", row, column)),
        on_menu=lambda _, row, column: events.said.append(("menu", row, column)),
    )
    grid.pack(fill="both", expand=True)
    grid.show(COLUMNS, Counting(100))
    screen.settle()
    return grid


def option(canvas: tk.Canvas, item: int | str, name: str) -> str:
    return str(canvas.itemcget(item, name))  # type: ignore[no-untyped-call]  # not annotated there


def texts(canvas: tk.Canvas) -> list[str]:
    return [option(canvas, item, "text") for item in canvas.find_all() if str(canvas.type(item)) == "text"]


def event(widget: tk.Misc, name: str, **fields: int) -> None:
    widget.event_generate(name, **fields)  # type: ignore[arg-type]  # each field takes an int


def drawn(grid: Grid, row: int, column: int) -> str:
    """Return the text at a cell in sight."""
    slot = grid._drawing.slots[column]
    return option(grid.cells, slot.items[row - grid.view.top], "text")


def at(grid: Grid, row: int, column: int) -> dict[str, int]:
    """Return the middle of a cell in the window."""
    left, right = grid._layout.lefts[column], grid._layout.lefts[column + 1]
    return {
        "x": (left + right) // 2 - grid._layout.x,
        "y": (row - grid.view.top) * grid._layout.row + grid._layout.row // 2,
    }


# -- drawing -----------------------------------------------------------------------------------------------------


def test_only_what_is_in_sight_exists(screen: Screen, grid: Grid) -> None:
    rows = Counting(10_000_000, 1600)
    columns = [Column(name=f"c{number}", kind=ValueKind.TEXT) for number in range(1600)]
    grid.show(columns, rows)
    screen.settle()
    assert len(grid.cells.find_all()) < 3000
    assert len(rows.asked) < 300
    grid.select(9_999_999, 1599)
    screen.settle()
    assert drawn(grid, 9_999_999, 1599) == "9999999"
    assert grid.visible_rows.stop == 10_000_000
    assert len(grid.cells.find_all()) < 3000
    assert len(rows.asked) < 600


def test_cells_header_and_numbers_are_drawn(screen: Screen, grid: Grid) -> None:
    grid.show(COLUMNS, ListedRows([("1", "ann", 2.5, None), ("20", "", "x", "y\nz")]))
    screen.settle()
    assert [drawn(grid, 0, column) for column in range(4)] == ["1", "ann", "2.5", "NULL"]
    assert [drawn(grid, 1, column) for column in range(4)] == ["20", "", "x", "y↵z"]
    assert {"id", "int8", "name", "text"} <= set(texts(grid._drawing.head))
    assert [text for text in texts(grid._drawing.index) if text] == ["1", "2"]


def test_null_is_drawn_otherwise_than_text_and_numbers_stand_to_the_right(screen: Screen, grid: Grid) -> None:
    grid.show(COLUMNS, ListedRows([("1", None, 2, "NULL"), (None, "NULL", "x", "")]))
    screen.settle()

    def of(row: int, column: int, name: str) -> str:
        return option(grid.cells, grid._drawing.slots[column].items[row], name)

    theme = screen.theme
    assert of(0, 1, "fill") == theme.color("faint")
    assert of(1, 1, "fill") == theme.color("text")
    assert of(0, 1, "font") != of(1, 1, "font")
    assert [of(0, column, "anchor") for column in range(4)] == ["e", "w", "e", "w"]
    assert of(1, 0, "anchor") == "e"
    assert of(1, 2, "anchor") == "w"


def test_rows_appear_while_they_come(screen: Screen, grid: Grid) -> None:
    rows = ListedRows([])
    grid.empty_text = "No rows"
    grid.show(COLUMNS, rows)
    screen.settle()
    assert "No rows" in texts(grid.cells)
    rows.rows = [("1", "first", 1, "")]
    grid.refresh()
    screen.settle()
    assert drawn(grid, 0, 1) == "first"
    rows.rows = [("1", "first", 1, ""), ("2", "second", 2, "")]
    grid.refresh()
    screen.settle()
    assert drawn(grid, 1, 1) == "second"
    rows.rows = rows.rows[:1]
    grid.refresh()
    screen.settle()
    assert drawn(grid, 1, 1) == ""


def test_rows_on_their_way_are_asked_for_again(screen: Screen, grid: Grid) -> None:
    rows = Counting(50, ready=False)
    grid.show(COLUMNS, rows)
    screen.settle()
    assert drawn(grid, 0, 1) == "…"
    rows.ready = True
    screen.pump(lambda: drawn(grid, 0, 1) == "row 0")


def test_a_burst_of_refreshes_is_drawn_once(screen: Screen, grid: Grid) -> None:
    rows = Counting(10)
    grid.show(COLUMNS, rows)
    screen.settle()
    before = rows.looks
    for _ in range(100):
        grid.refresh()
    screen.settle()
    assert rows.looks == before + 1


def test_nothing_in_a_cell_can_break_drawing(screen: Screen, grid: Grid) -> None:
    hostile = [
        "\0",
        "\ud800",
        "x" * 1_000_000,
        "\u202eabc",
        "👩‍👩‍👧‍👦" * 300,
        "[exit]",
        "$x {",
        "-text",
        "\x1b[31m",
        "שלום",
    ]
    grid.show(COLUMNS, ListedRows([(text, text, text, b"\xff" * 100_000) for text in hostile]))
    grid.fit_columns()
    screen.settle()
    assert drawn(grid, 5, 1) == "[exit]"
    assert drawn(grid, 0, 1) == "\\x00"


def test_columns_are_as_wide_as_their_content_and_numbers_are_never_cut(screen: Screen, grid: Grid) -> None:
    rows = ListedRows([("1", "w" * 20, 1, "x")] * 400 + [("12345678901234567890", "w", 1, "x")])
    grid.show(COLUMNS, rows)
    screen.settle()
    assert drawn(grid, 0, 1) == "w" * 20
    grid.select(400, 0)
    screen.settle()
    screen.settle()
    assert drawn(grid, 400, 0) == "12345678901234567890"


def test_theme_and_zoom_redraw_everything(screen: Screen, grid: Grid) -> None:
    before = grid._layout.row
    screen.theme.zoom(14)
    screen.settle()
    assert grid._layout.row > before
    assert drawn(grid, 0, 1) == "row 0"
    screen.theme.zoom(10)
    screen.theme.use("light")
    screen.settle()
    assert grid.cells.cget("background") == screen.theme.color("background")
    assert option(grid.cells, grid._drawing.slots[1].items[0], "fill") == screen.theme.color("text")


def test_what_is_found_stands_out(screen: Screen, grid: Grid) -> None:
    grid.highlight("ROW 7")
    screen.settle()
    colors = [option(grid.cells, grid._drawing.slots[1].items[row], "fill") for row in range(10)]
    assert [color == screen.theme.color("accent") for color in colors] == [row == 7 for row in range(10)]


def test_a_view_brings_back_place_widths_and_selection(screen: Screen, grid: Grid) -> None:
    view = View()
    grid.show(COLUMNS, Counting(1000), view)
    screen.settle()
    grid.select(500, 2)
    grid.resize(1, 400)
    screen.settle()
    top, widths = grid.view.top, list(grid._layout.lefts)
    grid.show(COLUMNS, Counting(5))
    screen.settle()
    assert grid.view.top == 0
    grid.show(COLUMNS, Counting(1000), view)
    screen.settle()
    assert (grid.view.top, grid._layout.lefts) == (top, widths)
    assert (grid.selection.row, grid.selection.column) == (500, 2)


# -- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [
        (["<Down>", "<Right>"], (1, 1)),
        (["<Up>", "<Left>"], (0, 0)),
        (["<Control-Down>"], (99, 0)),
        (["<Control-Right>"], (0, 3)),
        (["<End>"], (0, 3)),
        (["<End>", "<Home>"], (0, 0)),
        (["<Control-End>"], (99, 3)),
        (["<Control-End>", "<Control-Home>"], (0, 0)),
    ],
)
def test_keys_move_the_cursor(screen: Screen, grid: Grid, keys: list[str], cursor: tuple[int, int]) -> None:
    screen.press(grid.cells, *keys)
    assert (grid.selection.row, grid.selection.column) == cursor
    assert grid.selection.single
    assert cursor[0] in grid.visible_rows


def test_pages_and_shift(screen: Screen, grid: Grid) -> None:
    screen.press(grid.cells, "<Next>")
    page = grid.selection.row
    assert page > 5
    screen.press(grid.cells, "<Shift-Next>")
    assert grid.selection.ranges == [Range(page, 0, min(2 * page, 99) + 1, 1)]
    screen.press(grid.cells, "<Prior>", "<Prior>", "<Prior>")
    assert grid.selection.row == 0
    screen.press(grid.cells, "<Shift-Down>", "<Shift-Right>", "<Shift-Right>")
    assert grid.selection.ranges == [Range(0, 0, 2, 3)]
    screen.press(grid.cells, "<Shift-Left>")
    assert grid.selection.ranges == [Range(0, 0, 2, 2)]
    screen.press(grid.cells, "<Control-Shift-End>")
    assert grid.selection.ranges == [Range(0, 0, 100, 4)]
    screen.press(grid.cells, "<Escape>")
    assert grid.selection.single


def test_keys_select_rows_columns_and_everything(screen: Screen, grid: Grid, events: Events) -> None:
    screen.press(grid.cells, "<Control-Key-a>")
    assert grid.selection.count(100, 4) == (100, 4)
    screen.press(grid.cells, "<Control-space>")
    assert grid.selection.count(100, 4) == (100, 1)
    screen.press(grid.cells, "<Shift-space>")
    assert grid.selection.count(100, 4) == (1, 4)
    screen.press(grid.cells, "<Return>")
    assert ("open", 0, 0) in events.said
    screen.press(grid.cells, "<Shift-F10>")
    assert ("menu", 0, 0) in events.said


def test_keys_on_no_rows_do_nothing(screen: Screen, grid: Grid, events: Events) -> None:
    grid.show(COLUMNS, ListedRows([]))
    screen.settle()
    screen.press(grid.cells, "<Down>", "<Control-End>", "<Next>", "<Control-Key-a>", "<Return>")
    assert not [said for said in events.said if said[0] == "open"]


# -- the pointer -------------------------------------------------------------------------------------------------


def test_clicks_and_drags_select(screen: Screen, grid: Grid) -> None:
    body = grid.cells
    event(body, "<Button-1>", **at(grid, 2, 1))
    screen.settle()
    assert (grid.selection.row, grid.selection.column) == (2, 1)
    event(body, "<B1-Motion>", **at(grid, 5, 2))
    event(body, "<ButtonRelease-1>", **at(grid, 5, 2))
    assert grid.selection.ranges == [Range(2, 1, 6, 3)]
    event(body, "<Button-1>", state=0x4, **at(grid, 8, 0))
    assert len(grid.selection.ranges) == 2
    event(body, "<Button-1>", state=0x1, **at(grid, 9, 1))
    assert grid.selection.ranges[-1] == Range(8, 0, 10, 2)
    screen.settle()
    assert grid.focused


def test_a_drag_beyond_the_edge_scrolls_on(screen: Screen, grid: Grid) -> None:
    body = grid.cells
    event(body, "<Button-1>", **at(grid, 0, 0))
    event(body, "<B1-Motion>", x=10, y=body.winfo_height() + 40)
    screen.pump(lambda: grid.view.top > 10)
    event(body, "<ButtonRelease-1>", x=10, y=body.winfo_height() + 40)
    screen.settle()
    assert grid.selection.ranges[0].bottom > 30


def test_row_numbers_select_rows(screen: Screen, grid: Grid) -> None:
    y = at(grid, 3, 0)["y"]
    event(grid._drawing.index, "<Button-1>", x=5, y=y)
    event(grid._drawing.index, "<B1-Motion>", x=5, y=at(grid, 5, 0)["y"])
    event(grid._drawing.index, "<ButtonRelease-1>", x=5, y=at(grid, 5, 0)["y"])
    assert grid.selection.count(100, 4) == (3, 4)
    event(grid._drawing.corner, "<Button-1>", x=5, y=5)
    assert grid.selection.count(100, 4) == (100, 4)


def test_a_click_on_a_header_sorts_and_a_drag_selects(screen: Screen, grid: Grid, events: Events) -> None:
    head = grid._drawing.head
    x = at(grid, 0, 1)["x"]
    event(head, "<Button-1>", x=x, y=8)
    event(head, "<ButtonRelease-1>", x=x, y=8)
    event(head, "<Button-1>", x=x, y=8, state=0x1)
    event(head, "<ButtonRelease-1>", x=x, y=8, state=0x1)
    assert [said for said in events.said if said[0] == "sort"] == [("sort", 1, False), ("sort", 1, True)]
    event(head, "<Button-1>", x=x, y=8)
    event(head, "<B1-Motion>", x=at(grid, 0, 2)["x"], y=8)
    event(head, "<ButtonRelease-1>", x=at(grid, 0, 2)["x"], y=8)
    assert grid.selection.count(100, 4) == (100, 2)
    assert len([said for said in events.said if said[0] == "sort"]) == 2
    event(head, "<Button-1>", x=at(grid, 0, 3)["x"], y=8, state=0x4)
    event(head, "<ButtonRelease-1>", x=at(grid, 0, 3)["x"], y=8, state=0x4)
    assert grid.selection.count(100, 4) == (100, 3)
    grid.mark({1: Mark(True, 2)})
    screen.settle()
    assert "▼2" in texts(head)


def test_a_border_is_dragged_and_a_double_click_fits(screen: Screen, grid: Grid, events: Events) -> None:
    head = grid._drawing.head
    border = grid._layout.lefts[2] - grid._layout.x
    before = grid._layout.lefts[2] - grid._layout.lefts[1]
    event(head, "<Motion>", x=border, y=8)
    assert head.cget("cursor") == "sb_h_double_arrow"
    event(head, "<Button-1>", x=border, y=8)
    event(head, "<B1-Motion>", x=border + 100, y=8)
    event(head, "<ButtonRelease-1>", x=border + 100, y=8)
    screen.settle()
    assert grid._layout.lefts[2] - grid._layout.lefts[1] == pytest.approx(before + 100, abs=2)
    assert not [said for said in events.said if said[0] == "sort"]
    for _ in range(2):
        event(head, "<Button-1>", x=border + 100, y=8)
        event(head, "<ButtonRelease-1>", x=border + 100, y=8)
    screen.settle()
    assert grid._layout.lefts[2] - grid._layout.lefts[1] == pytest.approx(before, abs=2)


def test_the_wheel_scrolls_both_ways(screen: Screen, grid: Grid) -> None:
    columns = [Column(name=f"c{number}", kind=ValueKind.TEXT) for number in range(60)]
    grid.show(columns, Counting(1000, 60))
    screen.settle()
    event(grid.cells, "<Button-5>", x=5, y=5)
    assert grid.view.top == 3
    event(grid.cells, "<Button-4>", x=5, y=5)
    assert grid.view.top == 0
    event(grid.cells, "<MouseWheel>", delta=-120, x=5, y=5)
    assert grid.view.top == 3
    event(grid.cells, "<Shift-Button-5>", x=5, y=5)
    assert grid._layout.x > 0
    grid._panned("moveto", "1.0")
    screen.settle()
    assert drawn(grid, 3, 59) == "3"
    grid._scrolled("moveto", "1.0")
    screen.settle()
    assert grid.visible_rows.stop == 1000


def test_menus_know_where_they_were_asked_for(screen: Screen, grid: Grid, events: Events) -> None:
    event(grid.cells, "<Button-3>", **at(grid, 4, 2))
    event(grid._drawing.head, "<Button-3>", x=at(grid, 0, 3)["x"], y=5)
    event(grid._drawing.index, "<Button-3>", x=5, y=at(grid, 6, 0)["y"])
    assert [said for said in events.said if said[0] == "menu"] == [("menu", 4, 2), ("menu", -1, 3), ("menu", 6, -1)]


def test_focus_colours_the_selection(screen: Screen, grid: Grid) -> None:
    grid.select(1, 1)
    grid.selection.extend(2, 2)
    grid.refresh()
    grid.cells.focus_force()
    screen.settle()
    assert option(grid.cells, "range", "fill") == screen.theme.color("selection")
    screen.root.focus_force()
    screen.settle()
    assert option(grid.cells, "range", "fill") == screen.theme.color("selection_idle")


def test_a_destroyed_grid_leaves_nothing_behind(screen: Screen, frame: tk.Frame) -> None:
    grid = Grid(frame, screen.theme)
    grid.show(COLUMNS, Counting(10, ready=False))
    grid.pack()
    screen.settle()
    grid.destroy()
    screen.theme.use("light")
    screen.pump(lambda: True)
    assert not screen.root.tk.call("after", "info")
