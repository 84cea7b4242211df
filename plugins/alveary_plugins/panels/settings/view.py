"""The settings as they are drawn: a line for each, with what it may be and what is wrong with what was typed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from tkinter import ttk
from typing import Any

from alveary.contracts.setting import value_text
from alveary.errors import AlvearyError
from alveary.events import SettingChanged
from alveary.settings import SettingState
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.flat import CheckButton, FlatButton
from alveary_shell.widgets.scrolled import Scrolled
from alveary_shell.widgets.words import break_lines

NAMES, WIDTH = 220, 720
"""Units of the column of names, and of a line of what is said at most."""


class SettingsPanel(Panel):
    """What is chosen holds at once and is kept at once; there is no button to forget."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self._page = Scrolled(frame, window.theme)
        self._page.pack(fill="both", expand=True)
        self._lines: dict[str, _Line] = {}
        window.subscribe(self._page, SettingChanged, lambda _: self._ask())
        self._ask()

    def focus(self) -> None:
        self._page.focus_set()

    def _ask(self) -> None:
        kernel = self.window.kernel
        self.window.background(
            "Reading the settings",
            lambda job: kernel.commands.run("settings.list", job=job),
            lambda listing: self._show(listing.settings),
        )

    def _show(self, states: list[SettingState]) -> None:
        area = ""
        for state in states:
            if state.name in self._lines:
                self._lines[state.name].show(state)
                continue
            if (first := state.name.partition(".")[0]) != area:
                area = first
                head = ttk.Label(self._page.inner, text=area.capitalize(), style="Heading.TLabel")
                head.pack(anchor="w", padx=self.window.theme.px(24), pady=(self.window.theme.px(18), 0))
            self._lines[state.name] = line = _Line(self._page.inner, self.window)
            line.pack(fill="x", padx=self.window.theme.px(24), pady=(self.window.theme.px(8), 0))
            line.show(state)


def _spoken(name: str) -> str:
    """Return what is said of a setting's name below the heading of its area."""
    return name.partition(".")[2].replace("_", " ").replace(".", ", ").capitalize()


class _Line(ttk.Frame):
    """One setting: its name, its value to be changed, its description."""

    def __init__(self, master: tk.Misc, window: Window) -> None:
        super().__init__(master, style="Background.TFrame")
        self._window = window
        self._state: SettingState | None = None
        top = ttk.Frame(self, style="Background.TFrame")
        top.pack(fill="x")
        theme = window.theme
        self._name = ttk.Label(top, style="Page.TLabel")
        self._name.grid(row=0, column=0, sticky="w")
        top.columnconfigure(1, weight=1)  # the field gives way where there is no room for all
        top.columnconfigure(3, weight=1000)
        theme.follow(top, lambda: top.columnconfigure(0, minsize=theme.span(NAMES)))
        self._reset = FlatButton(top, theme, self._go_back, text="Reset", role="accent", ground="background")
        self._below = ttk.Label(self, style="PageMuted.TLabel")
        break_lines(self._below, most=lambda: theme.span(WIDTH))
        self._value = tk.StringVar(self)
        self._field: tk.Widget | None = None
        self._top = top

    def show(self, state: SettingState) -> None:
        """Show how the setting stands."""
        first, self._state = self._state is None, state
        if first:
            self._name.configure(text=_spoken(state.name))
            self._field = self._make(state)
            self._below.pack(fill="x", pady=(self._window.theme.px(3), 0))
        if isinstance(self._field, CheckButton):
            self._field.ticked = bool(state.value)
        else:
            self._value.set(value_text(state.kind, state.value))
        self._say(state.description, state.problem)
        if state.chosen:
            self._reset.grid(row=0, column=2, padx=(self._window.theme.px(10), 0))
        else:
            self._reset.grid_forget()

    def _make(self, state: SettingState) -> tk.Widget:
        if state.kind == "bool":
            field: tk.Widget = CheckButton(self._top, self._window.theme, self._choose, ground="background")
        elif state.kind == "choice":
            field = ttk.Combobox(self._top, textvariable=self._value, values=state.choices, state="readonly", width=24)
            field.bind("<<ComboboxSelected>>", lambda _: self._choose())
        else:
            field = ttk.Entry(self._top, textvariable=self._value, width=26, font=self._window.theme.ui)
            field.bind("<Return>", lambda _: self._choose())
            field.bind("<FocusOut>", lambda _: self._choose())
        field.grid(row=0, column=1, sticky="w", padx=(self._window.theme.px(8), 0))
        return field

    def _choose(self) -> None:
        state = self._state
        value = self._field.ticked if isinstance(self._field, CheckButton) else self._value.get()
        assert state is not None, "a line is shown before anybody can change it"
        if isinstance(value, str) and value == value_text(state.kind, state.value):
            return
        if value == "" and state.kind not in ("text", "choice"):
            self._go_back()
            return
        self._run("settings.set", {"name": state.name, "value": value})

    def _go_back(self) -> None:
        assert self._state is not None, "a line is shown before anybody can change it"
        self._run("settings.reset", {"name": self._state.name})

    def _run(self, command: str, parameters: dict[str, Any]) -> None:
        kernel = self._window.kernel
        self._window.background(
            "Changing a setting",
            lambda job: kernel.commands.run(command, parameters, job=job),
            lambda _: None,  # the event that follows shows it
            self._refused,
        )

    def _refused(self, error: AlvearyError) -> None:
        assert self._state is not None, "a line is shown before anybody can change it"
        self._say(self._state.description, error.message)

    def _say(self, description: str, problem: str | None) -> None:
        text = description if problem is None else f"{description}\n{problem}"
        self._below.configure(text=text, style="PageMuted.TLabel" if problem is None else "PageDanger.TLabel")
