"""The strips above an editor's text: the connection, and what a changed file asks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alveary_shell.theme import Theme
from alveary_shell.themes import ENVIRONMENTS
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.standins import drawn
from alveary_shell.widgets.words import CutLabel

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
        self._there: list[str] = []
        """The buttons that are shown."""
        px = theme.px
        self._mark = tk.Frame(self, width=px(3), borderwidth=0)
        self._mark.pack(side="left", fill="y")
        self._name = FlatButton(self, theme, actions["connect"], icon="plug", role="text")
        self._badge = tk.Label(self, borderwidth=0)
        self._place = FlatButton(self, theme, actions["place"], icon="database")
        self._state = CutLabel(self)
        self._buttons = {
            "reconnect": FlatButton(self, theme, actions["reconnect"], text="Connect again", role="accent"),
            "stop": FlatButton(self, theme, actions["stop"], text="Stop", icon="stop-fill", role="danger"),
            "commit": FlatButton(self, theme, actions["commit"], text="Commit", icon="check2-all", role="success"),
            "rollback": FlatButton(
                self, theme, actions["rollback"], text="Rollback", icon="arrow-counterclockwise", role="warning"
            ),
        }
        self._autocommit = FlatButton(self, theme, actions["autocommit"])
        self._limit = FlatButton(self, theme, actions["limit"])
        # What is packed first keeps its room: the state gives way to all that can be pressed.
        self._limit.pack(side="right", padx=(0, px(6)))
        self._autocommit.pack(side="right")
        self._name.pack(side="left", padx=(px(4), 0), pady=px(2))
        self._state.pack(side="left", fill="x", expand=True, padx=px(8))
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
            self._state.say(drawn(shown.state))
        self._name.show(text=_short(shown.name), icon="plug-fill" if shown.connected else "plug")
        self._place.show(text=_short(shown.place))
        self._badge.configure(text=(shown.environment or "").upper())
        self._limit.show(text=shown.limit)
        self._autocommit.show(
            text="Autocommit" if shown.autocommit else "Manual commit", role="muted" if shown.autocommit else "warning"
        )
        self._pack(self._badge, bool(shown.environment), padx=px(4))
        self._pack(self._place, bool(shown.place))
        wanted = {
            "reconnect": shown.lost, "stop": shown.busy, "commit": shown.can_commit, "rollback": shown.can_roll_back
        }  # fmt: skip
        if before is None or [each for each in wanted if wanted[each]] != self._there:
            self._there = [each for each in wanted if wanted[each]]
            for each in self._buttons.values():
                each.pack_forget()
            for name in reversed(self._there):
                self._buttons[name].pack(side="right", before=self._state)
        self._paint()

    def _pack(self, widget: tk.Widget, wanted: bool, padx: int = 0) -> None:
        """Show or hide one of the widgets on the left, each in its place."""
        order: list[tk.Widget] = [self._name, self._badge, self._place]
        if wanted == bool(widget.winfo_manager()):
            return
        if not wanted:
            widget.pack_forget()
            return
        before = [each for each in order[: order.index(widget)] if each.winfo_manager()]
        widget.pack(side="left", after=before[-1], padx=padx)

    def _paint(self) -> None:
        theme, shown = self._theme, self._shown
        self.configure(background=theme.color("surface"))
        self._line.configure(background=theme.color("border"))
        self._mark.configure(background=(shown.color if shown is not None else None) or theme.color("surface"))
        state = theme.color(shown.role if shown is not None else "muted")
        self._state.wear(font=theme.small, background=theme.color("surface"), foreground=state)
        role = ENVIRONMENTS.get((shown.environment if shown is not None else None) or "", "muted")
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


def _short(text: str) -> str:
    text = drawn(text.replace("\n", " "))
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
