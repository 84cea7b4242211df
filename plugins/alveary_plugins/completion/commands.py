"""``sql.expand`` and ``sql.resolve``: stars in their columns, names in what they mean, by the catalog of a target."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.query import sql_of
from alveary.completion import statement_around
from alveary.contracts.specs import DriverSpec
from alveary.errors import InvalidInputError
from alveary.known import KnownCatalog, Level
from alveary.sqltext import split
from alveary.wire import Small
from alveary_plugins.completion.expanding import Expanded, expand_script
from alveary_plugins.completion.resolving import resolve

Target = Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
LEVELS = (Level.RELATIONS, Level.COLUMNS)


class ExpandParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stars, and of which database their columns are."""

    target: Target
    sql: Annotated[
        str | None,
        Meta(description="The text; without it, or with -, it comes from standard input.", extra={"argument": True}),
    ] = None
    at: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Only the star at this place, or those of the statement there: characters before it."),
    ] = None


class StarLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A star that was left as it is: where it stands, counted from 0 and as a line from 1, and why."""

    at: Small
    line: Small
    reason: str


class ExpandReport(msgspec.Struct, frozen=True, kw_only=True):
    """The text with its stars expanded; ``changed`` tells how many were."""

    text: str
    changed: Small
    left: list[StarLeft]


class ResolveParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which name, and in which database it means something."""

    target: Target
    sql: Annotated[str, Meta(description="The text.")]
    at: Annotated[Annotated[int, Meta(ge=0)], Meta(description="A place in the name: characters before it.")]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What a name means; nothing where it means nothing that is known."""

    schema: str | None = None
    name: str | None = None
    column: str | None = None
    kind: str | None = None
    """The engine's word for the kind of thing: ``table``, ``view``, ``function``."""
    start: Small | None = None
    end: Small | None = None
    """``sql[start:end]`` is the name."""


def expand(context: Context, parameters: ExpandParameters) -> ExpandReport:
    """Load what the target holds, as far as it is not known, and expand stars."""
    text = sql_of(parameters.sql)
    _check_place(text, parameters.at)
    driver, catalog = _known(context, parameters.target)
    found: Expanded = expand_script(text, driver.dialect, catalog, parameters.at)
    return ExpandReport(
        text=found.text,
        changed=len(found.edits),
        left=[
            StarLeft(at=star.start, line=text.count("\n", 0, star.start) + 1, reason=star.reason or "")
            for star in found.left
        ],
    )


def resolve_name(context: Context, parameters: ResolveParameters) -> Resolved:
    """Load what the target holds, as far as it is not known, and tell what a name means."""
    text = parameters.sql
    _check_place(text, parameters.at)
    driver, catalog = _known(context, parameters.target, *Level)
    start, end = statement_around(text, parameters.at, split(text, driver.dialect))
    meant = resolve(text[start:end], parameters.at - start, driver.dialect, catalog)
    if meant is None:
        return Resolved()
    relation = catalog.relation(meant.schema, meant.name)
    objects = catalog.objects_named(meant.schema, meant.name)
    return Resolved(
        schema=meant.schema,
        name=meant.name,
        column=meant.column,
        kind=relation.kind if relation is not None else objects[0].kind if objects else None,
        start=meant.start + start,
        end=meant.end + start,
    )


def _check_place(text: str, at: int | None) -> None:
    if at is not None and at > len(text):
        raise InvalidInputError(f"--at {at} lies behind the text, which has {len(text)} characters")


def _known(context: Context, target: str, *levels: Level) -> tuple[DriverSpec, KnownCatalog]:
    kernel = context.kernel
    _, driver = kernel.target(target)
    wanted = levels or LEVELS
    return driver, kernel.catalogs.load(target, levels=wanted, stopped=context.stopped(), origin="completion")


def render_expanded(report: ExpandReport, write: Callable[[str], object]) -> None:
    """Print the text, and on standard error what was left as it is."""
    write(report.text if report.text.endswith("\n") else report.text + "\n")
    for star in report.left:
        sys.stderr.write(f"line {star.line}: a star is left as it is: {star.reason}\n")
