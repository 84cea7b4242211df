"""The history: every statement that was run, as the store keeps it; how it is looked through, cleared and pruned."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from alveary.errors import QueryTimeoutError, UnknownEntryError
from alveary.events import Outcome
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.store.database import Store

_log = logging.getLogger(__name__)

RUNNING, INTERRUPTED, TIMED_OUT = "running", "interrupted", "timed out"
"""Outcomes beside those of :class:`~alveary.events.Outcome`. Only the first is stored: the second is a ``running`` of
a process that is gone, the third a ``failed`` whose error says so."""
MOST_CHARACTERS = 1_000_000
"""Characters kept of a statement."""
MOST_WORDS = 64
"""Words of a search that count."""
PRUNED_AT_ONCE = 200
"""Entries removed in one transaction: some 10 ms."""
_DAY = 86_400_000_000
"""Microseconds."""

_FIELDS = """id, started_at, profile_id, connection, "database", statement, parameters, outcome, seconds, rows,
rows_affected, error_code, error"""
_NEW = _FIELDS.partition(", ")[2]
_MANY = 100
"""Rows of one insert: each statement that SQLite runs gives up the interpreter and has to beg it back."""
#: Expressions, compiled when they are first used: whoever only writes needs none of them.
_CUT = r"…\[(\d+) characters at the end are not kept\] "
_PROCESS = r"process (\d+)"
#: Writing without spaces between the words: the index holds whole sentences there as one word.
_UNSPACED = "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD = r"[^\W_]+"

Record: TypeAlias = tuple[
    int, str | None, str, str | None, str, str, str, float | None, int | None, int | None, str | None, str | None
]
"""The columns of a new entry in the order of the table, without its id; ``parameters`` is JSON."""
Ending: TypeAlias = tuple[str, float | None, int | None, int | None, str | None, str | None]
"""Outcome, seconds, rows, rows affected, error code and error of a statement that ended."""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One statement that was run. Secrets in it are ``***``.

    ``connection`` is the saved name, or the URL without password and options. ``started_at`` is ISO 8601 in UTC.
    ``parameters`` are names, never values. ``cut`` counts the characters at the end that were not kept. ``outcome`` is
    running, interrupted, completed, truncated, cancelled, failed or timed out.
    """

    id: int
    started_at: str
    connection: str
    database: str | None
    profile_id: str | None
    statement: str
    cut: Small
    parameters: list[str]
    outcome: str
    seconds: float | None
    rows: int | None
    rows_affected: int | None
    error_code: str | None
    error: str | None


