"""The strip that asks for the values of a statement's ``:name`` parameters, and what is remembered of them.

Values are bound, never pasted. What was given is kept with the tab, so that it is there the next time and after a
restart, but for a secret, which is kept nowhere; the history has the names alone.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tkinter import ttk
from typing import Literal, NamedTuple, TypeAlias, get_args

from alveary.contracts.values import Cell
from alveary.errors import InvalidInputError
from alveary.inputs import ParameterKind, typed
from alveary.sqltext.secrets import is_secret_name
from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.standins import drawn
from alveary_shell.widgets.words import CutLabel, break_lines

Kind: TypeAlias = Literal["Text", "Number", "Boolean", "Date", "Time", "Date and time", "NULL", "Secret"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_TYPES: dict[Kind, ParameterKind] = {
    "Text": "text",
    "Number": "number",
    "Boolean": "boolean",
    "Date": "date",
    "Time": "time",
    "Date and time": "timestamp",
    "NULL": "null",
    "Secret": "text",
}
LONGEST_KEPT = 10_000
"""Characters of a value that is kept with the tab."""
_NOTE = "Bound, never pasted. Kept with this tab; a Secret is kept nowhere."


class Given(NamedTuple):
    """What a person gave for a parameter."""

    text: str
    kind: Kind


class ParameterBar(tk.Frame):
    """A small form for the values of ``:name`` parameters; Enter runs, Escape puts it away."""

    def __init__(
        self, master: tk.Misc, theme: Theme, *, run: Callable[[], object], close: Callable[[], object]
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._run, self._close = theme, run, close
        self._fields: dict[str, tuple[ttk.Entry, ttk.Combobox]] = {}
        self._given: dict[str, Given] = {}
        """What was last given for each name, secrets too, as long as the tab is open."""
        self._rows = tk.Frame(self, borderwidth=0)
        self._labels: list[tk.Label] = []
        self._foot = tk.Frame(self, borderwidth=0)
        self._note = CutLabel(self._foot, anchor="e")
        self._note.say(_NOTE)
        self._wrong = tk.Label(self._foot, borderwidth=0, anchor="w", justify="left")
        break_lines(self._wrong)
        px = theme.px
        self._foot.pack(side="bottom", fill="x", padx=px(14), pady=(0, px(5)))
        self._note.pack(side="bottom", fill="x")
        self._beside = 0
        """How many fields stand beside each other; 0 while that is not known."""
        self._buttons = tk.Frame(self, borderwidth=0)
        self._buttons.pack(side="right", anchor="n", padx=px(6), pady=px(6))
        FlatButton(self._buttons, theme, run, text="Run", icon="play-fill", role="success").pack(side="left")
        FlatButton(self._buttons, theme, close, icon="x-lg").pack(side="left")
        for column, weight in ((1, 1), (4, 1), (6, 1000)):  # a field gives way; what is left over is nobody's
            self._rows.columnconfigure(column, weight=weight)
        self._rows.pack(side="left", fill="x", expand=True, padx=px(10), pady=(px(6), px(3)))
        self.bind("<Configure>", lambda _: self._arrange(), add="+")
        theme.follow(self, self._paint)

    # -- what is remembered --------------------------------------------------------------------------------------

    def state(self) -> dict[str, list[str]]:
        """Return what is kept with the tab: text and kind by name, but no secret."""
        self._take()
        return {
            name: [given.text, given.kind]
            for name, given in self._given.items()
            if given.kind != "Secret" and len(given.text) <= LONGEST_KEPT
        }

    def remember(self, state: object) -> None:
        """Take what :meth:`state` returned; what is none of it is passed over."""
        for name, given in state.items() if isinstance(state, Mapping) else ():
            match given:
                case [str(text), str(word)]:
                    for kind in (kind for kind in KINDS if kind == word):
                        self._given[str(name)] = Given(text, kind)

    # -- asking --------------------------------------------------------------------------------------------------

    def ask(self, names: Sequence[str]) -> None:
        """Show a field for each name, with what was given last."""
        self._take()
        for child in self._rows.winfo_children():
            child.destroy()
        self._fields, self._labels = {}, []
        self._complain("")
        for name in names:
            text, kind = self._given.get(name) or Given("", "Secret" if is_secret_name(name.lower()) else "Text")
            label = tk.Label(self._rows, text=drawn(f":{name}"), borderwidth=0, anchor="e")
            entry = ttk.Entry(self._rows, width=24, font=self._theme.code)
            entry.insert(0, text)
            choice = ttk.Combobox(self._rows, values=KINDS, state="readonly", width=13, font=self._theme.ui)
            choice.set(kind)
            choice.bind("<<ComboboxSelected>>", partial(self._kind_chosen, name), add="+")
            for widget in (entry, choice):
                widget.bind("<Escape>", lambda _: self._then(self._close))
                for keys in ("<Return>", "<Control-Return>"):
                    widget.bind(keys, lambda _: self._then(self._run))
            self._fields[name] = entry, choice
            self._labels.append(label)
            self._show_kind(name)
        self._beside = 0
        self._paint()
        self._arrange()

    def _arrange(self) -> None:
        """Put two fields beside each other if there is room, else one below the other."""
        px = self._theme.px
        widths = [
            label.winfo_reqwidth() + entry.winfo_reqwidth() + choice.winfo_reqwidth() + px(28)
            for label, (entry, choice) in zip(self._labels, self._fields.values(), strict=True)
        ]
        room = self.master.winfo_width() - self._buttons.winfo_reqwidth() - px(20)
        beside = 2 if len(widths) > 1 and max(widths[::2]) + max(widths[1::2]) <= room else 1
        if beside == self._beside:
            return
        self._beside = beside
        for number, (label, (entry, choice)) in enumerate(zip(self._labels, self._fields.values(), strict=True)):
            row, column = number // beside, number % beside * 3
            label.grid(row=row, column=column, sticky="e", padx=(px(4), px(6)), pady=px(2))
            entry.grid(row=row, column=column + 1, sticky="ew", pady=px(2))
            choice.grid(row=row, column=column + 2, padx=(px(4), px(14)), pady=px(2))

    def focus_first(self) -> None:
        """Put the focus into the first field."""
        for name in self._fields:
            self._focus(name)
            return

    def give(self, name: str, text: str, kind: Kind = "Text") -> None:
        """Fill a field, as a person would."""
        entry, choice = self._fields[name]
        choice.set(kind)
        entry.configure(state="normal")
        entry.delete(0, "end")
        entry.insert(0, text)
        self._show_kind(name)

    def values(self) -> dict[str, Cell] | None:
        """Return what was given; None, the reason shown and its field in focus, if a value is none of its kind."""
        self._take()
        found: dict[str, Cell] = {}
        for name in self._fields:
            text, kind = self._given[name]
            try:
                found[name] = typed(name, "" if kind == "NULL" else text, _TYPES[kind])
            except InvalidInputError as exc:
                self._complain("; ".join(filter(None, [exc.message, exc.hint])))
                self._focus(name)
                return None
        return found

    def _complain(self, text: str) -> None:
        """Say what is wrong; "" for nothing."""
        self._wrong.configure(text=text)
        if text:
            self._wrong.pack(side="top", fill="x")
        else:
            self._wrong.pack_forget()

    def _take(self) -> None:
        for name, (entry, choice) in self._fields.items():
            kind = next(kind for kind in KINDS if kind == choice.get())
            self._given[name] = Given(entry.get(), kind)

    def _focus(self, name: str) -> None:
        entry, choice = self._fields[name]
        if choice.get() == "NULL":
            choice.focus_set()
        else:
            entry.focus_set()
            entry.select_range(0, "end")

    def _kind_chosen(self, name: str, _: tk.Event[ttk.Combobox]) -> None:
        self._show_kind(name)

    def _show_kind(self, name: str) -> None:
        """Hide what is secret, and take no text for NULL."""
        entry, choice = self._fields[name]
        kind = choice.get()
        entry.configure(show="•" if kind == "Secret" else "", state="disabled" if kind == "NULL" else "normal")

    @staticmethod
    def _then(action: Callable[[], object]) -> str:
        action()
        return "break"

    def _paint(self) -> None:
        theme = self._theme
        grounds: list[tk.Frame | tk.Label] = [
            self, self._buttons, self._rows, self._foot, self._wrong, *self._labels,
        ]  # fmt: skip
        for widget in grounds:
            widget.configure(background=theme.color("surface"))
        self._wrong.configure(foreground=theme.color("danger"), font=theme.small)
        self._note.wear(font=theme.small, background=theme.color("surface"), foreground=theme.color("muted"))
        for label in self._labels:
            label.configure(foreground=theme.color("warning"), font=theme.code)
