"""Keys and the commands they run: what is pressed means what the panel with the keyboard says, or else the window."""

from __future__ import annotations

import json
import tkinter as tk
from collections.abc import Callable

import msgspec

from alveary.contracts.specs import CommandSpec
from alveary.contracts.window import Dock
from alveary.errors import AlvearyError, InvalidInputError
from alveary_shell.docks import Docks
from alveary_shell.keys import Keymap, sequence
from alveary_shell.sdk import Window
from alveary_shell.widgets.focus import focused

_TAG = "Alveary"
"""What is bound to it is heard by every widget before its own class hears it."""

_CONTROL = 0x0004
"""The bit of an event's state."""


class Keyboard:
    """Runs the window's commands when their keys are pressed; :meth:`bind` puts it into force."""

    def __init__(self, window: Window, enabled: Callable[[CommandSpec], bool]) -> None:
        self._window, self._enabled = window, enabled
        self._commands = window.kernel.plugins.commands
        self._docks: Docks | None = None
        self.keymap = Keymap(self._commands, self._chosen())

    def bind(self, docks: Docks) -> None:
        """Listen in every widget there is and will be."""
        self._docks = docks
        self._bind_keys()
        # Every widget hears our keys before its own class does: Ctrl+O must not open a line in a Text first.
        self._window.root.bind_all("<Map>", lambda event: self._tag(event.widget), add="+")

    def rebind(self, command: str, keys: list[str]) -> str | None:
        """Give a command other keys from now on; return what the setting ``window.keys`` should hold then."""
        try:
            self.keymap.bind(command, keys)
        except AlvearyError as exc:
            self._window.show_error(exc)
            return None
        self._bind_keys()
        return json.dumps({**self._chosen(), command: self.keymap.keys(command)})

    def dock(self, panel: str) -> Dock | None:
        """Return where a panel stands."""
        spec = self._window.kernel.plugins.panels.find(panel)
        return spec.dock if spec is not None else None

    def _chosen(self) -> dict[str, list[str]]:
        window = self._window
        try:
            return msgspec.json.decode(window.kernel.settings.get("window.keys"), type=dict[str, list[str]])
        except msgspec.MsgspecError as exc:
            reason = InvalidInputError(f"the setting window.keys can't be read: {exc}", hint="mend or reset it")
            window.post(lambda: window.show_error(reason))
            return {}

    def _bind_keys(self) -> None:
        root = self._window.root
        for bound in root.bind_class(_TAG) or ():
            root.unbind_class(_TAG, bound)
        for keys, commands in self.keymap.bindings().items():
            root.bind_class(
                _TAG,
                sequence(keys),
                lambda event, commands=commands: self._pressed(event, commands),  # type: ignore[misc]  # mypy can't infer a default
            )
        self._tag(root)

    def _tag(self, widget: tk.Misc) -> None:
        if isinstance(widget, tk.Misc):
            tags = widget.bindtags()
            if _TAG not in tags:
                widget.bindtags((tags[0], _TAG, *tags[1:]))

    def _pressed(self, event: tk.Event[tk.Misc], commands: list[str]) -> str | None:
        widget: object = event.widget  # a name, if it is gone by now
        if not isinstance(widget, tk.Misc) or widget.winfo_toplevel() is not self._window.root:
            return None  # a dialog has its own keys
        # The same keys may mean one thing in the grid and another in the editor: where the keyboard is decides.
        found = [spec for id in commands if (spec := self._commands.find(id)) is not None]
        for spec in sorted(found, key=lambda spec: not self._is_within(spec)):
            panel = spec.placement.panel if spec.placement is not None else None
            tool = panel is not None and self.dock(panel) != "center"
            if (self._is_within(spec) or not tool) and self._enabled(spec):
                self._window.run(spec.id)
                return "break"
        # Ctrl+Enter runs what is written, so where nothing can be run it must not write: a Text would open a line.
        control = isinstance(event.state, int) and event.state & _CONTROL
        return "break" if found and control and event.keysym in ("Return", "KP_Enter") else None

    def _is_within(self, spec: CommandSpec) -> bool:
        """Return whether the keyboard is in the panel a command is limited to."""
        holder = focused(self._window.root)
        if self._docks is None or holder is None or spec.placement is None or spec.placement.panel is None:
            return False
        places = [self._docks.place_of(panel) for panel in self._window.panels(spec.placement.panel)]
        return any(f"{holder}.".startswith(f"{found[1].frame}.") for found in places if found is not None)
