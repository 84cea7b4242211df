"""``sent.list``: the statements that were sent to databases, whoever wanted them sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.events import StatementSent
from alveary.tables import plain_table

LONGEST = 100
"""Characters of a statement in a table."""


class SentParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which statements are listed."""

    target: Annotated[
        str | None,
        Meta(description="A URL or saved name that is browsed first: connected to, its schemas and relations listed."),
    ] = None
    origin: Annotated[
        str | None, Meta(description="Only what was sent for this: user, catalog, tree, connecting, driver …")
    ] = None


def list_sent(context: Context, parameters: SentParameters) -> list[StatementSent]:
    """List the newest statements that this process sent, the oldest of them first; with a target, browse that first."""
    kernel = context.kernel
    if parameters.target is not None:
        stopped = threading.Event()
        context.job.on_cancel(stopped.set)
        catalog = kernel.catalog(parameters.target, stopped=stopped)
        for schema in catalog.schemas():
            catalog.relations(schema)
    return kernel.sent.entries(parameters.origin)


def render(sent: list[StatementSent], write: Callable[[str], object]) -> None:
    """Print the statements for a person."""
    rows = []
    for each in sent:
        text = " ".join(each.text.split()) or "(a round trip with nothing)"
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        outcome = each.error_code or each.outcome.value
        rows.append([each.origin, each.connection, f"{each.seconds * 1000:.1f} ms", outcome, shown])
    write(plain_table(["origin", "connection", "time", "outcome", "statement"], rows))
