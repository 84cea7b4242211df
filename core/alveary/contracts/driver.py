"""The driver contract: what a database engine must be able to do before Alveary can be honest about it.

A driver lives in a plugin. It is used by one worker thread; only :meth:`Connection.cancel` may be called from
another. It raises errors of :mod:`alveary.errors`, mapped in one place with the cause kept (``raise … from``).
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import msgspec

from alveary.contracts.catalog import Catalog
from alveary.contracts.target import Target
from alveary.contracts.types import Delimited, LoadColumn
from alveary.contracts.values import Cell, Column, Parameters, Row
from alveary.errors import UnsupportedError
from alveary.wire import Small


class Capability(enum.StrEnum):
    """What a driver can do beyond running statements; each one declared works, each one not declared is refused."""

    CANCEL = "cancel"
    """``Connection.cancel`` ends a running statement, on the server."""
    READ_ONLY = "read_only"
    """A read-only target refuses to write."""
    TRANSACTIONS = "transactions"
    NAMED_PARAMETERS = "named_parameters"
    """``:name`` in a statement takes a value from a mapping."""
    CATALOG = "catalog"
    DEFINITIONS = "definitions"
    """``Catalog.definition`` tells the SQL that makes an object."""
    DEPENDENCIES = "dependencies"
    """``Catalog.dependencies`` tells what uses what."""
    BULK = "bulk"
    """``Connection.load`` goes a way of the engine's own that is faster than statements with bound values."""
    COPY = "copy"
    """``Connection.feed`` sends lines of data with a statement, and ``execute`` yields what a statement writes for the
    client as a column of the kind ``raw``: ``COPY … FROM STDIN`` and ``COPY … TO STDOUT``."""


class TransactionState(enum.StrEnum):
    """What the connection itself says of its transaction."""

    IDLE = "idle"
    ACTIVE = "active"
    FAILED = "failed"
    """In a transaction that can only be rolled back."""


class TlsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection is encrypted; without a ``version`` it is not.

    ``verified`` is what of the server's certificate was checked: nothing, that a trusted ``authority`` signed it, or
    that it is for ``name``, too. ``downgraded`` says that TLS was preferred, the server is on another machine, and
    everything goes in plain text all the same.
    """

    version: str = ""
    cipher: str = ""
    verified: Literal["nothing", "authority", "name"] = "nothing"
    name: str | None = None
    downgraded: bool = False

    def summary(self, *, cipher: bool = False) -> str:
        """Return it in a few words, such as ``TLSv1.3, db.example verified``; with the ``cipher`` if that is wanted."""
        if not self.version:
            return "not encrypted, although TLS was preferred" if self.downgraded else "not encrypted"
        checked = {
            "nothing": "certificate not verified",
            "authority": "authority verified",
            "name": f"{self.name} verified",
        }
        return ", ".join(filter(None, (self.version, self.cipher if cipher else "", checked[self.verified])))


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers at the other end. The worker adds how the connection to it is encrypted, if the driver can tell."""

    product: str
    version: str
    tls: TlsInfo | None = None


