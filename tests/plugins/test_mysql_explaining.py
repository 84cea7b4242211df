"""Plans of MariaDB, recorded and asked for, and of MySQL in both of its JSON formats and its text, from its manual."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_mariadb import MariaServer
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel, ServerInfo, Session
from alveary.contracts.plan import Explained, ExplainRequest, Plan, PlanNode
from alveary.errors import QueryError, UnsupportedError
from alveary.explaining import cleared, explain, explainer_of, wanted
from alveary.explaining.texts import plan_text
from alveary.explaining.warnings import Limits, warned
from alveary.policy import Consent
from alveary.sqltext import MYSQL, PieceKind, split
from alveary_plugins.drivers.mysql.explaining import MysqlExplainer, read

PLANS = Path(__file__).parents[1] / "plans" / "mariadb"
HANG = 30.0
NAMES = sorted(path.stem for path in PLANS.glob("*.json"))


def request(*, analyze: bool = True, product: str = "MariaDB") -> ExplainRequest:
    return ExplainRequest(sql="select 1", server=ServerInfo(product=product, version="10.11.19"), analyze=analyze)


def recorded(name: str) -> Plan:
    return read((PLANS / f"{name}.json").read_text().strip(), request(analyze=name != "plain"))


def nodes(plan: Plan) -> list[PlanNode]:
    return [node for _, node in plan.nodes()]


def tables(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        if "table_name" in document:
            yield document
        for value in document.values():
            yield from tables(value)
    elif isinstance(document, list):
        for value in document:
            yield from tables(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_table_is_the_servers(name: str) -> None:
    theirs = list(tables(json.loads((PLANS / f"{name}.json").read_text())))
    ours = [node for node in nodes(recorded(name)) if node.relation is not None]
    keys = ("table_name", "rows", "r_rows", "r_loops", "key")
    assert sorted([table.get(key) for key in keys] for table in theirs) == sorted(
        [node.relation, node.estimated_rows, node.actual_rows, node.loops, node.index] for node in ours
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_scalar_of_the_document_stands_somewhere(name: str) -> None:
    def scalars(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for each in value.values():
                yield from scalars(each)
        elif isinstance(value, list):
            for each in value:
                yield from scalars(each)
        elif isinstance(value, str):
            yield value

    plan = recorded(name)
    told = " ".join(each.value for node in nodes(plan) for each in (*node.details, *node.figures))
    for text in scalars(json.loads(plan.raw)):
        assert text in told


@pytest.mark.parametrize("name", NAMES)
def test_times_add_up(name: str) -> None:
    plan = recorded(name)
    for node in nodes(plan):
        if node.total_ms is None or node.own_ms is None:
            continue
        below = sum(child.total_ms or 0.0 for child in node.children)
        assert node.own_ms == pytest.approx(max(0.0, node.total_ms - below), abs=1e-4)


def test_a_query_block_says_all_its_time_and_a_table_its_own() -> None:
    plan = recorded("join")
    block = plan.root
    document = json.loads(plan.raw)["query_block"]
    assert (block.kind, block.total_ms) == ("Query block 1", document["r_total_time_ms"])
    (table,) = (node for node in nodes(plan) if node.relation == "b")
    (said,) = (table for table in tables(document) if table["table_name"] == "b")
    assert table.own_ms == pytest.approx(said["r_table_time_ms"] + said["r_other_time_ms"])
    assert table.title == "Index lookup using bee_hive on b"
    assert plan.planning_ms == json.loads(plan.raw)["query_optimization"]["r_total_time_ms"]


def test_what_never_ran_says_so() -> None:
    (dead,) = (node for node in nodes(recorded("never-executed")) if node.was_executed is False)
    assert (dead.relation, dead.actual_rows, dead.total_ms) == ("b", None, 0.0)


def test_a_change_is_called_one_and_a_scan_of_it_is_warned_of() -> None:
    plan = warned(recorded("delete"), Limits())
    table = plan.root.children[0]
    assert table.title == "Delete by full table scan on bee"
    assert [each.message for each in plan.warnings if each.rule == "scan"] == ["reads all of bee, about 100,000 rows"]


# -- MySQL, whose shapes are its manual's ------------------------------------------------------------------------

TREE = """\
-> Nested loop inner join  (cost=4.95 rows=9) (actual time=0.153..0.200 rows=9 loops=1)
    -> Filter: (t2.c1 = 3)  (cost=1.15 rows=9) (actual time=0.035..0.121 rows=1 loops=3)
        -> Table scan on t2  (cost=1.15 rows=9) (actual time=0.030..0.100 rows=20 loops=3)
    -> Index lookup on t1 using idx (c1=t2.c1)  (cost=0.35..0.9 rows=1) (never executed)
