"""Questions over the window, answered by the keyboard and the pointer."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

import pytest
from fix_window import Screen

from alveary_shell import dialogs
from alveary_shell.sdk import Answer

ANSWERS = [
    Answer("The 1,000 rows that are here", "Nothing is sent to the server."),
    Answer("All rows: fetch the rest first", "Not to be had any more: the cursor is closed.", enabled=False),
    Answer("All rows: run the statement again", "It takes its time once more, and may bring other rows."),
]


def asked(screen: Screen, *person: Callable[[dialogs.Dialog], object]) -> int | None:
    """Ask, and let the person do one thing after the other while the question stands."""

    def dialog() -> dialogs.Dialog:
        return next(child for child in screen.root.winfo_children() if isinstance(child, dialogs.Dialog))

    screen.root.deiconify()
    screen.settle()
    for at, does in enumerate(person):
        screen.root.after(300 + 100 * at, lambda does=does: does(dialog()))  # type: ignore[misc]  # mypy can't infer a default
    return dialogs.ask_choice(screen.root, screen.theme, "Which rows are to be saved?", ANSWERS, "Only some are here.")


def press(keys: str) -> Callable[[dialogs.Dialog], object]:
    def does(dialog: dialogs.Dialog) -> None:
        widget = dialog.focus_lastfor()
        assert widget is not None
        widget.focus_force()  # there is no window manager that would give it the keyboard
        widget.event_generate(keys)

    return does


def click(text: str) -> Callable[[dialogs.Dialog], object]:
    def buttons(widget: tk.Misc) -> list[ttk.Button]:
        inner = [found for child in widget.winfo_children() for found in buttons(child)]
        return [*inner, widget] if isinstance(widget, ttk.Button) else inner

    return lambda dialog: next(each for each in buttons(dialog) if each.cget("text") == text).invoke()


@pytest.mark.parametrize(
    ("person", "answer"),
    [
        ([press("<Return>")], 0),
        ([press("<Down>"), press("<Return>")], 2),
        ([press("<Up>"), press("<Up>"), press("<Return>")], 0),
        ([press("<Escape>")], None),
        ([click(ANSWERS[1].text), click("Cancel")], None),
        ([click(ANSWERS[2].text)], 2),
    ],
)
def test_one_of_several_answers_is_chosen(
    screen: Screen, person: list[Callable[[dialogs.Dialog], object]], answer: int | None
) -> None:
    assert asked(screen, *person) == answer
