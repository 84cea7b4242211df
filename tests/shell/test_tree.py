"""The tree: which lines there are, what a filter leaves of them, and how it is moved through."""

from __future__ import annotations

import tkinter as tk
from dataclasses import dataclass, field

import pytest
from fix_window import Screen
from hypothesis import given
from hypothesis import strategies as st

from alveary_shell.widgets.tree import Tree
from alveary_shell.widgets.tree_rows import Badge, Node, Sieve, all_lines, find, parts


def leaf(text: str) -> Node:
    return Node(key=text, text=text, leaf=True)


def branch(text: str, *children: Node, is_open: bool = True) -> Node:
    return Node(key=text, text=text, children=list(children), open=is_open)


def shop() -> list[Node]:
    return [
        branch(
            "shop",
            branch("orders", leaf("id"), leaf("customer_id"), is_open=False),
            branch("customer", leaf("id"), leaf("Name"), is_open=False),
            Node(key="later", text="later", open=True),
        ),
        leaf("other"),
    ]


def shown(tree: Tree) -> list[str]:
    tree._update_lines()
    return ["  " * line.depth + line.node.text for line in tree.lines]


# -- without a widget ----------------------------------------------------------------------------------------------


def test_lines_are_those_of_open_nodes() -> None:
    assert [(line.node.text, line.depth, line.open) for line in all_lines(shop())] == [
        ("shop", 0, True),
        ("orders", 1, False),
        ("customer", 1, False),
        ("later", 1, True),
        ("other", 0, False),
    ]


def test_a_filter_leaves_what_fits_and_what_it_stands_in() -> None:
    roots = shop()
    lines = Sieve("cust").lines(roots)
    assert [(line.node.text, line.open) for line in lines] == [
        ("shop", True),
        ("orders", True),
        ("customer_id", False),
        ("customer", False),
    ]
    assert [line.node.text for line in Sieve("CUST ID").lines(roots)] == ["shop", "orders", "customer_id"]
    assert Sieve("nothing").lines(roots) == []
    waiting = Node(key="w", text="loading", passing=True)
    assert Sieve("load").lines([waiting]) == []


def test_what_stands_in_a_node_that_fits_is_shown_when_it_is_open() -> None:
    roots = shop()
    orders = roots[0].children[0] if roots[0].children else roots[0]
    orders.open = True
    assert [line.node.text for line in Sieve("orders").lines(roots)] == ["shop", "orders", "id", "customer_id"]


def test_what_is_closed_while_a_filter_holds_stays_closed() -> None:
    roots = shop()
    sieve = Sieve("cust")
    sieve.closed.add(roots[0])
    assert [(line.node.text, line.open) for line in sieve.lines(roots)] == [("shop", False)]


def test_nodes_are_found_by_their_paths() -> None:
    roots = shop()
    node = find(roots, ("shop", "orders", "id"))
    assert node is not None
    assert node.path == ("shop", "orders", "id")
    assert [each.text for each in node.line()] == ["id", "orders", "shop"]
    assert find(roots, ("shop", "nobody")) is None


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_the_pieces_of_a_text_are_the_text(text: str, words: list[str]) -> None:
    pieces = parts(text, [word.casefold() for word in words])
    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)


def test_what_a_filter_found_is_marked() -> None:
    assert parts("Customer_id", ["tom", "id"]) == [("Cus", False), ("tom", True), ("er_", False), ("id", True)]
    assert parts("İstanbul", ["stan"]) == [("İstanbul", False)]  # folding makes it longer: places can't be told


# -- with one ------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What the tree told its owner."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    activated: list[str] = field(default_factory=list)
    menus: list[str | None] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def tree(frame: tk.Frame, screen: Screen, told: Told) -> Tree:
    def activate(node: Node) -> bool:
        told.activated.append(node.text)
        return node.leaf

    tree = Tree(
        frame,
        screen.theme,
        on_open=lambda node: told.opened.append(node.text),
        on_close=lambda node: told.closed.append(node.text),
        on_activate=activate,
        on_menu=lambda node, _: told.menus.append(node.text if node is not None else None),
        on_type=told.typed.append,
    )
    tree.pack(fill="both", expand=True)
    tree.show(shop())
    screen.settle()
    return tree