class InlineData(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of data that a script holds for a statement, each with its end; the first is ``line`` of the script."""

    text: str
    line: Small = 1

    def chunks(self, size: int = 1 << 16) -> Iterator[str]:
        """Yield the text in pieces of so many characters, wherever their ends fall."""
        return (self.text[at : at + size] for at in range(0, len(self.text), size))


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a result: comes once, before its rows, also when there are none."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows, at least one."""

    rows: list[Row]


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows the statement inserted, updated or deleted."""

    count: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What the server said on the side (a warning, a NOTICE)."""

    severity: str
    message: str


Message: TypeAlias = Columns | Batch | RowCount | Notice


class BatchSize:
    """How many rows a driver fetches at once: small at first so the first rows come soon, then by their weight.

    The driver reads :attr:`rows` before each fetch; the worker calls :meth:`weighed` with what the last batch weighed.
    A batch stays near ``TARGET_BYTES``, so memory does not grow with the rows, nor far with their width.
    """

    FIRST, MOST, TARGET_BYTES = 16, 512, 1 << 20

    def __init__(self) -> None:
        self.rows = self.FIRST

    def weighed(self, rows: int, size: int) -> None:
        """Take into account that ``rows`` rows took ``size`` bytes."""
        fitting = self.TARGET_BYTES * rows // max(size, 1)
        self.rows = max(1, min(self.rows * 2, fitting, self.MOST))


_MOST_BOUND = 900
"""Values bound in one statement at most; some engines take no more than 999."""


class Connection(ABC):
    """One open connection."""

    reads_while_loading: ClassVar[bool] = False
    """Whether :meth:`load` is of use while a result that :meth:`execute` yields is gone on with in between."""

    @abstractmethod
    def execute(self, sql: str, parameters: Parameters, *, batch: BatchSize) -> Generator[Message, None, None]:
        """Run one statement, once, and yield what comes back as it comes back.

        A result yields ``Columns`` and then ``Batch``es of at most ``batch.rows`` rows. Closing the generator early
        ends the statement. Values are bound, never pasted in; those of a mapping that the statement does not name are
        ignored. An empty text yields nothing; two statements in one text are refused.

        The generator may be left alone after a batch, for a minute, and be gone on with or closed then. Meanwhile
        nothing is asked but the state of the transaction, and should that raise it is taken to be what it was; and the
        connection may be closed before the generator is.
        """

    def feed(self, sql: str, data: InlineData, *, batch: BatchSize) -> Generator[Message, None, None]:
        """Run one statement that takes lines of data from the client, as :meth:`execute` does, and send it those.

        An error that the server has with a line names the line of the script, in its detail.
        """
        raise UnsupportedError("this driver can't send lines of data with a statement")

    @abstractmethod
    def close(self) -> None:
        """Close the connection; returns within a second, on a dead peer too, and never raises."""

    @abstractmethod
    def server(self) -> ServerInfo:
        """Return who answers, as the server itself says it."""

    def identity(self) -> str | None:
        """Return what no other server answers, whatever name or address this one is reached by; None if nobody knows.

        Where tables of the same path can be different ones on one server, as in two of its databases, it tells these
        apart, too. May ask the server.
        """
        return None

    @property
    @abstractmethod
    def transaction_state(self) -> TransactionState:
        """The state of the transaction, read from the connection."""

    def tls(self) -> TlsInfo:
        """Return how the connection is encrypted; asked once, when it is open, and may ask the server."""
        raise UnsupportedError("this driver can't tell whether a connection is encrypted")

    def cancel(self) -> None:
        """Stop the running statement, from any thread; it then raises. Without one, or closed, do nothing."""
        raise UnsupportedError("this driver can't cancel a statement")

    def abort(self) -> None:
        """Shut the connection's socket so that a thread that waits for the server wakes at once; from any thread.

        The last resort where a cancel gets no answer: the statement then raises ConnectionLostError, and the
        connection is of no more use. Must not block or raise. A driver without a network does nothing.
        """
        return

    def lost(self) -> str | None:
        """Return why the connection is lost, as far as that can be told at once; None as long as it seems to stand.

        Asked every few seconds while nothing runs, so that a session whose server went is not found out by the next
        statement. It must not wait for the server. A driver without a network has nothing to lose.
        """
        return None

    def begin(self, isolation: str | None = None) -> None:
        """Begin a transaction, at one of the isolation levels the driver declares (None: the server's default).

        Any other level raises UnsupportedError.
        """
        raise UnsupportedError("this driver has no transactions")

    def commit(self) -> None:
        """Commit the transaction; QueryError where there is none, or where the server rolled it back instead."""
        raise UnsupportedError("this driver has no transactions")

    def rollback(self) -> None:
        """Roll the transaction back; without one, do nothing."""
        raise UnsupportedError("this driver has no transactions")

    def load_text(
        self, table: tuple[str, ...], columns: Sequence[LoadColumn], text: str, form: Delimited
    ) -> int | None:
        """Do what :meth:`load` does with records that the engine reads itself; None, and nothing is done, if it can't.

        Every column's values are as the engine reads them. Of whatever it refuses the caller finds out by :meth:`load`.
        """
        return None

    def load(self, table: tuple[str, ...], columns: Sequence[LoadColumn], rows: Sequence[Row]) -> int:
        """Insert rows into some columns of a table, within the transaction that is open; return how many there are.

        ``table`` are the names of its path, not quoted. A cell is NULL, a bool, int, float or bytes, or text as the
        engine reads it. Should a row be refused, the error's ``line`` is its number among ``rows``, counted from 1,
        where the engine tells; what stands in the table then is undone by whoever has begun the transaction.
        ``cancel`` ends it as it ends a statement. Without a way of its own an engine gets statements of many rows with
        named parameters.
        """
        quote = self.catalog().quote
        head = (
            f"insert into {'.'.join(map(quote, table))} ({', '.join(quote(column.name) for column in columns)}) values "
        )
        most = max(1, _MOST_BOUND // max(len(columns), 1))
        for start in range(0, len(rows), most):
            some = rows[start : start + most]
            values: dict[str, Cell] = {}
            lines = []
            for number, row in enumerate(some):
                names = [f"v{number}x{place}" for place in range(len(row))]
                values.update(zip(names, row, strict=True))
                lines.append(f"({', '.join(':' + name for name in names)})")
            for _ in self.execute(head + ", ".join(lines), values, batch=BatchSize()):
                continue
        return len(rows)

    def catalog(self) -> Catalog:
        """Return the questions this connection can answer about what the server holds."""
        raise UnsupportedError("this driver has no catalog")


def _unheard(sql: str) -> None:
    """Nobody listens."""


class Driver(ABC):
    """Opens connections. Made once per worker, with no arguments, by the factory its spec names."""

    sent: Callable[[str], None] = staticmethod(_unheard)
    """Call it, from any thread, with the text of each statement just before it goes to the server: of what was asked
    for as well as of what you send on your own. Never with values. The worker sets it before it connects, so that a
    person can see what is sent; what a driver does not tell remains unseen."""

    @abstractmethod
    def connect(self, target: Target, *, timeout: float) -> Connection:
        """Open a connection or raise a ``ConnectionFailedError`` within ``timeout`` seconds."""
