"""Who is told what a session does: the history, the list of what was sent, and whoever waits for its turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import ErrorRecord
from alveary.events import Answered, QueryEnded, StatementSent

if TYPE_CHECKING:
    from alveary.recorder import Recording
    from alveary.sent import Sent
    from alveary.statements import Statement

USER, CATALOG, CONNECTING, DRIVER, IMPORT = "user", "catalog", "connecting", "driver", "import"
"""Origins of statements that are sent, where nobody says better."""
_OF_TRANSACTIONS = ("begin", "commit", "rollback")
_ORIGINS = {"begin": USER, "commit": USER, "rollback": USER, "ping": "connection test"}


class Witnesses:
    """Belongs to one session, which tells it everything while it holds its lock, so nothing here may block.

    What is to be called is set before the session is started.
    """

    def __init__(self, target: Target, driver: DriverSpec, recording: Recording | None, sent: Sent | None) -> None:
        self._target = target
        self._driver = driver
        self._recording = recording
        self._sent = sent
        self._origins: dict[str, str] = {}
        """For what each request was made that is not answered yet."""
        self._when_open: list[Callable[[], object]] = []
        self._when_over: list[Callable[[], object]] = []
        self._before_running: list[Callable[[str], object]] = []
        self._after_running: list[Callable[[str, QueryEnded | Answered], object]] = []

    def when_open(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the connection stands."""
        self._when_open.append(callback)

    def when_over(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the session is closed or lost."""
        self._when_over.append(callback)

    def before_running(self, callback: Callable[[str], object]) -> None:
        """Call ``callback`` with the text of each statement before it is handed over."""
        self._before_running.append(callback)

    def after_running(self, callback: Callable[[str, QueryEnded | Answered], object]) -> None:
        """Call ``callback`` with the text of each statement and how it ended.

        Of a transaction that is begun or ended without a statement it gets the word.
        """
        self._after_running.append(callback)

    # -- what the session tells --------------------------------------------------------------------------------

    def opened(self) -> None:
        """The connection stands."""
        for callback in self._when_open:
            callback()

    def over(self) -> None:
        """The session is closed or lost."""
        for callback in self._when_over:
            callback()

    def lost(self, reason: ErrorRecord) -> None:
        """Nothing that runs will be answered; told before whoever waits for it is woken."""
        if self._recording is not None:
            self._recording.lost(reason)

    def about_to_run(self, sql: str) -> None:
        """A statement will be handed over; the session's lock is not held."""
        for callback in self._before_running:
            callback(sql)

    def requested(self, request: str, origin: str) -> None:
        """A statement is handed over, for ``origin``."""
        self._origins[request] = origin

    def asked(self, request: str, question: str, origin: str | None) -> None:
        """A question is handed over; None for the origin is what such a question is asked for as a rule."""
        self._origins[request] = origin or _ORIGINS.get(question, CATALOG)

    def refused(self, request: str) -> None:
        """What was handed over was not taken, so nobody will ever say how it ended."""
        self._origins.pop(request, None)

    def started(self, statement: Statement) -> None:
        """The driver has the statement."""
        if self._recording is not None and statement.recorded:
            self._recording.started(statement)

    def ended(self, statement: Statement, event: QueryEnded) -> None:
        """The statement has ended; told before whoever waits for it is woken."""
        if self._recording is not None:
            self._recording.ended(event)
        for callback in self._after_running:
            callback(statement.sql, event)
        # One that was resumed was sent once; what imports sends statements of the driver's.
        if (origin := self._origins.pop(event.statement, IMPORT)) != IMPORT and self._sent is not None:
            self._sent.add(
                StatementSent(
                    session=event.session,
                    request=statement.id,
                    text=statement.sql,
                    seconds=event.seconds,
                    outcome=event.outcome,
                    origin=origin,
                    connection=self._target.display(),
                    error_code=event.error.code if event.error is not None else None,
                ),
                self._driver.dialect,
            )

    def answered(self, question: str, event: Answered) -> None:
        """A question was answered."""
        if question in _OF_TRANSACTIONS:
            for callback in self._after_running:
                callback(question, event)
        self._origins.pop(event.request, None)

    def sent(self, event: StatementSent, *, beside: bool) -> None:
        """The driver sent a statement of its own; ``beside`` a statement that it was asked to run."""
        if self._sent is None:
            return
        origin = self._origins.get(event.request, DRIVER) if event.request else CONNECTING
        if beside and origin != IMPORT:
            origin = DRIVER
        event = msgspec.structs.replace(event, origin=origin, connection=event.connection or self._target.display())
        self._sent.add(event, self._driver.dialect)
