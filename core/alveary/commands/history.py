"""``history.list``, ``history.show``, ``history.clear``: what was run, to be found, run again, or forgotten."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import AlvearyError, InvalidInputError
from alveary.history import HistoryEntry
from alveary.recorder import recorded_as
from alveary.tables import plain_table, visible

_NARROWEST = 20
"""Columns a statement is given however narrow the terminal."""


class HistoryParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for; without anything the newest statements."""

    search: Annotated[str | None, Meta(description="Words of the statement or connection, or their beginnings.")] = None
    failed: Annotated[bool, Meta(description="Only what failed.")] = False
    connection: Annotated[str | None, Meta(description="Only what ran there: a saved name or a URL.")] = None
    limit: Annotated[int, Meta(ge=1, le=1_000_000, description="How many statements at most; 50 without it.")] = 50


class EntryParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry by its number."""

    id: Annotated[int, Meta(ge=1, le=2**63 - 1, description="Number of the entry.", extra={"argument": True})]


class ClearParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much to forget."""

    before: Annotated[str | None, Meta(description="Only what ran before this date, or date and time.")] = None
    yes: Annotated[bool, Meta(description="Do it; without this it is only said what would be removed.")] = False


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were removed."""

    removed: int


def list_history(context: Context, parameters: HistoryParameters) -> list[HistoryEntry]:
    """Return what was run, newest first."""
    kernel = context.kernel
    kernel.recorder.flush()
    connection = parameters.connection
    if connection is not None and "://" in connection:
        # As it was recorded: without password and options, a file by its absolute path. What is no target (any more)
        # is looked for as it is.
        with contextlib.suppress(AlvearyError):
            connection, _ = recorded_as(*kernel.target(connection))
    return kernel.history.search(
        parameters.search or "", failed=parameters.failed, connection=connection, limit=parameters.limit
    )


def show(context: Context, parameters: EntryParameters) -> HistoryEntry:
    """Return one entry."""
    context.kernel.recorder.flush()
    return context.kernel.history.entry(parameters.id)


def clear(context: Context, parameters: ClearParameters) -> Cleared:
    """Remove entries for good, all or those before a moment."""
    kernel = context.kernel
    kernel.recorder.flush()
    before = None if parameters.before is None else _microseconds(parameters.before)
    if not parameters.yes:
        count = kernel.history.count(before)
        raise InvalidInputError(
            f"this would remove {count:,} entries of the history for good", hint="if that is meant, add --yes"
        )
    return Cleared(removed=kernel.history.clear(before))


def _microseconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1_000_000)
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError(
            f"before: {text!r} is no date", hint="write it as 2026-01-31 or 2026-01-31T14:30"
        ) from None


# -- on the command line -----------------------------------------------------------------------------------------


def render(entries: list[HistoryEntry], write: Callable[[str], object]) -> None:
    """Print a line for each entry, its statement last: whole for a pipe, cut to the width of a terminal."""
    rows = [
        [
            str(entry.id),
            datetime.fromisoformat(entry.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "" if entry.seconds is None else f"{entry.seconds:.3f}",
            str(entry.rows if entry.rows_affected is None else entry.rows_affected) if entry.rows is not None else "",
            entry.outcome,
            entry.connection,
        ]
        for entry in entries
    ]
    lines = plain_table(["id", "time", "seconds", "rows", "outcome", "connection"], rows).splitlines()
    statements = ["statement", "-" * len("statement"), *(_folded(entry.statement) for entry in entries)]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    before = max(map(len, lines)) + 2
    for line, statement in zip(lines, statements, strict=True):
        shown = statement if width is None else _cut(statement, max(width - before, _NARROWEST))
        write(f"{line.ljust(before)}{shown}\n")


def render_entry(entry: HistoryEntry, write: Callable[[str], object]) -> None:
    """Print the statement as it was typed, so that it can be run again."""
    statement = entry.statement
    if sys.stdout.isatty():
        statement = "\n".join(visible(line.replace("\t", "    ")) for line in statement.splitlines())
    write(statement if statement.endswith("\n") else statement + "\n")


def render_cleared(cleared: Cleared, write: Callable[[str], object]) -> None:
    """Say how many are gone."""
    write(f"removed {cleared.removed:,} entries\n")


def _folded(statement: str) -> str:
    """Return a statement on one line; where it was broken stands ⏎."""
    return visible(re.sub(r"[ \t]*(?:\r\n?|\n)\s*", " ⏎ ", statement.strip()).replace("\t", " "))


def _cut(text: str, width: int) -> str:
    """Return as much of a text as fits into so many columns, with … at the end if that is not all."""
    if len(text) <= width and text.isascii():
        return text
    used = 0
    for place, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            # The last character that fitted makes room for the mark.
            return text[: max(place - 1, 0)] + "…"
    return text
