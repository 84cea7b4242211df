"""The command of the history panel."""

from __future__ import annotations

import msgspec

from alveary.commands import Context
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def find(context: Context, parameters: NoParameters) -> None:
    """Open the panel with the keyboard in its search field."""
    window_of(context).open("history")
