"""``find.run``: anything by a few letters of its name, from all there is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.finder import Place, Wanted
from alveary.finding import Faults, Found
from alveary.matching import Query
from alveary.recorder import recorded_as
from alveary.tables import plain_table, visible
from alveary.urls import url_of
from alveary.wire import Small


class FindParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for, and where."""

    terms: Annotated[
        list[str],
        Meta(
            description="Words, each of which must be found: written out, or its letters in their order.",
            extra={"argument": True},
        ),
    ]
    within: Annotated[
        list[str],
        Meta(
            description="Only among these: objects, columns, saved, history, commands, connections, "
            "or what plugins bring; several with commas between them.",
            extra={"flags": ["--in"]},
        ),
    ] = []
    connections: Annotated[
        list[str],
        Meta(
            description="Read what this database holds, if it was not, and look only there: a saved name or a URL; "
            "may be given several times.",
            extra={"flags": ["--connection"]},
        ),
    ] = []
    limit: Annotated[int, Meta(ge=1, le=1_000_000, description="How much at most; 50 without it.")] = 50


class FoundItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found: among what, what it is and what it is called, the best first.

    ``detail`` says more, ``connection`` is the database it belongs to, ``place`` has the names that lead there. Of
    ``text``, or else of ``detail``, ``ranges`` tell the characters, from and up to, that matched.
    """

    among: str
    kind: str
    text: str
    detail: str
    connection: str | None
    place: Place
    ranges: list[tuple[Small, Small]]
    detail_ranges: list[tuple[Small, Small]]


class FindReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``unread`` are the databases that were not looked in, ``faults`` says what could not be."""

    found: list[FoundItem]
    more: bool
    """Whether there is more than the limit."""
    unread: list[str]
    faults: list[str]


def find(context: Context, parameters: FindParameters) -> FindReport:
    """Find what the words mean; a database is connected to only if it is named."""
    finding, stopped, faults = context.kernel.finding, context.stopped(), Faults()
    ids = [id for each in parameters.within for id in each.replace(",", " ").split()]
    specs = finding.chosen(ids or None)
    for connection in parameters.connections:
        finding.read(connection, specs, stopped)
    finding.prepare(specs, stopped, faults)
    names: set[str] = set()
    for connection in parameters.connections:
        target, driver = context.kernel.target(connection)
        # What belongs to a database that is not saved goes by its URL without password, in the history by less of it.
        names |= {target.name or url_of(target, driver), recorded_as(target, driver)[0]}
    wanted = Wanted(Query(" ".join(parameters.terms)), frozenset(names) or None, stopped)
    found = list(islice(finding.search(wanted, specs, faults=faults), parameters.limit + 1))
    return FindReport(
        found=[_item(each) for each in found[: parameters.limit]],
        more=len(found) > parameters.limit,
        unread=[] if parameters.connections else finding.unread(specs),
        faults=list(faults.said.values()),
    )


def _item(found: Found) -> FoundItem:
    hit = found.hit
    return FoundItem(
        among=found.finder,
        kind=hit.kind,
        text=hit.text,
        detail=hit.detail,
        connection=hit.connection,
        place=hit.place,
        ranges=list(found.ranges),
        detail_ranges=list(found.detail_ranges),
    )


def render(report: FindReport, write: Callable[[str], object]) -> None:
    """Print what was found for a person, a line each; then what was not looked in."""
    rows = [[each.kind, each.text, each.connection or "", _short(each.detail)] for each in report.found]
    write(plain_table(["what", "name", "connection", "detail"], rows))
    if report.more:
        write("\nthere is more: --limit says how much is listed\n")
    if report.unread:
        names = ", ".join(map(visible, report.unread))
        write(f"\nnot looked in, because they were not read: {names}; --connection NAME reads one\n")
    for fault in report.faults:
        write(f"\n{visible(fault)}\n")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