def texts(tree: Tree) -> list[str]:
    """What is drawn, from top to bottom."""
    canvas, call = tree.canvas, tree.tk.call
    items = [item for item in canvas.find_all() if str(call(str(canvas), "type", item)) == "text"]
    items.sort(key=lambda item: canvas.coords(item)[1])
    return [str(call(str(canvas), "itemcget", item, "-text")) for item in items]


def test_the_keyboard_goes_everywhere(tree: Tree, screen: Screen, told: Told) -> None:
    tree.focus_set()
    screen.press(tree.canvas, "<Down>", "<Right>")
    assert shown(tree) == ["shop", "  orders", "    id", "    customer_id", "  customer", "  later", "other"]
    screen.press(tree.canvas, "<Right>", "<Down>")
    assert tree.selected is not None
    assert tree.selected.text == "customer_id"
    screen.press(tree.canvas, "<Left>")
    assert tree.selected.text == "orders"
    screen.press(tree.canvas, "<Left>", "<Left>")
    assert tree.selected.text == "shop"
    assert told.closed == ["orders"]
    screen.press(tree.canvas, "<End>", "<Return>")
    assert told.activated == ["other"]
    screen.press(tree.canvas, "<Home>", "<Return>")  # the owner does nothing with it, so it is closed
    assert shown(tree) == ["shop", "other"]
    screen.press(tree.canvas, "<space>", "<Menu>", "<Key-x>")
    assert shown(tree)[0:2] == ["shop", "  orders"]
    assert told.menus == ["shop"]
    assert told.typed == ["x"]


def test_what_is_not_known_is_asked_for_when_it_is_opened(tree: Tree, screen: Screen, told: Told) -> None:
    later = find(tree.roots, ("shop", "later"))
    assert later is not None
    tree.toggle(later)
    assert told.opened == []
    assert told.closed == ["later"]
    tree.toggle(later)
    assert told.opened == ["later"]
    later.adopt([leaf("now")])
    tree.refresh()
    screen.settle()
    assert "now" in texts(tree)


