"""Lines of data: a script's go in with a statement, and what a statement writes for the client comes out as lines."""

from __future__ import annotations

import pytest

from alveary.contracts.driver import BatchSize, Capability, Connection, InlineData, RowCount
from alveary.contracts.values import ValueKind
from alveary.errors import AlvearyError
from alveary.testing.conformance.base import Conformance, cells, header, needs, run, values

_MANY = 50_000


class Copying(Conformance):
    """What a driver does with the data of a script, if it can send any."""

    @needs(Capability.COPY)
    def test_lines_of_data_go_in_and_come_out_again(self, bee: Connection) -> None:
        data = InlineData(text="4\tfour\n5\tfünf und \u20ac\n")
        messages = list(bee.feed(self.feed_sql, data, batch=BatchSize()))
        assert messages == [RowCount(2)], "it says how many rows it stored"
        assert values(bee, "select v from bee where k > 3 order by k") == [("four",), ("fünf und \u20ac",)]
        messages = run(bee, self.dump_sql)
        assert [column.kind for column in header(messages)] == [ValueKind.RAW]
        lines = [line for (line,) in cells(messages)]
        assert lines[0] == "1\tone", "a line stands without its end"
        assert lines[3:] == data.text.splitlines()

    @needs(Capability.COPY)
    def test_a_line_that_is_wrong_is_named_and_none_is_stored(self, bee: Connection) -> None:
        lines = "".join(f"{n}\tx\n" for n in range(4, _MANY))
        with pytest.raises(AlvearyError) as caught:
            list(bee.feed(self.feed_sql, InlineData(text=f"{lines}no number\tx\n", line=101), batch=BatchSize()))
        assert f"line {101 + _MANY - 4} of the script" in (caught.value.detail or "")
        assert values(bee, "select count(*) from bee") == [(3,)]

    @needs(Capability.COPY)
    def test_what_comes_out_can_be_left_early(self, bee: Connection) -> None:
        lines = "".join(f"{n}\t{'x' * 50}\n" for n in range(4, _MANY))
        list(bee.feed(self.feed_sql, InlineData(text=lines), batch=BatchSize()))
        messages = bee.execute(self.dump_sql, None, batch=BatchSize())
        next(messages), next(messages)
        messages.close()
        assert values(bee, "select count(*) from bee") == [(_MANY - 1,)]
