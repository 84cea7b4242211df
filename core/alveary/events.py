"""Everything that can have happened: frozen, past tense, named ``feature:event-name`` on the wire, counts not rows."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from alveary.contracts.driver import TlsInfo, TransactionState
from alveary.contracts.setting import Value
from alveary.contracts.values import Column
from alveary.errors import ErrorRecord
from alveary.wire import Small


class SessionState(enum.StrEnum):
    """Where a session stands. The session itself is the only owner of its state."""

    CONNECTING = "connecting"
    IDLE = "idle"
    RUNNING = "running"
    CANCELLING = "cancelling"
    IN_TRANSACTION = "in transaction"
    FAILED = "failed"
    """In a transaction that can only be rolled back."""
    UNVERIFIED = "unverified"
    """Whether the connection still stands is not known: the machine slept, or it idled for long. It is tried before
    anything is sent."""
    BROKEN = "broken"
    """The connection or its process died; the session never comes back."""
    CLOSED = "closed"


class Outcome(enum.StrEnum):
    """How a statement ended. Only FAILED is an error."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"
    """The row limit was reached and the server had more."""
    CANCELLED = "cancelled"
    FAILED = "failed"


class Loss(enum.StrEnum):
    """What a connection took along when it was lost."""

    NOTHING = "nothing"
    """No transaction was open, and nothing ran that could have changed something."""
    TRANSACTION = "transaction"
    """The open transaction: the server rolls it back."""
    UNKNOWN = "unknown"
    """Whether what ran was carried out, or the transaction committed, is not known."""

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _LOSSES[self]


_LOSSES = {
    Loss.NOTHING: "no transaction was open",
    Loss.TRANSACTION: "the open transaction is lost",
    Loss.UNKNOWN: "whether the server carried out what ran is not known",
}


class CancelStep(enum.StrEnum):
    """How far a cancel has come."""

    ASKED = "asked"
    """The server is asked to stop."""
    REFUSED = "refused"
    """It could not be asked, or gave no answer; it is asked again."""
    SHUT = "shut"
    """The connection is shut, which wakes whoever waits for it."""
    GIVEN_UP = "given up"
    """Nobody waits any more: the process is killed, or the thread left behind."""

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _SENTENCES[self]


_SENTENCES = {
    CancelStep.ASKED: "the server is asked to stop",
    CancelStep.REFUSED: "the server does not stop; it is asked again",
    CancelStep.SHUT: "no answer: the connection is shut",
    CancelStep.GIVEN_UP: "given up: nobody waits for it any more",
}


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """The root of all events. Times are seconds, of a monotonic clock unless said otherwise."""

    @property
    def name(self) -> str:
        """The event's name on the wire."""
        return str(type(self).__struct_config__.tag)


# -- what a session's worker says ---------------------------------------------------------------------------------


class SessionOpened(Event, frozen=True, kw_only=True, tag="session:opened"):
    """The connection stands.

    ``seconds`` is what connecting took, ``tls`` None where the driver can't tell, ``route`` the tunnel it goes through.
    """

    session: str
    product: str
    version: str
    seconds: float
    tls: TlsInfo | None = None
    route: str | None = None


class SessionOpenFailed(Event, frozen=True, kw_only=True, tag="session:open-failed"):
    """The connection could not be made."""

    session: str
    error: ErrorRecord


class SessionStateChanged(Event, frozen=True, kw_only=True, tag="session:state-changed"):
    """A session went from one state to another. ``sequence`` counts a session's changes from 1."""

    session: str
    sequence: Small
    old: SessionState
    new: SessionState
    reason: str | None = None
    loss: Loss | None = None
    """Set when the session broke."""


class QueryStarted(Event, frozen=True, kw_only=True, tag="query:started"):
    """The worker handed a statement to the driver."""

    session: str
    statement: str


class QueryResumed(Event, frozen=True, kw_only=True, tag="query:resumed"):
    """The worker goes on with the open cursor of a statement that had reached its row limit."""

    session: str
    statement: str


class QueryColumnsReady(Event, frozen=True, kw_only=True, tag="query:columns-ready"):
    """The header of a result is known; its rows follow."""

    session: str
    statement: str
    columns: tuple[Column, ...]


