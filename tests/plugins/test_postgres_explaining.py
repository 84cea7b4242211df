"""PostgreSQL's plans: every number as the server said it, and what is derived from them by the rules that are told."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_postgres import PostgresServer
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel, ServerInfo, Session
from alveary.contracts.plan import Explained, ExplainRequest, Plan, PlanNode
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    NotConfirmedError,
    QueryCancelledError,
    QueryError,
    ReadOnlyError,
)
from alveary.events import SessionState
from alveary.explaining import cleared, explain, explainer_of, wanted
from alveary.explaining.svg import plan_svg
from alveary.explaining.texts import plan_text
from alveary.explaining.warnings import Limits, warned
from alveary.policy import Consent
from alveary.wire import json_text
from alveary_plugins.drivers.postgres.explaining import PostgresExplainer, read

PLANS = Path(__file__).parents[1] / "plans" / "postgres"
HANG = 30.0


def request(*, analyze: bool = True, version: str = "15.20") -> ExplainRequest:
    return ExplainRequest(sql="select 1", server=ServerInfo(product="PostgreSQL", version=version), analyze=analyze)


def recorded(name: str) -> Plan:
    return read((PLANS / f"{name}.json").read_text().strip(), request(analyze=name != "plain"))


def said(name: str) -> list[dict[str, Any]]:
    """Return the steps of a recorded plan as the server said them, in reading order."""
    (query,) = json.loads((PLANS / f"{name}.json").read_text())

    def each(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield step
        for below in step.get("Plans", []):
            yield from each(below)

    return list(each(query["Plan"]))


def nodes(plan: Plan) -> list[PlanNode]:
    return [node for _, node in plan.nodes()]


def named(plan: Plan, title: str) -> PlanNode:
    (found,) = (node for node in nodes(plan) if node.title == title)
    return found


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.json")))
def test_every_number_is_the_servers_and_nothing_is_thrown_away(name: str) -> None:
    plan, steps = recorded(name), said(name)
    assert [node.estimated_rows for node in nodes(plan)] == [step["Plan Rows"] for step in steps]
    assert [node.total_cost for node in nodes(plan)] == [step["Total Cost"] for step in steps]
    assert [node.actual_rows for node in nodes(plan)] == [step.get("Actual Rows") for step in steps]
    assert [node.loops for node in nodes(plan)] == [step.get("Actual Loops") for step in steps]
    for node, step in zip(nodes(plan), steps, strict=True):
        assert sorted(each.name for each in (*node.details, *node.figures)) == sorted(step.keys() - {"Plans"})
    raw = (PLANS / f"{name}.json").read_text().strip()
    assert (plan.raw, plan.raw_format) == (raw, "json")
    # Digits stay as they were written: 1477.40 is not 1477.4.
    for figure in (each for node in nodes(plan) for each in node.figures if each.name == "Total Cost"):
        assert f'"Total Cost": {figure.value},' in raw


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.json")))
def test_what_a_step_took_by_itself_adds_up_to_what_the_whole_took(name: str) -> None:
    plan = recorded(name)
    if plan.execution_ms is None:
        assert [node.own_ms for node in nodes(plan)] == [None] * len(nodes(plan))
        return
    own = [node.own_ms or 0.0 for node in nodes(plan)]
    assert min(own) >= 0
    assert plan.root.total_ms is not None
    # A loop's time is rounded to a thousandth by the server, which its number multiplies.
    slack = 0.002 * sum(float(node.loops or 1) for node in nodes(plan))
    assert sum(own) == pytest.approx(plan.root.total_ms, abs=slack)


def test_loops_multiply_the_time_and_not_the_rows() -> None:
    plan = recorded("subplan")
    aggregate = named(plan, "Aggregate")
    (step,) = (step for step in said("subplan") if step.get("Subplan Name") == "SubPlan 1")
    assert (aggregate.role, aggregate.loops, aggregate.actual_rows) == ("SubPlan 1", 19, 1)
    assert aggregate.total_ms == pytest.approx(step["Actual Total Time"] * 19)


def test_below_a_gather_processes_work_side_by_side() -> None:
    plan = recorded("parallel")
    scan = named(plan, "Parallel Seq Scan on public.bee")
    (step,) = (step for step in said("parallel") if step["Node Type"] == "Seq Scan")
    assert scan.loops == 3
    assert scan.total_ms == pytest.approx(step["Actual Total Time"])
    assert scan.scanned_rows == (step["Actual Rows"] + step["Rows Removed by Filter"]) * 3
    assert {"Workers Planned", "Workers Launched"} <= {each.name for each in named(plan, "Gather Merge").details}


def test_an_initplan_is_part_of_the_step_that_wants_its_value() -> None:
    plan = recorded("initplan")
    scan = plan.root
    first, second = scan.children
    assert (first.role, second.role) == ("InitPlan 1 (returns $0)", "InitPlan 2 (returns $1)")
    assert None not in (scan.total_ms, scan.own_ms, first.total_ms, second.total_ms)
    assert scan.own_ms == pytest.approx(scan.total_ms - first.total_ms - second.total_ms)  # type: ignore[operator]  # none is None


def test_a_cte_is_part_of_the_scan_that_computes_it_and_not_of_what_it_hangs_on() -> None:
    plan = recorded("cte")
    computed = plan.root.children[0]
    assert computed.role == "CTE w"
    reader = named(plan, "CTE Scan on w b")
    assert computed.total_ms is not None
    assert computed.total_ms > 57
    assert reader.own_ms is not None
    assert reader.own_ms < 1
    assert plan.root.own_ms is not None
    assert plan.root.own_ms < 1


def test_what_never_ran_says_so_and_is_warned_of_for_nothing() -> None:
    plan = warned(recorded("never-executed"), Limits(rows=0))
    dead = [number for number, node in enumerate(nodes(plan), start=1) if node.was_executed is False]
    assert len(dead) == 2
    assert not [warning for warning in plan.warnings if warning.node in dead]


def test_triggers_compiling_and_settings_are_told_of_the_whole() -> None:
    assert any("bee_logged" in each.value for each in recorded("triggers").details if each.name == "Trigger")
    assert any("Functions: 3" in each.value for each in recorded("jit").details if each.name == "JIT")
    assert any("work_mem: 64kB" in each.value for each in recorded("spill").details if each.name == "Settings")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("spill", {"spill": "sorting took 4,912 kB on disk"}),
        ("spilling-hash", {"spill": "batches on disk"}),
        ("join", {"filter": "93.82 %", "scan": "about 100,000 rows"}),
        ("initplan", {"estimate": "times fewer rows than estimated: 150 instead of 11,111"}),
    ],
)
def test_what_is_worth_a_look_is_warned_of(name: str, told: dict[str, str]) -> None:
    warnings = warned(recorded(name), Limits()).warnings
    for rule, words in told.items():
        assert any(words in each.message for each in warnings if each.rule == rule), warnings


def test_an_estimate_is_not_held_against_what_a_limit_stopped() -> None:
    plan = warned(recorded("join"), Limits())  # the sort was to give 200 rows, and was asked for 3
    assert [each for each in plan.warnings if each.rule == "estimate"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([
        "Plan", "Plans", "Node Type", "Actual Rows", "Actual Loops", "Actual Total Time", "Plan Rows", "Total Cost",
        "Parent Relationship", "Subplan Name", "CTE Name", "Workers", "Sort Space Type", "Triggers", "JIT", "Strategy",
        "Rows Removed by Filter", "Full-sort Groups", "Temp Written Blocks", "Join Type", "Relation Name", "New in 21",
    ]), inner, max_size=8),
    max_leaves=40,
)  # fmt: skip


@given(JSON)
def test_no_document_is_too_strange_to_be_read(document: Any) -> None:
    for raw in (json.dumps(document), json.dumps([{"Plan": document}]), json.dumps([{"Plan": {"Plans": document}}])):
        plan = warned(read(raw, request()), Limits())
        assert plan.raw == raw


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    assert read(text, request()).raw == text


def test_a_plan_that_is_nested_without_end_comes_as_it_was_said() -> None:
    raw = '[{"Plan": ' + '{"Node Type": "Limit", "Plans": [' * 5000 + "]}" * 5000 + "}]"
    plan = read(raw, request())
    assert (plan.root.kind, plan.raw) == ("A plan that can't be read", raw)


def test_a_plan_of_a_hundred_steps_in_a_row_is_told_drawn_and_sent() -> None:
    step = '{"Node Type": "Nested Loop", "Actual Rows": 1, "Actual Loops": 1, "Actual Total Time": 1.5, "Plans": ['
    plan = warned(read('[{"Plan": ' + step * 140 + "]}" * 140 + "}]", request()), Limits())
    assert len(nodes(plan)) == 140
    assert plan_text(plan).count("Nested Loop") == 140
    assert plan_svg(plan).count("Nested Loop") == 140
    assert msgspec.json.decode(json_text(plan, Plan), type=Plan) == plan


def test_an_older_server_is_asked_only_for_what_it_knows() -> None:
    def first(version: str, *, analyze: bool) -> str:
        return next(PostgresExplainer().explain(request(analyze=analyze, version=version))).sql.partition(")")[0]

    assert first("15.2", analyze=True) == "explain (analyze, verbose, buffers, settings, wal, format json"
    assert first("12.9", analyze=False) == "explain (verbose, settings, format json"
    assert first("11.1", analyze=True) == "explain (analyze, verbose, buffers, format json"


def test_a_plan_without_sizes_is_a_plan() -> None:
    steps = PostgresExplainer().explain(request(analyze=False))
    next(steps)
    raw = (PLANS / "plain.json").read_text()
    asked = steps.send(Explained(columns=("QUERY PLAN",), rows=[(raw,)]))
    assert "('public', 'bee'), ('public', 'hive')" in asked.sql
    with pytest.raises(StopIteration) as done:
        steps.throw(QueryError("permission denied"))
    assert named(done.value.value, "Seq Scan on public.bee b").scanned_rows is None


# -- on a real server --------------------------------------------------------------------------------------------

TABLES = """
    create table hive (id serial primary key, name text);
    create table bee (id int primary key, hive int references hive, weight int);
    insert into hive (name) select 'h' || n from generate_series(1, 50) n;
    insert into bee select n, n % 50 + 1, n % 7 from generate_series(1, 20000) n;
    analyze hive; analyze bee"""


@pytest.fixture
def session(kernel: Kernel, postgres: PostgresServer, postgres_url: str) -> Iterator[Session]:
    postgres.psql(TABLES, postgres_url.rpartition("/")[2])
    with kernel.connect(postgres_url) as session:
        yield session


def explained(
    kernel: Kernel, session: Session, sql: str, *, analyze: bool = False, yes: bool = False, **more: Any
) -> Plan:
    want = wanted(sql, session.driver.dialect, analyze=analyze)
    clearance = cleared(kernel.policy, want, session.target, session.driver, consent=Consent(yes=yes))
    spec = explainer_of(kernel, session.driver, analyze=analyze)
    return explain(session, spec, want, settings=kernel.settings, clearance=clearance, **more)


def value(session: Session, sql: str) -> Any:
    result = session.run(sql)
    assert result is not None
    return result.window(0, 1)[0][0]


@pytest.mark.parametrize(
    "sql",
    [
        "select h.name, count(*) from bee b join hive h on h.id = b.hive where b.id > 5 group by 1 order by 2 limit 3",
        "with w as materialized (select * from bee) select * from w a left join w b on a.id = b.hive",
        "select *, (select max(id) from bee b where b.hive = h.id) from hive h where id in (select weight from bee)",
        "select id from hive union select hive from bee except select 3",
        "select * from bee where id between 3 and 9 order by id desc",
        "update bee set weight = 0 where id = 3",
        "insert into hive (name) select name from hive where not exists (select from bee where hive = hive.id)",
        "select distinct on (hive) *, row_number() over (partition by hive) from bee",
    ],
)
def test_steps_are_called_as_the_servers_own_text_calls_them(
    kernel: Kernel, postgres: PostgresServer, session: Session, sql: str
) -> None:
    text = postgres.psql(f"explain (verbose) {sql}", session.target.database or "", "-A", "-t").decode()
    theirs = re.findall(r"^ *(?:-> +)?(\S.*?)  \(cost=", text.replace('"', ""), re.M)  # its JSON quotes no name
    ours = [node.title for node in nodes(explained(kernel, session, sql))]
    assert ours == theirs


def test_what_is_measured_is_undone(kernel: Kernel, session: Session) -> None:
    plan = explained(kernel, session, "update bee set weight = weight + 1", analyze=True, yes=True)
    assert (plan.analyzed, plan.undone, named(plan, "Update on public.bee").loops) == (True, True, 1)
    assert any("sequences" in remark for remark in plan.remarks)
    assert value(session, "select sum(weight) from bee where id < 8") == "21"


def test_in_an_open_transaction_only_the_measured_statement_is_undone(kernel: Kernel, session: Session) -> None:
    session.begin()
    session.run("update bee set weight = 100 where id = 1")
    plan = explained(kernel, session, "delete from bee", analyze=True, yes=True)
    assert any("to a savepoint" in remark for remark in plan.remarks)
    assert value(session, "select count(*) from bee where weight = 100") == "1"
    with pytest.raises(QueryError, match="division by zero"):
        explained(kernel, session, "delete from bee where id / (id - 5) > 0", analyze=True, yes=True)
    session.commit()  # which a failed transaction could not
    assert value(session, "select count(*) from bee where weight = 100") == "1"


def test_a_function_that_writes_is_undone_though_nobody_knew(kernel: Kernel, session: Session) -> None:
    session.run(
        "create function sting() returns int language sql as 'insert into hive (name) values (''x'') returning id'"
    )
    plan = explained(kernel, session, "select sting()", analyze=True)
    assert plan.undone
    assert value(session, "select count(*) from hive where name = 'x'") == "0"


def test_what_is_called_while_the_server_plans_is_undone(kernel: Kernel, session: Session) -> None:
    session.run("create function w() returns int language sql as 'insert into hive values (-1) returning id'")
    session.run("create function called() returns int language plpgsql immutable as 'begin return w(); end'")
    assert not explained(kernel, session, "select * from bee where id = called()").analyzed
    session.begin()
    explained(kernel, session, "select called()")
    session.commit()
    assert value(session, "select count(*) from hive where id = -1") == "0"


def test_a_statement_that_can_not_be_explained_leaves_the_transaction_open(kernel: Kernel, session: Session) -> None:
    session.begin()
    with pytest.raises(QueryError):
        explained(kernel, session, "select * from nobody")
    assert session.state is SessionState.IN_TRANSACTION


def test_nothing_is_run_before_a_person_agreed(kernel: Kernel, session: Session) -> None:
    with pytest.raises(NotConfirmedError, match="running DELETE without WHERE to measure it and rolling it back"):
        explained(kernel, session, "delete from bee", analyze=True)
    assert explained(kernel, session, "delete from bee").analyzed is False


def test_a_read_only_session_measures_only_what_reads(kernel: Kernel, session: Session) -> None:
    with kernel.connect(session.target.url(), read_only=True) as reading:
        assert explained(kernel, reading, "select * from bee", analyze=True).root.actual_rows == 20000
        with pytest.raises(ReadOnlyError, match="DELETE is refused"):
            explained(kernel, reading, "delete from bee where id = 1", analyze=True, yes=True)


def test_parameters_are_bound_and_errors_stand_where_they_were_written(kernel: Kernel, session: Session) -> None:
    plan = explained(kernel, session, "select * from bee where id = :id", analyze=True, parameters={"id": 7})
    assert plan.root.actual_rows == 1
    with pytest.raises(QueryError) as caught:
        explained(kernel, session, "select 'ä', nothing from bee")
    assert (caught.value.position, caught.value.statement) == (13, "select 'ä', nothing from bee")


def test_a_table_that_is_read_whole_is_warned_of_without_measuring(kernel: Kernel, session: Session) -> None:
    plan = explained(kernel, session, "select * from bee where weight = 3")
    assert [(each.rule, each.message) for each in plan.warnings] == [
        ("scan", "reads all of public.bee, about 20,000 rows")
    ]
    kernel.run("settings.set", {"name": "explain.scan_rows", "value": 20_000})
    assert explained(kernel, session, "select * from bee where weight = 3").warnings == ()


RUNNING = (
    "from pg_stat_activity where state = 'active' and query ~ 'returning pg_sleep.60.' and pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("host", ["thread", "process"])
@pytest.mark.parametrize(
    ("way", "error"), [("cancelled", QueryCancelledError), ("killed", ConnectionLostError)], ids=["cancelled", "killed"]
)
def test_a_measurement_that_is_stopped_leaves_nothing(
    kernel: Kernel, postgres: PostgresServer, session: Session, host: Any, way: str, error: type[AlvearyError]
) -> None:
    stopped = threading.Event()
    database = session.target.database or ""
    sql = "with d as (delete from bee returning pg_sleep(60)) select * from d"
    failed: list[AlvearyError] = []
    with kernel.connect(session.target.url(), host=host) as other:

        def measure() -> None:
            try:
                explained(kernel, other, sql, analyze=True, yes=True, stopped=stopped)
            except AlvearyError as exc:
                failed.append(exc)

        thread = threading.Thread(target=measure)
        thread.start()
        pause = threading.Event()
        for _ in range(600):
            if postgres.psql(f"select count(*) {RUNNING}", database, "-A", "-t").strip() == b"1":
                break
            pause.wait(0.05)
        if way == "cancelled":
            stopped.set()
        else:
            postgres.psql(f"select pg_terminate_backend(pid) {RUNNING}", database)
        thread.join(HANG)
        assert [type(each) for each in failed] == [error]
        assert other.state.value == ("idle" if way == "cancelled" else "broken")
    assert value(session, "select count(*) from bee") == "20000"


def test_only_what_was_asked_for_is_in_the_history_and_everything_is_told_as_sent(
    kernel: Kernel, session: Session
) -> None:
    explained(kernel, session, "select * from bee where weight = 3")
    kernel.recorder.flush()
    kernel.bus.flush()
    entries = [entry.statement for entry in kernel.run("history.list", {})]
    assert [entry for entry in entries if "reltuples" in entry] == []
    assert "explain (verbose, buffers, settings, format json) select * from bee where weight = 3" in entries
    origins = {
        entry.text.strip().split()[0]: entry.origin for entry in kernel.sent.entries() if entry.origin == "explain"
    }
    assert origins == {"explain": "explain", "select": "explain"}
