"""The recorder: takes note of every statement a session runs and writes it to the history, on a thread of its own."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from alveary.bus import Bus
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import ErrorRecord, InternalError, StorageError, StoreLockedError, described
from alveary.events import Outcome, QueryEnded, StatementsUnrecorded
from alveary.history import MOST_CHARACTERS, RUNNING, Ending, History, Record, kept, running_in_this_process, storable
from alveary.redaction import redacted_error, redacted_statement
from alveary.wire import json_text

if TYPE_CHECKING:
    from alveary.statements import Statement

_log = logging.getLogger(__name__)

KEEP_DAYS = 365
KEEP_ENTRIES = 1_000_000
LINGER, LONG_LINGER = 0.1, 0.3
"""Seconds that statements gather before they are written together, unless somebody waits; the longer in a script."""
MANY = 200
"""Statements in one group that make a script."""
MOMENT = 1.0
"""Seconds after which a statement that still runs is written, so that a crash leaves a trace of it."""
PATIENCE = 3.0
"""Seconds during which a store that another program holds locked is tried again; each attempt waits some itself."""
REST = 30.0
"""Seconds for which a store that could not be written is left alone; what runs meanwhile is not recorded."""
FLUSH_SECONDS = 10.0
"""How long a flush waits: more than the patience and the attempts that come before it is over."""
CLOSE_SECONDS = 3.0
"""How long closing waits for what is left to be written."""
MOST_WAITING = 100_000
"""Statements that may wait to be written."""
MOST_WAITING_CHARACTERS = 50_000_000
"""The same in characters."""
_OVERLAP = 4096
"""Characters kept beyond the limit until the secrets are blotted, lest half a one remain at the end."""


class Recording:
    """What is recorded of one session. Nothing here waits or raises, so it may be called holding a lock."""

    def __init__(self, recorder: Recorder, target: Target, driver: DriverSpec) -> None:
        self.driver = driver
        self.profile_id = target.profile_id
        self.connection, self.database = recorded_as(target, driver)
        self._recorder = recorder
        self._runs: dict[str, Run] = {}

    def started(self, statement: Statement) -> None:
        """Note that a statement was handed to the driver."""
        self._runs[statement.id] = run = Run(self, statement)
        self._recorder.begin(run)

    def ended(self, event: QueryEnded) -> None:
        """Note how a statement ended; one that never reached the driver was not run, so it is none."""
        if (run := self._runs.pop(event.statement, None)) is not None:
            run.outcome, run.error = event.outcome, event.error
            run.seconds, run.rows, run.affected = event.seconds, event.rows, event.affected
            self._recorder.end(run)

    def lost(self, error: ErrorRecord) -> None:
        """Note that the session is over, and with it what still ran."""
        runs, self._runs = self._runs, {}
        for run in runs.values():
            run.outcome, run.error, run.seconds = Outcome.FAILED, error, time.monotonic() - run.began
            self._recorder.end(run)


class Run:
    """One run of a statement: what is known of it by now."""

    __slots__ = ("affected", "began", "characters", "entry", "error", "outcome", "parameters", "recording", "rows",
                 "seconds", "sql", "started_at")  # fmt: skip

    def __init__(self, recording: Recording, statement: Statement) -> None:
        sql = statement.sql
        self.recording = recording
        self.sql = sql if len(sql) <= MOST_CHARACTERS + _OVERLAP else sql[: MOST_CHARACTERS + _OVERLAP]
        self.characters = len(sql)
        self.parameters = statement.parameters
        self.started_at = time.time_ns() // 1000
        self.began = time.monotonic()
        self.outcome: Outcome | None = None
        self.error: ErrorRecord | None = None
        self.seconds: float | None = None
        self.rows: int | None = None
        self.affected: int | None = None
        self.entry: int | None = None
        """The id of its entry, once that is written."""

    def ending(self) -> Ending:
        """Return the columns that say how it ended."""
        if self.outcome is None:
            return RUNNING, None, None, None, None, running_in_this_process()
        code = error = None
        if self.error is not None:
            dialect = self.recording.driver.dialect
            code, error = self.error.code, storable(redacted_error(self.error.message, self.sql, dialect))
        return self.outcome.value, self.seconds, self.rows, self.affected, code, error

    def record(self) -> Record:
        """Return all columns."""
        recording = self.recording
        outcome, seconds, rows, affected, code, error = self.ending()
        return (
            self.started_at,
            recording.profile_id,
            recording.connection,
            recording.database,
            kept(redacted_statement(self.sql, recording.driver.dialect), self.characters),
            json_text(self.parameters) if self.parameters else "[]",
            outcome,
            seconds,
            rows,
            affected,
            code,
            error,
        )


class Recorder:
    """Writes what was run. A store that can't be used stops nothing: that is said once, and statements run unrecorded.

    Statements gather for a moment and are written together, each group in a transaction that is on the disk when it
    is over.
    """

    def __init__(
        self, history: History, bus: Bus, *, keep_days: int = KEEP_DAYS, keep_entries: int = KEEP_ENTRIES
    ) -> None:
        """``keep_days`` and ``keep_entries`` say what is removed, by and by; no entries at all: nothing is recorded."""
        self.unrecorded = 0
        """Statements that were run and could not be recorded."""
        self._history = history
        self._bus = bus
        self._keep_days = keep_days
        self._keep_entries = keep_entries
        self._changed = threading.Condition()
        self._running: dict[Run, None] = {}
        self._ended: list[Run] = []
        self._characters = 0
        self._gathering_since = 0.0
        self._linger = LINGER
        self._asked = self._answered = 0
        """Flushes that were asked for, and those whose statements are written."""
        self._rest_until = 0.0
        self._said = self._closing = self._pruned = self._pruning = False
        self._thread: threading.Thread | None = None

    def recording(self, target: Target, driver: DriverSpec) -> Recording | None:
        """Return what a session that goes to ``target`` tells of its statements; None if nothing is to be recorded."""
        return Recording(self, target, driver) if self._keep_entries else None

    def begin(self, run: Run) -> None:
        """Take note that a statement runs."""
        with self._changed:
            if not self._running and not self._ended:
                self._changed.notify_all()  # the writer sleeps; it must look at the clock again
            self._running[run] = None
            self._start()

    def end(self, run: Run) -> None:
        """Take note that a statement ended."""
        with self._changed:
            self._running.pop(run, None)
            if len(self._ended) >= MOST_WAITING or self._characters > MOST_WAITING_CHARACTERS:
                self.unrecorded += 1
                return
            if not self._ended:
                self._gathering_since = time.monotonic()
                self._changed.notify_all()
            self._ended.append(run)
            self._characters += len(run.sql)

    def flush(self, timeout: float = FLUSH_SECONDS) -> bool:
        """Wait until every statement that has ended is on the disk; False if that takes too long or one is lost."""
        with self._changed:
            if self._thread is None:
                return True
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
            in_time = self._changed.wait_for(lambda: self._answered >= mine, timeout)
            return in_time and self.unrecorded == 0

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Write what is left and end the thread."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._closing = True
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)

    def _start(self) -> None:
        if self._thread is None and not self._closing:
            thread = threading.Thread(target=self._serve, name="alveary-recorder", daemon=True)
            try:
                thread.start()
            except RuntimeError as exc:  # no more threads: what has run is kept, and the next statement tries again
                self._say(InternalError(f"the history can't be written: {described(exc)}"))
            else:
                self._thread = thread

    # -- the writer's thread -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            with self._changed:
                while (pause := self._pause()) is None or pause > 0:
                    self._changed.wait(pause)
                closing, asked = self._closing, self._asked
                ended, self._ended, self._characters = self._ended, [], 0
                written_by = time.monotonic() - MOMENT
                running = [run for run in self._running if run.entry is None and run.began <= written_by]
            self._linger = LONG_LINGER if len(ended) >= MANY else LINGER
            self._write(ended, running)
            with self._changed:
                self._answered = asked
                self._changed.notify_all()
            if not self._pruned and not self.unrecorded:
                self._prune()
            if closing:
                return

    def _pause(self) -> float | None:
        """Return the seconds until there is something to do, none or less for now, None for a sleep without end."""
        if self._closing or self._pruning or self._asked > self._answered:
            return 0.0
        now = time.monotonic()
        due = self._gathering_since + self._linger if self._ended else math.inf
        unwritten = next((run for run in self._running if run.entry is None), None)  # they are in order
        if unwritten is not None:
            due = min(due, max(unwritten.began + MOMENT, self._rest_until))
        return None if due == math.inf else due - now

    def _write(self, ended: Sequence[Run], running: Sequence[Run]) -> None:
        if not ended and not running:
            return
        if time.monotonic() < self._rest_until:
            self._give_up(ended)
            return
        try:
            records = [run.record() for run in ended if run.entry is None]
            endings = [(run.entry, run.ending()) for run in ended if run.entry is not None]
            self._store(records, running, endings)
        except Exception as exc:  # noqa: BLE001  # whatever it is, what runs must go on and the thread must live
            error = exc if isinstance(exc, StorageError) else InternalError(f"the history failed: {described(exc)}")
            self._give_up(ended)
            self._rest_until = time.monotonic() + REST
            self._say(error)

    def _give_up(self, ended: Sequence[Run]) -> None:
        with self._changed:
            self.unrecorded += len(ended)

    def _store(self, records: Sequence[Record], running: Sequence[Run], endings: Sequence[tuple[int, Ending]]) -> None:
        patient_until = time.monotonic() + PATIENCE
        beginnings = [run.record() for run in running]
        while True:
            try:
                ids = self._history.add(records, beginnings, endings)
                break
            except StoreLockedError:
                if time.monotonic() > patient_until:
                    raise
        for run, id in zip(running, ids, strict=True):
            run.entry = id

    def _prune(self) -> None:
        try:
            more = self._history.prune(self._keep_days, self._keep_entries)
        except StorageError as exc:
            _log.info("the history was not pruned: %s", described(exc))
            more = False
        self._pruned, self._pruning = not more, more

    def _say(self, error: StorageError | InternalError) -> None:
        _log.warning("statements are not recorded: %s", described(error))
        if not self._said:
            self._said = True
            self._bus.publish(StatementsUnrecorded(error=error.record()))


def recorded_as(target: Target, driver: DriverSpec) -> tuple[str, str | None]:
    """Return the connection and the database a target is recorded as; a file is found by it from any directory."""
    if driver.file_based and target.database and not target.database.startswith(":"):
        target = msgspec.structs.replace(target, database=os.path.abspath(target.database))
    return storable(target.display()), None if target.database is None else storable(target.database)
