"""The messages as they are drawn: a text that can be read, selected and copied, not typed into."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary.events import (
    CancelStepTaken,
    QueryEnded,
    QueryNoticed,
    SessionStateChanged,
    SessionUnverified,
    StatementSent,
)
from alveary_plugins.panels.messages.bar import Origins
from alveary_plugins.panels.messages.model import Line, Messages, sent
from alveary_shell.sdk import Panel, StatementQueued, Window
from alveary_shell.widgets.scrollbar import AutoScrollbar

MOST_LINES = 5000
"""Lines kept; the oldest go."""
_ROLES = ("text", "muted", "success", "warning", "danger")


class MessagesPanel(Panel):
    """A growing text; it follows its end unless a person has scrolled away."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self._messages = Messages()
        self._places: dict[str, str] = {}
        """Where each session leads that ran something."""
        theme = window.theme
        self._origins = Origins(frame, theme, state.get("hidden"), changed=self._filtered)
        self._origins.pack(fill="x")
        self._text = tk.Text(frame, wrap="word", state="disabled", borderwidth=0, highlightthickness=0)
        self._text.configure(padx=theme.px(12), pady=theme.px(8))
        self._text.pack(side="left", fill="both", expand=True)
        AutoScrollbar(self._text)
        # A disabled Text takes no focus by a click, and without it nothing can be copied.
        self._text.bind("<Button-1>", lambda _: self._text.focus_set())
        theme.follow(self._text, self._paint)
        window.subscribe(self._text, StatementQueued, self._queued)
        window.subscribe(self._text, QueryNoticed, lambda event: self._write(self._messages.noticed(event)))
        window.subscribe(self._text, CancelStepTaken, lambda event: self._write(self._messages.cancelling(event)))
        window.subscribe(self._text, SessionUnverified, self._doubted)
        window.subscribe(self._text, SessionStateChanged, self._changed)
        window.subscribe(self._text, QueryEnded, lambda event: self._write(self._messages.ended(event, time.time())))
        window.subscribe(self._text, StatementSent, self._sent)

    def state(self) -> dict[str, Any]:
        return {"hidden": sorted(self._origins.hidden)}

    def focus(self) -> None:
        self._text.focus_set()

    def clear(self) -> None:
        """Empty the text."""
        self._text.configure(state="normal")
        self._text.delete("1.0", "end")
        self._text.configure(state="disabled")

    def _sent(self, event: StatementSent) -> None:
        if self._messages.tells(event):
            return
        self._origins.add(event.origin)
        self._write(sent(event, time.time()), event.origin)

    def _filtered(self) -> None:
        for origin in self._origins.known:
            self._text.tag_configure(_tag(origin), elide=origin in self._origins.hidden)
        self.window.changed(self)

    def _doubted(self, event: SessionUnverified) -> None:
        self._write(self._messages.doubted(event, self._place(event.session), time.time()))

    def _changed(self, event: SessionStateChanged) -> None:
        self._write(self._messages.broke(event, self._place(event.session), time.time()))

    def _place(self, session: str) -> str:
        """Return where a session leads that may be over by now."""
        return self._places.get(session, "")

    def _queued(self, event: StatementQueued) -> None:
        self._places[event.session.id] = event.session.target.display()
        self._messages.queued(event.statement.id, event.statement.sql, event.session.target.display())

    def _write(self, lines: list[Line], origin: str | None = None) -> None:
        if not lines:
            return
        if origin is not None:
            self._text.tag_configure(_tag(origin), elide=origin in self._origins.hidden)
        at_end = self._text.yview()[1] >= 0.999
        self._text.configure(state="normal")
        for line in lines:
            self._text.insert("end", line.text + "\n", (line.role, _tag(origin)) if origin is not None else line.role)
        over = int(self._text.index("end-1c").split(".")[0]) - MOST_LINES
        if over > 0:
            self._text.delete("1.0", f"{over + 1}.0")
        self._text.configure(state="disabled")
        if at_end:
            self._text.see("end")

    def _paint(self) -> None:
        theme = self.window.theme
        self._text.configure(
            background=theme.color("background"),
            highlightthickness=0,  # a switch of the theme gives every Text a border
            foreground=theme.color("text"),
            selectbackground=theme.color("selection"),
            selectforeground=theme.color("text"),
            inactiveselectbackground=theme.color("selection_idle"),
            font=theme.code,
        )
        for role in _ROLES:
            self._text.tag_configure(role, foreground=theme.color(role))
        self._text.tag_raise("sel")


def _tag(origin: str) -> str:
    return f"sent for {origin}"
