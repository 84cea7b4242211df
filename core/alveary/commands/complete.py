"""``editor.complete``: what could stand at a place of SQL text, by what the text says and the database holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.query import sql_of
from alveary.completion import unread
from alveary.contracts.completion import Suggestion
from alveary.errors import InvalidInputError
from alveary.tables import plain_table
from alveary.wire import Small


class CompleteParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where somebody writes."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
    sql: Annotated[
        str | None,
        Meta(description="The text; without it, or with -, it comes from standard input.", extra={"argument": True}),
    ] = None
    at: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Where the caret is: characters before it; at the end of the text if it is not said."),
    ] = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many suggestions are wanted at most.")] = 100


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """What could stand there, the best first. Each replaces ``text[start:end]``; offsets count characters."""

    at: Small
    suggestions: list[Suggestion]


def complete(context: Context, parameters: CompleteParameters) -> Suggestions:
    """Load what the database holds, as far as it is not known, and ask what could stand at the caret."""
    text = sql_of(parameters.sql)
    at = len(text) if parameters.at is None else parameters.at
    if at > len(text):
        raise InvalidInputError(f"--at {at} lies behind the text, which has {len(text)} characters")
    kernel = context.kernel
    _, driver = kernel.target(parameters.target)
    stopped = context.stopped()
    catalog = kernel.catalogs.load(parameters.target, stopped=stopped, origin="completion")
    for schema, levels in unread(text, at, catalog):
        catalog = kernel.catalogs.load(
            parameters.target, schemas=[schema], levels=levels, stopped=stopped, origin="completion"
        )
    found = kernel.completion.complete(text, at, driver.dialect, catalog, driver=driver.id, limit=parameters.limit)
    return Suggestions(at=at, suggestions=found)


def render(found: Suggestions, write: Callable[[str], object]) -> None:
    """Print the suggestions for a person."""
    rows = [[each.kind, each.text, each.detail] for each in found.suggestions]
    write(plain_table(["kind", "suggestion", "detail"], rows))
