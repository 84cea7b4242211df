"""The command of the messages."""

from __future__ import annotations

import msgspec

from alveary.commands import Context
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def clear(context: Context, parameters: NoParameters) -> None:
    """Empty the list."""
    for panel in window_of(context).panels("messages"):
        panel.clear()  # type: ignore[attr-defined]  # every panel of this id is one of ours
