"""SQLite's plans: the rows of EXPLAIN QUERY PLAN as a tree, and how large is what it scans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel, ServerInfo, Session
from alveary.contracts.plan import ExplainRequest, Plan
from alveary.errors import InvalidInputError, MissingParameterError, UnsupportedError
from alveary.explaining import explain, explainer_of, wanted
from alveary_plugins.drivers.sqlite.explaining import read

TABLES = """
    create table hive (id integer primary key, name text);
    create table bee (id integer primary key, hive int, weight int);
    create index bee_hive on bee (hive);
    create table pair (a int, b int, primary key (a, b)) without rowid;
    create view heavy as select * from bee where weight > 5;
    insert into hive values (1, 'a');
    insert into bee values (20000, 1, 3);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bees.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(TABLES)
    return path


@pytest.fixture
def session(kernel: Kernel, file: Path) -> Iterator[Session]:
    with kernel.connect(f"sqlite:///{file}") as session:
        yield session


def explained(kernel: Kernel, session: Session, sql: str, *, analyze: bool = False, **more: Any) -> Plan:
    want = wanted(sql, session.driver.dialect, analyze=analyze)
    spec = explainer_of(kernel, session.driver, analyze=analyze)
    return explain(session, spec, want, settings=kernel.settings, **more)


QUERIES = [
    "select * from bee b join hive h on h.id = b.hive where weight > 1 order by h.name",
    "select * from bee where hive = 3 or id = 4",
    "select * from heavy union select * from bee order by 1",
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 9) select * from t",
    "select *, (select max(weight) from bee x where x.hive = hive.id) from hive where id in (select hive from bee)",
    "select * from hive a, hive b where a.name = b.name",
    "select * from pair where b = 1",
    "delete from bee where weight > 3",
    "insert into bee select * from bee",
    "select 1",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_the_tree_is_what_sqlite_says(kernel: Kernel, session: Session, file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        said = db.execute(f"explain query plan {sql}").fetchall()
    depths: dict[int, int] = {}
    for id, parent, *_ in said:
        depths[id] = depths.get(parent, -1) + 1
    plan = explained(kernel, session, sql)
    ours = [(depth, node.title) for depth, node in plan.nodes()]
    if ours[0][1] == "QUERY PLAN":
        ours = [(depth - 1, title) for depth, title in ours[1:]]
    assert sorted(ours) == sorted((depths[id], text) for id, _, _, text in said)
    assert plan.raw.splitlines() == ["|".join(map(str, row)) for row in said]


def test_a_large_table_that_is_read_whole_is_warned_of_whatever_it_is_called(kernel: Kernel, session: Session) -> None:
    for sql in (
        "select * from bee",
        "select * from bee as b, hive",
        "select * from (select * from heavy) x",
        "select b.id, hive.name from hive, bee b where b.weight > 3 and b.id = b.id",
        'select * from "bee" "hive"',
    ):
        (warning,) = explained(kernel, session, sql).warnings
        assert (warning.rule, warning.message.endswith("about 20,000 rows")) == ("scan", True)
    assert explained(kernel, session, "select * from bee where id = 3").warnings == ()
    assert explained(kernel, session, "select * from hive, pair").warnings == ()


def test_what_analyze_wrote_down_is_believed_before_row_numbers(kernel: Kernel, session: Session) -> None:
    session.run("analyze")
    assert explained(kernel, session, "select * from bee").warnings == ()  # it holds one row


def test_parameters_are_bound(kernel: Kernel, session: Session) -> None:
    plan = explained(kernel, session, "select * from bee where id = :id", parameters={"id": 1})
    assert plan.root.title == "SEARCH bee USING INTEGER PRIMARY KEY (rowid=?)"
    with pytest.raises(MissingParameterError):
        explained(kernel, session, "select * from bee where id = :id")


def test_what_would_act_while_it_is_looked_at_is_refused(kernel: Kernel, session: Session) -> None:
    for sql in ("pragma user_version = 7", "attach 'x.db' as x", "vacuum", "-- x\ncreate table t (a)"):
        with pytest.raises(InvalidInputError, match="SQLite has no plan of"):
            explained(kernel, session, sql)
    result = session.run("pragma user_version")
    assert result is not None
    assert result.window(0, 1) == [(0,)]


def test_nothing_is_measured(kernel: Kernel, session: Session) -> None:
    with pytest.raises(UnsupportedError, match="does not measure its plans"):
        explained(kernel, session, "select 1", analyze=True)


CELLS = (
    st.none() | st.integers(-3, 9).map(str) | st.sampled_from(["SCAN x", "SEARCH y USING INDEX", "?", "SCAN a AS b"])
)


@given(st.lists(st.lists(CELLS, max_size=5).map(tuple), max_size=12))
def test_no_rows_are_too_strange_to_be_read(rows: list[tuple[str | None, ...]]) -> None:
    request = ExplainRequest(sql="select 1", server=ServerInfo(product="SQLite", version="9"))
    plan = read(rows, request)
    assert len(plan.raw.splitlines()) <= max(1, len(rows))
    assert sum(1 for _ in plan.nodes()) in (len(rows), len(rows) + 1)
