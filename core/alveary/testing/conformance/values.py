"""Values: cells as the server holds them, parameters that stay values whatever they hold."""

from __future__ import annotations

import random
from types import MappingProxyType
from typing import Any

import pytest

from alveary.contracts.driver import Capability, Connection
from alveary.contracts.values import ValueKind
from alveary.errors import AlvearyError, InternalError, InvalidInputError, MissingParameterError, NulCharacterError
from alveary.testing.conformance.base import Conformance, OpenSession, cells, header, needs, run, values

LEAST, MOST = -(2**63), 2**63 - 1
TEXTS = (
    "", " ", "  both ends  ", "'", "''", "'''", '"', "`", "\\", "\\'", "\\\\'", "it's", "' or 1=1 -- ", "\\' or 1=1 --",
    "'); drop table bee; --", "; delete from bee", "/* no */", "-- no", "# no", ":v", "?", "$1", "%s", "%(v)s", "{v}",
    "null", "NULL", "\\N", "0", "1e5", "a,b;c\td", "line\nline\r\nline\r", "\x01\x1a\x1b[31m\x7f", "é", "e\u0301", "ß",
    "\u00bf'", "縗'", "日本語", "😀", "👩‍🚀", "\U0010ffff", "\u2028", "\ufeff", "\u202e", "\u00a0", "x" * 900,
)  # fmt: skip
"""Texts with all that quoting, encoding or cutting could damage."""
_LETTERS = "ab'\"`\\%:;?$#-/*\n\t ()é縗😀\u00bf\u2028"


