"""Copies between the three engines: every value arrives, counted and compared; what has no equivalent is said."""

from __future__ import annotations

import sqlite3
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fix_engines import ENGINES, Engine

from alveary import Kernel
from alveary.commands.copies import CopyReport
from alveary.contracts.guard import Reviewed, Verdict
from alveary.contracts.target import Target
from alveary.errors import (
    ConstraintViolationError,
    InvalidInputError,
    QueryCancelledError,
    QueryError,
    StatementDeniedError,
    UnknownObjectError,
)
from alveary.events import QueryProgressed

Make = Callable[[str], Engine]

#: A table of each engine with the types that all share, and rows at their extremes.
TABLES = {
    "sqlite": """create table bee (k integer not null primary key, small integer, big integer, amount real,
        flag boolean, name text not null, raw blob, note text)""",
    "postgres": """create table bee (k integer not null primary key, small smallint, big bigint,
        amount double precision, flag boolean, name text not null, raw bytea, note text)""",
    "mariadb": """create table bee (k integer not null primary key, small smallint, big bigint, amount double,
        flag tinyint(1), name varchar(200) character set utf8mb4 not null, raw longblob,
        note longtext character set utf8mb4)""",
}
ROWS = {
    "sqlite": "(1, -32768, 9223372036854775807, 0.1, 1, 'Ann', x'00ff0a22', 'a,\"b'), "
    "(2, 32767, -9223372036854775808, 1e300, 0, '', x'', ''), (3, null, null, null, null, 'NULL', null, null)",
    "postgres": "(1, -32768, 9223372036854775807, 0.1, true, 'Ann', '\\x00ff0a22', 'a,\"b'), "
    "(2, 32767, -9223372036854775808, 1e300, false, '', '', ''), (3, null, null, null, null, 'NULL', null, null)",
    "mariadb": "(1, -32768, 9223372036854775807, 0.1, 1, 'Ann', x'00ff0a22', 'a,\"b'), "
    "(2, 32767, -9223372036854775808, 1e300, 0, '', '', ''), (3, null, null, null, null, 'NULL', null, null)",
}


def copy(kernel: Kernel, source: Engine, target: Engine, table: str = "bee", **more: Any) -> CopyReport:
    report: CopyReport = kernel.run("copy.run", {"source": source.url, "table": table, "target": target.url, **more})
    return report


