"""What an editor knows and decides, without Tk: what to run, how a run goes on, how its session stands."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

from alveary.contracts.driver import Capability, InlineData
from alveary.contracts.values import Cell
from alveary.errors import (
    AlvearyError,
    BusyError,
    ClientCommandError,
    EmptyScriptError,
    SessionClosedError,
    UnterminatedError,
)
from alveary.events import CancelStep, CancelStepTaken, Outcome, SessionState
from alveary.inputs import check_text
from alveary.jobs import Job
from alveary.policy import Clearance
from alveary.redaction import redacted
from alveary.sessions import Session
from alveary.sqltext import ANSI, Dialect, Piece, PieceKind, data_of, parameters, split, statement_at
from alveary.statements import Statement

T = TypeVar("T")

LIMIT = 1000
"""Rows taken of each result, unless somebody chooses another limit."""

Phase: TypeAlias = Literal["disconnected", "connecting", "idle", "running", "cancelling", "waiting", "lost"]
"""How an editor stands: ``waiting`` is for a begin, commit or rollback, ``lost`` is a session that broke."""

_PASSWORD = re.compile(r"^([^:/?#]+://[^:@/?#]*):[^@/?#]*@")
_TRANSACTION = re.compile(r"\s*(begin|start\s+transaction|commit|end|abort|rollback|savepoint|release)\b", re.I)
_LIKE_PARAMETER = re.compile(r"[:@$][^\W\d]")
_NOTHING_TO_RUN = (PieceKind.BLANK, PieceKind.DELIMITER, PieceKind.COPY_DATA)
_OVER = (SessionState.BROKEN, SessionState.CLOSED)
_PHASES: dict[SessionState, Phase] = {SessionState.RUNNING: "running", SessionState.CANCELLING: "cancelling"}
_BATCHES = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Item:
    """A statement to be run; ``start`` is where it begins in the text.

    One of our ``own``, which stands nowhere in the text, begins no transaction.
    """

    sql: str
    start: int
    own: bool = False
    data: InlineData | None = None
    """Lines of data that stand behind it."""


@dataclass(slots=True)
class Run:
    """One run of some statements, one after the other; it ends with the last one, the first error, or a cancel."""

    batch: int
    items: Sequence[Item]
    values: Mapping[str, Cell]
    """Values of the statements' ``:name`` parameters."""
    at: int = 0
    statement: Statement | None = None
    cancelled: bool = False
    step: CancelStep | None = None
    """How far the cancel of its statement has come."""
    clearance: Clearance | None = None
    begun: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    """How long it took, once it is over."""


