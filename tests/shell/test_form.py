"""The form: what is typed and chosen, what is said about it, and what stays when other fields are asked for."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

import pytest
from fix_window import Screen

from alveary_shell.widgets.form import Form
from alveary_shell.widgets.form_fields import YES, Choice, Field, Section

FIELDS = Section(
    "",
    (
        Field("name", "Name", hint="what you call it", description="as you like"),
        Field("password", "Password", "secret"),
        Field("file", "File", "file"),
        Field("engine", "Engine", "choice", (Choice("", "as usual"), Choice("pg", "PostgreSQL"))),
        Field("group", "Group", "suggested", (Choice("Work", "Work"),)),
        Field("kind", "Kind", "segments", (Choice("", "none"), Choice("local", "local")), beside=True),
        Field("safe", "", "switch", hint="Read-only"),
        Field("color", "Colour", "color", (Choice("", "none"), Choice("red", "red", "#ff0000"))),
    ),
)
MORE = Section("More", (Field("port", "Port", width=6),))


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def form(frame: tk.Frame, screen: Screen, told: list[tuple[str, str]]) -> Form:
    form = Form(
        frame,
        screen.theme,
        changed=lambda name: told.append(("changed", name)),
        left=lambda name: told.append(("left", name)),
        browse=lambda name: f"/chosen/for/{name}",
    )
    form.pack(fill="both", expand=True)
    form.arrange([FIELDS, MORE])
    screen.settle()
    return form


def entry(form: Form, name: str) -> ttk.Entry:
    widget = form._rows[name]._field_widget
    assert isinstance(widget, ttk.Entry)
    return widget


def said(form: Form, name: str) -> str:
    below = form._rows[name]._below
    return str(below["text"]) if below.winfo_manager() else ""


def test_what_is_typed_is_told_and_what_is_filled_in_is_not(
    form: Form, screen: Screen, told: list[tuple[str, str]]
) -> None:
    form.fill({"name": "shop", "safe": YES, "engine": "pg", "kind": "local", "color": "red", "elsewhere": "kept"})
    assert told == []
    assert entry(form, "engine").get() == "PostgreSQL"
    screen.press(entry(form, "name"), "<End>", "<Key-1>")
    assert form.value("name") == "shop1"
    assert told == [("changed", "name")]
    assert form.values["elsewhere"] == "kept"
    assert "password" not in form.values


def test_what_is_pasted_is_told(form: Form, screen: Screen, told: list[tuple[str, str]]) -> None:
    form.clipboard_clear()
    form.clipboard_append("pasted")
    screen.press(entry(form, "group"), "<<Paste>>")
    assert form.value("group") == "pasted"
    assert told == [("changed", "group")]


def test_a_hint_stands_only_in_an_empty_field(form: Form, screen: Screen) -> None:
    hint = form._rows["name"]._hint
    assert hint is not None
    assert hint.winfo_manager()
    screen.press(entry(form, "name"), "<Key-x>")
    assert not hint.winfo_manager()
    form.fill({"name": ""})
    assert hint.winfo_manager()


def test_everything_can_be_chosen_with_the_keyboard(form: Form, screen: Screen, told: list[tuple[str, str]]) -> None:
    screen.press(form._rows["kind"]._buttons["local"], "<space>")
    screen.press(form._rows["safe"]._field_widget, "<space>")
    swatches = form._rows["color"]._swatches
    assert swatches is not None
    screen.press(swatches, "<Right>", "<Right>")
    engine = entry(form, "engine")
    screen.press(engine, "<Down>")
    assert isinstance(engine, ttk.Combobox)
    engine.set("PostgreSQL")  # as the list does that came up
    engine.event_generate("<<ComboboxSelected>>")
    assert form.values == {"kind": "local", "safe": YES, "color": "red", "engine": "pg"}
    screen.press(form._rows["safe"]._field_widget, "<space>")
    screen.press(swatches, "<Left>")
    assert form.values == {"kind": "local", "engine": "pg"}
    assert told.count(("changed", "color")) == 2
    engine.event_generate("<Escape>")


def test_a_wheel_that_passes_a_choice_chooses_nothing(form: Form, screen: Screen, told: list[tuple[str, str]]) -> None:
    choice = form._rows["engine"]._field_widget
    assert isinstance(choice, ttk.Combobox)
    before = choice.get()
    for wheel in ("<Button-5>", "<Button-4>", "<Button-5>"):
        choice.event_generate(wheel)
        screen.settle()
    assert choice.get() == before
    assert told == []


def test_a_file_can_be_looked_for(form: Form) -> None:
    form._rows["file"]._browse()
    assert form.value("file") == "/chosen/for/file"
    assert entry(form, "file").get() == "/chosen/for/file"


def test_what_is_wrong_is_said_at_the_field(form: Form, screen: Screen) -> None:
    assert said(form, "name") == "as you like"
    form.complain({"name": "it is taken\0", "port": "no number"})
    assert said(form, "name") == "it is taken\\x00"
    assert said(form, "port") == "no number"
    form.complain({})
    assert said(form, "name") == "as you like"
    assert said(form, "port") == ""


def test_other_fields_keep_what_was_typed_and_the_keyboard(form: Form, screen: Screen) -> None:
    screen.press(entry(form, "name"), "<Key-a>")
    widget = entry(form, "name")
    form.fill({"port": "5432"})
    form.arrange([FIELDS])
    assert form.value("port") == "5432"
    assert entry(form, "name") is widget  # a section that stays is not made again
    assert form.focus_get() is widget
    form.arrange([Section("", (Field("name", "Its name"),)), MORE])
    screen.settle()
    assert not widget.winfo_exists()
    assert entry(form, "name").get() == "a"
    assert entry(form, "port").get() == "5432"
    assert form.focus_get() is entry(form, "name")


def test_the_keyboard_goes_where_it_was_sent_before_anything_is_on_the_screen(frame: tk.Frame, screen: Screen) -> None:
    screen.root.focus_force()
    screen.settle()
    form = Form(frame, screen.theme)
    form.arrange([FIELDS])
    form.pack(fill="both", expand=True)
    form.focus_field("password")
    form.arrange([Section("", FIELDS.fields[:2])])  # more became known meanwhile
    screen.pump(lambda: form.focus_get() is entry(form, "password"))


def test_leaving_a_field_is_told(form: Form, screen: Screen, told: list[tuple[str, str]]) -> None:
    screen.press(entry(form, "name"), "<Key-a>")
    entry(form, "password").focus_force()
    screen.settle()
    assert told == [("changed", "name"), ("left", "name")]


def test_a_secret_is_not_shown(form: Form) -> None:
    assert entry(form, "password")["show"] == "•"


def test_sections_stand_in_the_order_they_are_asked_for(form: Form, screen: Screen) -> None:
    first = Section("First", (Field("first", "First"),))
    form.arrange([first, FIELDS, MORE])
    screen.settle()
    tops = [entry(form, name).winfo_rooty() for name in ("first", "name", "port")]
    assert tops == sorted(tops)
    assert entry(form, "first").tk_focusNext() is entry(form, "name")
    form.arrange([MORE, FIELDS])
    screen.settle()
    assert entry(form, "port").winfo_rooty() < entry(form, "name").winfo_rooty()
