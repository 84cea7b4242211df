"""What stands where a panel can't be shown: why not."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary.errors import AlvearyError
from alveary_shell.sdk import Panel, Window
from alveary_shell.toasts import shown


class FaultPanel(Panel):
    """Stands where a panel's factory raised, and says why."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any], error: AlvearyError) -> None:
        super().__init__(window, frame, state)
        self._state = dict(state)
        theme = window.theme
        text = "\n".join(filter(None, [f"{error.message}", error.detail, error.hint]))
        label = tk.Label(frame, text=shown(text), justify="left", anchor="nw", padx=theme.px(16), pady=theme.px(16))
        label.pack(fill="both", expand=True)
        label.bind("<Configure>", lambda event: label.configure(wraplength=max(event.width - theme.px(40), 100)))
        theme.follow(
            label,
            lambda: label.configure(
                background=theme.color("background"), foreground=theme.color("danger"), font=theme.ui
            ),
        )

    def state(self) -> dict[str, Any]:
        # What a panel that can't be shown had to keep is kept for the day when it can.
        return self._state
