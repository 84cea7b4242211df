"""Explaining: what an explainer of a stranger may do, what is undone, warnings and their limits, text and picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel, Session
from alveary.contracts.plan import Detail, Plan, PlanNode, PlanWarning
from alveary.errors import AlvearyError, EmptyScriptError, InternalError, InvalidInputError, UnsupportedError
from alveary.events import SessionState
from alveary.explaining import explain, explainer_of, wanted
from alveary.explaining.drawing import Box, Label, PlanDrawing
from alveary.explaining.rows import columns_of, rows_of
from alveary.explaining.svg import plan_svg
from alveary.explaining.texts import plan_text
from alveary.explaining.warnings import Limits, off_by, warned
from alveary.kernel import HostKind
from alveary.sqltext import POSTGRES, SQLITE
from alveary.wire import json_text

HANG = 30.0


def plan_of(root: PlanNode, **more: Any) -> Plan:
    return Plan(engine="x", server="X 1", statement="select 1", root=root, **more)


# -- what is undone ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["thread", "process"])
def session(request: pytest.FixtureRequest, kernel: Kernel, shop_url: str) -> Iterator[Session]:
    host: HostKind = request.param
    with kernel.connect(shop_url, host=host) as session:
        yield session


def names(session: Session) -> list[object]:
    result = session.run("select name from item order by id")
    assert result is not None
    return [row[0] for row in result.window(0, 10)]


def test_a_statement_that_is_to_be_undone_leaves_nothing_and_no_transaction(session: Session) -> None:
    statement = session.execute("update item set name = 'x' returning name", undone=True)
    assert statement.wait(HANG)
    statement.check()
    assert statement.result is not None
    assert len(statement.result) == 3
    assert names(session) == ["comb", "", 'a,b"c']
    assert session.state is SessionState.IDLE


def test_in_a_transaction_only_that_statement_is_undone(session: Session) -> None:
    session.begin()
    session.run("update item set name = 'kept' where id = 1")
    assert session.execute("update item set name = 'x'", undone=True).wait(HANG)
    assert session.state is SessionState.IN_TRANSACTION
    failing = session.execute("insert into item (id) values (7), (1)", undone=True)
    assert failing.wait(HANG)
    assert failing.error is not None
    session.commit()
    assert names(session) == ["kept", "", 'a,b"c']


def test_nothing_comes_between_a_statement_and_its_undoing(session: Session) -> None:
    undone = session.execute("update item set name = 'x'", undone=True)
    after = session.execute("update item set name = 'y' where id = 2")
    assert undone.wait(HANG)
    assert after.wait(HANG)
    assert names(session) == ["comb", "y", 'a,b"c']


def test_a_statement_that_is_cancelled_is_undone(session: Session) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) insert into item (name) select i from n"
    statement = session.execute(endless, undone=True, timeout=0.2)
    assert statement.wait(HANG)
    assert statement.error is not None
    assert len(names(session)) == 3
    assert session.state is SessionState.IDLE


# -- who explains ------------------------------------------------------------------------------------------------

STRANGER = """
from alveary import ExplainerSpec, hookimpl
from alveary.contracts.plan import Explainer, Plan, PlanNode, Step

@hookimpl
def alveary_explainers():
    return [ExplainerSpec(id="mine", drivers=("duck", {driver}), factory="stranger:Mine")]

class Mine(Explainer):
    def explain(self, request):
        {body}
