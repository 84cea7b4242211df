"""What the results panel knows: which statements were run from where, what became of them, and which are kept."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from alveary.arrangement import Arrangement, Filter, Matches, Sort, arrange, find
from alveary.contracts.exporter import Origin
from alveary.contracts.values import Column, Row, ValueKind
from alveary.errors import AlvearyError, StorageError
from alveary.events import Outcome
from alveary.jobs import Job
from alveary.results import ResultSet
from alveary.sessions import Session
from alveary.statements import Statement
from alveary_shell.widgets.grid_rows import CachedRows, Reader

T = TypeVar("T")

MOST_TABS = 40
"""Results of one run that get a tab of their own; the list of statements leads to the others."""
OVERVIEW = "statements"
"""Key of the tab that lists the statements of a run."""
_OVERVIEW_COLUMNS = (
    Column(name="Statement", kind=ValueKind.TEXT),
    Column(name="Outcome", kind=ValueKind.TEXT),
    Column(name="Rows", kind=ValueKind.NUMBER),
    Column(name="Time", kind=ValueKind.NUMBER),
)
_READS = re.compile(r"\s*(select|values|table|show|describe)\b", re.IGNORECASE)
_keys = itertools.count(1)


class Entry:
    """One statement of a run and what it brought."""

    def __init__(self, statement: Statement, session: Session, reader: Reader) -> None:
        self.key = f"result-{next(_keys)}"
        self.statement = statement
        self.session = session
        self.number = 0
        """Counts the results of its run; 0 while there is none."""
        self.pinned = False
        self.page = 0
        """Rows that were taken at first, where there were more."""
        self.queued = time.monotonic()
        self.started: float | None = None
        """When the worker began, on the monotonic clock."""
        self.sorts: tuple[Sort, ...] = ()
        self.filters: tuple[Filter, ...] = ()
        self.quick = ""
        """Text that some cell of each shown row holds."""
        self.arrangement: Arrangement | None = None
        """The rows in the order that was asked for; None for as they came."""
        self.arranging: Job | None = None
        self._reader = reader
        self._rows: CachedRows | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The header; empty while there is none, and for a statement without a result."""
        return self.statement.columns or ()

    @property
    def rows(self) -> CachedRows:
        """The rows as they are shown, as a grid wants them."""
        if self._rows is None:
            source = self.source()
            self._rows = CachedRows(source, len(self.columns), self._reader)
        self._rows.grown(self.statement.rows if self.arrangement is None else len(self.arrangement))
        return self._rows

    @property
    def origin(self) -> Origin:
        """Where the rows come from, for formats that want to know."""
        return Origin(sql=self.statement.sql, dialect=self.session.driver.dialect)

    def source(self) -> Callable[[], ResultSet | Arrangement | None]:
        """Return what opens the rows as they are shown, on any thread; it knows nothing of the window."""
        arrangement, statement = self.arrangement, self.statement
        return lambda: arrangement if arrangement is not None else statement.result

    # -- order ---------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> tuple[tuple[Sort, ...], tuple[Filter, ...]]:
        """The sorts and all filters; both empty for the rows as they came."""
        quick = (Filter(test="contains", value=self.quick),) if self.quick else ()
        return self.sorts, (*self.filters, *quick)

    @property
    def outdated(self) -> bool:
        """Whether the rows do not stand as is wanted, or more came after those that were arranged."""
        if self.arrangement is None:
            return any(self.wanted) and bool(self.columns)
        return self.arrangement.of < self.statement.rows or not any(self.wanted)

    def arranged(self, arrangement: Arrangement | None) -> None:
        """Show the rows in another order from now on."""
        # The one before is deleted with its last holder, which may be a job that still writes it to a file.
        self.arrangement, self._rows = arrangement, None

    def turn(self, column: int, *, more: bool) -> None:
        """Sort by a column, then the other way round, then no longer; beside the columns before if ``more``."""
        now = next((sort for sort in self.sorts if sort.column == column), None)
        others = tuple(sort for sort in self.sorts if sort.column != column) if more else ()
        if now is None:
            self.sorts = (*others, Sort(column=column))
        elif now.descending:
            self.sorts = others
        else:
            turned = Sort(column=column, descending=True, nulls=now.nulls)
            self.sorts = tuple(turned if sort is now else sort for sort in self.sorts) if more else (turned,)

    @property
    def running(self) -> bool:
        """Whether it waits or runs."""
        return self.statement.outcome is None

    @property
    def error(self) -> AlvearyError | None:
        """Why it failed."""
        return self.statement.error if self.statement.outcome is Outcome.FAILED else None

    @property
    def held(self) -> bool:
        """Whether the cursor is open, so that more rows can be fetched."""
        return self.statement.outcome is Outcome.TRUNCATED and self.statement.held_until is not None

    @property
    def can_run_again(self) -> bool:
        """Whether its rows are not all there and the same statement would bring them; of values nothing is kept."""
        cut = self.statement.outcome in (Outcome.TRUNCATED, Outcome.CANCELLED) and bool(self.columns)
        return cut and not self.statement.parameters

    @property
    def reads(self) -> bool:
        """Whether the statement surely changes nothing by itself, as far as its first word tells."""
        return _READS.match(self.statement.sql) is not None

    @property
    def title(self) -> str:
        """What its tab says."""
        if self.columns:
            return f"Result {self.number} ({self.statement.rows:,})"
        if self.running:
            return "Running"
        if self.statement.outcome is Outcome.CANCELLED:
            return "Cancelled"
        return "Error" if self.error is not None else "Done"

    @property
    def seconds(self) -> float:
        """How long it took, or has been running by now; 0 while it waits."""
        if not self.running:
            return self.statement.seconds
        return time.monotonic() - self.started if self.started is not None else 0.0

    def summary(self) -> str:
        """Return how it stands in a few words: rows, time, what is missing."""
        statement = self.statement
        rows = counted(statement.rows, "row")
        if self.running:
            if self.started is None:
                return "Waiting for its turn"
            so_far = f"{rows} so far · " if self.columns else ""
            return f"{so_far}running {duration(self.seconds)}"
        parts = []
        if statement.outcome is Outcome.TRUNCATED and statement.held_until is not None:
            left = max(statement.held_until - time.monotonic(), 0)
            parts.append(f"The first {rows}; more on the server (closes in {math.ceil(left)} s)")
        elif statement.outcome is Outcome.TRUNCATED:
            parts.append(f"The first {rows}; there are more")
        elif statement.outcome is Outcome.CANCELLED:
            parts.append(f"Cancelled after {rows}" if self.columns else "Cancelled")
        elif statement.outcome is Outcome.FAILED:
            parts.append(f"Failed after {rows}" if self.columns else "Failed")
        elif self.columns:
            parts.append(rows)
        if statement.affected is not None and not self.columns:
            parts.append(f"{counted(statement.affected, 'row')} affected")
        elif not parts:
            parts.append("Done, without a result")
        parts.append(self.times())
        said = " · ".join(filter(None, parts))
        if self.arrangement is not None and len(self.arrangement) != self.arrangement.of:
            return f"{len(self.arrangement):,} of {said[0].lower()}{said[1:]}"
        return said

    def times(self) -> str:
        """Return how long it took, parted into the server's time and the time to fetch where that is known."""
        statement = self.statement
        if statement.first_row is None or not self.columns:
            return duration(statement.seconds)
        fetching = max(statement.seconds - statement.first_row, 0.0)
        parts = f"server {duration(statement.first_row)}, fetch {duration(fetching)}"
        return f"{duration(statement.seconds)} ({parts})"


