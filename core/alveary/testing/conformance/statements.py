"""Running statements: what comes back and in what order, batches, leaving early, failures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from alveary.contracts.driver import Batch, BatchSize, Columns, Connection, RowCount
from alveary.errors import AlvearyError, ConstraintViolationError, InternalError, QueryError, SqlSyntaxError
from alveary.testing.conformance.base import Conformance, Running, cells, crossed, header, run, values

MEGABYTES = 200
"""How large the result is that must not stand in memory."""


class Statements(Conformance):
    """Results, counts, batches, failures."""

    def test_a_result_is_its_header_and_then_its_rows(self, bee: Connection) -> None:
        messages = run(bee, "select k, v as name from bee order by k", size=2)
        assert [type(message) for message in messages] == [Columns, Batch, Batch]
        assert [column.name for column in header(messages)] == ["k", "name"]
        assert values(bee, "select k, v from bee order by k", size=2) == [(1, "one"), (2, "two"), (3, None)]

    def test_an_empty_result_has_its_header(self, bee: Connection) -> None:
        messages = run(bee, "select k, v as name from bee where k > 3")
        assert [column.name for column in header(messages)] == ["k", "name"]
        assert cells(messages) == []
        assert not any(isinstance(message, Batch) for message in messages), "a batch holds one row at least"

    def test_columns_of_one_name_stay_as_they_are(self, bee: Connection) -> None:
        messages = run(bee, "select k as a, v as a from bee where k = 1")
        assert [column.name for column in header(messages)] == ["a", "a"]
        assert values(bee, "select k as a, v as a from bee where k = 1") == [(1, "one")]

    @pytest.mark.parametrize("size", [1, 9, 10, 99, 100, 101, 512])
    def test_every_row_comes_once_in_batches_of_the_size_asked_for(self, digit: Connection, size: int) -> None:
        messages = run(digit, "select d1.n, d0.n from digit d1, digit d0 order by d1.n, d0.n", size=size)
        batches = [message.rows for message in messages if isinstance(message, Batch)]
        assert all(0 < len(batch) <= size for batch in batches)
        assert [(int(str(a)), int(str(b))) for a, b in cells(messages)] == [(n // 10, n % 10) for n in range(100)]

    def test_the_batch_size_is_read_before_each_batch(self, digit: Connection) -> None:
        batch, asked, got = BatchSize(), 1, []
        batch.rows = asked
        for message in digit.execute(crossed(3), None, batch=batch):
            if isinstance(message, Batch):
                assert 0 < len(message.rows) <= asked, "the batch is larger than it may be by now"
                got.append(len(message.rows))
                asked = batch.rows = batch.rows * 2
        assert got[:3] == [1, 2, 4], "the batch size is read anew before each batch"
        assert sum(got) == 1000

    def test_a_large_result_never_stands_in_memory_whole(self, digit: Connection) -> None:
        width = MEGABYTES * 10
        batch, rows, before, most = BatchSize(), 0, resident_megabytes(), 0.0
        sql = crossed(5, f"d0.n, '{'x' * width}' as wide")
        for message in digit.execute(sql, None, batch=batch):
            if isinstance(message, Batch):
                rows += len(message.rows)
                batch.weighed(len(message.rows), len(message.rows) * width)
                most = max(most, resident_megabytes() - before)
        assert rows == 100_000
        assert most < MEGABYTES / 2, f"{most:.0f} of about {MEGABYTES} megabytes stood in memory at once"

    @pytest.mark.parametrize("taken", [0, 1, 2, 3])
    def test_leaving_a_result_early_ends_the_statement(self, digit: Connection, taken: int) -> None:
        messages = digit.execute(crossed(9), None, batch=BatchSize())
        for _ in range(taken):
            next(messages)
        with Running(messages.close) as closing:
            pass  # a driver that reads the rest first would be at it for hours
        assert closing.outcome is None, f"closing the generator raised {closing.outcome!r}"
        assert values(digit, "select n from digit where n = 7") == [(7,)]
        run(digit, "drop table digit")  # would wait for a statement that is still reading

    @pytest.mark.parametrize(
        ("sql", "count"),
        [
            ("insert into bee values (4, 'x'), (5, 'y')", 2),
            ("update bee set v = 'new' where k < 3", 2),
            ("update bee set v = 'new' where k > 3", 0),
            ("delete from bee where k > 1", 2),
        ],
    )
    def test_a_change_says_how_many_rows(self, bee: Connection, sql: str, count: int) -> None:
        messages = run(bee, sql)
        assert [message for message in messages if isinstance(message, RowCount)] == [RowCount(count)]
        assert not any(isinstance(message, Columns | Batch) for message in messages), "a change has no rows"

    def test_a_query_has_no_count(self, bee: Connection) -> None:
        assert not any(isinstance(message, RowCount) for message in run(bee, "select k from bee"))

    def test_what_defines_something_has_no_result(self, bee: Connection) -> None:
        for sql in (f"create table hive (k {self.integer_type})", "drop table hive"):
            assert not any(isinstance(message, Columns | Batch) for message in run(bee, sql))
        with pytest.raises(QueryError):
            run(bee, "select k from hive")

    @pytest.mark.parametrize("sql", ["", "-- nothing", "/* nothing */"])
    def test_a_text_without_a_statement_gives_nothing(self, connection: Connection, sql: str) -> None:
        assert run(connection, sql) == []

    def test_every_statement_is_run_once(self, bee: Connection) -> None:
        run(bee, "update bee set k = k * 10")
        run(bee, "insert into bee select k + 1, v from bee where k = 10")
        assert values(bee, "select k from bee order by k") == [(10,), (11,), (20,), (30,)]

    def test_of_two_statements_in_one_text_none_is_run(self, bee: Connection) -> None:
        with pytest.raises(AlvearyError) as caught:
            run(bee, "delete from bee where k = 1; delete from bee where k = 2")
        assert not isinstance(caught.value, InternalError)
        assert len(values(bee, "select k from bee")) == 3

    def test_a_semicolon_at_the_end_is_no_second_statement(self, bee: Connection) -> None:
        assert values(bee, "select v from bee where k = 1;") == [("one",)]

    @pytest.mark.parametrize(
        ("sql", "kind"),
        [
            ("selec k from bee", SqlSyntaxError),
            ("select k from no_such_table", QueryError),
            ("select no_such_column from bee", QueryError),
            ("insert into bee values (1, 'again')", ConstraintViolationError),
        ],
    )
    def test_a_failure_is_told_in_the_servers_words_and_leaves_the_connection_usable(
        self, bee: Connection, sql: str, kind: type[QueryError]
    ) -> None:
        for _ in range(2):
            with pytest.raises(kind) as caught:
                run(bee, sql)
            assert caught.value.message
            assert caught.value.server_code, "the server's own code or name of the error goes into server_code"
            kept = caught.value.__cause__ is not None or caught.value.__context__ is None
            assert kept, "raise … from: where there is a cause it is kept"
            assert caught.value.position is None or 1 <= caught.value.position <= len(sql) + 1
        assert values(bee, "select v from bee order by k") == [("one",), ("two",), (None,)]


def resident_megabytes() -> float:
    """Return how much memory this process has by now; where the system does not tell, always the same."""
    if sys.platform != "linux":
        return 0.0
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
