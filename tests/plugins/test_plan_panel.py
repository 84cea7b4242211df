"""The plan panel in the window: explaining from an editor, the tree by keys and pointer, saving, stopping, asking."""

from __future__ import annotations

import json
import threading
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_postgres import PostgresServer
from fix_window import Screen

from alveary import Kernel, Plan, PlanNode
from alveary.contracts.plan import Detail, PlanWarning
from alveary.errors import AlvearyError, InvalidInputError, NotConfirmedError
from alveary.explaining.texts import plan_text
from alveary.paths import Paths
from alveary_plugins.panels import editor as editors
from alveary_plugins.panels import plan as declaration
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_plugins.panels.plan.model import MOST_PLANS, Entry, PlanModel, differences, format_of
from alveary_plugins.panels.plan.view import PlanPanel
from alveary_shell.window import MainWindow

TREE = PlanNode(
    kind="Join",
    total_ms=9.0,
    own_ms=1.0,
    loops=1,
    details=(Detail("Join Cond", "(a = b)"),),
    children=(
        PlanNode(kind="Scan", relation="bee", total_ms=8.0, own_ms=8.0, loops=1, children=(PlanNode(kind="Deep"),)),
        PlanNode(kind="Never", loops=0),
    ),
)


def plan_of(root: PlanNode = TREE, **more: Any) -> Plan:
    warnings = (PlanWarning(rule="scan", node=3, message="reads all of it"),)
    fields = {"engine": "x", "server": "X 1", "statement": "select 1", "raw": "the raw\nanswer", "warnings": warnings}
    return Plan(root=root, **{**fields, **more})


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    kernel = Kernel(paths=Paths(home, home / "cache"))
    for module in (editors, declaration):
        for panel in module.alveary_panels():
            if kernel.plugins.panels.find(panel.id) is None:
                kernel.plugins.panels.add(panel)
        for command in module.alveary_commands():
            if kernel.plugins.commands.find(command.id) is None:
                kernel.plugins.commands.add(command)
    report = screen.root.report_callback_exception
    window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
    screen.root.report_callback_exception = report
    window.root.deiconify()
    screen.settle()
    yield window
    window.confirm = lambda *_, **__: True  # type: ignore[method-assign]  # nobody is there to answer
    window.quit()
    for child in screen.root.winfo_children():
        child.destroy()
    kernel.close()