def test_the_pointer_opens_selects_and_activates(tree: Tree, screen: Screen, told: Told) -> None:
    px, row = screen.theme.px, tree._row
    second = row + row // 2
    tree.canvas.event_generate("<Button-1>", x=px(8) + px(15) + px(5), y=second)
    screen.settle()
    assert shown(tree)[:3] == ["shop", "  orders", "    id"]
    tree.canvas.event_generate("<Button-1>", x=px(120), y=row // 2)
    assert tree.selected is tree.roots[0]
    for event in ("<Button-1>", "<ButtonRelease-1>", "<Button-1>", "<ButtonRelease-1>"):
        tree.canvas.event_generate(event, x=px(120), y=second)
    screen.settle()
    assert told.activated == ["orders"]
    tree.canvas.event_generate("<Button-3>", x=px(120), y=row // 2)
    tree.canvas.event_generate("<Button-3>", x=px(120), y=row * 30)
    assert told.menus == ["shop", None]


def test_closing_what_holds_the_selected_node_selects_it(tree: Tree) -> None:
    inner = find(tree.roots, ("shop", "customer", "Name"))
    assert inner is not None
    tree.select(inner)
    assert "    Name" in shown(tree)
    tree.toggle(tree.roots[0])
    assert tree.selected is tree.roots[0]


def test_what_is_selected_stays_when_nodes_are_made_anew(tree: Tree) -> None:
    inner = find(tree.roots, ("shop", "customer", "Name"))
    assert inner is not None
    tree.select(inner)
    roots = shop()
    tree.show(roots)
    shown(tree)
    assert tree.selected is find(roots, ("shop", "customer", "Name"))
    tree.show([branch("shop")])
    shown(tree)
    assert tree.selected is not None
    assert tree.selected.text == "shop"  # the nearest that is left
    tree.show([])
    shown(tree)
    assert tree.selected is None


def test_a_filter_selects_the_first_that_fits_and_marks_it(tree: Tree, screen: Screen) -> None:
    tree.filter("cust")
    screen.settle()
    assert tree.filtered
    assert tree.selected is not None
    assert tree.selected.text == "customer_id"
    assert "cust" in texts(tree)
    tree.empty_text = "none"
    tree.filter("nobody")
    screen.settle()
    assert texts(tree) == ["none"]


def test_a_filter_of_nothing_is_none(tree: Tree) -> None:
    tree.filter("nobody")
    tree.filter(" ")
    assert not tree.filtered
    assert shown(tree)[-1] == "other"


def test_of_ten_thousand_lines_only_those_in_sight_are_drawn(tree: Tree, screen: Screen) -> None:
    tree.show([branch("big", *(leaf(f"t_{number:05}") for number in range(10_000)))])
    screen.settle()
    assert len(tree.lines) == 10_001
    assert len(texts(tree)) < 100
    screen.press(tree.canvas, "<End>")
    assert texts(tree)[-1] == "t_09999"
    screen.press(tree.canvas, "<Prior>", "<Home>")
    assert texts(tree)[0] == "big"
    tree.canvas.event_generate("<Button-5>", x=5, y=5)
    screen.settle()
    assert texts(tree)[0] == "t_00002"
    tree.filter("t_0777")
    screen.settle()
    assert len(tree.lines) == 11


def test_what_stands_beside_a_text_is_drawn_where_there_is_room(tree: Tree, screen: Screen, frame: tk.Frame) -> None:
    node = Node(
        key="x", text="shop", icon="database", detail="read-only", aside="~1,204", badge=Badge("PROD", "danger"),
        color="#ff0000", dot="success", leaf=True,
    )  # fmt: skip
    tree.show([node])
    screen.settle()
    assert sorted(texts(tree)) == sorted(["shop", "read-only", "~1,204", "PROD"])
    frame.pack_propagate(False)
    frame.configure(width=screen.theme.px(150), height=200)
    frame.pack(fill="none", expand=False)
    screen.settle()
    assert "read-only" not in texts(tree)


def test_texts_that_can_not_be_drawn_are_shown_as_what_they_are(tree: Tree, screen: Screen) -> None:
    tree.show([leaf("a\0b\nc\udcff\u202e"), leaf("x" * 100_000)])
    screen.settle()
    first, second = texts(tree)
    assert first == "a\\x00b↵c\\xff\\u202e"
    assert len(second) <= 300


def test_a_line_that_is_cut_is_told_in_whole_by_its_tip(tree: Tree, screen: Screen) -> None:
    long = "a very long name " * 30
    tree.show([Node(key="x", text=long, tip="and more", leaf=True)])
    screen.settle()
    tree._point(0)
    screen.pump(lambda: tree._tip is not None)
    assert tree._tip is not None
    (label,) = tree._tip.winfo_children()
    assert label["text"] == f"{long[:300]}\nand more"
    tree._point(None)
    assert tree._tip is None


def test_colours_follow_the_theme(tree: Tree, screen: Screen) -> None:
    screen.theme.use("light")
    screen.settle()
    assert tree.canvas["background"] == screen.theme.color("background")


def test_a_name_has_the_room_before_what_stands_at_the_end_of_its_line(frame: tk.Frame, screen: Screen) -> None:
    tree = Tree(frame, screen.theme)
    tree.place(x=0, y=0, width=screen.theme.px(280), height=200)
    badge = Badge("STAGING", "warning")
    tree.show(
        [
            Node(key="a", text="warehouse", icon="database", badge=badge, leaf=True),
            Node(key="b", text="invoice_line", icon="table", aside="~54,000,000", leaf=True),
        ]
    )

    try:
        screen.pump(lambda: set(texts(tree)) == {"STAGING", "invoice_line", "warehouse", "~54,000,000"})
        screen.theme.zoom(16)
        tree.place(width=screen.theme.px(250))
        screen.pump(lambda: {text for text in texts(tree) if text} == {"invoice_line", "warehouse"})
    finally:
        screen.theme.zoom(10)
