"""The strips above an editor's text: the connection, what a changed file asks, and values of parameters."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tkinter import ttk
from typing import Literal, TypeAlias

from alveary.contracts.values import Cell
from alveary.errors import InvalidInputError
from alveary_shell.theme import Theme
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.standins import drawn

ValueKind: TypeAlias = Literal["Text", "Number", "NULL"]
_KINDS: tuple[ValueKind, ...] = ("Text", "Number", "NULL")
_BADGES = {"production": "danger", "staging": "warning", "local": "success"}
MOST_SHOWN = 48
"""Characters of a name that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How the connection bar looks."""

    name: str
    color: str | None = None
    """Of the connection, as ``#rrggbb``."""
    environment: str | None = None
    place: str = ""
    """The database the session is in."""
    state: str = ""
    role: str = "muted"
    autocommit: bool = True
    limit: str = ""
    connected: bool = False
    busy: bool = False
    lost: bool = False
    can_commit: bool = False
    can_roll_back: bool = False


class ConnectionBar(tk.Frame):
    """The connection, how its session stands, and what can be done about it."""

    def __init__(self, master: tk.Misc, theme: Theme, actions: Mapping[str, Callable[[], object]]) -> None:
        """``actions`` are what buttons do: connect, reconnect, place, stop, commit, rollback, autocommit, limit."""
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._shown: Shown | None = None
        px = theme.px
        self._mark = tk.Frame(self, width=px(3), borderwidth=0)
        self._mark.pack(side="left", fill="y")
        self._name = FlatButton(self, theme, actions["connect"], icon="plug", role="text")
        self._badge = tk.Label(self, borderwidth=0)
        self._place = FlatButton(self, theme, actions["place"], icon="database")
        self._state = tk.Label(self, borderwidth=0)
        self._buttons = {
            "reconnect": FlatButton(self, theme, actions["reconnect"], text="Connect again", role="accent"),
            "stop": FlatButton(self, theme, actions["stop"], text="Stop", icon="stop-fill", role="danger"),
            "commit": FlatButton(self, theme, actions["commit"], text="Commit", icon="check2-all", role="success"),
            "rollback": FlatButton(
                self, theme, actions["rollback"], text="Rollback", icon="arrow-counterclockwise", role="warning"
            ),
        }
        self._limit = FlatButton(self, theme, actions["limit"])
        self._autocommit = FlatButton(self, theme, actions["autocommit"])
        self._name.pack(side="left", padx=(px(4), 0), pady=px(2))
        self._limit.pack(side="right", padx=(0, px(6)))
        self._autocommit.pack(side="right")
        self._line = tk.Frame(self, height=1, borderwidth=0)
        self._line.place(relx=0, rely=1, relwidth=1, anchor="sw")
        theme.follow(self, self._paint)

    @property
    def shown(self) -> Shown | None:
        """How it looks."""
        return self._shown

    @property
    def limit_button(self) -> tk.Misc:
        """The button of the row limit, below which its choices open."""
        return self._limit

    @property
    def name_button(self) -> tk.Misc:
        """The button of the connection."""
        return self._name

    @property
    def place_button(self) -> tk.Misc:
        """The button of the database."""
        return self._place

    def show(self, shown: Shown) -> None:
        """Look like this."""
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        px = self._theme.px
        if before is None or shown.state != before.state:
            self._state.configure(text=drawn(shown.state))
        self._name.show(text=_short(shown.name), icon="plug-fill" if shown.connected else "plug")
        self._place.show(text=_short(shown.place))
        self._badge.configure(text=(shown.environment or "").upper())
        self._limit.show(text=shown.limit)
        self._autocommit.show(
            text="Autocommit" if shown.autocommit else "Manual commit", role="muted" if shown.autocommit else "warning"
        )
        self._pack(self._badge, bool(shown.environment), padx=px(4))
        self._pack(self._place, bool(shown.place))
        self._pack(self._state, bool(shown.state), padx=px(8))
        self._pack(self._buttons["reconnect"], shown.lost)
        self._pack(self._buttons["stop"], shown.busy)
        self._pack(self._buttons["commit"], shown.can_commit)
        self._pack(self._buttons["rollback"], shown.can_roll_back)
        self._paint()

    def _pack(self, widget: tk.Widget, wanted: bool, padx: int = 0) -> None:
        """Show or hide one of the widgets on the left, each in its place."""
        order: list[tk.Widget] = [self._name, self._badge, self._place, self._state, *self._buttons.values()]
        if wanted == bool(widget.winfo_manager()):
            return
        if not wanted:
            widget.pack_forget()
            return
        before = [each for each in order[: order.index(widget)] if each.winfo_manager()]
        widget.pack(side="left", after=before[-1], padx=padx)

    def _paint(self) -> None:
        theme, shown = self._theme, self._shown
        for widget in (self, self._state):
            widget.configure(background=theme.color("surface"))
        self._line.configure(background=theme.color("border"))
        self._mark.configure(background=(shown.color if shown is not None else None) or theme.color("surface"))
        self._state.configure(foreground=theme.color(shown.role if shown is not None else "muted"), font=theme.small)
        role = _BADGES.get((shown.environment if shown is not None else None) or "", "muted")
        self._badge.configure(
            background=theme.color(role), foreground=theme.color("background"), font=theme.small, padx=theme.px(6)
        )