@pytest.fixture
def errors(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[AlvearyError]:
    said: list[AlvearyError] = []

    def show(error: AlvearyError, *, title: str | None = None) -> None:
        said.append(error)

    monkeypatch.setattr(window, "show_error", show)
    return said


def editor_of(window: MainWindow, screen: Screen, target: str, text: str) -> EditorPanel:
    panel = window.open("editor", {"target": target, "text": text, "caret": 3, "connect": True})
    assert isinstance(panel, EditorPanel)
    screen.pump(lambda: panel.model.phase == "idle")
    panel.code.text.focus_force()
    screen.pump(lambda: window.root.focus_get() is panel.code.text)
    return panel


def plans_of(window: MainWindow) -> PlanPanel:
    (panel,) = window.panels("plan")
    assert isinstance(panel, PlanPanel)
    return panel


def answered(window: MainWindow) -> bool:
    panels = window.panels("plan")
    front = panels[0].model.front if panels and isinstance(panels[0], PlanPanel) else None
    return front is not None and not front.is_waiting


def shown(window: MainWindow, screen: Screen, plan: Plan) -> PlanPanel:
    panel = window.open("plan")
    assert isinstance(panel, PlanPanel)
    entry = Entry("select 1", "shop", False, plan=plan)
    panel.model.add(entry)
    panel.choose(entry.number)
    panel.tree.canvas.focus_force()
    screen.pump(lambda: window.root.focus_get() is panel.tree.canvas and panel.tree.canvas.find_all())
    return panel


def texts(canvas: tk.Canvas) -> list[str]:
    return [str(canvas.tk.call(canvas, "itemcget", item, "-text")) for item in canvas.find_withtag("label")]


def test_what_is_beside_the_tree_takes_room_only_where_there_is_something_to_say(
    window: MainWindow, screen: Screen
) -> None:
    panel = shown(window, screen, plan_of())
    assert panel.side.winfo_ismapped()
    step = "SEARCH album USING COVERING INDEX sqlite_autoindex_album_1 (artist_id=?)"
    shown(window, screen, plan_of(PlanNode(kind="QUERY PLAN", children=(PlanNode(kind=step),)), warnings=()))
    screen.settle()
    assert not panel.side.winfo_ismapped()
    assert panel.tree.winfo_width() == panel.tree.master.winfo_width()
    screen.pump(lambda: step in texts(panel.tree.canvas))
    panel.choose(1)
    screen.pump(panel.side.winfo_ismapped)


def test_every_command_has_its_handler_and_keys_nobody_else_has(window: MainWindow) -> None:
    for spec in declaration.alveary_commands():
        window.kernel.commands.get(spec.id)
        window.enabled(spec)
    assert [conflict for conflict in window.keymap.conflicts if "plan." in conflict or "explain" in conflict] == []


def test_f7_explains_the_statement_at_the_caret_and_runs_nothing(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    editor = editor_of(window, screen, shop_url, "delete from item where price > 1;\nselect 2")
    screen.press(editor.code.text, "<F7>")
    screen.pump(lambda: answered(window))
    panel = plans_of(window)
    assert panel.model.front is not None
    assert panel.model.front.plan is not None
    assert panel.model.front.plan.statement == "delete from item where price > 1"
    screen.pump(lambda: "SCAN item" in texts(panel.tree.canvas))
    assert editor.model.session is not None
    result = editor.model.session.run("select count(*) from item")
    assert result is not None
    assert result.window(0, 1) == [(3,)]
    assert window.root.focus_get() is editor.code.text  # which a person goes on typing in


def test_parameters_are_asked_for_first(window: MainWindow, screen: Screen, shop_url: str) -> None:
    editor = editor_of(window, screen, shop_url, "select * from item where id = :id")
    window.run("editor.explain")
    screen.pump(editor.parameters.winfo_ismapped)
    assert window.panels("plan") == []
    editor._run_with_values()
    screen.pump(lambda: answered(window))
    assert plans_of(window).model.front.plan is not None  # type: ignore[union-attr]  # it is answered


def test_what_goes_wrong_is_said_in_the_panel_and_marked_in_the_text(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    editor = editor_of(window, screen, shop_url, "select 1;\n\nselect * fro item")
    editor.code.go_to(15)
    window.run("editor.explain")
    screen.pump(lambda: answered(window))
    front = plans_of(window).model.front
    assert front is not None
    assert front.error is not None
    screen.pump(lambda: editor.code.has_errors)
    window.run("editor.explain-analyze")
    screen.pump(lambda: plans_of(window).model.front is not front and answered(window))
    assert "does not measure" in str(plans_of(window)._said["text"])


def test_several_statements_are_refused(
    window: MainWindow, screen: Screen, shop_url: str, errors: list[AlvearyError]
) -> None:
    editor = editor_of(window, screen, shop_url, "select 1; select 2")
    editor.code.go_to(0, 18)
    window.run("editor.explain")
    screen.pump(lambda: errors or screen.failures)
    assert [type(error) for error in [*errors, *screen.failures]] == [InvalidInputError]
    screen.failures.clear()


@pytest.fixture
def bees(postgres: PostgresServer, postgres_url: str) -> str:
    postgres.psql("create table bee as select generate_series(1, 1000) id", postgres_url.rpartition("/")[2])
    return postgres_url


def count(editor: EditorPanel) -> object:
    assert editor.model.session is not None
    result = editor.model.session.run("select count(*) from bee")
    assert result is not None
    return result.window(0, 1)[0][0]


def test_what_writes_is_measured_after_asking_and_undone(window: MainWindow, screen: Screen, bees: str) -> None:
    answers = ["", "yes"]
    asked: list[str] = []

    def ask(confirmation: Any, stopped: threading.Event) -> str:
        asked.append(confirmation.what)
        return answers.pop(0)

    window.kernel.policy.ask = ask
    editor = editor_of(window, screen, bees, "delete from bee where id < 10")
    screen.press(editor.code.text, "<Shift-F7>")
    screen.pump(lambda: answered(window))
    front = plans_of(window).model.front
    assert front is not None
    assert isinstance(front.error, NotConfirmedError)
    window.run("editor.explain-analyze")
    screen.pump(lambda: plans_of(window).model.front is not front and answered(window))
    plan = plans_of(window).model.front.plan  # type: ignore[union-attr]  # it is answered
    assert plan is not None
    assert plan.root.children[0].actual_rows == 9
    assert (
        asked
        == ["running DELETE to measure it and rolling it back, except for sequences and what functions do elsewhere,"]
        * 2
    )
    assert count(editor) == "1000"


@pytest.mark.parametrize("way", ["editor.cancel", "plan.stop"])
def test_a_measurement_is_stopped_by_either_button(window: MainWindow, screen: Screen, bees: str, way: str) -> None:
    editor = editor_of(window, screen, bees, "select pg_sleep(60) from bee")
    window.run("editor.explain-analyze")
    screen.pump(lambda: editor.model.phase == "running")
    window.run(way)
    screen.pump(lambda: answered(window))
    front = plans_of(window).model.front
    assert front is not None
    assert front.plan is None
    assert str(plans_of(window)._said["text"]) == "Cancelled; nothing was changed."
    screen.pump(lambda: editor.model.phase == "idle")
    assert editor.model.transaction == "none"


def test_the_editors_own_transaction_stays_what_it_was(window: MainWindow, screen: Screen, bees: str) -> None:
    window.kernel.policy.ask = lambda *_: "yes"
    editor = editor_of(window, screen, bees, "delete from bee")
    assert editor.model.session is not None
    editor.model.session.begin()
    editor.model.session.run("insert into bee values (0)")
    window.run("editor.explain-analyze")
    screen.pump(lambda: answered(window))
    screen.pump(lambda: editor.model.transaction == "open")
    assert count(editor) == "1001"


# -- the tree ----------------------------------------------------------------------------------------------------


def test_keys_go_through_the_tree_and_the_side_tells_of_the_step(window: MainWindow, screen: Screen) -> None:
    panel = shown(window, screen, plan_of())
    canvas = panel.tree.canvas
    assert "Join" in panel.side.text.get("1.0", "end")
    screen.press(canvas, "<Down>")
    assert panel.tree.chosen == 2
    assert panel.side.text.get("1.0", "1.end") == "Scan on bee"
    screen.press(canvas, "<Left>")  # folds
    assert panel.tree.numbers == [1, 2, 4]
    screen.press(canvas, "<Down>")
    assert "never executed" in panel.side.text.get("1.0", "end")
    screen.press(canvas, "<Left>", "<Home>", "<Down>", "<Right>", "<Right>")
    assert panel.tree.chosen == 3
    screen.press(canvas, "<Home>")
    assert panel.tree.chosen == 1
    window.run("plan.fold")
    assert panel.tree.numbers == [1, 2, 4]


def test_a_click_on_the_triangle_folds_and_one_on_a_warning_leads_to_its_step(
    window: MainWindow, screen: Screen
) -> None:
    panel = shown(window, screen, plan_of())
    drawing = panel.tree._drawing
    assert drawing is not None
    x = next(x for x in range(400) if drawing.handle_at(1, x))
    y = round(1.5 * drawing.row_height)
    panel.tree.canvas.event_generate("<Button-1>", x=x + 2, y=y)
    screen.settle()
    assert panel.tree.numbers == [1, 2, 4]
    start, _ = panel.side.text.tag_ranges("step-3")
    panel.side.text.see(start)
    screen.settle()
    box = panel.side.text.bbox(start)
    assert box is not None
    panel.side.text.event_generate("<Motion>", x=box[0] + 3, y=box[1] + 3)
    panel.side.text.event_generate("<Button-1>", x=box[0] + 3, y=box[1] + 3)
    screen.settle()
    assert (panel.tree.chosen, panel.tree.numbers) == (3, [1, 2, 3, 4])


def test_only_the_lines_in_sight_are_drawn(window: MainWindow, screen: Screen) -> None:
    wide = PlanNode(kind="Append", children=tuple(PlanNode(kind=f"Step {at}", total_ms=1.0) for at in range(1000)))
    panel = shown(window, screen, plan_of(wide, warnings=()))
    assert len(panel.tree.canvas.find_all()) < 600
    screen.press(panel.tree.canvas, "<End>")
    screen.pump(lambda: "Step 999" in texts(panel.tree.canvas))
    assert panel.tree.chosen == 1001
    screen.press(panel.tree.canvas, "<Prior>")
    assert panel.tree.chosen < 1001


def test_it_begins_at_its_first_line_and_comes_back_where_it_was(window: MainWindow, screen: Screen) -> None:
    wide = PlanNode(kind="Append", children=tuple(PlanNode(kind=f"Step {at}") for at in range(200)))
    panel = shown(window, screen, plan_of(wide, warnings=()))
    assert panel.tree.canvas.canvasy(0) == 0
    screen.press(panel.tree.canvas, "<End>")
    front = panel.model.front
    shown(window, screen, plan_of())
    assert front is not None
    panel.choose(front.number)
    screen.pump(lambda: "Step 199" in texts(panel.tree.canvas))


def test_it_follows_the_theme_and_the_zoom(window: MainWindow, screen: Screen) -> None:
    panel = shown(window, screen, plan_of())
    before = panel.tree._drawing
    window.theme.use("light")
    window.theme.zoom(window.theme.points + 3)
    screen.settle()
    assert panel.tree._drawing is not None
    assert before is not None
    assert panel.tree._drawing.row_height > before.row_height
    assert panel.tree.canvas["background"] == window.theme.color("background")
    window.theme.zoom(window.theme.points - 3)


# -- other views, and files --------------------------------------------------------------------------------------


def test_the_raw_answer_is_there_to_the_character(window: MainWindow, screen: Screen) -> None:
    raw = "\n".join(f"line {at} é\t'" for at in range(1500))
    panel = shown(window, screen, plan_of(raw=raw))
    window.run("plan.view", {"view": "raw"})
    screen.pump(lambda: panel._filling is None)
    assert panel.raw.get("1.0", "end-2c") == raw


def test_two_plans_are_compared_line_by_line(window: MainWindow, screen: Screen) -> None:
    panel = shown(window, screen, plan_of())
    panel.choose_view("compare")
    assert "no plan before" in panel.raw.get("1.0", "end")
    panel.choose_view("tree")
    shown(window, screen, plan_of(PlanNode(kind="Other"), warnings=()))
    panel.choose_view("compare")
    screen.pump(lambda: panel._filling is None and "Other" in panel.raw.get("1.0", "end"))
    text = panel.raw.get("1.0", "end")
    assert "+1  Other" in text
    assert "-1  Join" in text


def test_it_is_saved_in_three_formats_and_copied_as_text(
    window: MainWindow, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = shown(window, screen, plan_of())
    for name in ("plan.txt", "plan.json", "plan.svg"):
        window.run("plan.save", {"path": str(tmp_path / name)})
        screen.pump(lambda name=name: (tmp_path / name).exists())  # type: ignore[misc]  # mypy can't infer a default
    assert (tmp_path / "plan.txt").read_text() == plan_text(plan_of())
    assert json.loads((tmp_path / "plan.json").read_text())["root"]["kind"] == "Join"
    assert (tmp_path / "plan.svg").read_text().startswith("<svg ")
    copied: list[str] = []
    monkeypatch.setattr(window, "copy", copied.append)
    window.run("plan.copy")
    assert copied == [plan_text(plan_of())]
    monkeypatch.setattr(window, "ask_file", lambda **_: None)
    panel.save()  # which a person would rather not


def test_tabs_are_closed_and_the_oldest_plan_goes_first() -> None:
    model = PlanModel()
    entries = [Entry(f"select {at}", "shop", False, plan=plan_of()) for at in range(MOST_PLANS + 2)]
    for entry in entries:
        model.add(entry)
    assert model.entries == entries[2:]
    assert model.before(entries[-1]) is entries[-2]
    model.close(entries[-1].number)
    assert model.front == entries[-2]
    for entry in entries[2:]:
        model.close(entry.number)
    assert model.entries == []
    assert (format_of("A.SVG"), format_of("a"), format_of("b.json")) == ("svg", "text", "json")
    assert [line for line in differences(plan_of(), plan_of()) if line[:1] in "+-"] == []