class Doors(Protocol):
    """What the model asks of the window; answers come on the thread that called."""

    def background(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        """Call ``work`` in another thread, then ``done`` or ``failed`` here."""
        ...

    def connect(
        self,
        target: str,
        done: Callable[[Session], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        """Open a session, then call ``done`` or ``failed`` here."""
        ...


@dataclass(slots=True)
class Reactions:
    """What the model tells."""

    changed: Callable[[], object]
    """How it stands is something else now."""
    session_changed: Callable[[], object]
    """The session is another, or stands otherwise."""
    queued: Callable[[Session, Statement, int], object]
    """A statement was handed to the session, in a batch."""
    failed: Callable[[AlvearyError, Item | None], object]
    """A statement, or what was to be done before it, failed."""


# -- what to run -------------------------------------------------------------------------------------------------


def at_caret(text: str, pieces: Sequence[Piece], caret: int) -> list[Item]:
    """Return the statement the caret is in, or stands behind on the same line; raises EmptyScriptError for none.

    ``pieces`` are the text split. A statement with an open quote, and another client's command, raise what says so.
    """
    piece = statement_at(pieces, caret)
    if piece is None or piece.kind is PieceKind.BLANK:
        before = [each for each in pieces if each.end <= caret and each.kind is not PieceKind.BLANK]
        if before and "\n" not in text[before[-1].end : caret]:
            piece = before[-1]
    elif caret < piece.sql_start and "\n" in text[caret : piece.sql_start]:
        # Before the statement, among its comments: on the line of the one before, that one is meant.
        index = pieces.index(piece)
        if index and "\n" not in text[piece.start : caret] and pieces[index - 1].kind is PieceKind.STATEMENT:
            piece = pieces[index - 1]
    data = data_of(pieces)
    piece = next((taker for taker, lines in data.items() if lines is piece), piece)
    if piece is None or piece.kind in _NOTHING_TO_RUN:
        raise EmptyScriptError("there is no statement at the caret", hint="put the caret into one")
    return [_item(text, piece, data)]


def all_of(text: str, pieces: Sequence[Piece], start: int = 0) -> list[Item]:
    """Return all statements; EmptyScriptError if there are none. ``start`` is where the text begins in the whole."""
    data = data_of(pieces)
    items = [_item(text, piece, data, start) for piece in pieces if piece.kind not in _NOTHING_TO_RUN]
    if not items:
        raise EmptyScriptError("there is no statement to run", hint="it is only white space and comments")
    return items


def selected(text: str, start: int, end: int, dialect: Dialect) -> list[Item]:
    """Return the statements of a selection, as they stand in it; EmptyScriptError if it holds none."""
    part = text[start:end]
    return all_of(part, split(part, dialect), start)


def names_in(items: Sequence[Item], dialect: Dialect) -> list[str]:
    """Return the names of the ``:name`` parameters, each once, in the order they come."""
    # Reading every token of a long script takes a while; most statements have nothing that looks like a parameter.
    candidates = [item for item in items if _LIKE_PARAMETER.search(item.sql)]
    return list(dict.fromkeys(found.name for item in candidates for found in parameters(item.sql, dialect)))


def _item(text: str, piece: Piece, data: Mapping[Piece, Piece], start: int = 0) -> Item:
    sql = piece.sql(text)
    if piece.kind is PieceKind.CLIENT_COMMAND:
        raise ClientCommandError(
            f"line {piece.line} is a command of another client, not SQL",
            position=1,
            statement=sql,
            hint="remove it; nothing was sent",
        )
    lines = data.get(piece)
    for each in filter(None, (piece, lines)):
        if each.unterminated is not None and each.unterminated_at is not None:
            opened = text.count("\n", 0, each.unterminated_at) + 1
            raise UnterminatedError(
                f"the {each.unterminated} that opens on line {opened} is never closed",
                position=max(each.unterminated_at - piece.sql_start, 0) + 1,
                statement=sql,
                hint="nothing was sent",
            )
    check_text(sql)
    inline = None if lines is None else InlineData(text=lines.sql(text), line=lines.line)
    return Item(sql, start + piece.sql_start, data=inline)


def without_password(target: str) -> str | None:
    """Return a target as it may be written down; None if it holds a secret even without its password."""
    plain = _PASSWORD.sub(r"\1@", target)
    return plain if redacted(plain) == plain else None


# -- how it goes on ----------------------------------------------------------------------------------------------


class EditorModel:
    """The session of an editor and what it runs there. All on one thread; what takes time goes through its doors."""

    def __init__(self, doors: Doors, reactions: Reactions) -> None:
        self._doors = doors
        self._tell = reactions
        self.target: str | None = None
        """Where it connects: a saved name, or a URL, which may hold a password."""
        self.session: Session | None = None
        """The session it has, or had until it was lost."""
        self.run: Run | None = None
        """What runs now."""
        self.last: Run | None = None
        """What ran before."""
        self.autocommit = True
        self.limit: int | None = LIMIT
        self.newline = "\n"
        """What ends a line of what is sent, as it does in the file."""
        self.in_transaction_since: float | None = None
        """When a transaction was first seen open, on the monotonic clock."""
        self.planned_dialect: Dialect = ANSI
        """Whose SQL it is as long as nothing is connected."""
        self._connecting: Job | None = None
        self._attempt: object = None
        """Names the attempt to connect that is under way."""
        self.asked = ""
        """What a person is asked meanwhile, so that nobody takes it for the server's silence."""
        self._asking = ""
        self._stopped = threading.Event()
        """Set to give up what is asked of the session."""

    # -- the session ---------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """How it stands."""
        if self._attempt is not None:
            return "connecting"
        if self.session is None:
            return "disconnected"
        if self.session.state in _OVER:
            return "lost"
        if self._asking:
            return "waiting"
        if self.run is not None:
            return "cancelling" if self.run.cancelled else "running"
        # Another panel's statement, or the rest of a result that is fetched there.
        return _PHASES.get(self.session.state, "idle")

    @property
    def waits_for(self) -> str:
        """What is under way in the phases ``connecting`` and ``waiting``, in a few words."""
        if self.asked:
            return f"Waiting for you: {self.asked}"
        return "Connecting…" if self.phase == "connecting" else f"{self._asking}…"

    def person_asked(self, what: str, place: str) -> None:
        """Take note of a question to a person, "" for its end; ``place`` is the connection it is about, "" for any."""
        ours = not place or (self.session is not None and self.session.target.display() == place)
        self.asked = what if ours and self.phase in ("connecting", "waiting") else ""
        self._tell.changed()

    @property
    def busy(self) -> bool:
        """Whether something is under way that can be cancelled."""
        return self.phase in ("connecting", "running", "cancelling", "waiting")

    @property
    def connected(self) -> bool:
        """Whether there is a session that can be used."""
        return self.session is not None and self.session.state not in _OVER

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it is."""
        return self.session.driver.dialect if self.session is not None else self.planned_dialect

    @property
    def transaction(self) -> Literal["none", "open", "failed"]:
        """How the transaction stands, as the server said last."""
        if not self.connected or self.session is None:
            return "none"
        if self.session.state is SessionState.FAILED:
            return "failed"
        if self.session.state is SessionState.IN_TRANSACTION:
            return "open"
        # While a statement runs, or it is not known whether the session stands, the transaction is what it was.
        masked = self.run is not None or self.session.state is SessionState.UNVERIFIED
        return "open" if self.in_transaction_since is not None and masked else "none"

    def connect(self, target: str | None = None, then: Callable[[], object] = lambda: None) -> None:
        """Open a new session, after closing the one there is; ``then`` is called once it stands."""
        target = target or self.target
        if target is None:
            raise SessionClosedError("the editor is not connected", hint="choose a connection first")
        if self.busy:
            raise BusyError("something is under way in this editor", hint="cancel it first")
        self._leave()
        self.target = target
        attempt = self._attempt = object()

        def done(session: Session) -> None:
            if self._attempt is not attempt:  # it was given up meanwhile
                close_soon(session)
                return
            self._attempt = None
            self.session = session
            self.heard()
            then()

        def failed(error: AlvearyError) -> None:
            if self._attempt is attempt:
                self._attempt = None
                self._tell.failed(error, None)
                self._changed()

        self._connecting = self._doors.connect(target, done, failed)
        self._changed()

    def disconnect(self) -> None:
        """Close the session; the text stays."""
        if self._attempt is not None and self._connecting is not None:
            self._connecting.cancel()
        self._attempt = None
        self._leave()
        self._changed()

    def close(self) -> None:
        """Let go of everything."""
        self.disconnect()

    def _leave(self) -> None:
        session, self.session = self.session, None
        self.run, self.in_transaction_since, self._asking = None, None, ""
        if session is not None:
            close_soon(session)

    def heard(self) -> None:
        """Something happened in the session: see how it stands, and go on with the run."""
        self._follow_transaction()
        self._advance()
        self._changed()

    def stepped(self, event: CancelStepTaken) -> None:
        """A cancel took a step: it may be the one of what runs here."""
        if self.run is not None and self.run.statement is not None and self.run.statement.id == event.statement:
            self.run.step = event.step
            self._changed()

    def _follow_transaction(self) -> None:
        state = self.session.state if self.session is not None else SessionState.CLOSED
        if state in (SessionState.IN_TRANSACTION, SessionState.FAILED):
            if self.in_transaction_since is None:
                self.in_transaction_since = time.monotonic()
        elif state in (SessionState.IDLE, *_OVER):
            self.in_transaction_since = None

    # -- running -------------------------------------------------------------------------------------------------

    def start(self, items: Sequence[Item], values: Mapping[str, Cell] | None = None) -> None:
        """Run statements one after the other, each once; raises BusyError while something else is under way."""
        if self.busy:
            raise BusyError("a statement runs already in this editor", hint="wait for it, or cancel it")
        if self.session is None or not self.connected:
            raise SessionClosedError("the editor has no session", hint="connect again; nothing was sent")
        self.run = Run(next(_BATCHES), items, values or {})
        self._review(self.run, self.session)
        self._changed()

    def cancel(self) -> None:
        """Stop what is under way: connecting, the statement that runs, and those that would follow it."""
        if self._attempt is not None and self._connecting is not None:
            self._connecting.cancel()
        if self.run is not None:
            self.run.cancelled = True
            if self.run.statement is not None:
                self.run.statement.cancel()
        elif self.session is not None:
            self.session.cancel()
        self._stopped.set()
        self._changed()

    def commit(self) -> None:
        """Commit the transaction."""
        self._ask("Committing", "commit")

    def rollback(self) -> None:
        """Roll the transaction back."""
        self._ask("Rolling back", "rollback")

    def _review(self, run: Run, session: Session) -> None:
        """Have all statements reviewed before the first is sent, which may ask a person; then begin."""
        if not session.policy.applies(session.target):
            self._next()
            return
        statements = [self._sent(item) for item in run.items]

        def begin(clearance: Clearance) -> None:
            run.clearance = clearance
            self._next()

        self._wait_for("Reviewing", lambda stopped: session.clear(statements, stopped=stopped), begin)

    def _sent(self, item: Item) -> str:
        return item.sql.replace("\n", self.newline)

    def _next(self) -> None:
        """Go on with the next statement of the run, or end it."""
        run, session = self.run, self.session
        assert run is not None, "something runs"
        if run.cancelled or run.at >= len(run.items) or session is None or not self.connected:
            self._end()
            return
        item = run.items[run.at]
        manual = not self.autocommit and Capability.TRANSACTIONS in session.driver.capabilities
        by_itself = item.own or _TRANSACTION.match(item.sql) is not None
        if manual and self.transaction == "none" and not by_itself:
            self._ask("Beginning a transaction", "begin", None, then=lambda: self._send(item))
        else:
            self._send(item)

    def _send(self, item: Item) -> None:
        run, session = self.run, self.session
        if run is None or session is None or run.cancelled:
            self._end()
            return
        values: dict[str, Cell] = {}
        if Capability.NAMED_PARAMETERS in session.driver.capabilities:
            values = {name: run.values[name] for name in names_in([item], self.dialect) if name in run.values}
        try:
            sql = self._sent(item)
            statement = run.statement = session.execute(
                sql,
                values or None,
                limit=self.limit,
                hold=session.hold_seconds,
                clearance=run.clearance,
                data=item.data,
            )
        except AlvearyError as exc:
            self._fail(exc, item)
            return
        self._tell.queued(session, statement, run.batch)

    def _advance(self) -> None:
        """Take note of a statement that has ended, and hand over the next one."""
        run = self.run
        if run is None or run.statement is None or run.statement.outcome is None:
            return
        statement, run.statement = run.statement, None
        item = run.items[run.at]
        if statement.outcome is Outcome.FAILED and statement.error is not None:
            self._fail(statement.error, item)
        elif statement.outcome is Outcome.CANCELLED:
            run.cancelled = True
            self._end()
        else:
            run.at += 1
            self._next()

    def _fail(self, error: AlvearyError, item: Item | None) -> None:
        self._end()
        self._tell.failed(error, item)

    def _end(self) -> None:
        if self.run is not None:
            self.run.seconds = time.monotonic() - self.run.begun
            self.last, self.run = self.run, None

    def _ask(
        self, title: str, question: str, *arguments: str | None, then: Callable[[], object] = lambda: None
    ) -> None:
        session = self.session
        if session is not None:
            self._wait_for(title, lambda stopped: session.ask(question, *arguments, stopped=stopped), lambda _: then())

    def _wait_for(
        self, title: str, work: Callable[[threading.Event], T], then: Callable[[T], object] = lambda _: None
    ) -> None:
        """Do what takes time in the background, one thing at a time, then go on; an error ends what runs."""
        session = self.session
        if session is None or not self.connected or self._asking:
            return
        self._asking = title
        stopped = self._stopped = threading.Event()

        def done(answer: T) -> None:
            if self.session is session:
                self._asking = ""
                self._follow_transaction()
                then(answer)
                self._changed()

        def failed(error: AlvearyError) -> None:
            if self.session is session:
                self._asking = ""
                items = self.run.items[self.run.at :] if self.run is not None else ()
                said = next((item for item in items if self._sent(item) == error.statement), None)
                self._fail(error, said or next(iter(items), None))
                self._changed()

        self._doors.background(title, lambda _: work(stopped), done, failed)
        self._changed()

    def _changed(self) -> None:
        self._tell.session_changed()
        self._tell.changed()

    # -- errors --------------------------------------------------------------------------------------------------

    def offset_in(self, error: AlvearyError, item: Item) -> int | None:
        """Return where in the text an error points, given the item as it was sent; None if it does not say."""
        if error.position is None:
            return None
        sent = item.sql.replace("\n", self.newline)[: max(error.position - 1, 0)]
        return item.start + len(sent.replace(self.newline, "\n"))


def close_soon(session: Session) -> None:
    """Close a session in a thread: it may take a second."""
    threading.Thread(target=session.close, name="alveary-close", daemon=True).start()