class QueryProgressed(Event, frozen=True, kw_only=True, tag="query:progress"):
    """So many rows, and bytes as stored or written, have reached the sink since the statement began."""

    session: str
    statement: str
    rows: int
    bytes: int


class QueryNoticed(Event, frozen=True, kw_only=True, tag="query:notice"):
    """The server said something on the side."""

    session: str
    statement: str
    severity: str
    message: str


class QueryEnded(Event, frozen=True, kw_only=True, tag="query:ended"):
    """A statement ended, whatever the outcome; one that was resumed ends once more.

    ``rows`` reached the sink and took ``bytes`` there; ``affected`` is the server's count of changed rows, None
    where it gives none. ``first_row`` and ``seconds`` are counted from the moment the driver was handed the
    statement, without the time its cursor lay open; ``first_row`` is None when there was no row. ``notices`` counts
    all of them, published or not. ``held`` is set when the limit was reached and the cursor stays open: for so many
    seconds, or until the next request of its session. Of a load ``bytes`` tells how much of its source was read,
    ``rejected`` counts the rows put aside, and ``digest`` is the sum of those that were read, if it was asked for.
    ``shut`` says that the connection was shut with it, because the server gave no answer to a cancel.
    """

    session: str
    statement: str
    outcome: Outcome
    transaction: TransactionState
    rows: int
    bytes: int
    seconds: float
    affected: int | None = None
    first_row: float | None = None
    notices: int = 0
    rejected: int = 0
    digest: str | None = None
    held: float | None = None
    shut: bool = False
    error: ErrorRecord | None = None


class CursorEnd(enum.StrEnum):
    """Why an open cursor was closed before its last row."""

    NEXT = "next"
    """Its session was asked for something else, or closed."""
    TIME = "time"
    """Its time was over."""
    CANCELLED = "cancelled"


class CursorClosed(Event, frozen=True, kw_only=True, tag="query:cursor-closed"):
    """A statement that had reached its row limit can't be resumed any more; what it brought is kept.

    ``error`` is what went wrong when it was closed.
    """

    session: str
    statement: str
    reason: CursorEnd
    transaction: TransactionState
    error: ErrorRecord | None = None


class CancelStepTaken(Event, frozen=True, kw_only=True, tag="query:cancel-step"):
    """A cancel took a step, ``seconds`` after it was begun; it is over when the statement has ended.

    ``statement`` is the id of a statement, or of another request of its session; "" while the session still connects.
    """

    session: str
    statement: str
    step: CancelStep
    seconds: float
    reason: str | None = None


class SessionUnverified(Event, frozen=True, kw_only=True, tag="session:unverified"):
    """It is not known whether the connection still stands; ``reason`` says why. The next request finds out first."""

    session: str
    reason: str


class StatementSent(Event, frozen=True, kw_only=True, tag="statement:sent"):
    """A statement was sent to a database, and how it ended; also one that nobody typed.

    ``origin`` says for what: ``user``, ``catalog``, ``tree``, ``table``, ``connecting``, ``connection test``, what a
    plugin calls itself, or ``driver`` for what a driver sends beside a statement; ``connection`` where to. ``text`` has
    no secrets and no values of parameters, and is cut when it is long. ``seconds`` is 0 where no end is known.
    """

    session: str
    request: str
    text: str
    seconds: float
    outcome: Outcome
    origin: str = ""
    connection: str = ""
    error_code: str | None = None


class Answered(Event, frozen=True, kw_only=True, tag="session:answered"):
    """A request that is no statement (catalog, transaction) was answered: MessagePack in ``payload``, or an error."""

    session: str
    request: str
    transaction: TransactionState
    payload: bytes = b""
    error: ErrorRecord | None = None


class SessionClosed(Event, frozen=True, kw_only=True, tag="session:closed"):
    """The worker closed the connection and ended. ``lost`` says what is known when nobody asked it to."""

    session: str
    lost: str | None = None


WorkerEvent: TypeAlias = (
    SessionOpened
    | SessionOpenFailed
    | QueryStarted
    | QueryResumed
    | QueryColumnsReady
    | QueryProgressed
    | QueryNoticed
    | QueryEnded
    | CursorClosed
    | StatementSent
    | CancelStepTaken
    | SessionUnverified
    | Answered
    | SessionClosed
)


