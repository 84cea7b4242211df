"""Sessions: the same through the kernel, with the worker in a thread and in a process of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from alveary.contracts.driver import BatchSize, Capability, InlineData
from alveary.contracts.specs import DriverSpec
from alveary.errors import ConnectionLostError, ReadOnlyError, SessionClosedError, UnsupportedError
from alveary.events import Outcome, SessionState
from alveary.sessions import Session
from alveary.testing.conformance.base import HANG, Conformance, Connect, OpenSession, completed, crossed, needs, run

if TYPE_CHECKING:
    from alveary.kernel import HostKind, Kernel

HOSTS = pytest.mark.parametrize("host", ["thread", "process"])


class Sessions(Conformance):
    """What a person, a script and the command line get."""

    def digits(self, session: Session) -> None:
        """Make the table ``digit`` in a session."""
        completed(session, f"create table digit (n {self.integer_type} not null)")
        completed(session, f"insert into digit values {', '.join(f'({n})' for n in range(10))}")

    @HOSTS
    def test_statements_run_in_a_thread_and_in_a_process(self, open_session: OpenSession, host: HostKind) -> None:
        session = open_session(host)
        assert session.server is not None
        self.digits(session)
        assert completed(session, "select n from digit where n = 7") == [(7,)]
        assert completed(session, f"select n from digit where n = {self.mark(1)}", [7]) == [(7,)]
        statement = session.execute(crossed(9), limit=1000)
        assert statement.wait(HANG)
        assert (statement.outcome, statement.rows) == (Outcome.TRUNCATED, 1000)
        failing = session.execute("select n from no_such_table")
        assert failing.wait(HANG)
        assert failing.outcome is Outcome.FAILED
        assert failing.error is not None
        assert failing.error.code != "internal", failing.error.message
        assert completed(session, "select n from digit where n = 7") == [(7,)]
        started = time.monotonic()
        session.close()
        assert time.monotonic() - started < 5, "a session closes within a second"
        assert session.state is SessionState.CLOSED

    @HOSTS
    @needs(Capability.TRANSACTIONS)
    def test_the_session_follows_the_transaction(self, open_session: OpenSession, host: HostKind) -> None:
        session, states = open_session(host), list[SessionState]()
        self.digits(session)
        session.begin()
        completed(session, "delete from digit")
        states.append(session.state)
        session.rollback()
        states.append(session.state)
        assert states == [SessionState.IN_TRANSACTION, SessionState.IDLE]
        assert len(completed(session, "select n from digit")) == 10

    @HOSTS
    @needs(Capability.CANCEL)
    def test_a_statement_is_cancelled_in_a_thread_and_in_a_process(
        self, open_session: OpenSession, host: HostKind
    ) -> None:
        session = open_session(host)
        self.digits(session)
        for sql in (self.long_sql, crossed(9)):
            statement = session.execute(sql)
            assert not statement.wait(0.2), f"it ended too soon to be cancelled: {statement.error}"
            statement.cancel()
            assert statement.wait(HANG), f"the statement has not ended {HANG:g} seconds after the cancel"
            assert statement.outcome is Outcome.CANCELLED, statement.error
            assert completed(session, "select n from digit where n = 7") == [(7,)]

    @HOSTS
    @needs(Capability.CATALOG)
    def test_the_catalog_answers_in_a_thread_and_in_a_process(self, open_session: OpenSession, host: HostKind) -> None:
        session = open_session(host)
        self.digits(session)
        catalog = session.catalog()
        schema = catalog.schemas()[0]
        assert catalog.databases()
        assert [each.name for each in catalog.relations(schema)] == ["digit"]
        assert [(each.relation, each.name) for each in catalog.columns(schema)] == [("digit", "n")]
        assert catalog.indexes(schema) == []
        assert catalog.foreign_keys(schema) == []
        assert completed(session, f"select n from {catalog.quote('digit')} where n = 7") == [(7,)]

    @HOSTS
    @needs(Capability.CANCEL)
    def test_a_session_that_is_killed_says_so(self, open_session: OpenSession, host: HostKind) -> None:
        session = open_session(host)
        self.digits(session)
        statement = session.execute(crossed(9))
        assert not statement.wait(0.2), f"it ended too soon: {statement.error}"
        session.kill()
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.FAILED, "rows that were cut short never pass as whole"
        assert isinstance(statement.error, ConnectionLostError)
        assert session.state is SessionState.BROKEN
        with pytest.raises(SessionClosedError):
            session.execute("select n from digit")

    @needs(Capability.READ_ONLY)
    def test_a_read_only_session_refuses_to_write(self, open_session: OpenSession) -> None:
        writer = open_session()
        self.digits(writer)
        writer.close()
        reader = open_session(read_only=True)
        with pytest.raises(ReadOnlyError):
            reader.run("delete from digit")
        assert len(completed(reader, "select n from digit")) == 10

    # Without BULK rows are loaded another way, which is no refusal.
    @pytest.mark.parametrize("capability", [each for each in Capability if each is not Capability.BULK])
    def test_what_is_declared_works_and_the_rest_is_refused(
        self,
        connect: Connect,
        open_session: OpenSession,
        alveary_kernel: Kernel,
        alveary_target: str,
        spec: DriverSpec,
        capability: Capability,
    ) -> None:
        def use() -> None:
            if capability is Capability.CANCEL:
                connect().cancel()
            elif capability is Capability.READ_ONLY:
                alveary_kernel.target(alveary_target, read_only=True)
            elif capability is Capability.TRANSACTIONS:
                session = open_session()
                session.begin()
                session.rollback()
            elif capability is Capability.NAMED_PARAMETERS:
                connection = connect()
                self.make_bee(connection)
                run(connection, "select v from bee where k = :k", {"k": 1})
            elif capability is Capability.CATALOG:
                open_session().catalog().schemas()
            elif capability is Capability.DEFINITIONS:
                open_session().catalog().definition("main", "bee")
            elif capability is Capability.DEPENDENCIES:
                open_session().catalog().dependencies("main", "bee")
            elif capability is Capability.COPY:
                connection = connect()
                self.make_bee(connection)
                list(connection.feed(self.feed_sql, InlineData(text="4\tfour\n"), batch=BatchSize()))

        if capability in spec.capabilities:
            use()
        else:
            with pytest.raises(UnsupportedError):
                use()