class History:
    """What the store knows of the past. Every method may be called from any thread but the window's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- reading -----------------------------------------------------------------------------------------------

    def search(
        self, text: str = "", *, failed: bool = False, connection: str | None = None, limit: int = 50
    ) -> list[HistoryEntry]:
        """Return the newest entries that hold all words of ``text`` in their statement or connection.

        A word stands for every word that begins with it (a single letter for itself), in any case; what has no letter
        or digit is looked for as it is. Any text is a valid search. ``connection`` must be equal.
        """
        found, plain = _sorted_words(storable(text))
        connection = connection and storable(connection)
        conditions: list[str] = []
        values: list[object] = []
        if connection is not None and _is_indexed(connection):
            found.append(f"connection : {_phrase(connection)}")
        if found:
            conditions.append("history_search match ?")
            values.append(" AND ".join(found))
        if connection is not None:
            conditions.append("h.connection = ?")
            values.append(connection)
        for word in plain:
            conditions.append("(h.statement like ? escape '\\' or h.connection like ? escape '\\')")
            values += ["%" + re.sub(r"([%_\\])", r"\\\1", word) + "%"] * 2
        if failed:
            # With words, a list of the failed ones is at hand while their entries are gone through by number.
            listed = "+s.rowid in (select id from history where outcome = 'failed')"
            conditions.append(listed if found else "h.outcome = 'failed'")
        source = "history_search s join history h on h.id = s.rowid" if found else "history h"
        where = f"where {' and '.join(conditions)}" if conditions else ""
        fields = ", ".join(f"h.{field}" for field in re.split(r",\s+", _FIELDS))
        order = "s.rowid" if found else "h.id"
        with self._store.reading() as rows:
            query = f"select {fields} from {source} {where} order by {order} desc limit ?"
            return [_entry(row) for row in rows.execute(query, [*values, limit])]

    def entry(self, id: int) -> HistoryEntry:
        """Return one entry; UnknownEntryError if there is none of that number."""
        with self._store.reading() as rows:
            row = rows.execute(f"select {_FIELDS} from history where id = ?", (id,)).fetchone()
        if row is None:
            raise UnknownEntryError(f"the history has no entry {id}", hint="see: alveary history")
        return _entry(row)

    def count(self, before: int | None = None) -> int:
        """Return how many entries there are, or how many began before a time in microseconds since 1970."""
        with self._store.reading() as rows:
            if before is None:
                return int(rows.execute("select count(*) from history").fetchone()[0])
            return int(rows.execute("select count(*) from history where started_at < ?", (before,)).fetchone()[0])

    # -- writing -----------------------------------------------------------------------------------------------

    def add(
        self, records: Sequence[Record], running: Sequence[Record], ended: Iterable[tuple[int, Ending]]
    ) -> list[int]:
        """Write entries in one transaction that is on the disk on return.

        ``records`` are complete, ``running`` get an id each, which is returned; ``ended`` completes such ones.
        """
        one = f"({', '.join('?' * 12)})"
        with self._store.writing() as rows:
            for start in range(0, len(records), _MANY):
                some = records[start : start + _MANY]
                values = [value for record in some for value in record]
                rows.execute(f"insert into history ({_NEW}) values {', '.join([one] * len(some))}", values)
            for id, ending in ended:
                rows.execute(
                    "update history set outcome = ?, seconds = ?, rows = ?, rows_affected = ?, error_code = ?, "
                    "error = ? where id = ?",
                    (*ending, id),
                )
            return [
                int(rows.execute(f"insert into history ({_NEW}) values {one} returning id", record).fetchone()[0])
                for record in running
            ]

    def clear(self, before: int | None = None) -> int:
        """Remove everything, or what began before a time in microseconds since 1970; return how many entries.

        What is removed is overwritten in the file, so that nobody can find it there.
        """
        removed = 0
        with self._store.reading() as rows:
            rows.execute("pragma secure_delete = on")
        try:
            if before is None:
                return self._clear_all()
            while some := self._remove("started_at < ?", before):
                removed += some
        finally:
            with self._store.reading() as rows:
                rows.execute("pragma secure_delete = off")
                rows.execute("pragma wal_checkpoint(truncate)")
        return removed

    def prune(self, keep_days: int, keep_entries: int) -> bool:
        """Remove a few entries that are too old or too many; return whether there are more of them.

        It begins when a hundredth is too much, or a day's worth, so that there is nothing to do most of the time.
        """
        now = time.time_ns() // 1000
        with self._store.reading() as rows:
            oldest, first, last = rows.execute("select min(started_at), min(id), max(id) from history").fetchone()
            if first is None:
                return False
            if oldest < now - (keep_days + 1) * _DAY:
                condition, value = "started_at < ?", now - keep_days * _DAY
            elif last - first >= keep_entries + keep_entries // 100:
                # Ids are given in order and removed from the old end, so their difference is a good estimate.
                condition, value = "id <= ?", last - keep_entries
            else:
                return False
        return self._remove(condition, value) == PRUNED_AT_ONCE

    def _remove(self, condition: str, value: int) -> int:
        with self._store.writing() as rows:
            some = f"select id from history where {condition} order by id limit {PRUNED_AT_ONCE}"
            return rows.execute(f"delete from history where id in ({some})", (value,)).rowcount

    def _clear_all(self) -> int:
        """Remove everything at once: row by row the trigger would take a minute for a million."""
        with self._store.writing() as rows:
            count = int(rows.execute("select count(*) from history").fetchone()[0])
            (trigger,) = rows.execute("select sql from sqlite_master where name = 'history_removed'").fetchone()
            rows.execute("drop trigger history_removed")
            rows.execute("delete from history")
            rows.execute("insert into history_search(history_search) values ('delete-all')")
            rows.execute(trigger)
        return count


def kept(statement: str, characters: int) -> str:
    """Return a statement, which had so many characters, as it is stored.

    A long one is cut, and says so at its beginning: no server runs it then, not even where the cut is in a comment.
    """
    if characters <= MOST_CHARACTERS:
        return statement
    return f"…[{characters - MOST_CHARACTERS} characters at the end are not kept] {statement[:MOST_CHARACTERS]}"


def storable(text: str) -> str:
    """Return text that SQLite takes: a path may hold bytes that are no text."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def running_in_this_process() -> str:
    """Return what stands in the place of the error while a statement runs: by it others see whether it still does."""
    return f"process {os.getpid()}"


def _entry(row: tuple[object, ...]) -> HistoryEntry:
    names = re.split(r",\s+", _FIELDS.replace('"', ""))
    values = dict(zip(names, row, strict=True))
    cut = re.match(_CUT, str(values["statement"]))
    outcome, error = str(values["outcome"]), values["error"]
    if outcome == RUNNING:
        if not _is_alive(str(error)):
            outcome = INTERRUPTED
        values["error"] = None
    elif outcome == Outcome.FAILED and values["error_code"] == QueryTimeoutError.code:
        outcome = TIMED_OUT
    started = datetime.fromtimestamp(int(str(values["started_at"])) / 1_000_000, UTC)
    values |= {
        "started_at": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "cut": int(cut[1]) if cut else 0,
        "parameters": _names(str(values["parameters"] or "[]")),
        "outcome": outcome,
    }
    return msgspec.convert(values, HistoryEntry)


def _names(text: str) -> list[str]:
    """Return the names of an entry's parameters; none where the cell was damaged, which must not hide the others."""
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError as exc:
        _log.warning("the parameters of an entry of the history can't be read: %s", exc)
        return []


def _is_alive(process: str) -> bool:
    """Return whether the process that ran a statement is still there, or another one that has its number by now."""
    match = re.fullmatch(_PROCESS, process)
    if match is None:
        return False
    if sys.platform == "win32":
        return True  # os.kill would end it there; a statement that was interrupted goes on to be shown as running
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _sorted_words(text: str) -> tuple[list[str], list[str]]:
    """Return the words of a search as expressions of the index, and those that the index can't hold."""
    found, plain = [], []
    for word in list(dict.fromkeys(text.replace("\0", " ").split()))[:MOST_WORDS]:
        if _is_indexed(word):
            # The index would have to put half of all entries together for a single letter.
            short = len(re.findall(_WORD, word)[-1]) == 1
            found.append(_phrase(word) + ("" if short else "*"))
        else:
            plain.append(word)
    return found, plain


def _is_indexed(word: str) -> bool:
    return re.search(_WORD, word) is not None and re.search(_UNSPACED, word) is None


def _phrase(text: str) -> str:
    quoted = text.replace("\0", " ").replace('"', '""')
    return f'"{quoted}"'