@dataclass(slots=True)
class Run:
    """The statements that were handed over together."""

    batch: int
    entries: list[Entry] = field(default_factory=list)
    chosen: str | None = None
    """Key of the tab a person chose in it; None as long as none was chosen."""


class ResultsModel:
    """Runs by the panel they came from. Only Tk's thread calls it; rows are read on a thread of its reader."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.place: str | None = None
        """Id of the panel whose last run is shown."""
        self._runs: dict[str, Run] = {}
        self._pinned: list[Entry] = []
        self._by_statement: dict[str, Entry] = {}
        self._forgotten: list[Entry] = []

    # -- what happens --------------------------------------------------------------------------------------------

    def queued(self, place: str, session: Session, statement: Statement, batch: int) -> Entry | None:
        """Take a statement that a panel handed to its session; None if it is known already."""
        if statement.id in self._by_statement:
            return None
        self.place = place
        run = self._runs.get(place)
        if run is None or run.batch != batch:
            self._forget(run.entries if run is not None else [])
            run = self._runs[place] = Run(batch)
        entry = Entry(statement, session, self.reader)
        run.entries.append(entry)
        self._by_statement[statement.id] = entry
        return entry

    def started(self, statement: str) -> Entry | None:
        """A statement has begun."""
        if (entry := self._by_statement.get(statement)) is not None and entry.started is None:
            entry.started = time.monotonic()
        if entry is not None and entry.page == 0 and entry.statement.outcome is Outcome.TRUNCATED:
            entry.page = entry.statement.rows
        return entry

    def find(self, statement: str) -> Entry | None:
        """Return the entry of a statement by its id."""
        return self._by_statement.get(statement)

    def replaced(self, entry: Entry, statement: Statement) -> Entry:
        """The statement of an entry is run again: what it brings takes the entry's place."""
        new = Entry(statement, entry.session, self.reader)
        new.pinned, new.number = entry.pinned, 0
        new.sorts, new.filters, new.quick = entry.sorts, entry.filters, entry.quick
        run = self._run_of(entry)
        if run is not None:
            run.entries[run.entries.index(entry)] = new
            run.chosen = new.key
        if entry in self._pinned:
            self._pinned[self._pinned.index(entry)] = new
        self._by_statement.pop(entry.statement.id, None)
        self._by_statement[statement.id] = new
        return new

    # -- what is shown -------------------------------------------------------------------------------------------

    @property
    def run(self) -> Run | None:
        """The run that is shown."""
        return self._runs.get(self.place) if self.place is not None else None

    def tabs(self) -> list[Entry]:
        """Return the entries that have a tab now: what is pinned, then the results and errors of the run."""
        run = self.run
        entries = run.entries if run is not None else []
        own = [entry for entry in entries if entry.columns or entry.error is not None]
        for entry in own:
            if entry.columns and entry.number == 0:
                entry.number = 1 + max(other.number for other in own)
        if not own and entries:
            own = entries[-1:] if len(entries) == 1 or any(entry.running for entry in entries) else []
        return [*(entry for entry in self._pinned if entry not in own), *own[:MOST_TABS]]

    @property
    def has_overview(self) -> bool:
        """Whether the run is of several statements, so that a list of them helps."""
        return self.run is not None and len(self.run.entries) > 1

    def front(self) -> str | None:
        """Return the key of the tab to show: the one chosen, else the first error, else the first of the run."""
        run, tabs = self.run, self.tabs()
        keys = [entry.key for entry in tabs]
        if run is not None and run.chosen is not None and (run.chosen in keys or run.chosen == OVERVIEW):
            return run.chosen
        own = [entry for entry in tabs if run is not None and entry in run.entries]
        failed = next((entry for entry in own if entry.error is not None), None)
        first = failed or next(iter(own), None)
        if first is not None:
            return first.key
        return OVERVIEW if self.has_overview else next(iter(keys), None)

    def choose(self, key: str) -> None:
        """A person chose a tab."""
        if self.run is None and self.place is not None:
            self._runs[self.place] = Run(-1)
        if self.run is not None:
            self.run.chosen = key

    def entry(self, key: str | None) -> Entry | None:
        """Return an entry by its key."""
        return next((entry for entry in self._all() if entry.key == key), None)

    def overview(self) -> tuple[tuple[Column, ...], list[Row]]:
        """Return the list of the run's statements, as a grid shows it."""
        rows: list[Row] = []
        for entry in self.run.entries if self.run is not None else ():
            statement = entry.statement
            outcome = "running" if entry.started is not None else "waiting"
            if statement.outcome is not None:
                outcome = entry.error.message if entry.error is not None else statement.outcome.value
            count = statement.rows if entry.columns else statement.affected
            rows.append(
                (
                    " ".join(statement.sql.split())[:200],
                    outcome,
                    None if count is None else f"{count:,}",
                    duration(entry.seconds) if entry.started is not None else None,
                )
            )
        return _OVERVIEW_COLUMNS, rows

    # -- what a person does --------------------------------------------------------------------------------------

    def pin(self, entry: Entry) -> None:
        """Keep a result when the next run comes, or no longer."""
        entry.pinned = not entry.pinned
        if entry.pinned:
            self._pinned.append(entry)
        else:
            self._pinned.remove(entry)
            if self._run_of(entry) is None:
                self._forget([entry])

    def close(self, entry: Entry) -> None:
        """Let a result go; a statement that runs is cancelled."""
        if entry.running or entry.held:
            entry.statement.cancel()
        run = self._run_of(entry)
        if run is not None:
            if run.chosen == entry.key:
                run.chosen = None
            run.entries.remove(entry)
        if entry.pinned:
            entry.pinned = False
            self._pinned.remove(entry)
        self._forget([entry])

    def keep(self, places: set[str]) -> None:
        """Forget the runs of panels that are closed."""
        for place in [place for place in self._runs if place not in places]:
            self._forget(self._runs.pop(place).entries)

    def close_all(self) -> None:
        """Let everything go."""
        self.reader.close()
        self._runs.clear()
        self._pinned.clear()
        self._by_statement.clear()
        self._forgotten.clear()

    def _all(self) -> Iterator[Entry]:
        seen = set()
        for entry in (*self._pinned, *(entry for run in self._runs.values() for entry in run.entries)):
            if entry.key not in seen:
                seen.add(entry.key)
                yield entry

    def _run_of(self, entry: Entry) -> Run | None:
        return next((run for run in self._runs.values() if entry in run.entries), None)

    def _forget(self, entries: list[Entry]) -> None:
        # A result is deleted with its last holder, which may be a job that still writes it to a file.
        for entry in entries:
            if not entry.pinned:
                self._by_statement.pop(entry.statement.id, None)
                self._forgotten.append(entry)

    @property
    def has_forgotten(self) -> bool:
        """Whether there are results that :meth:`sweep` would let go."""
        return bool(self._forgotten)

    def sweep(self) -> None:
        """Let go of what is not shown any more, on the reader's thread: to delete many rows takes a while."""
        forgotten, self._forgotten = self._forgotten, []
        self.reader.ask(object(), forgotten.clear)


