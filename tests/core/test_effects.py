"""What a statement does beside reading, told by its words, in each dialect."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_corpus import DDL, LOOSENS, READS, UNFILTERED, WRITES

from alveary.sqltext import ANSI, MYSQL, POSTGRES, SQLITE, Dialect, Effect, effects_of
from alveary.sqltext.effects import LONGEST

DIALECTS = {dialect.name: dialect for dialect in (ANSI, MYSQL, POSTGRES, SQLITE)}


def cases(table: dict[str, list[str]]) -> list[object]:
    return [pytest.param(DIALECTS[name], sql, id=f"{name}: {sql}") for name, all in table.items() for sql in all]


@pytest.mark.parametrize(("dialect", "sql"), cases(READS))
def test_what_reads_has_no_effect(dialect: Dialect, sql: str) -> None:
    assert effects_of(sql, dialect).reads


@pytest.mark.parametrize(("dialect", "sql"), cases(WRITES))
def test_what_writes_or_is_not_known_to_read_writes(dialect: Dialect, sql: str) -> None:
    found = effects_of(sql, dialect).effects
    assert Effect.WRITES in found
    assert Effect.UNFILTERED not in found or "/*!" in sql


@pytest.mark.parametrize(("dialect", "sql"), cases(LOOSENS))
def test_what_would_end_read_only_is_told_from_what_writes(dialect: Dialect, sql: str) -> None:
    assert set(effects_of(sql, dialect).effects) == {Effect.LOOSENS}


@pytest.mark.parametrize(("dialect", "sql"), cases(UNFILTERED))
def test_a_change_of_every_row_is_seen_wherever_it_stands(dialect: Dialect, sql: str) -> None:
    assert Effect.UNFILTERED in effects_of(sql, dialect).effects


@pytest.mark.parametrize(("dialect", "sql"), cases(DDL))
def test_ddl_is_ddl_whatever_its_body_does(dialect: Dialect, sql: str) -> None:
    found = effects_of(sql, dialect).effects
    assert Effect.DDL in found
    assert Effect.UNFILTERED not in found


def test_what_was_found_is_told_in_words() -> None:
    assert effects_of("delete from t", SQLITE).effects[Effect.UNFILTERED] == "DELETE without WHERE"
    assert effects_of("drop  table t", SQLITE).effects[Effect.DDL] == "DROP TABLE"


def test_what_is_too_long_or_too_deep_to_look_at_counts_as_a_write() -> None:
    assert Effect.WRITES in effects_of("select 1" + " " * LONGEST, POSTGRES).effects
    assert Effect.WRITES in effects_of("explain analyze " * 3000 + "select 1", POSTGRES).effects


SPACE = st.text(alphabet=" \t\n", min_size=1, max_size=3)
COMMENT = st.text(alphabet=string.ascii_letters + " ;'\"", max_size=8).map(lambda text: f"/*{text}*/")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
@given(data=st.data())
def test_case_space_and_comments_change_nothing(dialect: Dialect, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in (dialect.name, "ansi") if name in WRITES]))
    sql = data.draw(st.sampled_from([sql for sql in WRITES[name] if not any(mark in sql for mark in "'\"#/&$")]))
    gap = st.one_of(SPACE, COMMENT.map(lambda text: f" {text} "))
    words = [data.draw(st.sampled_from([word, word.upper(), word.title()])) for word in sql.split(" ")]
    written = "".join(data.draw(gap) + word for word in words) + data.draw(st.sampled_from(["", ";", " ;;", " -- x"]))
    assert Effect.WRITES in effects_of(written, dialect).effects


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
@given(
    parts=st.lists(st.sampled_from([*"abc ();'\"`$/*!-#@\\=,\n", " delete ", " with ", " explain ", "/*!", "\ud800"]))
)
def test_any_text_is_judged_and_none_raises(dialect: Dialect, parts: list[str]) -> None:
    effects_of("".join(parts), dialect)
