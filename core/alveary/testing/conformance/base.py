"""What every test of the suite stands on: texts that only a driver's author knows, connections, short ways to run."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
import pytest

from alveary.contracts.driver import Batch, BatchSize, Capability, Columns, Connection, Driver, Message
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.values import Cell, Column, Parameters
from alveary.events import Outcome
from alveary.sessions import Session

if TYPE_CHECKING:
    from alveary.kernel import HostKind, Kernel

HANG = 10.0
"""Seconds after which what should take a moment counts as hanging."""

Test = TypeVar("Test", bound=Callable[..., object])


class Connect(Protocol):
    """Opens a connection to the target, or to one that differs in some fields; it is closed at the test's end."""

    def __call__(self, *, timeout: float = HANG, **changes: Any) -> Connection: ...


class OpenSession(Protocol):
    """Opens a session on the target; it is closed at the test's end."""

    def __call__(self, host: HostKind = "thread", *, read_only: bool = False) -> Session: ...


def needs(*capabilities: Capability) -> Callable[[Test], Test]:
    """Mark a test that means something only for a driver which declares these capabilities."""

    def mark(test: Test) -> Test:
        test.needs = capabilities  # type: ignore[attr-defined]  # read again by the fixture below
        return test

    return mark


class Conformance:
    """The attributes and fixtures to override. All SQL of the suite is standard SQL, but for these texts."""

    placeholder = "?"
    """The mark of a value given by its place; ``{n}`` in it becomes its number, counted from 1."""
    integer_type, float_type = "bigint", "double precision"
    """Types of 64 bits each."""
    text_type = "varchar(1000)"
    binary_type = "blob"
    begin_sql = "begin"
    """Begins a transaction the way a person types it."""
    sleep_sql: str | None = None
    """A statement that takes a minute in the server; without it the suite lets it count for hours."""
    sleeping_sql: str | None = None
    """A query whose one cell is how many of ``sleep_sql`` the server is at work on, as its own list of what runs shows
    it; None for an engine that keeps no such list."""
    feed_sql = "copy bee (k, v) from stdin"
    """For a driver that declares ``copy``: a statement that takes lines of data for ``bee``, ``k`` and ``v`` parted
    by a tab."""
    dump_sql = "copy (select k, v from bee order by k) to stdout"
    """For such a driver: a statement that writes the same lines for the client."""
    refused_sql: tuple[str, ...] = ()
    """Further statements that a read-only connection must refuse, beside the usual ones; they may use ``bee``, a table
    with the columns ``k`` and ``v``."""

    @pytest.fixture
    def alveary_target(self) -> str:
        """The URL of a new, empty database, writable, that can be left and opened again: for you to override."""
        raise NotImplementedError("override the fixture alveary_target: it returns the URL of an empty database")

    @pytest.fixture
    def spec(self, alveary_kernel: Kernel, alveary_target: str) -> DriverSpec:
        """What the driver declares, as the kernel found it by the URL."""
        return alveary_kernel.target(alveary_target)[1]

    @pytest.fixture
    def target(self, alveary_kernel: Kernel, alveary_target: str) -> Target:
        """What the driver is handed for the URL."""
        return alveary_kernel.target(alveary_target)[0]

    @pytest.fixture(autouse=True)
    def only_what_is_declared(self, request: pytest.FixtureRequest, spec: DriverSpec) -> None:
        """Skip a test of a capability that the driver does not declare: the one reason to skip anything here."""
        for capability in getattr(request.function, "needs", ()):
            if capability not in spec.capabilities:
                pytest.skip(f"the {spec.name} driver does not declare the capability {capability.value!r}")

    @pytest.fixture
    def connect(self, spec: DriverSpec, target: Target) -> Iterator[Connect]:
        """Open a connection; all are closed in the end."""
        opened: list[Connection] = []

        def connect(*, timeout: float = HANG, **changes: Any) -> Connection:
            driver: Driver = load_factory(spec.factory)()
            opened.append(driver.connect(msgspec.structs.replace(target, **changes), timeout=timeout))
            return opened[-1]

        yield connect
        for connection in opened:
            connection.close()

    @pytest.fixture
    def connection(self, connect: Connect) -> Connection:
        """An open connection."""
        return connect()

    @pytest.fixture
    def open_session(self, alveary_kernel: Kernel, alveary_target: str) -> Iterator[OpenSession]:
        """Open a session; all are closed in the end."""
        opened: list[Session] = []

        def open_session(host: HostKind = "thread", *, read_only: bool = False) -> Session:
            opened.append(alveary_kernel.connect(alveary_target, host=host, read_only=read_only, timeout=HANG))
            return opened[-1]

        yield open_session
        for session in opened:
            session.close()

    @pytest.fixture
    def bee(self, connection: Connection) -> Connection:
        """A connection to a database with the table ``bee``, in which are the rows 1 to 3: ``one``, ``two``, NULL."""
        self.make_bee(connection)
        return connection

    def make_bee(self, connection: Connection) -> None:
        """Make the table ``bee``."""
        run(connection, f"create table bee (k {self.integer_type} not null primary key, v {self.text_type})")
        run(connection, "insert into bee values (1, 'one'), (2, 'two'), (3, null)")

    @pytest.fixture
    def digit(self, connection: Connection) -> Connection:
        """A connection to a database with the table ``digit``: see :func:`crossed`."""
        self.make_digit(connection)
        return connection

    def make_digit(self, connection: Connection) -> None:
        """Make the table ``digit``, whose column ``n`` holds 0 to 9."""
        run(connection, f"create table digit (n {self.integer_type} not null)")
        run(connection, f"insert into digit values {', '.join(f'({n})' for n in range(10))}")

    def mark(self, n: int) -> str:
        """Return the mark of the value at place ``n``, counted from 1."""
        return self.placeholder.format(n=n)

    @property
    def long_sql(self) -> str:
        """A statement that gives no row for longer than any test waits; it reads ``digit``."""
        return self.sleep_sql or crossed(16, "count(*)")


