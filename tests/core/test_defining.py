"""What a statement defines is read from its words, in three dialects; everything else defines nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary.sqltext import ANSI, MYSQL, POSTGRES, SQLITE, Change, Dialect, changes_in, schema_of


@pytest.mark.parametrize(
    ("dialect", "sql", "changes"),
    [
        (POSTGRES, 'create table if not exists a."b ""c" (x int)', [("created", "table", ("a", 'b "c'))]),
        (POSTGRES, "CREATE UNLOGGED TABLE t AS SELECT 1", [("created", "table", ("t",))]),
        (POSTGRES, "drop table if exists a, b.c cascade",
         [("dropped", "table", ("a",)), ("dropped", "table", ("b", "c"))]),
        (POSTGRES, "create unique index on t (x)", [("created", "index", ())]),
        (POSTGRES, "create index concurrently i on t (x)", [("created", "index", ("i",))]),
        (POSTGRES, "create materialized view m as select 1", [("created", "materialized view", ("m",))]),
        (POSTGRES, "create or replace function f(a int) returns int as $$ select 1 $$ language sql",
         [("created", "function", ("f",))]),
        (POSTGRES, "with a as (select 1) select * into unlogged s.t from a", [("created", "table", ("s", "t"))]),
        (POSTGRES, "comment on column a.b.c is 'create table x'", [("changed", "column", ("a", "b", "c"))]),
        (POSTGRES, "alter table only x add y int", [("changed", "table", ("x",))]),
        (POSTGRES, "import foreign schema a from server b into c", [("created", "foreign table", ())]),
        (POSTGRES, "create foreign table f (a int) server s", [("created", "foreign table", ("f",))]),
        (POSTGRES, "create schema s", [("created", "schema", ("s",))]),
        (POSTGRES, "create event trigger e on ddl_command_end execute function f()",
         [("created", "event trigger", ("e",))]),
        (MYSQL, "CREATE OR REPLACE ALGORITHM = MERGE DEFINER=`a`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1",
         [("created", "view", ("v",))]),
        (MYSQL, "create definer = current_user() procedure shop.p() begin select 1; end",
         [("created", "procedure", ("shop", "p"))]),
        (MYSQL, "alter table `a`.`b``c` add x int", [("changed", "table", ("a", "b`c"))]),
        (MYSQL, "rename table a to b", [("changed", "table", ("a",))]),
        (MYSQL, "rename table a.b to c.d, e to f", [("changed", "table", ("a", "b")), ("changed", "table", ("e",))]),
        (MYSQL, "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a`@`%` SQL SECURITY DEFINER */\n"
         "/*!50001 VIEW `v` AS select 1 */", [("created", "view", ("v",))]),
        (MYSQL, "/*!50003 create*/ /*!50017 definer=`a`@`b`*/ /*!50003 trigger t before insert on x for each row "
         "set @a = 1 */", [("created", "trigger", ("t",))]),
        (POSTGRES, "drop owned by joe", [("dropped", "owned", ())]),
        (MYSQL, "set statement max_statement_time = 5 for create table t (k int)", [("created", "table", ("t",))]),
        (MYSQL, "set @a = 'create'", []),
        (MYSQL, "create event e on schedule every 1 day do select 1", [("created", "event", ("e",))]),
        (MYSQL, "select 1 into @a", []),
        (MYSQL, "call make_all()", [("unseen", "call", ())]),
        (MYSQL, "execute s using @a", [("unseen", "execute", ())]),
        (MYSQL, "execute immediate 'create table x (a int)'", [("unseen", "execute", ())]),
        (MYSQL, "begin not atomic create table x (a int); end", [("unseen", "begin", ())]),
        (MYSQL, "begin not atomic insert into x values (1); end", []),
        (MYSQL, "do sleep(1)", []),
        (POSTGRES, "-- why\ncall s.make_all(1)", [("unseen", "call", ())]),
        (POSTGRES, "do $$ begin execute 'create table x (a int)'; end $$", [("unseen", "do", ())]),
        (POSTGRES, "do $$ begin update x set a = 1; end $$", []),
        (POSTGRES, "execute s (1)", []),
        (POSTGRES, "insert into t values (1) on conflict do nothing", []),
        (SQLITE, "/* why */ create temp table x(a)", [("created", "table", ("x",))]),
        (SQLITE, "create virtual table f using fts5(x)", [("created", "virtual table", ("f",))]),
        (SQLITE, "create trigger t after insert on a begin select 1; end", [("created", "trigger", ("t",))]),
        (POSTGRES, "insert into t select 'create table x'", []),
        (POSTGRES, "select 'drop table x'", []),
        (POSTGRES, "explain create table x as select 1", []),
        (POSTGRES, "create", []),
        (POSTGRES, "", []),
    ],
)  # fmt: skip
def test_changes_are_read_from_the_words(
    dialect: Dialect, sql: str, changes: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    assert [each[:3] for each in changes_in(sql, dialect)] == changes


@pytest.mark.parametrize(
    ("change", "schema"),
    [
        (Change("created", "table", ("a", "b")), "a"),
        (Change("created", "table", ("db", "a", "b")), "a"),
        (Change("created", "table", ("b",)), None),
        (Change("changed", "column", ("t", "c")), None),
        (Change("changed", "column", ("s", "t", "c")), "s"),
        (Change("created", "schema", ("s",)), None),
        (changes_in("alter table s.t add x int", POSTGRES)[0], "s"),
        (changes_in("alter table s.t set schema u", POSTGRES)[0], None),
        (changes_in("drop table s.t", POSTGRES)[0], "s"),
        (changes_in("drop table s.t cascade", POSTGRES)[0], None),
        (changes_in("drop table s.t", MYSQL)[0], None),
        (changes_in("alter table s.t drop x", MYSQL)[0], None),
        (changes_in("alter table s.t add x int", MYSQL)[0], "s"),
    ],
)
def test_the_schema_is_what_the_name_is_qualified_with(change: Change, schema: str | None) -> None:
    assert schema_of(change) == schema


@given(sql=st.text(max_size=200), head=st.sampled_from(["", "create ", "drop ", "select ", "comment on ", "alter "]))
@pytest.mark.parametrize("dialect", [ANSI, MYSQL, POSTGRES, SQLITE])
def test_no_text_is_too_strange(dialect: Dialect, sql: str, head: str) -> None:
    for change in changes_in(head + sql, dialect):
        schema_of(change)
