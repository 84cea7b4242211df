"""Completion of SQL: what could stand at the caret, by what the statement says and what is known of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alveary.contracts.specs import CommandSpec
from alveary.hookspecs import hookimpl

if TYPE_CHECKING:
    from alveary.contracts.completion import CompletionRequest, Suggestion


@hookimpl
def alveary_complete(request: CompletionRequest) -> list[Suggestion]:
    """Suggest keywords by position, relations, columns in scope, joins, functions and types."""
    from alveary_plugins.completion.suggesting import (
        suggest,
    )  # imported when somebody asks, not when plugins are loaded

    return suggest(request)


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what else is known by reading a statement beside the catalog."""
    here = "alveary_plugins.completion.commands"
    return [
        CommandSpec(
            id="sql.expand",
            summary="Write the columns that the stars of select lists stand for in their place.",
            factory=f"{here}:expand",
            verb="expand",
            render=f"{here}:render_expanded",
        ),
        CommandSpec(
            id="sql.resolve",
            summary="Tell what of the database a name in a statement means, through aliases and scopes.",
            factory=f"{here}:resolve_name",
        ),
    ]
