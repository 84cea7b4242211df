"""The plugins as they are drawn: a line each, and below it everything about the one that is selected."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary.plugins import PluginInfo
from alveary.tables import visible
from alveary_shell.sdk import Panel, Window
from alveary_shell.theme import button
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.words import break_lines

_COLUMNS = (ListColumn("Plugin", 150, stretch=True), ListColumn("State", 80), ListColumn("Version", 70))


class PluginsPanel(Panel):
    """Enter switches the selected plugin off or on, from the next start."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme = window.theme
        self._infos = {info.name: info for info in window.kernel.plugins.infos}
        self._list = Listing(frame, theme, _COLUMNS, on_open=self._toggle)
        self._list.pack(fill="both", expand=True)
        self._about = tk.Label(frame, justify="left", anchor="nw", padx=theme.px(12), pady=theme.px(10))
        self._about.pack(fill="x")
        break_lines(self._about, theme.px(30))
        self._switch = button(frame, "", lambda: self._toggle(self._list.selected))
        self._switch.pack(anchor="w", padx=theme.px(12), pady=(0, theme.px(10)))
        self._list.tree.bind("<<TreeviewSelect>>", lambda _: self._describe())
        theme.follow(self._about, self._paint)
        self._show()

    def focus(self) -> None:
        self._list.focus_list()

    def _show(self) -> None:
        roles = {"failed": "danger", "disabled": "faint", "skipped": "faint"}
        self._list.show(
            [
                (name, [name, info.state, info.version], "warning" if info.faults else roles.get(info.state, ""))
                for name, info in self._infos.items()
            ]
        )
        self._describe()

    def _describe(self) -> None:
        info = self._infos.get(self._list.selected or "")
        if info is None:
            self._about.configure(text="")
            self._switch.pack_forget()
            return
        self._about.configure(text="\n".join(_about(info)))
        self._switch.configure(text="Enable" if info.state == "disabled" else "Disable")
        self._switch.pack(anchor="w", padx=self.window.theme.px(12), pady=(0, self.window.theme.px(10)))

    def _toggle(self, name: str | None) -> None:
        if name is None:
            return
        info = self._infos[name]
        enable = info.state == "disabled"
        command = "plugins.enable" if enable else "plugins.disable"

        def done(_: object) -> None:
            info.state = "enabled" if enable else "disabled"
            self.window.notify(f"{name} is {info.state} from the next start on")
            self._show()

        self.window.submit(command, {"name": name}, done)

    def _paint(self) -> None:
        theme = self.window.theme
        self._about.configure(background=theme.color("background"), foreground=theme.color("text"), font=theme.small)


def _about(info: PluginInfo) -> list[str]:
    lines = [f"{info.distribution} {info.version}{' (built in)' if info.built_in else ''}"]
    lines += [f"{kind}: {', '.join(ids)}" for kind, ids in info.declares.items()]
    lines += [f"fault at {fault.stage}: {visible(fault.cause)}" for fault in info.faults]
    return lines
