"""Cancelling: at any moment, from another thread, on the server, and never what comes after."""

from __future__ import annotations

import random
import time

from alveary.contracts.driver import Batch, BatchSize, Capability, Columns, Connection, TransactionState
from alveary.contracts.specs import DriverSpec
from alveary.errors import QueryCancelledError
from alveary.events import Outcome
from alveary.testing.conformance.base import (
    HANG,
    Conformance,
    Connect,
    OpenSession,
    Running,
    completed,
    crossed,
    needs,
    run,
    values,
)

ROUNDS = 100
"""Cancels that are given about when a statement ends."""


class Cancelling(Conformance):
    """``Connection.cancel``; a statement ends within two seconds of it, and five times that is what is asked here."""

    @needs(Capability.CANCEL)
    def test_cancel_ends_a_statement_that_has_no_row_yet(self, digit: Connection, connect: Connect) -> None:
        observer = connect() if self.sleeping_sql else None
        with Running(lambda: run(digit, self.long_sql)) as running:
            if observer is not None:
                self.wait_until_sleeping(observer, 1)
            cancel(digit, running)
        assert isinstance(running.outcome, QueryCancelledError)
        if observer is not None:
            self.wait_until_sleeping(observer, 0)
        assert values(digit, "select n from digit where n = 7") == [(7,)]

    @needs(Capability.CANCEL)
    def test_cancel_ends_a_result_that_is_read(self, digit: Connection) -> None:
        messages = digit.execute(crossed(9), None, batch=BatchSize())
        assert isinstance(next(messages), Columns)
        assert isinstance(next(messages), Batch)
        digit.cancel()
        with Running(lambda: list(messages)) as running:
            pass
        assert isinstance(running.outcome, QueryCancelledError)
        assert values(digit, "select n from digit where n = 7") == [(7,)]

    @needs(Capability.CANCEL)
    def test_cancel_ends_a_result_while_another_thread_reads_it(self, digit: Connection) -> None:
        messages = digit.execute(crossed(9), None, batch=BatchSize())
        next(messages)
        with Running(lambda: sum(1 for _ in messages)) as running:
            running.thread.join(0.1)
            cancel(digit, running)
        assert isinstance(running.outcome, QueryCancelledError)
        assert values(digit, "select n from digit where n = 7") == [(7,)]

    @needs(Capability.CANCEL)
    def test_a_cancel_with_nothing_running_does_nothing(self, bee: Connection, spec: DriverSpec) -> None:
        for number in range(10):
            bee.cancel()
            run(bee, f"insert into bee values ({10 + number}, 'new')")
            if Capability.TRANSACTIONS in spec.capabilities:
                bee.cancel()
                bee.begin()
                bee.cancel()
                bee.commit()
            if Capability.CATALOG in spec.capabilities:
                bee.cancel()
                assert bee.catalog().schemas()
        assert len(values(bee, "select k from bee")) == 13
        bee.close()
        bee.cancel()

    @needs(Capability.CANCEL, Capability.TRANSACTIONS)
    def test_a_cancelled_transaction_can_be_rolled_back(self, digit: Connection) -> None:
        digit.begin()
        run(digit, "insert into digit values (10)")
        with Running(lambda: run(digit, self.long_sql)) as running:
            cancel(digit, running)
        assert isinstance(running.outcome, QueryCancelledError)
        assert digit.transaction_state in TransactionState  # an engine may end the transaction with the statement
        digit.rollback()
        assert digit.transaction_state is TransactionState.IDLE
        assert len(values(digit, "select n from digit")) == 10

    @needs(Capability.CANCEL)
    def test_a_late_cancel_never_hits_the_next_statement(self, open_session: OpenSession) -> None:
        session = open_session()
        session.run(f"create table digit (n {self.integer_type} not null)")
        session.run(f"insert into digit values {', '.join(f'({n})' for n in range(10))}")
        chance, short = random.Random(7), crossed(3, "count(*)")
        started = time.monotonic()
        for _ in range(10):
            completed(session, short)
        usual = (time.monotonic() - started) / 10
        for number in range(ROUNDS):
            first = session.execute(short)
            second = session.execute(f"select n, {number} from digit where n = {number % 10}")
            first.wait(chance.uniform(0, 2 * usual))
            first.cancel()
            assert second.wait(HANG), "it hangs"
            assert second.outcome is Outcome.COMPLETED, f"the cancel hit the next statement: {second.error}"
            assert second.result is not None
            assert list(second.result) == [(number % 10, number)]
            assert first.outcome in (Outcome.CANCELLED, Outcome.COMPLETED), first.error

    def wait_until_sleeping(self, observer: Connection, count: int) -> None:
        """Wait until the server's own list shows so many ``sleep_sql`` at work."""
        assert self.sleeping_sql is not None, "asked for where there is a list"
        deadline = time.monotonic() + HANG
        while (seen := int(values(observer, self.sleeping_sql)[0][0])) != count:
            assert time.monotonic() < deadline, f"the server shows {seen} statements at work, not {count}"
            time.sleep(0.01)


def cancel(connection: Connection, running: Running) -> None:
    """Cancel what runs, again and again as a worker does: some drivers lose a cancel that comes before the start."""
    deadline = time.monotonic() + HANG
    while running.thread.is_alive():
        assert time.monotonic() < deadline, f"the statement has not ended {HANG:g} seconds after the cancel"
        connection.cancel()
        running.thread.join(0.05)
