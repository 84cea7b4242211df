"""How it looks: texts can be read on their grounds, and keep their room at every size of the letters."""

from __future__ import annotations

import itertools
import tkinter as tk
from collections.abc import Iterator
from tkinter import ttk

import pytest
from fix_window import Screen

from alveary.contracts.window import ThemeSpec
from alveary_plugins.panels.editor.bars import ConnectionBar, Shown
from alveary_plugins.panels.editor.parameters import ParameterBar
from alveary_shell.theme import USUAL_POINTS
from alveary_shell.themes import DARK, ENVIRONMENTS, LIGHT
from alveary_shell.widgets.flat import CheckButton
from alveary_shell.widgets.form import Form
from alveary_shell.widgets.form_fields import Field, Section
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.message import MessagePage
from alveary_shell.widgets.words import CutLabel

READABLE = 4.5
"""The contrast that WCAG 2 (level AA) asks of text."""
GROUNDS = ("background", "surface", "raised")
ROWS = (*GROUNDS, "stripe", "selection_idle", "selection")
READ = {
    "text": ROWS,
    "muted": ROWS,
    "faint": ("background", "surface", "stripe"),
    **dict.fromkeys(("accent", "success", "warning", "danger"), GROUNDS),
    **dict.fromkeys(("keyword", "string", "number", "function", "operator"), GROUNDS),
    "comment": ("background",),
}
"""The roles of texts, each with those of the grounds it is read on."""