def values(kernel: Kernel, engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    with kernel.connect(engine.url) as session:
        result = session.run(sql)
        assert result is not None
        return list(result)


def filled(make: Make, name: str) -> Engine:
    engine = make(name)
    engine.ask(TABLES[name])
    engine.ask(f"insert into bee values {ROWS[name]}")
    return engine


@pytest.mark.parametrize("target_name", ENGINES)
@pytest.mark.parametrize("source_name", ENGINES)
def test_every_value_arrives_and_is_counted_and_compared(
    alveary_kernel: Kernel, engine_of: Make, source_name: str, target_name: str
) -> None:
    source, target = filled(engine_of, source_name), engine_of(target_name)
    report = copy(alveary_kernel, source, target, checksum=True)
    assert (report.rows, report.created is not None) == (3, True)
    assert report.checksum is not None
    sql = "select k, small, big, amount, name, raw, note from bee order by k"
    assert values(alveary_kernel, target, sql) == values(alveary_kernel, source, sql)
    found = values(alveary_kernel, target, "select flag from bee order by k")
    flags = [None if flag is None else bool(flag) for (flag,) in found]
    assert flags == [True, False, None]
    with pytest.raises(ConstraintViolationError):  # the primary key was made, too
        copy(alveary_kernel, source, target)
    assert copy(alveary_kernel, source, target, truncate=True, checksum=True).checksum == report.checksum
    with alveary_kernel.connect(target.url) as session:
        columns = {each.name: each for each in session.catalog().columns(session.catalog().schemas()[0])}
    assert [columns[name].nullable for name in ("k", "name", "note")] == [False, False, True]


#: More digits than MariaDB writes of a float, dates it takes if it is told to, bits, and a 0 that asks for no number.
ODD = """set sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'; create table bee (k int not null auto_increment
    primary key, f float, d date, b bit(64), g geometry); insert into bee values
    (0, 16777215, '2024-02-30', b'1', null), (7, 0.1, '0000-00-00', b'1000000', st_geomfromtext('point(1 2)')),
    (8, 3.40282347e38, '2024-00-10', b'0', null), (9, -1e-45, null, null, null)"""


@pytest.mark.parametrize("target_name", ENGINES)
def test_what_mariadb_alone_holds_arrives_whole(alveary_kernel: Kernel, engine_of: Make, target_name: str) -> None:
    source, target = engine_of("mariadb"), engine_of(target_name)
    source.ask(ODD)
    if target_name == "postgres":  # which knows no such days, and says so
        with pytest.raises(QueryError, match=r"column d: .*2024-02-30"):
            copy(alveary_kernel, source, target)
        source.ask("alter table bee drop d")
    assert copy(alveary_kernel, source, target, checksum=True).rows == 4
    numbers = values(alveary_kernel, target, f"select k, {'f * 1e0' if target_name == 'mariadb' else 'f'} from bee")
    assert [(key, struct.unpack("f", struct.pack("f", number))) for key, number in sorted(numbers)] == [
        (key, struct.unpack("f", struct.pack("f", float(text))))
        for key, text in [(0, "16777215"), (7, "0.1"), (8, "3.40282347e38"), (9, "-1e-45")]
    ]
    if target_name != "postgres":
        dates = values(alveary_kernel, target, "select d from bee order by k")
        assert dates == [("2024-02-30",), ("0000-00-00",), ("2024-00-10",), (None,)]


def test_text_of_sqlite_that_is_no_utf8_arrives_as_it_is(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = engine_of("sqlite"), engine_of("sqlite")
    source.ask("create table bee (k integer primary key, name text, weight real)")
    source.ask("insert into bee values (1, cast(x'ff41' as text), 9e999), (2, 'é', 1), (3, cast(x'c3' as text), null)")
    assert copy(alveary_kernel, source, target, checksum=True).rows == 3
    asked = "select hex(name), typeof(name), weight from bee order by k"
    assert target.ask(asked) == source.ask(asked) == ["FF41|text|inf", "C3A9|text|1.0", "C3|text|"]
    with pytest.raises(ConstraintViolationError, match="row 1, column k: "):
        copy(alveary_kernel, source, target)
    postgres = engine_of("postgres")  # which holds text alone
    with pytest.raises(QueryError, match="row 1, column name: "):
        copy(alveary_kernel, source, postgres)


LIKE = {
    "sqlite": """create table bee (id integer primary key, hive integer references hive (id), name text not null
        default 'Ann' unique, weight real check (weight > 0), twice integer generated always as (id * 2));
        create index bee_weight on bee (weight); create unique index bee_both on bee (hive, name) where weight > 1;
        create trigger bee_ai after insert on bee begin select 1; end""",
    "postgres": """create table bee (id serial primary key, hive int references hive (id), name text not null
        default 'Ann' unique, weight double precision constraint heavy check (weight > 0), "Twice" int generated always
        as (hive * 2) stored, made timestamptz default now(), kind int generated always as identity);
        create index bee_weight on bee (weight desc) where weight > 1; comment on table bee is 'they''re';
        comment on column bee.name is 'what it is called'""",
    "mariadb": """create table bee (id int not null auto_increment primary key, hive int, name varchar(30)
        character set utf8mb4 not null default 'Ann' comment 'what (it, is) called' unique, weight double,
        twice int as (hive * 2) persistent, constraint heavy check (weight > 0), key by_weight (weight),
        constraint in_hive foreign key (hive) references hive (id)) comment 'they''re'""",
}
HIVES = "create table hive (id int not null primary key); insert into hive values (7)"
BEES = "insert into bee (id, hive, name, weight) values (4, 7, 'Bea', 1.5), (5, null, 'Cy', 2)"


def traits(engine: Engine) -> list[str]:
    """Return what the engine's own words say of the table, without the names of what is its own."""
    if engine.name == "sqlite":
        return engine.ask("select sql from sqlite_master where tbl_name = 'bee' and type <> 'trigger' order by 1")
    if engine.name == "mariadb":
        return engine.ask("show create table bee")
    return engine.ask(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'bee'::regclass union all "
        "select pg_get_indexdef(indexrelid) from pg_index where indrelid = 'bee'::regclass union all "
        "select column_name || data_type || is_nullable || coalesce(column_default, '') || is_identity || is_generated "
        "from information_schema.columns where table_name = 'bee' and column_name <> 'id' union all "
        "select obj_description('bee'::regclass) || col_description('bee'::regclass, 3) order by 1"
    )


@pytest.mark.parametrize("name", ENGINES)
def test_what_a_table_has_is_made_in_another_database_of_its_engine(
    alveary_kernel: Kernel, engine_of: Make, name: str
) -> None:
    source, target = engine_of(name), engine_of(name)
    source.ask(HIVES)
    target.ask(HIVES)
    source.ask(LIKE[name]) if name != "sqlite" else _script(source, LIKE[name])
    source.ask(BEES)
    report = copy(alveary_kernel, source, target, checksum=True)
    assert report.rows == 2
    assert report.left_out == (("trigger bee_ai",) if name == "sqlite" else ())
    assert [each.replace('"', "") for each in traits(target)] == [each.replace('"', "") for each in traits(source)]
    assert target.ask("select id, hive, name, weight from bee order by id") == ["4|7|Bea|1.5", "5||Cy|2.0"] or (
        target.ask("select id, hive, name, weight from bee order by id") == ["4|7|Bea|1.5", "5||Cy|2"]
    )
    # The next number is one that nobody has.
    target.ask("insert into bee (hive, weight) values (7, 3)")
    assert target.ask("select max(id) from bee") == ["6"]


@pytest.mark.parametrize("name", ENGINES)
def test_a_copy_beside_its_original_takes_no_name_from_it(alveary_kernel: Kernel, engine_of: Make, name: str) -> None:
    source = engine_of(name)
    source.ask(HIVES)
    source.ask(LIKE[name]) if name != "sqlite" else _script(source, LIKE[name])
    source.ask(BEES)
    report = copy(alveary_kernel, source, source, to="wasp", checksum=True)
    assert (report.rows, [each for each in report.left_out if "trigger" not in each]) == (2, [])
    with alveary_kernel.connect(source.url) as session:
        there, here = (session.catalog().details(session.catalog().schemas()[0], each) for each in ("bee", "wasp"))
    assert there is not None
    assert here is not None
    assert sorted(each.columns for each in here.indexes) == sorted(each.columns for each in there.indexes)
    assert len(here.foreign_keys) == len(there.foreign_keys) == 1


def test_a_foreign_key_to_nothing_is_left_out_with_why(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = engine_of("postgres"), engine_of("postgres")
    source.ask(HIVES)
    source.ask(LIKE["postgres"])
    source.ask(BEES)
    report = copy(alveary_kernel, source, target)
    assert report.left_out == ('foreign key bee_hive_fkey (relation "public.hive" does not exist)',)
    assert "check heavy" in report.made
    assert target.ask("select count(*) from bee") == ["2"]


@pytest.mark.parametrize("to", ["wasp", "bee"])
def test_names_and_texts_that_look_like_definitions_stay_what_they_are(
    alveary_kernel: Kernel, engine_of: Make, to: str
) -> None:
    source = engine_of("postgres")
    target = source if to == "wasp" else engine_of("postgres")
    source.ask("create table bee (k int unique, other int, t text check (t <> ' REFERENCES public.bee('))")
    source.ask('alter table bee add "x REFERENCES public.bee(" int references bee (k)')
    source.ask('create index "a ON public.bee (other) --" on bee (k)')
    source.ask('create unique index "b INDEX c.d ON ONLY e" on bee (t) where k > 0')
    report = copy(alveary_kernel, source, target, to=to)
    assert report.left_out == ()
    assert {"index a ON public.bee (other) --", "index b INDEX c.d ON ONLY e"} <= set(report.made)
    found = target.ask(
        "select unnest(array[pg_get_indexdef(indexrelid, 1, false), pg_get_expr(indpred, indrelid)])"
        f" from pg_index where indrelid = '{to}'::regclass and indexrelid not in (select conindid from pg_constraint)"
        " union all select pg_get_constraintdef(oid) from pg_constraint"
        f" where conrelid = '{to}'::regclass and contype in ('c', 'f')"
    )
    assert sorted(each for each in found if each) == [
        "(k > 0)",
        "CHECK ((t <> ' REFERENCES public.bee('::text))",
        f'FOREIGN KEY ("x REFERENCES public.bee(") REFERENCES {to}(k)',
        "k",
        "t",
    ]


def test_names_are_read_as_wholes_whatever_quotes_the_server_writes(alveary_kernel: Kernel, engine_of: Make) -> None:
    source = engine_of("mariadb")
    source.ask('create table bee (k int default 3, `a\n) "b` int, unique key `K``(k)` (k), key `"x` (k))')
    mode = source.ask("select @@global.sql_mode")[0]
    source.ask("set global sql_mode = concat(@@global.sql_mode, ',ANSI_QUOTES')")
    try:
        report = copy(alveary_kernel, source, source, to="wasp")
    finally:
        source.ask(f"set global sql_mode = '{mode}'")
    assert report.left_out == ()
    assert report.created is not None
    assert "unique key `k``(k)` (`k`)" in report.created.lower()
    made, original = (source.ask(f"show create table {name}") for name in ("wasp", "bee"))
    assert [line.replace("wasp", "bee") for line in made] == original


#: What other servers write of a backslash, and what would lead a table to rows that another server keeps.
HELD = """create user hand@'127.0.0.1' identified by 'Hidd3n'; grant all on *.* to hand@'127.0.0.1';
    install soname 'ha_federatedx'; create table there (k int primary key, t text) engine=InnoDB comment='c';
    insert into there values (1, 'a'), (2, 'b');
    create table bee (k int primary key, t text) engine=FEDERATED comment='of there'
    connection='mysql://hand:Hidd3n@127.0.0.1:{port}/{database}/there';
    create table plain (k int) engine=InnoDB connection='mysql://hand:Hidd3n@nowhere/x/y'
    comment=' CONNECTION=''x'' stays';
    create table flat (k int not null auto_increment primary key, t text, fulltext key words (t)) engine=MyISAM
    comment='it''s'; insert into flat values (7, 'seven')"""


def test_a_copy_takes_rows_and_not_where_another_server_keeps_them(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = engine_of("mariadb"), engine_of("mariadb")
    port, _, database = source.url.rpartition(":")[2].partition("/")
    source.ask(HELD.format(port=port, database=database.partition("?")[0]))
    try:
        report = copy(alveary_kernel, source, target, checksum=True)
        assert (report.rows, report.left_out) == (2, ("engine FEDERATED", "connection", "comment"))
        plain = copy(alveary_kernel, source, target, "plain")
        assert plain.left_out == ("connection",)
        assert target.ask("select table_comment from information_schema.tables where table_name = 'plain'"
                          " and table_schema = database()") == [" CONNECTION='x' stays"]  # fmt: skip
        flat = copy(alveary_kernel, source, target, "flat")
        assert flat.left_out == ("engine MyISAM",)
        assert "FULLTEXT KEY `words`" in " ".join(target.ask("show create table flat"))
        told = " ".join(
            [*target.ask("show create table bee"), *target.ask("show create table plain"), repr(report), repr(plain)]
        )
        assert "Hidd3n" not in told
        assert "Hidd3n" not in " ".join(each.text for each in alveary_kernel.sent.entries())
    finally:
        source.ask("drop table bee; uninstall soname 'ha_federatedx'; drop user hand@'127.0.0.1'")


def test_a_backslash_in_a_default_is_one_whatever_the_servers_take_it_for(
    alveary_kernel: Kernel, engine_of: Make
) -> None:
    source, target = engine_of("mariadb"), engine_of("mariadb")
    source.ask(r"create table bee (k int, t text default 'a\\b' comment 'c\\d') comment 'e\\f\'g'")
    source.ask("insert into bee (k) values (1)")
    mode = source.ask("select @@global.sql_mode")[0]
    source.ask("set global sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    try:
        copy(alveary_kernel, source, target, checksum=True)
    finally:
        source.ask(f"set global sql_mode = '{mode}'")
    assert target.ask("show create table bee") == source.ask("show create table bee")
    assert r"DEFAULT 'a\\b' COMMENT 'c\\d'" in " ".join(target.ask("show create table bee"))


@pytest.mark.parametrize("target_name", ENGINES)
@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_whom_a_table_is_open_to_is_named_as_left_out(
    alveary_kernel: Kernel, engine_of: Make, name: str, target_name: str
) -> None:
    source, target = engine_of(name), engine_of(target_name)
    source.ask("create table bee (k int primary key, v text)")
    if name == "postgres":
        source.ask('create role "Bee keeper"; grant select on bee to public; grant update (v) on bee to "Bee keeper"')
        everybody = ["privileges of Bee keeper", "privileges of public"]
    else:
        source.ask("create user keeper; grant update (v) on bee to keeper")
        everybody = ["privileges of 'keeper'@'%'"]
    try:
        assert list(copy(alveary_kernel, source, target).left_out) == everybody
    finally:
        source.ask('drop owned by "Bee keeper"; drop role "Bee keeper"' if name == "postgres" else "drop user keeper")


def test_a_foreign_key_without_a_name_is_named_by_its_columns(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = engine_of("sqlite"), engine_of("postgres")
    source.ask("create table hive (a int, b int, primary key (a, b))")
    source.ask("create table bee (k int, a int, b int, foreign key (a, b) references hive)")
    assert copy(alveary_kernel, source, target).left_out == ("foreign key (a, b)",)


def test_a_copy_within_a_file_of_sqlite_is_read_by_whom_it_is_written(alveary_kernel: Kernel, engine_of: Make) -> None:
    """What somebody else reads of the file SQLite can't write there, and would keep in memory until the end."""
    source = engine_of("sqlite")
    source.ask("create table bee (k integer primary key, v text unique, w)")
    source.ask(
        "insert into bee with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000) "
        "select n, printf('%0200d', n), x'ff' from c"
    )
    assert copy(alveary_kernel, source, source, to="wasp", checksum=True).rows == 20_000
    assert source.ask("select count(*) from wasp join bee using (k, v, w)") == ["20000"]
    read, written = (
        {each.connection for each in alveary_kernel.sent.entries() if each.text.startswith(words)}
        for words in ('select "k", "v", "w" from "main"."bee"', 'insert into "main"."wasp"')
    )
    assert read == written
    with pytest.raises(ConstraintViolationError, match="row 1"):
        copy(alveary_kernel, source, source, to="wasp")
    assert source.ask("select count(*) from wasp") == ["20000"]


@pytest.mark.parametrize(("table", "to"), [("bee", "wasp"), ("seen", "hive")])
def test_what_a_copy_itself_changes_is_not_read_again(
    alveary_kernel: Kernel, engine_of: Make, table: str, to: str
) -> None:
    source = engine_of("sqlite")
    with alveary_kernel.connect(source.url) as session:
        for sql in (
            "create table bee (v text)",
            "create table hive (v text)",
            "create table wasp (v text)",
            "create view seen as select v from bee union all select v from hive",
            "create trigger stings after insert on WASP begin insert into bee values ('again'); end",
            "insert into bee with recursive c(n) as (select 1 union all select n + 1 from c where n < 9000) "
            "select n from c",
        ):
            session.run(sql)
        assert [each.relation for each in session.catalog().objects("main")] == ["wasp"]
    assert copy(alveary_kernel, source, source, table, to=to).rows == 9000


def test_remarks_beside_the_names_of_a_table_and_its_indexes_lose_nothing(
    alveary_kernel: Kernel, engine_of: Make
) -> None:
    source = engine_of("sqlite")
    source.ask("create table bee -- it's ours\n /* (yes) */ (k int check (k > 0))")
    source.ask("create unique index one--and only\n on/* it's */bee/**//**/(k)")
    report = copy(alveary_kernel, source, source, to="wasp")
    assert (report.made, report.left_out) == (("index one",), ())
    assert source.ask("select sql from sqlite_master where tbl_name = 'wasp' order by type desc") == [
        'CREATE TABLE "wasp" (k int check (k > 0))',
        'CREATE UNIQUE INDEX "wasp_one" on "wasp" (k)',
    ]


@pytest.mark.parametrize("target_name", ENGINES)
@pytest.mark.parametrize("name", ENGINES)
def test_another_engine_gets_what_it_understands_and_the_rest_is_named(
    alveary_kernel: Kernel, engine_of: Make, name: str, target_name: str
) -> None:
    if name == target_name:
        return
    source, target = engine_of(name), engine_of(target_name)
    source.ask(HIVES)
    source.ask(LIKE[name]) if name != "sqlite" else _script(source, LIKE[name])
    source.ask(BEES)
    report = copy(alveary_kernel, source, target, checksum=True)
    left_out = " ".join(report.left_out)
    for kind in ("check", "foreign key", "index"):
        assert kind in left_out, report.left_out
    assert [each for each in report.left_out if "unique" in each] == (["unique bee_both"] if name == "sqlite" else [])
    twice, kind = ('"Twice"', ", kind") if name == "postgres" else ("twice", "")
    twice = twice.replace('"', "`") if target_name == "mariadb" else twice
    target.ask(f"insert into bee (id, {twice}{kind}) values (9, 18{', 1' if kind else ''})")
    assert target.ask("select name from bee where id = 9") == ["Ann"]


def _script(engine: Engine, script: str) -> None:
    with closing(sqlite3.connect(engine.url.removeprefix("sqlite:///").partition("?")[0])) as db:
        db.executescript(script)


@pytest.mark.parametrize("target_name", ENGINES)
def test_what_has_no_equivalent_is_said(alveary_kernel: Kernel, engine_of: Make, target_name: str) -> None:
    source, target = engine_of("postgres"), engine_of(target_name)
    source.ask(
        "create table bee (k int, n numeric(30,10), at timestamptz, day date, doc jsonb, u uuid, ip inet, tags text[])"
    )
    source.ask(
        "insert into bee values (1, 12345678901234567890.0123456789, '2024-02-29 12:00:00.5+02', '2024-02-29', "
        "'{\"a\": [1, 2.50]}', '00000000-0000-0000-0000-00000000000a', '10.0.0.1/8', '{a,NULL}'), (2)".replace(
            "(2)", "(2, null, null, null, null, null, null, null)"
        )
    )
    report = copy(alveary_kernel, source, target, checksum=True)
    notes = {column.source: column.note for column in report.columns}
    if target_name == "postgres":
        assert set(notes.values()) == {None}
    else:
        assert all(notes[name] for name in ("at", "ip", "tags"))
    ((number, address),) = values(alveary_kernel, target, "select n, ip from bee where k = 1")
    assert str(number) == "12345678901234567890.0123456789"
    assert address == "10.0.0.1/8"
    ((at,),) = values(alveary_kernel, target, "select at from bee where k = 1")
    assert str(at).startswith("2024-02-29 10:00:00.5")


def test_a_value_that_does_not_fit_undoes_everything(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = engine_of("sqlite"), engine_of("postgres")
    source.ask("create table bee (k integer)")
    source.ask("insert into bee values (1), ('two'), (3)")
    with pytest.raises(QueryError, match="row 2, column k: invalid input syntax") as caught:
        copy(alveary_kernel, source, target)
    assert "two" in caught.value.message
    with pytest.raises(UnknownObjectError):
        copy(alveary_kernel, target, source)


@pytest.mark.parametrize("name", ENGINES)
def test_a_cancel_leaves_nothing(alveary_kernel: Kernel, engine_of: Make, name: str) -> None:
    source, target = engine_of("sqlite"), engine_of(name)
    source.ask("create table bee (k integer, v text)")
    source.ask(
        "insert into bee with recursive c(n) as (select 1 union all select n + 1 from c where n < 300000) "
        "select n, printf('%0100d', n) from c"
    )
    loading = threading.Event()
    stop = alveary_kernel.bus.subscribe(
        lambda event: loading.set() if isinstance(event, QueryProgressed) and event.rows else None
    )
    asked = {"source": source.url, "table": "bee", "target": target.url, "to": "wasp"}
    job = alveary_kernel.commands.submit("copy.run", asked)
    assert loading.wait(60)
    job.cancel()
    with pytest.raises(QueryCancelledError):
        job.result()
    stop()
    with pytest.raises(UnknownObjectError):
        copy(alveary_kernel, target, source, table="wasp")


def test_a_table_is_not_copied_onto_itself(alveary_kernel: Kernel, engine_of: Make) -> None:
    source = filled(engine_of, "sqlite")
    with pytest.raises(InvalidInputError, match="onto itself"):
        copy(alveary_kernel, source, source)
    assert copy(alveary_kernel, source, source, to="wasp").rows == 3
    with pytest.raises(UnknownObjectError, match=r"there is no table main\.hornet"):
        copy(alveary_kernel, source, source, table="hornet")


def test_rows_are_added_to_a_table_that_is_there_but_not_compared(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = filled(engine_of, "postgres"), engine_of("mariadb")
    target.ask("create table bee (note text, NAME varchar(200), k int, small int, big bigint, amount double, flag int, "
               "raw blob, extra int default 5)")  # fmt: skip
    target.ask("insert into bee (k) values (0)")
    assert copy(alveary_kernel, source, target).rows == 3
    assert target.ask("select k, name, flag, extra from bee where k > 0 order by k") == ["1|Ann|1|5", "2||0|5", "3|||5"]
    with pytest.raises(InvalidInputError, match="holds 4 rows already"):
        copy(alveary_kernel, source, target, checksum=True)


def test_a_table_is_not_copied_onto_itself_by_another_name_of_its_database(
    alveary_kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("bees.db")) as db:
        db.execute("create table bee (id integer)")
    Path("link.db").symlink_to("bees.db")
    for target in (f"sqlite:///{tmp_path}/bees.db", "sqlite:///link.db"):
        with pytest.raises(InvalidInputError, match="onto itself"):
            alveary_kernel.run("copy.run", {"source": "sqlite:///bees.db", "table": "bee", "target": target})


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_one_server_by_two_addresses_is_one(alveary_kernel: Kernel, engine_of: Make, name: str) -> None:
    source = filled(engine_of, name)
    by_name = replace(source, url=source.url.replace("127.0.0.1", "localhost"))
    for one, other in ((source, by_name), (by_name, source)):
        with pytest.raises(InvalidInputError, match="onto itself"):
            copy(alveary_kernel, one, other)
    # A database of the same server with a table of the same path is another one.
    if name == "postgres":
        assert copy(alveary_kernel, source, engine_of(name)).rows == 3


@pytest.mark.parametrize("name", ENGINES)
def test_what_a_copy_reads_is_told_of(alveary_kernel: Kernel, engine_of: Make, name: str) -> None:
    source, target = filled(engine_of, name), engine_of("sqlite")
    copy(alveary_kernel, source, target)
    told = [each for each in alveary_kernel.sent.entries() if "source" not in each.connection]
    place = alveary_kernel.target(source.url)[0].display()
    read = [each for each in told if each.connection == place]
    assert any(each.text.startswith("select") and " from " in each.text and "note" in each.text for each in read)
    if name == "postgres":
        assert "set timezone = 'UTC'" in [each.text for each in read]
    assert {each.outcome.value for each in told} == {"completed"}


def test_guards_are_asked_about_what_a_copy_reads(alveary_kernel: Kernel, engine_of: Make) -> None:
    source, target = filled(engine_of, "sqlite"), engine_of("sqlite")
    asked = list[tuple[str, str]]()

    def guard(statement: Reviewed, profile: Target) -> Verdict:
        asked.append((statement.sql, profile.url()))
        return Verdict("deny", "nobody reads bees") if "select" in statement.sql else Verdict("allow")

    alveary_kernel.plugins.guards["bees"] = guard
    with pytest.raises(StatementDeniedError, match="nobody reads bees"):
        copy(alveary_kernel, source, target)
    assert asked[-1][1] == source.url.partition("?")[0]