"""


def test_mysqls_tree_is_read_line_by_line() -> None:
    plan = read(TREE, request(product="MySQL"))
    join, filter, scan, lookup = nodes(plan)
    assert (join.title, join.estimated_rows, join.total_cost) == ("Nested loop inner join", 9, 4.95)
    assert (filter.condition, filter.loops) == ("(t2.c1 = 3)", 3)
    assert filter.total_ms == pytest.approx(0.363)
    assert filter.own_ms == pytest.approx(0.063)
    assert filter.discarded == pytest.approx(0.95)
    assert (scan.relation, scan.scans, scan.scanned_rows) == ("t2", True, 60)
    assert (lookup.relation, lookup.index, lookup.was_executed, lookup.total_cost) == ("t1", "idx", False, 0.9)
    assert (plan.raw, plan.raw_format) == (TREE, "text")


def test_mysqls_first_json_is_read() -> None:
    document = {
        "query_block": {
            "select_id": 1,
            "cost_info": {"query_cost": "12.50"},
            "ordering_operation": {
                "using_filesort": True,
                "nested_loop": [
                    {
                        "table": {
                            "table_name": "a",
                            "access_type": "ALL",
                            "rows_examined_per_scan": 20000,
                            "rows_produced_per_join": 2000,
                            "filtered": "10.00",
                            "cost_info": {"read_cost": "1.00", "prefix_cost": "3.25"},
                            "used_columns": ["id"],
                            "attached_condition": "(`a`.`x` = 1)",
                        }
                    },
                    {
                        "table": {
                            "table_name": "b",
                            "access_type": "eq_ref",
                            "key": "PRIMARY",
                            "rows_examined_per_scan": 1,
                        }
                    },
                ],
            },
        }
    }
    plan = warned(read(json.dumps(document), request(product="MySQL", analyze=False)), Limits())
    assert [node.title for node in nodes(plan)] == [
        "Query block 1",
        "Order",
        "Nested loop join",
        "Full table scan on a",
        "Unique index lookup using PRIMARY on b",
    ]
    assert (plan.root.total_cost, nodes(plan)[3].total_cost) == (12.5, 3.25)
    assert [each.rule for each in plan.warnings] == ["filter", "scan"]


def test_mysqls_second_json_is_read() -> None:
    document = {
        "query": "select 1",
        "query_plan": {
            "operation": "Nested loop inner join",
            "estimated_rows": 10.0,
            "actual_rows": 200.0,
            "actual_loops": 1,
            "actual_last_row_ms": 5.5,
            "estimated_total_cost": 4.5,
            "inputs": [
                {"operation": "Table scan on t", "access_type": "table", "actual_rows": 100.0, "actual_loops": 2,
                 "actual_last_row_ms": 2.0, "table_name": "t"},
            ],
        },
    }  # fmt: skip
    plan = warned(read(json.dumps(document), request(product="MySQL")), Limits(rows=150))
    join, scan = nodes(plan)
    assert (join.total_ms, join.own_ms, scan.total_ms, scan.scanned_rows) == (5.5, 1.5, 4.0, 200)
    assert [each.rule for each in plan.warnings] == ["estimate", "scan"]


def test_a_name_that_stands_twice_is_two_steps() -> None:
    """MariaDB before 10.8 wrote the tables of a join one after the other under one name."""
    plan = read('{"query_block": {"table": {"table_name": "a"}, "table": {"table_name": "b"}}}', request(analyze=False))
    assert [node.relation for node in plan.root.children] == ["a", "b"]


def test_each_server_is_asked_in_its_own_words() -> None:
    def asked(product: str, *, analyze: bool) -> str:
        steps = MysqlExplainer().explain(request(analyze=analyze, product=product))
        assert "information_schema.routines" in next(steps).sql, "a function may do anything"
        step = steps.send(Explained(columns=("1",), rows=()))
        assert (step.runs, step.undone) == (analyze, True)
        return step.sql

    assert asked("MariaDB", analyze=True) == "analyze format=json select 1"
    assert asked("MySQL", analyze=True) == "explain analyze select 1"
    assert asked("MySQL", analyze=False) == asked("MariaDB", analyze=False) == "explain format=json select 1"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([
        "query_block", "nested_loop", "table", "table_name", "access_type", "r_rows", "rows", "r_loops", "filtered",
        "r_filtered", "r_total_time_ms", "subqueries", "cost_info", "r_engine_stats", "select_id", "operation",
        "update", "filesort", "inputs", "query_plan", "actual_rows", "actual_loops", "actual_last_row_ms", "new in 12",
    ]), inner, max_size=8),
    max_leaves=40,
)  # fmt: skip


@given(JSON, st.booleans())
def test_no_document_is_too_strange_to_be_read(document: Any, analyze: bool) -> None:
    for raw in (json.dumps(document), json.dumps({"query_block": document}), json.dumps({"query_plan": document})):
        assert warned(read(raw, request(analyze=analyze)), Limits()).raw == raw


LINES = st.lists(
    st.builds(
        lambda indent, text: " " * indent + text,
        st.integers(0, 12),
        st.sampled_from(["-> ", "-> Filter: x", "-> Table scan on t  (cost=1.5 rows=9)", "no step",
                         "-> x (never executed)", "-> y  (actual time=0.1..1e3 rows=0 loops=0)",
                         "-> z  (cost=- rows=.)", "->"]),
    ),
    max_size=30,
)  # fmt: skip


@given(LINES)
def test_no_tree_is_too_strange_to_be_read(lines: list[str]) -> None:
    raw = "\n".join(lines)
    assert warned(read(raw, request(product="MySQL")), Limits()).raw == raw


def test_a_tree_as_deep_as_a_well_is_read_as_far_as_it_matters() -> None:
    raw = "\n".join(" " * depth + f"-> step {depth}" for depth in range(3000))
    plan = read(raw, request(product="MySQL"))
    assert len(nodes(plan)) > 100


# -- on a real server --------------------------------------------------------------------------------------------

TABLES = """
    create table hive (id int primary key, name varchar(20));
    create table bee (id int primary key, hive int, weight int, key (hive));
    create table log (id int auto_increment primary key, what varchar(20)) engine = myisam;
    insert into hive select seq, concat('h', seq) from seq_1_to_50;
    insert into bee select seq, seq % 50 + 1, seq % 7 from seq_1_to_20000;
    create table watched (id int primary key);
    create trigger watching after insert on watched for each row insert into log (what) values ('x');
    create view seen as select * from log;
    create function noted() returns int return (select count(*) from log);
    create function writes() returns int deterministic begin\tinsert into log (what) values ('w'); return 1; end;
    create function weighs() returns int begin insert into bee values (0, 0, 0); return 1; end;
    create table 1st (id int) engine = aria;
    create view careful as select writes() as w;"""


@pytest.fixture
def session(kernel: Kernel, mariadb: MariaServer, mariadb_url: str) -> Iterator[Session]:
    with kernel.connect(mariadb_url) as session:
        for piece in split(TABLES, MYSQL):
            if piece.kind is PieceKind.STATEMENT:
                session.run(piece.sql(TABLES))
        yield session


def explained(kernel: Kernel, session: Session, sql: str, *, analyze: bool = False, **more: Any) -> Plan:
    want = wanted(sql, session.driver.dialect, analyze=analyze)
    clearance = cleared(kernel.policy, want, session.target, session.driver, consent=Consent(yes=True))
    spec = explainer_of(kernel, session.driver, analyze=analyze)
    return explain(session, spec, want, settings=kernel.settings, clearance=clearance, **more)


def value(session: Session, sql: str) -> str:
    result = session.run(sql)
    assert result is not None
    return str(result.window(0, 1)[0][0])


def test_a_plan_is_what_the_servers_own_client_gets(kernel: Kernel, mariadb: MariaServer, session: Session) -> None:
    sql = "select h.name, count(*) from bee b join hive h on h.id = b.hive where weight > 5 group by 1 order by 2"
    theirs = mariadb.admin(f"use {session.target.database}; explain format=json {sql}")
    plan = explained(kernel, session, sql)
    assert json.loads(plan.raw) == json.loads(theirs.replace("\\n", "\n"))
    assert [each.rule for each in explained(kernel, session, "select * from bee where weight = 1").warnings] == ["scan"]


def test_what_is_measured_is_undone(kernel: Kernel, session: Session) -> None:
    plan = explained(kernel, session, "delete from bee where weight > :w", analyze=True, parameters={"w": 1})
    assert (plan.undone, plan.root.children[0].actual_rows) == (True, 20000)
    assert value(session, "select count(*) from bee") == "20000"
    session.begin()
    session.run("update bee set weight = 99 where id = 1")
    explained(kernel, session, "delete from bee", analyze=True)
    session.commit()
    assert value(session, "select count(*) from bee where weight = 99") == "1"


@pytest.mark.parametrize(
    "sql",
    [
        "insert into log (what) values ('y')",
        "update bee set weight = 1 where id in (select id from log)",
        "insert into watched values (1)",
        "delete from seen",
        "update bee set weight = noted() where id = 1",
        "insert into `LOG` (what) values ('y')",
        "select writes()",
        "select w from careful",
        "insert /*! into log */ (what) values ('y')",
    ],
)
def test_what_could_not_be_undone_is_not_measured(kernel: Kernel, session: Session, sql: str) -> None:
    with pytest.raises(UnsupportedError, match=r"\.log is kept by the engine MyISAM, which can't undo a change"):
        explained(kernel, session, sql, analyze=True)
    assert value(session, "select count(*) from log") == "0"


def test_a_name_is_found_however_it_is_written(kernel: Kernel, session: Session) -> None:
    with pytest.raises(UnsupportedError, match=r"\.1st is kept by the engine Aria"):
        explained(kernel, session, "insert into 1st values (1)", analyze=True)
    session.run("set sql_mode = 'ANSI_QUOTES'")
    with pytest.raises(UnsupportedError, match=r"\.log is kept by the engine MyISAM"):
        explained(kernel, session, """insert into "log" (what) values ('"')""", analyze=True)
    session.run("create temporary table hive (id int) engine = aria")  # which the server lists nowhere
    with pytest.raises(UnsupportedError, match="hive is kept by the engine Aria"):
        explained(kernel, session, "insert ignore into hive values (1)", analyze=True)
    assert value(session, "select (select count(*) from 1st) + (select count(*) from log)") == "0"


def test_many_rows_are_measured_for_their_texts_name_nothing(kernel: Kernel, session: Session) -> None:
    rows = ", ".join(f"({id}, 'w{id} x{id}')" for id in range(100, 12_000))
    assert explained(kernel, session, f"insert into hive values {rows}", analyze=True).undone
    assert value(session, "select count(*) from hive") == "50"
    with pytest.raises(UnsupportedError, match="MyISAM"):
        explained(kernel, session, f"insert into log values {rows}", analyze=True)


def test_what_the_server_calls_while_it_plans_is_undone(kernel: Kernel, session: Session) -> None:
    assert not explained(kernel, session, "select * from (select weighs() as w) d").analyzed
    assert value(session, "select count(*) from bee") == "20000"
    session.begin()
    explained(kernel, session, "select * from (select weighs() as w) d")
    session.commit()
    assert value(session, "select count(*) from bee") == "20000"
    with pytest.raises(
        UnsupportedError, match=r"functions are called to explain it and undone, and .*\.log is kept by"
    ):
        explained(kernel, session, "select * from (select writes() as w) d")
    assert value(session, "select count(*) from log") == "0"


def test_what_a_function_changes_of_which_nobody_tells_is_undone(
    kernel: Kernel, session: Session, mariadb: MariaServer
) -> None:
    database = session.target.database
    mariadb.admin("create user novice@'127.0.0.1' identified by 'n'")
    mariadb.admin(f"grant execute on function {database}.weighs to novice@'127.0.0.1'")
    try:
        with kernel.connect(f"mysql://novice:n@127.0.0.1:{mariadb.port}/{database}") as theirs:
            explained(kernel, theirs, "select * from (select weighs() as w) d")
    finally:
        mariadb.admin("drop user novice@'127.0.0.1'")
    assert value(session, "select count(*) from bee") == "20000"


def test_no_file_is_written_to_measure_what_writes_one(kernel: Kernel, session: Session, mariadb: MariaServer) -> None:
    file = mariadb.folder / "tmp" / "measured"
    with pytest.raises(UnsupportedError, match="would write a file"):
        explained(kernel, session, f"select 1 into outfile '{file}'", analyze=True)
    assert not file.exists()


def test_tables_stay_locked(kernel: Kernel, session: Session) -> None:
    session.run("lock tables bee write")
    with pytest.raises(UnsupportedError, match="would unlock the tables"):
        explained(kernel, session, "delete from bee", analyze=True)
    assert not explained(kernel, session, "select * from bee").analyzed
    with pytest.raises(QueryError, match="not locked"):
        session.run("select * from hive")
    session.run("unlock tables")
    assert explained(kernel, session, "delete from bee", analyze=True).undone


def test_what_only_reads_is_explained_and_measured_whatever_writes_fire(kernel: Kernel, session: Session) -> None:
    assert explained(kernel, session, "select count(*) from log", analyze=True).analyzed
    session.run("create procedure notes() insert into log (what) values ('p')")
    session.run("create trigger noting after insert on hive for each row call notes()")
    session.run("create table kept (id int primary key, last_update int, last_call int)")
    session.run("create function kept_at() returns int return (select max(last_update ) + max(last_call ) from kept)")
    for sql in (
        "select * from watched",
        "select * from hive",
        "select kept_at() from log",
        "select 1 as notes from log",
    ):
        assert not explained(kernel, session, sql).analyzed
        assert explained(kernel, session, sql, analyze=True).undone
    session.run(
        "create function keeps() returns int deterministic begin insert into hive values (0, ''); return 1; end"
    )
    with pytest.raises(UnsupportedError, match=r"\.log is kept by the engine MyISAM"):
        explained(kernel, session, "select * from (select keeps() as k) d")
    assert value(session, "select count(*) from log") == "0"


def test_what_the_server_says_of_the_way_back_is_a_remark(kernel: Kernel, session: Session) -> None:
    session.run("create temporary table scratch (id int) engine = myisam")  # which the server lists nowhere
    plan = explained(kernel, session, "update bee b, scratch s set s.id = 1, b.weight = 1", analyze=True)
    assert plan.undone
    session.run("insert into scratch values (5)")
    plan = explained(kernel, session, "update bee b, scratch s set s.id = 1, b.weight = 1", analyze=True)
    assert not plan.undone
    assert plan.remarks[0].startswith("Not everything was undone: Some non-transactional changed tables"), plan.remarks
    assert "not all of it rolled back" in plan_text(plan)
    assert value(session, "select max(weight) from bee") == "6"


def test_what_ends_its_transaction_is_said_to_stay(session: Session) -> None:
    statement = session.execute("create table made (id int)", undone=True)
    assert statement.wait(HANG)
    assert [(each.severity, "stays" in each.message) for each in statement.notices] == [("not undone", True)]
    session.begin()
    failing = session.execute("insert into log values (1, 'x'), (1, 'y')", undone=True)
    assert failing.wait(HANG)
    assert failing.error is not None
    assert "not undone: Some non-transactional" in (failing.error.detail or "")


def test_an_error_of_the_server_is_about_what_was_written(kernel: Kernel, session: Session) -> None:
    with pytest.raises(QueryError) as caught:
        explained(kernel, session, "select * fro bee")
    assert caught.value.statement == "select * fro bee"