"""


def explained(kernel: Kernel, url: str, sql: str = "select 1") -> Plan:
    with kernel.connect(url) as session:
        spec = explainer_of(kernel, session.driver)
        want = wanted(sql, session.driver.dialect, analyze=False)
        return explain(session, spec, want, settings=kernel.settings)


def test_a_plugin_can_explain_for_a_driver_that_nobody_explains(
    install: Callable[..., None], shop_url: str, home: Path
) -> None:
    body = 'said = yield Step(sql="select 2, null", bound=True); return Plan(engine="mine", server="", statement="", ' \
        'root=PlanNode(kind=str(said.rows)))'  # fmt: skip
    install("stranger", STRANGER.format(driver='"other"', body=body), {"stranger": "stranger"})
    with Kernel() as kernel:
        spec = kernel.plugins.explainers.find("driver duck")
        assert spec is not None
        with kernel.connect(shop_url) as session:
            want = wanted("select 1", session.driver.dialect, analyze=False)
            plan = explain(session, spec, want, settings=kernel.settings)
        assert plan.root.kind == "[('2', None)]"
        with pytest.raises(UnsupportedError, match="does not measure"):
            explainer_of(kernel, msgspec.structs.replace(session.driver, id="other"), analyze=True)
        with pytest.raises(UnsupportedError, match="no plugin explains"):
            explainer_of(kernel, msgspec.structs.replace(session.driver, id="unheard-of"))


def test_nobody_takes_a_driver_that_is_explained_already(install: Callable[..., None], shop_url: str) -> None:
    install("stranger", STRANGER.format(driver='"sqlite"', body="yield"), {"stranger": "stranger"})
    with Kernel() as kernel:
        assert [fault.stage for fault in kernel.plugins.faults] == ["alveary_explainers"]
        assert explained(kernel, shop_url).engine == "sqlite"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("1 / 0; yield", "the explainer mine failed: ZeroDivisionError"),
        ("yield; return 7", "no step"),
        ('yield Step(sql="select 1"); return 7', "returned no plan"),
        ('while True: yield Step(sql="select 1")', "does not come to an end"),
        ("raise SystemExit; yield", "the explainer mine failed"),
    ],
)
def test_an_explainer_that_fails_is_named(install: Callable[..., None], shop_url: str, body: str, told: str) -> None:
    install("stranger", STRANGER.format(driver='"other"', body=body), {"stranger": "stranger"})
    with Kernel() as kernel, kernel.connect(shop_url) as session:
        spec = kernel.plugins.explainers.find("mine")
        assert spec is not None
        want = wanted("select 1", session.driver.dialect, analyze=False)
        with pytest.raises(InternalError, match=told):
            explain(session, spec, want, settings=kernel.settings)
        assert session.run("select 1") is not None


def test_one_statement_is_explained_that_does_not_explain_itself() -> None:
    for sql, error in (
        ("", EmptyScriptError),
        ("select 1; select 2", InvalidInputError),
        ("/* x */ explain select 1", InvalidInputError),
        ("ANALYZE bee", InvalidInputError),
    ):
        with pytest.raises(error) as caught:
            wanted(sql, SQLITE, analyze=False)
        assert isinstance(caught.value, AlvearyError)
    assert wanted("-- x\n update bee set a = 1;", POSTGRES, analyze=True).effects == ("UPDATE without WHERE",)


# -- warnings ----------------------------------------------------------------------------------------------------


def told(node: PlanNode, **limits: float) -> list[str]:
    return [each.rule for each in warned(plan_of(node), Limits(**limits)).warnings]


def test_limits_are_where_a_warning_begins() -> None:
    rows = PlanNode(kind="x", estimated_rows=10, actual_rows=1, loops=1)
    assert told(rows) == []  # so few are worth nothing
    assert told(msgspec.structs.replace(rows, loops=10)) == ["estimate"]
    rows = PlanNode(kind="x", estimated_rows=10, actual_rows=100, loops=1)
    assert told(rows) == ["estimate"]
    assert told(rows, factor=10.1) == []
    assert told(PlanNode(kind="x", estimated_rows=100, actual_rows=10, loops=1)) == ["estimate"]
    assert told(PlanNode(kind="x", estimated_rows=100, actual_rows=0, loops=0)) == []
    assert told(PlanNode(kind="x", discarded=0.9)) == ["filter"]
    assert told(PlanNode(kind="x", discarded=0.899)) == []
    assert told(PlanNode(kind="x", discarded=0.99, scanned_rows=99)) == []
    assert told(PlanNode(kind="x", scans=True, scanned_rows=10_001)) == ["scan"]
    assert told(PlanNode(kind="x", scans=True, scanned_rows=10_000)) == []
    assert told(PlanNode(kind="x", spilled="much")) == ["spill"]


def test_less_than_a_row_counts_as_one() -> None:
    assert off_by(PlanNode(kind="x", estimated_rows=5, actual_rows=0, loops=1)) == 5
    assert off_by(PlanNode(kind="x", estimated_rows=0, actual_rows=0, loops=1)) == 1


def test_a_wrong_estimate_is_told_where_it_comes_from_and_not_all_the_way_up() -> None:
    scan = PlanNode(kind="scan", estimated_rows=1, actual_rows=1000, loops=1)
    plan = warned(
        plan_of(PlanNode(kind="sort", estimated_rows=1, actual_rows=1000, loops=1, children=(scan,))), Limits()
    )
    assert [each.node for each in plan.warnings] == [2]


# -- lines, text and picture -------------------------------------------------------------------------------------

TREE = PlanNode(
    kind="Join",
    estimated_rows=2,
    actual_rows=1_000_000,
    loops=1,
    total_ms=10.0,
    own_ms=4.0,
    total_cost=12.5,
    children=(
        PlanNode(kind="Scan", relation="public.bee", alias="b", condition="(a < 'x\ny')", total_ms=6.0, own_ms=6.0,
                 loops=1, details=(Detail("Filter", "(a < 'x\ny')"),), children=(PlanNode(kind="Deep", loops=1),)),
        PlanNode(kind="Index Scan", index="bee_hive", loops=0),
    ),
)  # fmt: skip


def test_what_is_folded_away_keeps_its_number() -> None:
    plan = plan_of(TREE)
    assert [(row.number, row.depth, row.lines) for row in rows_of(plan)] == [
        (1, 0, ()), (2, 1, (True,)), (3, 2, (True, False)), (4, 1, (False,)),
    ]  # fmt: skip
    assert [row.number for row in rows_of(plan, {2})] == [1, 2, 4]
    assert [row.number for row in rows_of(plan, {1})] == [1]


def test_the_text_is_a_tree_with_its_numbers_in_columns() -> None:
    plan = plan_of(
        TREE,
        execution_ms=11.0,
        warnings=(PlanWarning(rule="scan", node=2, message="reads all"),),
        remarks=("It was run.",),
    )
    assert plan_text(plan) == (
        "#  Step                                        Estimated       Rows  Loops  Total ms  Own ms   Cost\n"
        "-  ------------------------------------------  ---------  ---------  -----  --------  ------  -----\n"
        "1  Join                                                2  1,000,000      1    10.000   4.000  12.50\n"
        "2  ├─ Scan on public.bee b                                               1     6.000   6.000\n"
        "   │  │    Filter: (a < 'x\\ny')\n"
        "3  │  └─ Deep                                                            1\n"
        "4  └─ Index Scan on bee_hive (never executed)                            0\n"
        "\n"
        "X 1, execution 11.000 ms\n"
        "warning: #2 Scan on public.bee b: reads all\n"
        "note: It was run.\n"
    )


def test_columns_are_those_for_which_there_is_something_to_say() -> None:
    assert [column.title for column in columns_of(plan_of(PlanNode(kind="x")))] == []
    assert [column.title for column in columns_of(plan_of(PlanNode(kind="x", total_cost=1)))] == ["Cost"]


def test_the_picture_holds_every_step_and_every_warning() -> None:
    plan = plan_of(TREE, warnings=(PlanWarning(rule="scan", node=2, message="reads <all>"),))
    document = ElementTree.fromstring(plan_svg(plan))
    texts = [element.text for element in document.iter("{http://www.w3.org/2000/svg}text")]
    for text in ("Join", "Scan on public.bee b", "Index Scan on bee_hive (never executed)", "1,000,000",
                 "▲ #2 Scan on public.bee b: reads <all>"):  # fmt: skip
        assert text in texts


class _Wide:
    line = 10

    def width(self, text: str, *, bold: bool = False) -> int:
        return 10 * len(text)


def test_a_line_is_drawn_within_its_width_and_height() -> None:
    drawing = PlanDrawing(plan_of(TREE), _Wide(), width=900)
    for at in range(len(drawing.rows)):
        for shape in drawing.row(at):
            if isinstance(shape, Label):
                left = shape.x if shape.end == "left" else shape.x - 10 * len(shape.text)
                assert 0 <= left <= left + 10 * len(shape.text) <= drawing.width
                assert at * drawing.row_height < shape.y < (at + 1) * drawing.row_height
            elif isinstance(shape, Box):
                assert 0 <= shape.left <= shape.right <= drawing.width
    assert drawing.handle_at(0, 5)
    assert not drawing.handle_at(3, 5)


@st.composite
def trees(draw: st.DrawFn) -> PlanNode:
    texts = st.text(max_size=8) | st.none()
    numbers = st.none() | st.integers(0, 10**12) | st.floats(0, 1e15)

    def node(children: tuple[PlanNode, ...]) -> PlanNode:
        return PlanNode(
            kind=draw(st.text(max_size=12)), relation=draw(texts), alias=draw(texts), index=draw(texts),
            condition=draw(texts), role=draw(texts), estimated_rows=draw(numbers), actual_rows=draw(numbers),
            loops=draw(numbers), total_cost=draw(numbers), total_ms=draw(st.none() | st.floats(0, 1e9)),
            own_ms=draw(st.none() | st.floats(0, 1e9)), scans=draw(st.booleans()), scanned_rows=draw(numbers),
            discarded=draw(st.none() | st.floats(0, 1)), spilled=draw(texts),
            details=(Detail(draw(st.text(max_size=5)), draw(st.text(max_size=9))),),
            children=children,
        )  # fmt: skip

    nodes: list[PlanNode] = []
    for _ in range(draw(st.integers(1, 8))):
        taken = draw(st.integers(0, min(3, len(nodes))))
        nodes, below = nodes[taken:], nodes[:taken]
        nodes.append(node(tuple(below)))
    return PlanNode(kind="root", children=tuple(nodes))


@given(trees())
def test_any_plan_can_be_told_and_drawn_and_survives_json(root: PlanNode) -> None:
    plan = warned(plan_of(root), Limits())
    assert len(rows_of(plan)) == sum(1 for _ in plan.nodes())
    text = plan_text(plan)
    assert all(char.isprintable() or char == "\n" for char in text)
    ElementTree.fromstring(plan_svg(plan))
    drawing = PlanDrawing(plan, _Wide(), width=500, closed={2})
    assert [shape for at in range(len(drawing.rows)) for shape in drawing.row(at)]
    if "\\ud" not in repr(plan):
        assert msgspec.json.decode(json_text(plan, Plan), type=Plan) == plan