def counted(number: int, what: str) -> str:
    """Return ``1 row``, ``1,000 rows``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time as a person reads it: ``12 ms``, ``1.24 s``, ``2 min 5 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def first_line(entry: Entry) -> str:
    """Return the beginning of a statement, in one line."""
    line = " ".join(entry.statement.sql[:400].split())
    return line if len(line) <= 120 else line[:120] + "…"


class Awaited(Generic[T]):
    """What a reader's thread will have found; looked at from Tk's thread, so that no thread holds anything of Tk's."""

    def __init__(self, reader: Reader, work: Callable[[], T], key: object = None) -> None:
        self.ready = False
        self.value: T | None = None
        self.error: AlvearyError | None = None
        reader.ask(key if key is not None else self, lambda: self._fill(work))

    def _fill(self, work: Callable[[], T]) -> None:
        try:
            self.value = work()
        except AlvearyError as exc:
            self.error = exc
        finally:
            self.ready = True


def arranging(entry: Entry) -> Callable[[Job], Arrangement]:
    """Return the work that arranges an entry's rows as is wanted; it holds nothing of the window."""
    statement, (sorts, filters) = entry.statement, entry.wanted

    def work(job: Job) -> Arrangement:
        return arrange(_stored(statement), sorts=sorts, filters=filters, job=job)

    return work


def finding(entry: Entry, wanted: Filter) -> Callable[[Job], Matches]:
    """Return the work that finds the rows with a match, in the order they are shown."""
    statement, arrangement = entry.statement, entry.arrangement

    def work(job: Job) -> Matches:
        return find(_stored(statement), wanted, within=arrangement, job=job)

    return work


def _stored(statement: Statement) -> ResultSet:
    if (result := statement.result) is None:
        raise StorageError("there are no rows yet")
    return result
