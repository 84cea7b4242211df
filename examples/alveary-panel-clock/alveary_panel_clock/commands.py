"""The command of the clock."""

import msgspec

from alveary.commands import Context
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True):
    """A command that needs nothing."""


def show(context: Context, parameters: NoParameters) -> None:
    """Open the clock, or bring it to the front."""
    window_of(context).open("clock")
