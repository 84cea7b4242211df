"""The command of the settings page."""

from __future__ import annotations

import msgspec

from alveary.commands import Context
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def show(context: Context, parameters: NoParameters) -> None:
    """Open the page, or bring it to the front."""
    window = window_of(context)
    if pages := window.panels("settings"):
        window.raise_panel(pages[0])
    else:
        window.open("settings")