class Values(Conformance):
    """What goes in comes out."""

    def test_null_is_not_the_empty_text(self, bee: Connection) -> None:
        run(bee, "update bee set v = '' where k = 1")
        assert [column_text for _, column_text in texts(bee, "select k, v from bee order by k")] == ["", "two", None]

    def test_integers_are_exact_to_the_last_digit(self, bee: Connection) -> None:
        run(bee, f"update bee set k = {MOST} where k = 1")
        run(bee, f"update bee set k = {LEAST} where k = 2")
        sql = "select k from bee order by k"
        assert values(bee, sql) == [(LEAST,), (3,), (MOST,)]
        assert [text for (text,) in texts(bee, sql)] == [str(LEAST), "3", str(MOST)]
        (column,) = header(run(bee, sql))
        assert column.kind in (ValueKind.NUMBER, ValueKind.DYNAMIC)

    def test_floating_point_numbers_come_back_as_the_same_double(self, connection: Connection) -> None:
        doubles = [0.1, 1 / 3, 1e300, -2.5e-300, 123456789.123456789]
        run(connection, f"create table flight (k {self.integer_type} not null, d {self.float_type})")
        for number, double in enumerate(doubles):
            run(connection, f"insert into flight values ({number}, {double!r})")
        assert [float(back) for (back,) in values(connection, "select d from flight order by k")] == doubles

    def test_text_in_a_statement_stays_as_it_is(self, bee: Connection) -> None:
        for text in (text for text in TEXTS if "\\" not in text):  # which some engines take for an escape
            literal = text.replace("'", "''")
            run(bee, f"update bee set v = '{literal}' where k = 1")
            assert values(bee, "select v from bee where k = 1") == [(text,)]
            assert values(bee, f"select k from bee where v = '{literal}' and k = 1") == [(1,)]

    def test_a_column_of_text_says_that_it_is_text(self, bee: Connection) -> None:
        (column,) = header(run(bee, "select v from bee"))
        assert column.kind in (ValueKind.TEXT, ValueKind.DYNAMIC)

    # -- parameters ------------------------------------------------------------------------------------------------

    def test_values_are_bound_by_place(self, bee: Connection) -> None:
        sql = f"insert into bee values ({self.mark(1)}, {self.mark(2)})"
        run(bee, sql, [MOST, "many"])
        run(bee, sql, (LEAST, None))
        assert values(bee, "select k, v from bee where k < 1 or k > 3 order by k") == [(LEAST, None), (MOST, "many")]
        assert values(bee, f"select v from bee where k = {self.mark(1)}", [MOST]) == [("many",)]

    def test_any_text_stays_a_value(self, bee: Connection) -> None:
        chance = random.Random(1)
        made = ("".join(chance.choices(_LETTERS, k=chance.randrange(1, 40))) for _ in range(100))
        for text in (*TEXTS, *made):
            assert self.stored(bee, text) == text
        assert len(values(bee, "select k from bee")) == 3

    def test_a_text_with_nul_is_kept_whole_or_refused(self, bee: Connection) -> None:
        try:
            back = self.stored(bee, "a\0b")
        except InternalError:
            raise
        except AlvearyError:
            back = "a\0b" if values(bee, "select v from bee where k = 1") == [("one",)] else None
        assert back == "a\0b", "the text was cut, or half stored"

    def stored(self, connection: Connection, text: str) -> Any:
        """Store a text in ``bee`` by a parameter and return what comes back."""
        run(connection, f"update bee set v = {self.mark(1)} where k = {self.mark(2)}", [text, 1])
        ((back,),) = values(connection, "select v from bee where k = 1")
        return back

    def test_bytes_stay_bytes(self, connection: Connection) -> None:
        run(connection, f"create table wax (k {self.integer_type} not null, b {self.binary_type})")
        every = bytes(range(256))
        for number, data in enumerate((every, b"", b"\\x00", b"'; --")):
            run(connection, f"insert into wax values ({number}, {self.mark(1)})", [data])
        back = values(connection, "select b from wax order by k")
        assert back == [(every,), (b"",), (b"\\x00",), (b"'; --",)]

    def test_a_parameter_without_a_value_is_named(self, bee: Connection) -> None:
        sql = f"update bee set v = {self.mark(1)} where k = {self.mark(2)}"
        for given in (["x"], None):
            with pytest.raises(MissingParameterError) as caught:
                run(bee, sql, given)
            assert caught.value.message
        assert values(bee, "select v from bee where k = 1") == [("one",)]

    def test_too_many_values_are_refused(self, bee: Connection) -> None:
        with pytest.raises(InvalidInputError):
            run(bee, f"update bee set v = {self.mark(1)}", ["x", "y"])
        assert values(bee, "select v from bee where k = 1") == [("one",)]

    def test_a_statement_with_nul_is_not_sent(self, open_session: OpenSession) -> None:
        session = open_session()
        session.run(f"create table hive (k {self.integer_type})")
        with pytest.raises(NulCharacterError):
            session.run("insert into hive values (1) \0 -- and what a driver would cut off")
        result = session.run("select k from hive")
        assert result is not None
        assert list(result) == []

    # -- by name ---------------------------------------------------------------------------------------------------

    @needs(Capability.NAMED_PARAMETERS)
    def test_values_are_bound_by_name(self, bee: Connection) -> None:
        run(bee, "insert into bee values (:number, :text)", {"text": "x", "number": MOST})
        run(bee, "insert into bee values (:number, :text)", MappingProxyType({"number": LEAST, "text": None}))
        sql = "select k, v from bee where (k > :least and k > :least) or k < 0 order by k"
        assert values(bee, sql, {"least": 3, "of no use": "here"}) == [(LEAST, None), (MOST, "x")]

    @needs(Capability.NAMED_PARAMETERS)
    def test_what_only_looks_like_a_name_stays_as_it_is(self, bee: Connection) -> None:
        sql = "select ':v', k /* :v */ from bee where v = :v -- :v"
        assert values(bee, sql, {"v": "one"}) == [(":v", 1)]

    @needs(Capability.NAMED_PARAMETERS)
    def test_any_text_given_by_name_stays_a_value(self, bee: Connection) -> None:
        for text in TEXTS:
            run(bee, "update bee set v = :v where k = :k", {"v": text, "k": 1})
            assert values(bee, "select v from bee where k = 1") == [(text,)]

    @needs(Capability.NAMED_PARAMETERS)
    def test_a_name_without_a_value_is_told(self, bee: Connection) -> None:
        for given in ({"least": 1}, {}, None):
            with pytest.raises(MissingParameterError) as caught:
                run(bee, "select k from bee where k > :least and v = :missing_one", given)
            assert "missing_one" in caught.value.message or (not given and "least" in caught.value.message)


def texts(connection: Connection, sql: str) -> list[tuple[str | None, ...]]:
    """Return the rows of a query as the server writes them."""
    messages = run(connection, sql)
    columns = header(messages)
    return [tuple(column.text(cell) for column, cell in zip(columns, row, strict=True)) for row in cells(messages)]