@pytest.fixture(params=["dark", "light"])
def look(screen: Screen, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """The screen in each theme, with letters of the usual size again at the end."""
    screen.theme.use(request.param)
    yield screen
    screen.theme.zoom(USUAL_POINTS)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 reckons it, 1 to 21."""

    def light(color: str) -> float:
        parts = [part / 255 for part in bytes.fromhex(color[1:])]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: str(theme.id))
def test_every_text_can_be_read_on_its_ground(theme: ThemeSpec) -> None:
    colors = theme.colors
    poor = {
        (role, ground): round(contrast(colors[role], colors[ground]), 2)
        for role, grounds in READ.items()
        for ground in grounds
        if contrast(colors[role], colors[ground]) < READABLE
    }
    assert poor == {}
    filled = {"accent", "success", *ENVIRONMENTS.values()}
    assert [role for role in filled if contrast(colors["on_accent"], colors[role]) < READABLE] == []
    assert [role for role in ENVIRONMENTS.values() if contrast(colors["background"], colors[role]) < READABLE] == []


def test_what_is_selected_in_a_field_can_be_read_and_the_usual_button_too(look: Screen, frame: tk.Frame) -> None:
    style = ttk.Style(look.root)
    for kind in ("TEntry", "TCombobox", "TSpinbox"):
        # What lies beyond the selection is drawn with the same colour after a zoom: it must be that of the text.
        assert style.lookup(kind, "selectforeground") == look.theme.color("text")
        assert style.lookup(kind, "selectbackground") == look.theme.color("selection")
    for state in ((), ("active",), ("pressed",)):
        ground = style.lookup("Usual.TButton", "background", state)
        assert contrast(style.lookup("Usual.TButton", "foreground", state), ground) >= READABLE


@pytest.mark.parametrize("points", [10, 16])
def test_what_can_be_pressed_in_an_editors_bar_keeps_its_room(look: Screen, frame: tk.Frame, points: int) -> None:
    look.theme.zoom(points)
    actions = dict.fromkeys(
        ("connect", "place", "reconnect", "stop", "commit", "rollback", "autocommit", "limit"), lambda: None
    )
    bar = ConnectionBar(frame, look.theme, actions)
    bar.place(x=0, y=0, width=830)
    state = "Waiting for you: DELETE without WHERE must be confirmed, and nothing is sent before"
    bar.show(Shown("warehouse", environment="production", state=state, busy=True, can_commit=True, limit="Limit 1,000"))
    look.settle()
    pressed = [bar._limit, bar._autocommit, bar._buttons["stop"], bar._buttons["commit"], bar._name]
    assert [each for each in pressed if each.winfo_width() < each.winfo_reqwidth()] == []
    ends = sorted((each.winfo_x(), each.winfo_x() + each.winfo_width()) for each in (bar._state, *pressed))
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
    assert ends[-1][1] <= bar.winfo_width()
    assert bar._state.whole == state
    assert str(bar._state["text"]).endswith("…")
    bar.place(width=1600)
    bar.show(Shown("warehouse", state="Idle", can_roll_back=True, limit="Limit 1,000"))
    look.settle()
    assert str(bar._state["text"]) == "Idle"
    assert [name for name, each in bar._buttons.items() if each.winfo_manager()] == ["rollback"]


@pytest.mark.parametrize("points", [10, 16])
def test_a_field_for_a_parameter_gives_way_before_its_type_and_the_buttons(
    look: Screen, frame: tk.Frame, points: int
) -> None:
    look.theme.zoom(points)
    place = tk.Frame(frame, width=look.theme.span(560), height=300)
    place.place(x=0, y=0)
    place.pack_propagate(False)
    bar = ParameterBar(place, look.theme, run=lambda: None, close=lambda: None)
    bar.pack(fill="x")
    bar.ask(["album", "a_longer_name"])
    look.settle()
    bar.give("album", "two", "Number")
    assert bar.values() is None
    look.settle()
    for entry, choice in bar._fields.values():
        assert choice.winfo_width() >= choice.winfo_reqwidth()
        assert entry.winfo_width() > look.theme.span(60)
    right = bar._rows.winfo_rootx() + bar._rows.winfo_width()
    assert all(choice.winfo_rootx() + choice.winfo_width() <= right for _, choice in bar._fields.values())
    assert bar._buttons.winfo_width() >= bar._buttons.winfo_reqwidth()
    assert bar._wrong.winfo_ismapped()
    assert bar._wrong.winfo_width() >= bar._wrong.winfo_reqwidth()


@pytest.mark.parametrize("points", [8, 13, 16])
def test_a_narrow_form_cuts_no_label_and_breaks_what_is_said(look: Screen, frame: tk.Frame, points: int) -> None:
    look.theme.zoom(points)
    form = Form(frame, look.theme, browse=lambda _: None)
    form.place(x=0, y=0, width=620, height=700)
    said = "There is no keyring that can be used: the password is only kept until the window closes, and asked for then"
    form.arrange(
        [
            Section(
                "Server",
                (
                    Field("host", "Host"),
                    Field("port", "Port", width=8, beside=True),
                    Field("statement_timeout", "statement_timeout", description=said),
                    Field("key", "Key", "file"),
                    Field("proxy", "", "switch", hint=said),
                ),
            )
        ]
    )
    look.settle()
    rows, right = form._rows, form.winfo_rootx() + 620
    host, port = rows["host"]._field_widget, rows["port"]._field_widget
    assert port.winfo_width() >= port.winfo_reqwidth()
    form.place(width=1300)
    look.settle()
    # What is left over of a wide page parts no fields that belong together.
    assert port.winfo_rootx() - host.winfo_rootx() - host.winfo_width() < look.theme.span(80)
    form.place(width=620)
    look.settle()
    for name in rows:
        row = rows[name]
        for widget in (row._field_widget, row._below, row._room):
            if widget.winfo_viewable():
                assert widget.winfo_rootx() + widget.winfo_width() <= right, name
    below, tick = rows["statement_timeout"]._below, rows["proxy"]._field_widget
    line = look.theme.small.metrics("linespace")
    assert below.winfo_height() >= 2 * line
    assert below.winfo_width() >= below.winfo_reqwidth()
    assert isinstance(tick, CheckButton)
    assert tick.winfo_height() >= 2 * line
    assert tick.winfo_width() >= tick.winfo_reqwidth()
    labels = [child for row in rows.values() for child in row._room.master.winfo_children() if child is not row._room]
    cut = [str(label["text"]) for label in labels if label.winfo_class() == "TLabel"
           and label.winfo_width() < label.winfo_reqwidth()]  # fmt: skip
    assert cut == []


def test_a_list_is_as_wide_as_its_texts_and_what_is_over_goes_to_one_column(look: Screen, frame: tk.Frame) -> None:
    columns = (ListColumn("Time", 140), ListColumn("Name", 170), ListColumn("Statement", 400, stretch=True))
    listing = Listing(frame, look.theme, columns)
    listing.place(x=0, y=0, width=735, height=300)
    for points in (10, 16, 8):
        look.theme.zoom(points)
        listing.show([("1", ["2026-11-28 14:05:22", "shop", "select 1"], "")])
        look.settle()
        time, name, statement = (int(listing.tree.column(at, "width")) for at in ("0", "1", "2"))
        assert time > look.theme.ui.measure("2026-11-28 14:05:22")
        assert name < time
        assert time + name + statement == listing.tree.winfo_width()
    listing.tree.column("1", width=300)  # as a person's pointer makes it
    listing.show([("1", ["2026-11-28 14:05:22", "shop", "select 1"], "")])
    assert int(listing.tree.column("1", "width")) == 300


def test_what_is_said_where_nothing_is_keeps_within_its_place(look: Screen, frame: tk.Frame) -> None:
    look.theme.zoom(16)
    page = MessagePage(frame, look.theme)
    page.place(x=0, y=0, width=260, height=300)
    page.show("No results yet", "Run a statement, and its rows come up here.")
    listing = Listing(frame, look.theme, (ListColumn("Query", 100, stretch=True),))
    listing.empty_text = "Nothing is saved yet, and these words are a good deal longer than the list is wide."
    listing.place(x=300, y=0, width=260, height=300)
    listing.show([])
    look.settle()
    for label, place in ((page._detail, page), (listing._said, listing)):
        assert label.winfo_rootx() >= place.winfo_rootx()
        assert label.winfo_rootx() + label.winfo_reqwidth() <= place.winfo_rootx() + 260


def test_a_line_that_is_too_long_ends_with_an_ellipsis(look: Screen, frame: tk.Frame) -> None:
    label = CutLabel(frame)
    theme = look.theme
    theme.follow(label, lambda: label.wear(font=theme.ui, background="#000000", foreground="#ffffff"))
    label.place(x=0, y=0, width=200)
    label.say("select * from artist join album on album.artist_id = artist.id")
    look.settle()
    assert label["text"].startswith("select")
    assert label["text"].endswith("…")
    assert theme.ui.measure(label["text"]) <= 200
    label.place(width=900)
    look.settle()
    assert label["text"] == label.whole
    theme.zoom(16)
    label.place(width=300)
    look.settle()
    assert theme.ui.measure(label["text"]) <= 300


def test_icons_grow_with_the_letters(look: Screen, frame: tk.Frame) -> None:
    def width() -> int:
        return int(look.root.tk.call("image", "width", look.theme.icon("table", "text", 14)))

    usual = width()
    look.theme.zoom(16)
    assert width() > usual * 1.4
    look.theme.zoom(8)
    assert width() < usual


def test_the_list_that_a_field_opens_has_the_colours_of_the_theme(look: Screen, frame: tk.Frame) -> None:
    box = ttk.Combobox(frame, values=["MySQL", "PostgreSQL"])
    box.pack()
    look.settle()
    call, name = look.root.tk.call, str(box)

    def opened() -> tuple[str, str]:
        call("ttk::combobox::Post", name)
        look.pump(lambda: call("winfo", "ismapped", f"{name}.popdown"))
        look.settle()
        colors = (
            str(call(f"{name}.popdown.f.l", "cget", "-background")),
            str(call(f"{name}.popdown.f.l", "cget", "-foreground")),
        )
        call("ttk::combobox::Unpost", name)
        return colors

    assert opened() == (look.theme.color("raised"), look.theme.color("text"))
    look.theme.use("light" if look.theme.id == "dark" else "dark")
    assert opened() == (look.theme.color("raised"), look.theme.color("text"))
