"""What a widget means to do later: each thing under a name, asked for twice done once, forgotten with the widget."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable


class Timers:
    """The timers of one widget."""

    def __init__(self, widget: tk.Misc) -> None:
        self._widget = widget
        self._pending: dict[str, str] = {}

    def __contains__(self, what: str) -> bool:
        return what in self._pending

    def __len__(self) -> int:
        return len(self._pending)

    def later(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        """Call ``callback`` after a while; asked for again before, it is called once, then."""
        if (id := self._pending.pop(what, None)) is not None:
            self._widget.after_cancel(id)
        self._pending[what] = self._widget.after(milliseconds, self._call(what, callback))

    def when_idle(self, what: str, callback: Callable[[], object]) -> None:
        """Call ``callback`` when Tk has nothing else to do, once."""
        if what not in self._pending:
            self._pending[what] = self._widget.after_idle(self._call(what, callback))

    def forget(self, what: str) -> None:
        """Do not do one thing any more."""
        if (id := self._pending.pop(what, None)) is not None:
            self._widget.after_cancel(id)

    def cancel(self) -> None:
        """Do nothing of it any more."""
        for id in self._pending.values():
            self._widget.after_cancel(id)
        self._pending.clear()

    def _call(self, what: str, callback: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            self._pending.pop(what, None)
            callback()

        return call
