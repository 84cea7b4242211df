"""Stars in their columns and names in what they mean, with the servers themselves as oracles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from completion_cases import catalog
from fix_engines import ENGINES, Engine
from hypothesis import given
from hypothesis import strategies as st

from alveary.kernel import Kernel
from alveary.known import Level
from alveary.sqltext import MYSQL, POSTGRES, SQLITE
from alveary_plugins.completion.expanding import expand_script
from alveary_plugins.completion.resolving import resolve
from alveary_plugins.panels.editor.scopes import look

DIALECTS = {"sqlite": SQLITE, "postgres": POSTGRES, "mariadb": MYSQL}
QUOTED = {"sqlite": '"{}"', "postgres": '"{}"', "mariadb": "`{}`"}

TABLES = """
create table a (id int primary key, {Big} int, {select} int, n varchar(9));
create table b (z int, id int, a_id int, n varchar(9));
create table c (k int, z int);
insert into a values (1, 2, 3, 'x'), (2, 3, 4, 'y');
insert into b values (5, 1, 1, 'x'), (6, 2, 1, 'y');
insert into c values (1, 5), (2, 7);
create view v as select n, id from a
"""
#: A table with a column that a star leaves out, where there are such.
HIDING = {
    "sqlite": "create virtual table d using fts5(id, k)",
    "postgres": "create table d (id int, k int)",
    "mariadb": "create table d (id int, n varchar(9) invisible, k int)",
}
QUERIES = [
    "select * from d",
    "select * from a natural join d order by a.id",
    "select * from (select * from d) q",
    "select * from a order by id",
    "select * from a x order by id",
    "select x.* from a as x, b order by x.id, b.id",
    "select b.*, 1 as one, a.* from a join b on b.a_id = a.id order by b.id",
    "select * from a join b using (id) order by 1, 2, 3, 4",
    "select * from a join b using (n, id) order by 1, 2",
    "select * from a natural join b order by 1, 2",
    "select * from a left join b using (id) join c using (z) order by 1",
    "select * from a cross join c order by a.id, c.k",
    "select * from (select id, n as m from a) q join b on b.id = q.id order by 1",
    "select * from (select * from a) q order by id",
    "with w as (select * from a), u (p, q) as (select id, n from a) select w.*, u.* from w, u order by 1, w.id, u.p",
    "select distinct * from v order by id",
    "select id from a where exists (select * from b where b.id = a.id) order by id",
    "select * from a union all select z, id, a_id, n from b order by 1",
    "select (select count(*) from b), a.* from a order by id",
]


@pytest.mark.parametrize("name", ENGINES)
def test_the_columns_of_a_star_are_those_the_server_gives(
    name: str, engine_of: Callable[[str], Engine], kernel: Kernel
) -> None:
    engine = engine_of(name)
    dialect, quoted = DIALECTS[name], QUOTED[name]
    with kernel.connect(engine.url, record=False) as session:
        for statement in TABLES.format(Big=quoted.format("Big"), select=quoted.format("select")).strip().split(";\n"):
            session.run(statement)
        session.run(HIDING[name])
        known = kernel.catalogs.load(session, levels=(Level.RELATIONS, Level.COLUMNS))
        for query in QUERIES:
            found = expand_script(query, dialect, known)
            assert not found.left
            assert "*" not in found.text.replace("count(*)", "").replace("exists (select *", "")
            before, after = session.run(query), session.run(found.text)
            assert before is not None
            assert after is not None
            assert [each.name for each in after.columns] == [each.name for each in before.columns], query
            assert list(after) == list(before), query


@pytest.mark.parametrize("name", ENGINES)
def test_all_there_is_to_tell_of_a_name_is_told(name: str, engine_of: Callable[[str], Engine], kernel: Kernel) -> None:
    engine = engine_of(name)
    with kernel.connect(engine.url, record=False) as session:
        session.run("create table p (id int primary key)")
        session.run("create table q (k int not null, p_id int default 7, foreign key (p_id) references p (id))")
        session.run("create index by_k on q (k)")
        session.run("create view w as select k from q")
        text = "select 1; select x.p_id from q as x join w on w.k = x.k; select p.id from p"
        found = look(kernel, session, text, text.index("p_id") + 1, DIALECTS[name])
        assert found is not None
        assert (found.meant.name, found.meant.column, found.implied) == ("q", "p_id", True)
        assert found.title.startswith("q · table")
        sections = dict(found.sections())
        assert sections["Columns"][0][1:4:2] == ("k", "not null")
        assert "→ p.id" in sections["Columns"][1][4]
        assert "7" in sections["Columns"][1][4]
        assert ("by_k", "", "k") in sections["Indexes"]
        assert "by_k" in found.definition
        view = look(kernel, session, text, text.index("w on"), DIALECTS[name])
        assert view is not None
        assert "view" in view.title
        assert "select" in view.definition.lower()
        keyed = look(kernel, session, text, text.index("p.id"), DIALECTS[name])
        assert keyed is not None
        assert dict(keyed.sections())["Referenced by"] == [("q.p_id", "→ id")]
        assert look(kernel, session, text, 3, DIALECTS[name]) is None


LEFT = [
    ("select * from nowhere", "the columns of nowhere are not known"),
    ("select * from (select max(id) from a) q", "has no name that is certain"),
    ("select * from (select id + 1 from a) q", "has no name that is certain"),
    ("select * from (select id, id from a) q", "q has two columns id"),
    ("select x.* from a", "nothing is called x here"),
    ("select * from a right join b using (id)", "a RIGHT or FULL JOIN with USING"),
    ("select * from somefunction(1) f", "the columns of the function f are not known"),
    ("select *", "nothing stands in FROM"),
]


@pytest.mark.parametrize(("query", "reason"), LEFT)
def test_a_star_of_which_not_all_is_certain_is_left(query: str, reason: str, kernel: Kernel, shop_url: str) -> None:
    with kernel.connect("sqlite:///:memory:", record=False) as session:
        for statement in TABLES.format(Big="Big", select='"select"').strip().split(";\n"):
            session.run(statement)
        known = kernel.catalogs.load(session, levels=(Level.RELATIONS, Level.COLUMNS))
        found = expand_script(query, SQLITE, known)
    assert found.text == query
    assert [reason in str(star.reason) for star in found.left] == [True]


def test_what_is_no_star_of_a_select_list_is_none() -> None:
    known = catalog("postgres")
    for text in (
        "select count(*), 2 * 3, a.b * c.d from orders",
        "select '*', \"*\" -- *",
        "select sum(a * (b)) from c",
    ):
        found = expand_script(text, POSTGRES, known)
        assert (found.text, found.left) == (text, ())


def test_many_columns_stand_below_each_other() -> None:
    known = catalog("postgres")
    wide = "select 'a long text before the star, which leaves it no room at all on this line of it', * from orders"
    (line, *rest) = expand_script(wide, POSTGRES, known).text.split("\n")
    assert len(rest) > 1
    assert all(len(each) - len(each.lstrip()) == line.index("id") for each in rest)


def test_only_the_star_at_the_caret_or_those_of_its_statement_are_expanded() -> None:
    known = catalog("postgres")
    text = "select * from orders; select o.*, c.* from orders o, customer c;"
    second = text.index("o.*")
    only = expand_script(text, POSTGRES, known, second + 2).text
    assert only.startswith("select * from orders; select o.id, ")
    assert "c.* from" in only
    whole = expand_script(text, POSTGRES, known, second - 3).text
    assert whole.startswith("select * from orders; select o.id, ")
    assert "*" not in whole.partition(";")[2]


# In each the name between bars, then what it means.
MEANT = [
    ("select * from |orders|", "orders"),
    ("select * from orders |o| where o.id = 1", "orders"),
    ("select * from orders as |o|", "orders"),
    ("select |o|.id from orders o", "orders"),
    ("select o.|id| from orders o", "orders.id"),
    ("select |id| from orders", "orders.id"),
    ("select * from customer c join orders o on o.|customer_id| = c.id", "orders.customer_id"),
    ("select (select max(|o|.id) from customer) from orders o", "orders"),
    ("insert into |orders| (id) values (1)", "orders"),
    ("insert into orders (|id|) values (1)", "orders.id"),
    ("update |orders| set id = 1", "orders"),
    ("update orders set |id| = 1", "orders.id"),
    ("delete from |orders|", "orders"),
    ("with orders as (select 1 as id) select * from |orders|", None),
    ("select |nothing| from orders", None),
    ("select '|orders|'", None),
    ("select 1 -- |orders|", None),
    ("select 1 + |+| 2 from orders", None),
    ("drop table |orders|", "orders"),
]


@pytest.mark.parametrize(("marked", "meant"), MEANT)
@pytest.mark.parametrize("dialect", [POSTGRES, MYSQL, SQLITE], ids=lambda each: str(each.name))
def test_a_name_means_what_the_scope_says(marked: str, meant: str | None, dialect: object) -> None:
    assert dialect in (POSTGRES, MYSQL, SQLITE)
    chosen = next(each for each in (POSTGRES, MYSQL, SQLITE) if each is dialect)
    before, name, after = marked.split("|")
    text = before + name + after
    for caret in (len(before), len(before) + 1, len(before) + len(name)):
        found = resolve(text, caret, chosen, catalog(chosen.name))
        said = None if found is None else ".".join(filter(None, [found.name, found.column]))
        assert said == meant
        assert found is None or text[found.start : found.end] == name


@given(text=st.text(alphabet="select *.,()from orders'\"o;\n", max_size=60), data=st.data())
def test_any_text_is_answered(text: str, data: st.DataObject) -> None:
    known = catalog("postgres")
    resolve(text, data.draw(st.integers(0, len(text))), POSTGRES, known)
    found = expand_script(text, POSTGRES, known)
    assert len(found.text) >= len(text) - 2 * len(found.edits)
