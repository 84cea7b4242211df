"""The demonstration: a sample database made on the spot, a few queries on it, and what to try next."""

from __future__ import annotations

from alveary import CommandSpec, hookimpl


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare ``demo.run``."""
    return [
        CommandSpec(
            id="demo.run",
            summary="Make a sample SQLite database, run a few queries on it, and say what to try next.",
            factory="alveary_plugins.demo.command:run",
            verb="demo",
            render="alveary_plugins.demo.command:render",
        )
    ]
