"""Loading rows: every value arrives as it was, names are names, and a refused row undoes what its transaction did."""

from __future__ import annotations

import pytest

from alveary.contracts.driver import Capability, Connection
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import DriverSpec
from alveary.contracts.types import Kind, LoadColumn, TypeTable
from alveary.contracts.values import Cell, Row
from alveary.errors import ConstraintViolationError, QueryError
from alveary.testing.conformance.base import Conformance, needs, values

#: Texts that some way of loading, of escaping or of quoting would change.
_TEXTS: tuple[Cell, ...] = (
    None, "", "NULL", "null", "\\N", "\\.", "\\", "\\\\n", "a\tb", "a\nb", "a\r\nb", "'", "''", '"', "`", ";", ",",
    "%s", ":v0x1", "$1", "?", " a ", "0x41", "é漢😀", "\u2028", "\x1a", "--", "/*", "x" * 900,
)  # fmt: skip


class Loading(Conformance):
    """``Connection.load``, by a way of the engine's own or by statements."""

    @needs(Capability.TRANSACTIONS, Capability.CATALOG, Capability.NAMED_PARAMETERS)
    def test_every_text_is_loaded_as_it_is(self, bee: Connection) -> None:
        rows: list[Row] = [(number, text) for number, text in enumerate(_TEXTS, start=10)]
        assert self._load(bee, rows) == len(rows)
        assert values(bee, "select k, v from bee where k >= 10 order by k") == rows

    @needs(Capability.TRANSACTIONS, Capability.CATALOG, Capability.NAMED_PARAMETERS)
    def test_many_rows_are_loaded_in_the_order_of_the_columns_that_are_named(self, bee: Connection) -> None:
        rows: list[Row] = [(f"v{number}", str(number)) for number in range(100, 5100)]
        columns = [LoadColumn(name="v", kind=Kind.TEXT), LoadColumn(name="k", kind=Kind.BIGINT)]
        bee.begin()
        assert bee.load(self._path(bee), columns, rows) == len(rows)
        bee.commit()
        assert values(bee, "select count(*), min(k), max(k) from bee where k >= 100") == [(5000, 100, 5099)]
        assert values(bee, "select v from bee where k = 4711") == [("v4711",)]

    @needs(Capability.TRANSACTIONS, Capability.CATALOG, Capability.NAMED_PARAMETERS)
    def test_nothing_is_loaded_from_no_rows(self, bee: Connection) -> None:
        assert self._load(bee, []) == 0
        assert values(bee, "select count(*) from bee") == [(3,)]

    @needs(Capability.TRANSACTIONS, Capability.CATALOG, Capability.NAMED_PARAMETERS)
    def test_a_refused_row_is_an_error_and_a_rollback_undoes_the_others(self, bee: Connection) -> None:
        bee.begin()
        with pytest.raises(ConstraintViolationError) as caught:
            bee.load(self._path(bee), self._columns, [(10, "ten"), (11, "eleven"), (1, "again"), (12, "twelve")])
        assert caught.value.line in (None, 3), "the line of the error is the row among those handed over"
        bee.rollback()
        assert values(bee, "select count(*) from bee") == [(3,)]
        assert self._load(bee, [(10, "ten")]) == 1, "the connection is of use afterwards"

    @needs(Capability.TRANSACTIONS, Capability.CATALOG, Capability.NAMED_PARAMETERS)
    def test_a_table_that_is_not_there_is_an_error(self, bee: Connection) -> None:
        bee.begin()
        with pytest.raises(QueryError):
            bee.load((self._path(bee)[0], "no_such_table"), self._columns, [(1, "one")])
        bee.rollback()
        assert values(bee, "select count(*) from bee") == [(3,)]

    def test_a_way_of_its_own_is_there_exactly_if_it_is_declared(
        self, connection: Connection, spec: DriverSpec
    ) -> None:
        has_its_own = type(connection).load is not Connection.load
        assert has_its_own == (Capability.BULK in spec.capabilities), "bulk is a load of the driver's own"

    def test_the_table_of_types_knows_its_own_types(self, spec: DriverSpec) -> None:
        types: TypeTable = load_factory(spec.types)
        for kind in (Kind.BIGINT, Kind.DOUBLE, Kind.TEXT):
            declared = types.unbounded.get(kind) or types.creates[kind]
            assert types.read(declared).kind is kind, f"what is declared as {declared!r} is read as another kind"

    _columns = (LoadColumn(name="k", kind=Kind.BIGINT), LoadColumn(name="v", kind=Kind.TEXT))

    def _path(self, connection: Connection) -> tuple[str, ...]:
        return (connection.catalog().schemas()[0], "bee")

    def _load(self, connection: Connection, rows: list[Row]) -> int:
        connection.begin()
        count = connection.load(self._path(connection), self._columns, rows)
        connection.commit()
        return count