def crossed(power: int, what: str = "d0.n") -> str:
    """Return a query on ``digit`` that runs through 10 to the power of ``power`` combinations."""
    return f"select {what} from {', '.join(f'digit d{number}' for number in range(power))}"


def run(connection: Connection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Message]:
    """Return all that a statement gives, in batches of ``size`` rows."""
    batch = BatchSize()
    batch.rows = size
    return list(connection.execute(sql, parameters, batch=batch))


def header(messages: list[Message]) -> tuple[Column, ...]:
    """Return the columns of a result, which come first and once."""
    assert messages, "a result begins with its header, also an empty one"
    first, *rest = messages
    assert isinstance(first, Columns), f"a result begins with its header, not with {first!r}"
    assert not any(isinstance(message, Columns) for message in rest), "the header comes once"
    return first.columns


def values(connection: Connection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[tuple[Any, ...]]:
    """Return the rows of a query as Python values, each cell by its column's decoder."""
    messages = run(connection, sql, parameters, size=size)
    columns = header(messages)
    return [tuple(column.decode(cell) for column, cell in zip(columns, row, strict=True)) for row in cells(messages)]


def cells(messages: list[Message]) -> list[tuple[Cell, ...]]:
    """Return the rows of a result as they came."""
    return list(itertools.chain.from_iterable(message.rows for message in messages if isinstance(message, Batch)))


def completed(session: Session, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """Run a statement in a session, see it end well, and return its rows as Python values."""
    statement = session.execute(sql, parameters)
    assert statement.wait(HANG), f"it hangs: {sql}"
    assert statement.outcome is Outcome.COMPLETED, f"{sql}: {statement.error}"
    return [] if statement.result is None else list(statement.result)


class Running:
    """Something that runs on a thread of its own inside a ``with``, at whose end it must have ended."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what = what
        self.outcome: object = None
        """What it returned, or the exception it raised."""
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.outcome = self._what()
        except Exception as exc:  # noqa: BLE001  # it is the outcome, told to the thread that waits
            self.outcome = exc

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.thread.join(HANG)
        if kind is None:
            assert not self.thread.is_alive(), f"it has not ended within {HANG:g} seconds"
