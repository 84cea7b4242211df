"""Completion of SQL: what could stand at the caret, by what the statement says and what is known of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
