"""The palette alone: as high as what is found, keys that wait for what is not found yet, nothing that can't be seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fix_window import Screen

from alveary import Action, Finder, FinderSpec, Hit, Kernel, Level, ListFinder, Wanted
from alveary.finding import Found
from alveary_shell.palette import Palette
from alveary_shell.palette_lines import parts
from alveary_shell.seeking import LIMIT, Seeking, Seen

HERE = __name__
HIT = Hit(kind="table", text="main.orders", name_at=5, detail="what\nis bought", connection="shop",
          actions=(Action("Open", "a.b"), Action("DDL", "c.d")))  # fmt: skip


class Opened:
    """A palette that is open, and what it told."""

    def __init__(self, screen: Screen) -> None:
        self.told: list[Any] = []
        self.palette = Palette(screen.root, screen.theme)
        self.palette.open(
            "Find",
            asked=self.told.append,
            chosen=lambda found, number: self.told.append((found.hit.text, number)),
            read=lambda: self.told.append("read"),
            closed=lambda: self.told.append("closed"),
        )
        self.entry = self.palette._entry
        screen.settle()

    def show(self, *found: Found, whole: bool = True, notes: tuple[str, ...] = ()) -> None:
        self.palette.show(found, whole=whole, more=False, notes=notes)


@pytest.fixture
def opened(screen: Screen) -> Opened:
    screen.root.deiconify()
    screen.settle()
    return Opened(screen)


def test_it_is_as_high_as_what_was_found(opened: Opened, screen: Screen) -> None:
    heights = []
    for count in (1, 4, 40):
        opened.show(*[Found("x", HIT)] * count)
        screen.settle()
        heights.append(opened.palette._list.winfo_height() // opened.palette._lines.height)
    assert heights == [1, 4, 12]


def test_enter_waits_until_there_is_something_for_what_was_typed(opened: Opened, screen: Screen) -> None:
    opened.show(Found("x", HIT))
    opened.entry.insert(0, "ord")
    screen.press(opened.entry, "<Return>")  # before any answer
    assert opened.told == ["ord"]
    opened.show(Found("x", HIT), whole=False)
    assert opened.told == ["ord"]
    opened.show(Found("x", HIT))
    assert opened.told == ["ord", "closed", ("main.orders", 0)]


def test_each_key_does_what_the_foot_says(opened: Opened, screen: Screen) -> None:
    opened.show(Found("x", HIT), notes=("2 connections are not read yet",))
    assert opened.palette._foot["text"] == "Enter  Open     Shift+Enter  DDL\n2 connections are not read yet"
    screen.press(opened.entry, "<Alt-Return>")  # which has no meaning here
    assert opened.told == []
    screen.press(opened.entry, "<Control-Return>")
    screen.press(opened.entry, "<Shift-Return>")
    assert opened.told == ["read", "closed", ("main.orders", 1)]


def test_a_line_that_somebody_went_to_stays_chosen_while_more_is_found(opened: Opened, screen: Screen) -> None:
    first, second, third = (Found("x", Hit(kind="t", text=text, actions=HIT.actions)) for text in "abc")
    opened.show(first, second, whole=False)
    screen.press(opened.entry, "<Down>")
    opened.show(third, first, second)
    screen.press(opened.entry, "<Return>")
    assert opened.told[-1] == ("b", 0)


def test_it_follows_the_theme_and_the_size_of_text(opened: Opened, screen: Screen) -> None:
    opened.show(Found("x", HIT))
    before = opened.palette._lines.height
    points = screen.theme.points
    screen.theme.use("light")
    screen.theme.zoom(points + 3)
    screen.settle()
    assert opened.palette._list["background"] == screen.theme.color("raised")
    assert opened.palette._lines.height > before
    screen.theme.zoom(points)


def test_what_can_not_be_seen_is_drawn_as_its_escape() -> None:
    assert parts("a.b\u202ec\nd", ((2, 4),), 2) == [("a.", "path"), ("b\\u202e", "match"), ("c\\nd", "")]
    assert parts("c\nd", ((0, 1),), prose=True) == [("c", "match"), (" d", "")]


class Slow(Finder):
    """Finds something at once, and more when it may go on."""

    go_on = threading.Event()

    def find(self, wanted: Wanted, level: Level) -> Iterator[Hit]:
        if level is Level.WORD:
            yield Hit(kind="slow", text=wanted.query.text)
        if level is Level.INSIDE:
            while not self.go_on.wait(0.01):
                if wanted.stopped is not None and wanted.stopped.is_set():
                    return
            yield Hit(kind="slow", text=f"{wanted.query.text} and more")


class Many(ListFinder):
    """More than anybody looks at."""

    def list(self) -> list[Hit]:
        return [Hit(kind="m", text=f"thing {number}") for number in range(2 * LIMIT)]


def seen(kernel: Kernel, factory: type[Finder]) -> tuple[Seeking, list[Seen], threading.Condition]:
    shown: list[Seen] = []
    changed = threading.Condition()

    def show(what: Seen) -> None:
        with changed:
            shown.append(what)
            changed.notify_all()

    spec = FinderSpec(id="it", name="it", factory=f"{HERE}:{factory.__name__}")
    return Seeking(kernel.finding, [spec], show), shown, changed


def wait(shown: list[Seen], changed: threading.Condition, text: str, *, whole: bool) -> Seen:
    with changed:
        assert changed.wait_for(lambda: any((each.text, each.whole) == (text, whole) for each in shown), 30)
        return next(each for each in reversed(shown) if (each.text, each.whole) == (text, whole))


def test_what_is_found_first_is_shown_while_the_search_goes_on(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary_shell.seeking.SOON", 0)
    seeking, shown, changed = seen(kernel, Slow)
    seeking.ask("a")
    assert [each.hit.text for each in wait(shown, changed, "a", whole=False).found] == ["a"]
    seeking.ask("b")  # nobody wants to know about a any more
    Slow.go_on.set()
    assert [each.hit.text for each in wait(shown, changed, "b", whole=True).found] == ["b", "b and more"]
    assert not any(each.text == "a" and each.whole for each in shown)
    seeking.close()


def test_no_more_is_taken_than_is_shown(kernel: Kernel) -> None:
    seeking, shown, changed = seen(kernel, Many)
    seeking.ask("thing")
    found = wait(shown, changed, "thing", whole=True)
    assert (len(found.found), found.more) == (LIMIT, True)
    seeking.close()
