"""The command of the doctor's page."""

from __future__ import annotations

import msgspec

from alveary.commands import Context
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def show(context: Context, parameters: NoParameters) -> None:
    """Look again, on a new page."""
    window = window_of(context)
    for page in window.panels("doctor"):
        window.close(page)
    window.open("doctor")