class QuestionBar(tk.Frame):
    """Asks something about the file without standing in the way: a sentence and some answers."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._label = tk.Label(self, borderwidth=0, anchor="w")
        self._label.pack(side="left", padx=theme.px(10), pady=theme.px(4))
        self._answers: list[FlatButton] = []
        theme.follow(self, self._paint)

    def ask(self, text: str, answers: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Show a question and its answers."""
        self._label.configure(text=drawn(text))
        for button in self._answers:
            button.destroy()
        self._answers = []
        for label, action in answers:
            button = FlatButton(self, self._theme, action, text=label, ground="raised", role="accent")
            button.pack(side="left", padx=self._theme.px(2))
            self._answers.append(button)
        self._paint()

    def _paint(self) -> None:
        theme = self._theme
        self.configure(background=theme.color("raised"))
        self._label.configure(background=theme.color("raised"), foreground=theme.color("warning"), font=theme.ui)


class ParameterBar(tk.Frame):
    """A small form for the values of ``:name`` parameters; Enter runs, Escape puts it away."""

    def __init__(
        self, master: tk.Misc, theme: Theme, *, run: Callable[[], object], close: Callable[[], object]
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._run, self._close = theme, run, close
        self._fields: dict[str, tuple[ttk.Entry, ttk.Combobox]] = {}
        self._kept: dict[str, tuple[str, ValueKind]] = {}
        """What was last given for each name."""
        self._rows = tk.Frame(self, borderwidth=0)
        self._labels: list[tk.Label] = []
        self._wrong = tk.Label(self, borderwidth=0)
        FlatButton(self, theme, close, icon="x-lg").pack(side="right", anchor="n", padx=theme.px(6), pady=theme.px(6))
        FlatButton(self, theme, run, text="Run", icon="play-fill", role="success").pack(
            side="right", anchor="n", pady=theme.px(6)
        )
        self._wrong.pack(side="right", anchor="n", padx=theme.px(6), pady=theme.px(8))
        self._rows.pack(side="left", fill="x", expand=True, padx=theme.px(10), pady=theme.px(6))
        theme.follow(self, self._paint)

    def ask(self, names: Sequence[str]) -> None:
        """Show a field for each name, with what was given last."""
        self._keep()
        for child in self._rows.winfo_children():
            child.destroy()
        self._fields, self._labels = {}, []
        self._wrong.configure(text="")
        px = self._theme.px
        for row, name in enumerate(names):
            text, kind = self._kept.get(name, ("", "Text"))
            label = tk.Label(self._rows, text=drawn(f":{name}"), borderwidth=0, anchor="e")
            entry = ttk.Entry(self._rows, width=24, font=self._theme.code)
            entry.insert(0, text)
            choice = ttk.Combobox(self._rows, values=_KINDS, state="readonly", width=8, font=self._theme.ui)
            choice.set(kind)
            column = (row % 2) * 3
            label.grid(row=row // 2, column=column, sticky="e", padx=(px(4), px(6)), pady=px(2))
            entry.grid(row=row // 2, column=column + 1, sticky="ew", pady=px(2))
            choice.grid(row=row // 2, column=column + 2, padx=(px(4), px(14)), pady=px(2))
            for widget in (entry, choice):
                widget.bind("<Escape>", lambda _: self._then(self._close))
                for keys in ("<Return>", "<Control-Return>"):
                    widget.bind(keys, lambda _: self._then(self._run))
            self._fields[name] = entry, choice
            self._labels.append(label)
        self._paint()

    def focus_first(self) -> None:
        """Put the focus into the first field."""
        for entry, _ in self._fields.values():
            entry.focus_set()
            entry.select_range(0, "end")
            return

    def give(self, name: str, text: str, kind: ValueKind = "Text") -> None:
        """Fill a field, as a person would."""
        entry, choice = self._fields[name]
        entry.delete(0, "end")
        entry.insert(0, text)
        choice.set(kind)

    def values(self) -> dict[str, Cell] | None:
        """Return what was given; None, and the reason is shown, if a number is none."""
        self._keep()
        found: dict[str, Cell] = {}
        try:
            for name in self._fields:
                found[name] = _value(name, *self._kept[name])
        except InvalidInputError as exc:
            self._wrong.configure(text=exc.message)
            return None
        return found

    def _keep(self) -> None:
        for name, (entry, choice) in self._fields.items():
            kind = next(kind for kind in _KINDS if kind == choice.get())
            self._kept[name] = entry.get(), kind

    @staticmethod
    def _then(action: Callable[[], object]) -> str:
        action()
        return "break"

    def _paint(self) -> None:
        theme = self._theme
        grounds: list[tk.Frame | tk.Label] = [self, self._rows, self._wrong, *self._labels]
        for widget in grounds:
            widget.configure(background=theme.color("surface"))
        self._wrong.configure(foreground=theme.color("danger"), font=theme.small)
        for label in self._labels:
            label.configure(foreground=theme.color("warning"), font=theme.code)


def _value(name: str, text: str, kind: ValueKind) -> Cell:
    if kind == "NULL":
        return None
    if kind == "Text":
        return text
    for read in (int, float):
        try:
            return read(text.strip())
        except ValueError:
            continue
    raise InvalidInputError(f":{name} is no number")


def _short(text: str) -> str:
    text = drawn(text.replace("\n", " "))
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