# -- what the rest of the kernel says ------------------------------------------------------------------------------


class JobStarted(Event, frozen=True, kw_only=True, tag="job:started"):
    """A job left the queue and runs."""

    job: str
    title: str


class JobProgressed(Event, frozen=True, kw_only=True, tag="job:progress"):
    """How far a job is. ``percent`` is None while the whole is not known; ``speed`` counts ``unit`` a second."""

    job: str
    percent: float | None
    item: str
    done: int
    unit: str
    speed: float


class JobNoticed(Event, frozen=True, kw_only=True, tag="job:notice"):
    """A job has something to say that must not be missed, beside what it returns."""

    job: str
    text: str


class JobEnded(Event, frozen=True, kw_only=True, tag="job:ended"):
    """A job ended."""

    job: str
    outcome: Outcome
    seconds: float
    error: ErrorRecord | None = None


class SchemaRefreshStarted(Event, frozen=True, kw_only=True, tag="schema:refresh-started"):
    """What a database holds is being asked for, to be kept; ``catalog`` is the key it is kept under.

    ``schemas`` are those that are read, empty where they are not known yet; ``origin`` says for what.
    """

    catalog: str
    target: str
    origin: str
    schemas: tuple[str, ...] = ()


class SchemaRefreshed(Event, frozen=True, kw_only=True, tag="schema:refreshed"):
    """What a database holds is kept anew, or could not be read: then ``error`` says why, and the old is kept."""

    catalog: str
    target: str
    origin: str
    seconds: float
    schemas: tuple[str, ...] = ()
    error: ErrorRecord | None = None


class SchemaObjectCreated(Event, frozen=True, kw_only=True, tag="schema:object-created"):
    """A statement of ours created something, and it is committed.

    ``path`` are the names as the statement has them, none where it has none; ``kind`` is the statement's word for it.
    """

    catalog: str
    target: str
    session: str
    kind: str
    path: tuple[str, ...] = ()


class SchemaObjectDropped(Event, frozen=True, kw_only=True, tag="schema:object-dropped"):
    """A statement of ours dropped something, told as ``schema:object-created`` tells it."""

    catalog: str
    target: str
    session: str
    kind: str
    path: tuple[str, ...] = ()


class SchemaObjectChanged(Event, frozen=True, kw_only=True, tag="schema:object-changed"):
    """A statement of ours altered, renamed or commented something, told as ``schema:object-created`` tells it."""

    catalog: str
    target: str
    session: str
    kind: str
    path: tuple[str, ...] = ()


class SecretUnavailable(Event, frozen=True, kw_only=True, tag="secret:unavailable"):
    """A password that a vault keeps for a saved connection can't be had; connecting goes on without it."""

    target: str
    error: ErrorRecord


class CommandEnded(Event, frozen=True, kw_only=True, tag="command:ended"):
    """A command was run; ``outcome`` is ``ok`` or the code of its error."""

    command: str
    outcome: str
    seconds: float


class StatementsUnrecorded(Event, frozen=True, kw_only=True, tag="history:unrecorded"):
    """The history can't be written; said once in a process. ``error`` says why; statements run all the same."""

    error: ErrorRecord


class SettingChanged(Event, frozen=True, kw_only=True, tag="settings:changed"):
    """Somebody set or reset a setting in this process; ``value`` is what holds from now on."""

    setting: str
    value: Value


class SettingsUnread(Event, frozen=True, kw_only=True, tag="settings:unread"):
    """The settings can't be read, so each has its default; said once in a process. ``error`` says why."""

    error: ErrorRecord


class ScriptStatementEnded(Event, frozen=True, kw_only=True, tag="script:statement-ended"):
    """A statement of a script ended: what a person who watches the script wants to read.

    ``line`` counts the script's lines from 1; ``verb`` is the statement's first word in lower case. ``limit`` is set
    when the result was truncated at that many rows.
    """

    job: str
    line: Small
    verb: str
    outcome: Outcome
    rows: int
    seconds: float
    has_result: bool
    affected: int | None = None
    limit: int | None = None
    notices: tuple[str, ...] = ()
    more_notices: Small = 0
    error: ErrorRecord | None = None
