"""Transactions: begun by nobody but the caller, their state read from the connection; and read-only connections."""

from __future__ import annotations

import pytest

from alveary.contracts.driver import BatchSize, Capability, Connection, TransactionState
from alveary.contracts.specs import DriverSpec
from alveary.errors import AlvearyError, QueryError, ReadOnlyError, UnsupportedError
from alveary.testing.conformance.base import Conformance, Connect, crossed, needs, run, values

IDLE, ACTIVE, FAILED = TransactionState.IDLE, TransactionState.ACTIVE, TransactionState.FAILED


class Transactions(Conformance):
    """begin, commit, rollback and what the connection says of it."""

    @needs(Capability.TRANSACTIONS)
    def test_nothing_begins_a_transaction_but_begin(self, bee: Connection, connect: Connect) -> None:
        for sql in ("select k from bee", "insert into bee values (4, 'four')", "create table hive (k integer)"):
            run(bee, sql)
            assert bee.transaction_state is IDLE
        bee.close()
        assert len(values(connect(), "select k from bee")) == 4

    @needs(Capability.TRANSACTIONS)
    def test_commit_keeps_and_rollback_undoes(self, bee: Connection, connect: Connect) -> None:
        for number, (finish, kept) in enumerate(((bee.rollback, 3), (bee.commit, 4), (bee.rollback, 4))):
            bee.begin()
            assert bee.transaction_state is ACTIVE
            run(bee, f"insert into bee values ({10 + number}, 'new')")
            assert len(values(bee, "select k from bee")) == (kept if finish == bee.commit else kept + 1)
            assert bee.transaction_state is ACTIVE
            finish()
            assert bee.transaction_state is IDLE
            assert len(values(bee, "select k from bee")) == kept
        bee.close()
        assert len(values(connect(), "select k from bee")) == 4

    @needs(Capability.TRANSACTIONS)
    def test_the_state_follows_what_a_person_types(self, bee: Connection) -> None:
        for finish in ("commit", "rollback"):
            run(bee, self.begin_sql)
            assert bee.transaction_state is ACTIVE
            run(bee, "delete from bee where k = 1")
            run(bee, finish)
            assert bee.transaction_state is IDLE

    @needs(Capability.TRANSACTIONS)
    def test_each_declared_isolation_level_is_taken(self, bee: Connection, spec: DriverSpec) -> None:
        for level in spec.isolation_levels:
            bee.begin(level)
            assert bee.transaction_state is ACTIVE
            assert len(values(bee, "select k from bee")) == 3
            bee.commit()
            assert bee.transaction_state is IDLE

    @needs(Capability.TRANSACTIONS)
    @pytest.mark.parametrize("level", ["no such level", "serializable; drop table bee", ""])
    def test_any_other_isolation_level_is_refused(self, bee: Connection, level: str) -> None:
        with pytest.raises(UnsupportedError):
            bee.begin(level)
        assert bee.transaction_state is IDLE
        assert len(values(bee, "select k from bee")) == 3

    @needs(Capability.TRANSACTIONS)
    def test_a_failure_leaves_the_transaction_to_be_rolled_back(self, bee: Connection) -> None:
        bee.begin()
        run(bee, "insert into bee values (4, 'four')")
        with pytest.raises(QueryError):
            run(bee, "insert into bee values (1, 'again')")
        if bee.transaction_state is FAILED:
            with pytest.raises(QueryError):
                run(bee, "select k from bee")
            assert bee.transaction_state is FAILED
        else:
            assert bee.transaction_state is ACTIVE
            assert len(values(bee, "select k from bee")) == 4
        bee.rollback()
        assert bee.transaction_state is IDLE
        assert len(values(bee, "select k from bee")) == 3

    @needs(Capability.TRANSACTIONS)
    def test_commit_never_passes_a_rollback_off_as_success(self, bee: Connection) -> None:
        bee.begin()
        run(bee, "insert into bee values (4, 'four')")
        with pytest.raises(QueryError):
            run(bee, "insert into bee values (1, 'again')")
        try:
            bee.commit()
        except QueryError:
            bee.rollback()
            assert len(values(bee, "select k from bee")) == 3
        else:
            assert len(values(bee, "select k from bee")) == 4
        assert bee.transaction_state is IDLE

    @needs(Capability.TRANSACTIONS)
    def test_transactions_are_not_imagined(self, bee: Connection) -> None:
        bee.rollback()  # there is none: nothing to do
        with pytest.raises(QueryError):
            bee.commit()
        assert bee.transaction_state is IDLE

    @needs(Capability.TRANSACTIONS)
    def test_begin_within_a_transaction_does_not_end_it(self, bee: Connection) -> None:
        bee.begin()
        run(bee, "delete from bee")
        with pytest.raises(QueryError):
            bee.begin()
        assert bee.transaction_state in (ACTIVE, FAILED)
        bee.rollback()
        assert len(values(bee, "select k from bee")) == 3

    @needs(Capability.TRANSACTIONS)
    def test_leaving_a_result_early_does_not_end_the_transaction(self, digit: Connection) -> None:
        digit.begin()
        run(digit, "insert into digit values (10)")
        messages = digit.execute(crossed(4), None, batch=BatchSize())
        next(messages), next(messages)
        messages.close()
        assert digit.transaction_state is ACTIVE
        digit.commit()
        assert len(values(digit, "select n from digit")) == 11

    @needs(Capability.TRANSACTIONS)
    def test_closing_a_connection_rolls_back(self, bee: Connection, connect: Connect) -> None:
        bee.begin()
        run(bee, "delete from bee")
        bee.close()
        assert len(values(connect(), "select k from bee")) == 3


class ReadOnly(Conformance):
    """A target that is read-only."""

    @needs(Capability.READ_ONLY)
    def test_what_writes_is_refused(self, connect: Connect) -> None:
        writer = connect()
        self.make_bee(writer)
        writer.close()
        reader = connect(read_only=True)
        for sql in (
            "insert into bee values (4, 'four')",
            "update bee set v = 'new'",
            "delete from bee",
            "drop table bee",
            f"create table hive (k {self.integer_type})",
            "create view hive as select k from bee",
            *self.refused_sql,
        ):
            with pytest.raises(ReadOnlyError):
                run(reader, sql)
        assert values(reader, "select v from bee order by k") == [("one",), ("two",), (None,)]
        reader.close()
        writer = connect()
        assert values(writer, "select v from bee order by k") == [("one",), ("two",), (None,)]
        run(writer, f"create table hive (k {self.integer_type})")

    @needs(Capability.READ_ONLY, Capability.TRANSACTIONS)
    def test_a_transaction_does_not_lead_around_it(self, connect: Connect) -> None:
        writer = connect()
        self.make_bee(writer)
        writer.close()
        reader = connect(read_only=True)
        reader.begin()
        assert len(values(reader, "select k from bee")) == 3
        with pytest.raises(AlvearyError):
            run(reader, "delete from bee")
        reader.rollback()
        assert len(values(reader, "select k from bee")) == 3
