"""The results panel in the window: rows that come while it shows them, and what a person does with them."""

from __future__ import annotations

import itertools
import tkinter as tk
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fix_window import Screen

from alveary import Kernel, Session
from alveary.contracts.window import PanelSpec
from alveary.errors import QueryError
from alveary.paths import Paths
from alveary.statements import Statement
from alveary_plugins.panels.results import alveary_commands, alveary_panels
from alveary_plugins.panels.results.details import RECORD
from alveary_plugins.panels.results.view import ResultsPanel
from alveary_shell.sdk import Panel, StatementQueued, Window
from alveary_shell.window import MainWindow

ROWS = "with recursive n(i) as (select 1 union all select i+1 from n where i < {}) select i, 'row ' || i as t from n"
HERE = __name__


class Desk(Panel):
    """Stands where an editor would, and runs statements."""

    numbers = itertools.count(1)

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.entry = tk.Entry(frame)
        self.entry.pack()

    def focus(self) -> None:
        self.entry.focus_set()

    def run(self, session: Session, *statements: str, limit: int | None = None, hold: float = 0.0) -> list[Statement]:
        """Hand statements to a session and tell the window, as an editor does."""
        batch, done = next(self.numbers), []
        for sql in statements:
            done.append(session.execute(sql, limit=limit, hold=hold))
            self.window.announce(StatementQueued(self, session, done[-1], batch))
        return done


class Stage:
    """A window with a desk and the results, and a session."""

    def __init__(self, screen: Screen, window: MainWindow, session: Session) -> None:
        self.screen, self.window, self.session = screen, window, session
        self.desk = window.open("desk")
        results = window.open("results")
        assert isinstance(results, ResultsPanel)
        self.results = results
        self.notes: list[str] = []
        self.errors: list[str] = []
        self.menus: list[list[tuple[str, Callable[[], object]] | None]] = []
        window.notify = lambda text, *_, **__: self.notes.append(text)  # type: ignore[method-assign]  # to listen
        window.show_error = lambda error, **_: self.errors.append(error.message)  # type: ignore[method-assign]  # likewise
        window.menu = lambda items, event: self.menus.append(items)  # type: ignore[method-assign]  # likewise
        screen.settle()

    def run(self, *statements: str, limit: int | None = None, hold: float = 0.0, wait: bool = True) -> list[Statement]:
        """Run statements at the desk, and wait until their results are shown."""
        assert isinstance(self.desk, Desk)
        done = self.desk.run(self.session, *statements, limit=limit, hold=hold)
        if wait:
            self.until(lambda: all(statement.outcome is not None for statement in done))
            self.until(lambda: "running" not in self.said and "Waiting" not in self.said)
        return done

    def until(self, ready: Callable[[], object]) -> None:
        self.screen.pump(ready)
        self.screen.settle()

    @property
    def said(self) -> str:
        """What the line below the rows says."""
        return str(self.results._foot._said.cget("text"))

    @property
    def offered(self) -> str:
        """What the button beside it says; nothing when it is not there."""
        offer = self.results._foot._buttons[0]
        return str(offer.cget("text")) if offer.winfo_manager() else ""

    @property
    def offers(self) -> list[str]:
        """What the buttons there say."""
        return [str(button.cget("text")) for button in self.results._foot._buttons if button.winfo_manager()]

    def take(self, offer: str) -> None:
        """Press one of them."""
        self.results._foot._buttons[self.offers.index(offer)].invoke()
        self.screen.settle()

    def answer(self, *answers: bool) -> list[str]:
        """Answer questions one after the other; return those that were asked."""
        left, asked = list(answers), list[str]()

        def confirm(question: str, **_: Any) -> bool:
            asked.append(question)
            return left.pop(0)

        self.window.confirm = confirm  # type: ignore[method-assign]  # stands for the person
        return asked

    @property
    def tabs(self) -> list[str]:
        return [tab.text for tab in self.results._strip._tabs]

    def column(self, number: int = 0) -> list[Any]:
        """Return the cells of a column that are in sight."""
        grid = self.results.grid
        self.until(lambda: len(grid._seen) == len(grid.visible_rows) and None not in grid._seen)
        return [row[number] for row in grid._seen if row is not None]

    def arranged(self) -> None:
        """Wait until the rows stand as is wanted."""
        self.until(lambda: self.results.entry is not None and self.results.entry.arranging is None)

    def clipboard(self) -> str:
        return str(self.screen.root.clipboard_get())

    def menu(self, word: str) -> None:
        """Choose an item of the menu that came up last."""
        next(item for item in self.menus[-1] if item is not None and item[0] == word)[1]()
        self.screen.settle()


@pytest.fixture
def stage(screen: Screen, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    import sys

    monkeypatch.setitem(sys.modules, "results_desk", sys.modules[__name__])
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        for panel in (
            *alveary_panels(),
            PanelSpec(id="desk", title="Desk", factory="results_desk:Desk", dock="center"),
        ):
            if kernel.plugins.panels.find(panel.id) is None:
                kernel.plugins.panels.add(panel)
        for command in alveary_commands():
            if kernel.plugins.commands.find(command.id) is None:
                kernel.plugins.commands.add(command)
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        screen.settle()
        yield Stage(screen, window, kernel.connect(f"sqlite:///{home}.db?mode=rwc", host="process"))
        window.quit()


# -- rows that come ----------------------------------------------------------------------------------------------


def test_rows_are_shown_while_they_still_come(stage: Stage) -> None:
    (statement,) = stage.run(ROWS.format(100_000_000), wait=False)
    stage.until(lambda: len(stage.results.grid.rows) > 100)
    assert stage.column()[:3] == [1, 2, 3]
    before = len(stage.results.grid.rows)
    stage.until(lambda: len(stage.results.grid.rows) > before + 1000)
    assert stage.offered == "Cancel"
    stage.results._foot._buttons[0].invoke()
    stage.until(lambda: statement.outcome is not None)
    stage.until(lambda: stage.said.startswith("Cancelled after"))
    assert stage.tabs == [f"Result 1 ({statement.rows:,})"]
    assert stage.offered == "Run again…"


def test_the_last_of_many_rows_is_reached_at_once(stage: Stage) -> None:
    stage.run(ROWS.format(300_000))
    stage.screen.press(stage.results.grid.cells, "<Control-End>")
    assert stage.column()[-1] == 300_000
    assert "row 300,000 of 300,000" in str(stage.results._foot._picked.cget("text"))


def test_several_results_errors_and_counts(stage: Stage) -> None:
    stage.run(
        "select 1 as a", "create table t (x)", "insert into t values (1), (2)", "select * from t", "select * from no"
    )
    assert stage.tabs == ["Result 1 (1)", "Result 2 (2)", "Error", "Statements"]
    results = stage.results
    assert results._error.winfo_ismapped()
    assert "no such table" in results._error._text.get("1.0", "end")
    results.choose("statements")
    assert stage.column(2) == ["1", None, "2", "2", None]
    results.grid.select(3, 0)
    stage.screen.press(results.grid.cells, "<Return>")
    assert results.entry is not None
    assert results.entry.title == "Result 2 (2)"
    assert stage.column() == [1, 2]


def test_the_place_of_an_error_is_marked_in_its_line_however_often_that_is_wrapped(stage: Stage) -> None:
    page = stage.results._error
    statement = "select 1;\nselect " + "something, " * 40 + "wrong_name, other from nowhere"
    for word, position in (("wrong_name", statement.index("wrong_name") + 1), (" ", len(statement) + 1)):
        page.show(QueryError("no such column", statement=statement, position=position))
        start, end = page._text.tag_ranges("place")
        assert page._text.get(start, end) == word
        assert "^" not in page._text.get("1.0", "end")
        assert page._text.get("1.0", "end").rstrip().endswith("nowhere")


def test_a_statement_without_rows_says_what_it_did(stage: Stage) -> None:
    stage.run("create table t (x)")
    stage.run("insert into t values (1), (2), (3)")
    assert str(stage.results._message._title.cget("text")) == "3 rows affected"


def test_a_result_without_rows_says_so(stage: Stage) -> None:
    stage.run("select 1 as a where 0")
    assert stage.results.grid.empty_text == "No rows"
    assert stage.said.startswith("0 rows")


def test_the_rest_is_fetched_by_the_cursor_that_stayed_open(stage: Stage) -> None:
    (statement,) = stage.run(f"select * from ({ROWS.format(500)})", limit=10, hold=600)
    assert stage.said.startswith("The first 10 rows; more on the server (closes in 600 s)")
    assert stage.offers == ["Fetch all", "Next 10"]
    stage.take("Next 10")
    stage.until(lambda: stage.said.startswith("The first 20 rows; more on the server"))
    assert len(stage.results.grid.rows) == 20
    stage.take("Fetch all")
    stage.until(lambda: stage.said.startswith("500 rows"))
    assert stage.tabs == ["Result 1 (500)"]
    assert stage.offers == []
    assert statement.rows == len(stage.results.grid.rows) == 500


def test_the_time_the_cursor_stays_open_runs_down_and_then_the_statement_can_be_run_again(stage: Stage) -> None:
    asked = stage.answer(False, True)
    stage.run(f"select * from ({ROWS.format(500)})", limit=10, hold=2)
    assert "closes in 2 s" in stage.said
    stage.until(lambda: "closes in 1 s" in stage.said)
    stage.until(lambda: stage.said.startswith("The first 10 rows; there are more"))
    assert stage.offers == ["Run again…"]
    stage.take("Run again…")
    assert asked == ["Run this statement again, for all its rows?"]
    assert stage.tabs == ["Result 1 (10)"]
    stage.take("Run again…")
    stage.until(lambda: stage.said.startswith("500 rows"))
    assert stage.tabs == ["Result 1 (500)"]


def test_the_next_statement_and_a_closed_tab_close_the_cursor(stage: Stage) -> None:
    (first,) = stage.run(f"select * from ({ROWS.format(500)})", limit=10, hold=600)
    stage.window.run("results.pin")
    (second,) = stage.run(f"select * from ({ROWS.format(600)})", limit=10, hold=600)
    stage.until(lambda: first.held_until is None)
    stage.results.choose(stage.results.model.tabs()[0].key)
    assert stage.offers == ["Run again…"]
    stage.window.run("results.fetch-all")
    assert "the cursor of this statement is closed" in stage.errors[-1]
    stage.results.choose(stage.results.model.tabs()[1].key)
    assert stage.offers == ["Fetch all", "Next 10"]
    stage.window.run("results.close")
    stage.until(lambda: second.held_until is None)


def test_fetching_can_be_cancelled_and_sorting_follows_what_is_fetched(stage: Stage) -> None:
    (statement,) = stage.run(ROWS.format(100_000_000), limit=10, hold=600)
    stage.take("Fetch all")
    stage.until(lambda: statement.rows > 1000)
    stage.take("Cancel")
    stage.until(lambda: stage.said.startswith("Cancelled after"))
    assert statement.rows == len(stage.results.grid.rows)
    stage.run(f"select * from ({ROWS.format(5000)})", limit=10, hold=600)
    stage.results.ordering.sort(0)
    stage.results.ordering.sort(0)
    stage.arranged()
    assert stage.column()[0] == 10
    stage.take("Fetch all")
    stage.until(lambda: stage.said.startswith("5,000 rows"))
    stage.arranged()
    assert stage.column()[:2] == [5000, 4999]


def test_what_may_change_something_says_so_before_it_is_run_again(stage: Stage) -> None:
    asked = stage.answer(False, True)
    stage.run("create table t (a)")
    stage.run("insert into t select i from (" + ROWS.format(50) + ") where true returning a", limit=5, hold=600)
    assert stage.offers == ["Run again…"], "what changes something is not left open"
    stage.take("Run again…")
    assert asked == ["Run this statement again, for all its rows? It may change something once more."]
    assert stage.said.startswith("The first 5 rows")
    stage.take("Run again…")
    stage.until(lambda: stage.said.startswith("50 rows"))


def test_which_rows_of_a_cut_result_are_saved_is_asked(stage: Stage, tmp_path: Path) -> None:
    offered: list[list[tuple[str, bool]]] = []
    chosen: list[int | None] = [None, 0, 1, 2]

    def choose(question: str, choices: Any, **_: Any) -> int | None:
        assert question == "Only the first 10 rows were fetched. Which rows are to be saved?"
        offered.append([(choice.text, choice.enabled) for choice in choices])
        return chosen.pop(0)

    stage.window.ask_choice = choose  # type: ignore[method-assign]  # stands for the person
    stage.answer(True)
    path = tmp_path / "rows.csv"
    stage.run(f"select * from ({ROWS.format(500)})", limit=10, hold=600)
    stage.window.run("results.save", {"path": str(path)})
    stage.screen.settle()
    assert (stage.notes, path.exists()) == ([], False)
    stage.window.run("results.save", {"path": str(path)})
    stage.until(lambda: stage.notes == ["Saved 10 rows to rows.csv"])
    assert path.read_text().splitlines()[-1] == "10,row 10"
    stage.window.run("results.save", {"path": str(path)})
    stage.until(lambda: stage.notes[-1] == "Saved 500 rows to rows.csv")
    assert path.read_text().splitlines()[1:] == [f"{n},row {n}" for n in range(1, 501)]
    (statement,) = stage.run(f"select * from ({ROWS.format(400)})", limit=10, hold=600)
    statement.cancel()
    stage.until(lambda: statement.held_until is None)
    stage.results.ordering.filter_by([_filter("contains", "9")])
    stage.arranged()
    stage.window.run("results.save", {"path": str(path)})
    stage.until(lambda: len(stage.notes) == 3)
    assert path.read_text().splitlines()[1:] == [f"{n},row {n}" for n in range(1, 401) if "9" in str(n)]
    assert offered[0] == [
        ("The 10 rows that are here", True),
        ("All rows: fetch the rest first", True),
        ("All rows: run the statement again", True),
    ]
    assert [enabled for _, enabled in offered[3]] == [True, False, True]


def test_rows_that_could_not_all_be_fetched_are_not_saved(stage: Stage, tmp_path: Path) -> None:
    (statement,) = stage.run(ROWS.format(100_000_000), limit=10, hold=600)
    stage.window.run("results.save", {"path": str(tmp_path / "rows.csv"), "rows": "rest"})
    stage.until(lambda: statement.rows > 1000)
    statement.cancel()
    stage.until(lambda: stage.errors)
    assert stage.errors == ["the file was not written: not all rows came"]
    assert not list(tmp_path.glob("rows*"))


def test_results_come_forward_and_leave_the_keyboard(stage: Stage) -> None:
    assert isinstance(stage.desk, Desk)
    entry = stage.desk.entry
    stage.window.toggle("bottom")
    entry.focus_force()
    stage.screen.settle()
    assert not stage.results.frame.winfo_viewable()
    stage.run("select 1 as a")
    assert stage.results.frame.winfo_viewable()
    assert stage.screen.root.focus_lastfor() is entry


def test_a_lost_session_is_told_and_its_rows_stay(stage: Stage) -> None:
    stage.run(ROWS.format(100_000_000), wait=False)
    stage.until(lambda: len(stage.results.grid.rows) > 100)
    stage.session.kill()
    stage.until(lambda: stage.said.startswith("Failed after"))
    assert stage.offered == "Show the error"
    stage.results._foot._buttons[0].invoke()
    assert "the session was lost" in stage.errors[-1]
    assert stage.column()[:2] == [1, 2]


def test_pins_stay_and_tabs_close(stage: Stage) -> None:
    stage.run("select 'first' as a")
    results = stage.results
    results._tab_menu(results.model.tabs()[0].key, None)  # type: ignore[arg-type]  # the event is not looked at
    stage.menu("Pin")
    stage.run("select 'second' as a")
    assert stage.tabs == ["Result 1 (1)", "Result 1 (1)"]
    assert stage.column() == ["second"]
    results.choose(results.model.tabs()[0].key)
    assert stage.column() == ["first"]
    results._close_tab(results.model.tabs()[0].key)
    assert stage.column() == ["second"]
    results._close_tab(results.model.tabs()[0].key)
    assert stage.tabs == []
    assert str(results._message._title.cget("text")) == "No results yet"


def test_the_results_follow_the_panel_that_is_worked_in(stage: Stage) -> None:
    stage.run("select 'one' as a")
    first, stage.desk = stage.desk, stage.window.open("desk", {"another": True})
    assert stage.tabs == []
    stage.run("select 'two' as a")
    stage.window.raise_panel(first)
    stage.screen.settle()
    assert stage.column() == ["one"]
    stage.window.close(first)
    stage.screen.settle()
    assert stage.column() == ["two"]


# -- order -------------------------------------------------------------------------------------------------------


def click(widget: tk.Misc, x: int, state: int = 0) -> None:
    widget.event_generate("<Button-1>", x=x, y=8, state=state)
    widget.event_generate("<ButtonRelease-1>", x=x, y=8, state=state)


def test_a_click_on_a_header_sorts_all_rows(stage: Stage) -> None:
    stage.run(ROWS.format(50_000))
    grid = stage.results.grid
    middle = (grid._layout.lefts[0] + grid._layout.lefts[1]) // 2
    click(grid._drawing.head, middle)
    stage.arranged()
    assert stage.column()[:2] == [1, 2]
    click(grid._drawing.head, middle)
    stage.arranged()
    assert stage.column()[:2] == [50_000, 49_999]
    click(grid._drawing.head, middle)
    stage.arranged()
    assert stage.column()[:2] == [1, 2]
    assert stage.results.entry is not None
    assert stage.results.entry.arrangement is None


def test_what_was_sorted_early_is_sorted_again_when_all_rows_are_there(stage: Stage) -> None:
    (statement,) = stage.run(ROWS.format(400_000), wait=False)
    stage.until(lambda: len(stage.results.grid.rows) > 100)
    stage.results.ordering.sort(0)
    stage.results.ordering.sort(0)
    stage.until(lambda: statement.outcome is not None)
    stage.arranged()
    stage.until(lambda: stage.results.entry is not None and not stage.results.entry.outdated)
    assert stage.column()[0] == 400_000


def test_typing_filters_and_conditions_add_up(stage: Stage) -> None:
    stage.run(ROWS.format(10_000))
    results = stage.results
    results.ordering.open_bar()
    bar = results.ordering.bar
    bar._value.insert(0, "row 99")
    stage.screen.press(bar._value, "<KeyRelease-9>")
    stage.until(lambda: stage.said.startswith("111 of 10,000 rows"))
    results.grid.select(0, 0)
    results._menu(None, 1, 0)  # type: ignore[arg-type]  # the event is not looked at
    stage.menu("Without rows of this value")
    stage.until(lambda: stage.said.startswith("110 of 10,000 rows"))
    assert stage.column()[:2] == [99, 991]
    results.ordering.filter_by([])
    bar.clear()
    stage.arranged()
    stage.until(lambda: stage.said.startswith("10,000 rows"))
    bar._column.current(1)
    bar._test.current([test for test, _ in _words()].index("greater"))
    bar._value.insert(0, "9998")
    bar.add()
    stage.arranged()
    assert stage.column() == [9999, 10_000]
    results.ordering.close_bar()
    stage.arranged()
    assert len(results.grid.rows) == 10_000


def _words() -> Any:
    from alveary_plugins.panels.results.bars import WORDS

    return WORDS


def test_the_foot_says_what_is_being_done_with_the_rows(stage: Stage) -> None:
    stage.run(ROWS.format(200))
    entry = stage.results.entry
    assert entry is not None
    said = []
    steps: list[Callable[[], object]] = [
        lambda: stage.results.ordering.sort(0),
        lambda: stage.results.ordering.filter_by([_filter("contains", "9")]),
    ]
    for step in steps:
        step()
        said.append(stage.said)  # what it says before the work has begun
        stage.arranged()
    assert said == ["Sorting…", "Filtering…"]


def test_a_filter_nothing_passes_says_so_and_a_wrong_one_is_refused(stage: Stage) -> None:
    stage.run(ROWS.format(100))
    results = stage.results
    results.ordering.filter_by([_filter("equals", "nothing")])
    stage.arranged()
    assert results.grid.empty_text == "No row passes the filter"
    results.ordering.close_bar()
    stage.arranged()
    results.ordering.filter_by([_filter("matches", "(")])
    stage.arranged()
    assert "no regular expression" in stage.errors[-1]
    assert len(results.grid.rows) == 100


def _filter(test: Any, value: str) -> Any:
    from alveary.arrangement import Filter

    return Filter(test=test, value=value, column=1)


def test_find_goes_from_match_to_match(stage: Stage) -> None:
    stage.run(ROWS.format(5000))
    results = stage.results
    stage.screen.press(results.grid.cells, "<Control-Key-f>")
    stage.until(lambda: stage.screen.root.focus_get() is results.searching.bar.entry)
    results.searching.bar.entry.insert(0, "ROW 49")
    results.searching.bar.go(1)
    stage.until(lambda: results.grid.selection.row == 48)
    assert str(results.searching.bar._said.cget("text")) == "1 of 111 rows"
    results.searching.bar.go(1)
    stage.until(lambda: results.grid.selection.row == 489)
    assert results.grid.selection.column == 1
    results.searching.bar.go(-1)
    results.searching.bar.go(-1)
    stage.until(lambda: results.grid.selection.row == 4998)
    results.searching.bar.entry.delete(0, "end")
    results.searching.bar.entry.insert(0, "nowhere")
    results.searching.bar.go(1)
    stage.until(lambda: str(results.searching.bar._said.cget("text")) == "not found")
    results.searching.close()
    assert not results.searching.bar.winfo_manager()


# -- copying and saving ------------------------------------------------------------------------------------------


def test_copied_cells_are_on_the_clipboard(stage: Stage) -> None:
    stage.run("select 1 as a, 'x' as b union all select 2, 'tab\there' union all select null, ''")
    results = stage.results
    results.grid.select(1, 1)
    stage.screen.press(results.grid.cells, "<Control-Key-c>")
    stage.until(lambda: stage.clipboard() == "tab\there")
    stage.screen.press(results.grid.cells, "<Control-Key-a>", "<Control-Key-c>")
    stage.until(lambda: stage.clipboard() == '1\tx\n2\t"tab\there"\n\t""\n')
    assert stage.notes[-1] == "Copied 3 × 2 cells"
    stage.screen.press(results.grid.cells, "<Control-Shift-Key-C>")
    stage.until(lambda: stage.clipboard().startswith("a\tb\n"))
    stage.window.run("results.copy", {"format": "csv", "header": True})
    stage.until(lambda: stage.clipboard() == 'a,b\n1,x\n2,tab\there\n,""\n')
    stage.window.run("results.copy-json")
    stage.until(lambda: stage.clipboard().startswith('[{"a":1,"b":"x"}'))
    stage.window.run("results.copy-markdown")
    stage.until(lambda: stage.clipboard().startswith("| a | b |"))
    stage.window.run("results.copy-insert")
    stage.until(lambda: stage.clipboard().startswith('INSERT INTO "table_name" ("a", "b") VALUES\n(1, \'x\'),'))
    stage.window.run("results.copy", {"format": "nothing"})
    assert "no format is named 'nothing'" in stage.errors[-1]


def test_a_whole_column_is_copied_in_the_order_shown(stage: Stage) -> None:
    stage.run(ROWS.format(20_000))
    stage.results.ordering.sort(0)
    stage.results.ordering.sort(0)
    stage.arranged()
    stage.results.grid.select_column(0)
    stage.results.taking.copy()
    expected = "".join(f"{number}\n" for number in range(20_000, 0, -1))
    stage.until(lambda: stage.notes)
    assert stage.clipboard() == expected


def test_what_is_shown_is_saved(stage: Stage, tmp_path: Path) -> None:
    stage.run(ROWS.format(1000))
    path = tmp_path / "rows.csv"
    stage.window.run("results.save", {"path": str(path)})
    stage.until(lambda: stage.notes)
    assert stage.notes == ["Saved 1,000 rows to rows.csv"]
    assert path.read_text().splitlines()[::1000] == ["i,t", "1000,row 1000"]
    stage.results.ordering.filter_by([_filter("equals", "row 7")])
    stage.arranged()
    asked: list[dict[str, str]] = []

    def answer(**words: Any) -> str:
        asked.append(words["endings"])
        return str(tmp_path / "rows.sql")

    stage.window.ask_file = answer  # type: ignore[method-assign]  # stands for the person
    stage.results.taking.save()
    stage.until(lambda: len(stage.notes) == 2)
    assert (tmp_path / "rows.sql").read_text() == 'INSERT INTO "table_name" ("i", "t") VALUES\n(7, \'row 7\');\n'
    assert asked[0]["CSV"] == ".csv"
    semicolons = {"path": str(tmp_path / "other.csv"), "options": {"delimiter": ";"}}
    stage.window.run("results.save", semicolons)
    stage.until(lambda: len(stage.notes) == 3)
    assert (tmp_path / "other.csv").read_text() == "i;t\n7;row 7\n"
    stage.window.run("results.save", {"path": str(tmp_path / "rows.what")})
    assert "no format goes by the ending .what" in stage.errors[-1]


def test_a_database_that_is_open_is_never_replaced(stage: Stage) -> None:
    stage.run("create table bee (id integer)", "insert into bee values (1)", "select id from bee")
    database = str(stage.session.target.database)
    for path in (database, f"{database}-journal"):
        stage.errors.clear()
        stage.window.run("results.save", {"path": path, "format": "csv"})
        stage.until(lambda: stage.errors)
        assert stage.errors == [f"{path} belongs to a database that is open, so it can't be replaced"]
        stage.window.ask_file = lambda path=path, **_: path  # type: ignore[method-assign]  # stands for the person
        stage.errors.clear()
        stage.results.looking.save_value()
        stage.until(lambda: stage.errors)
        assert "can't be replaced" in stage.errors[0]
    stage.run("select id from bee")
    assert stage.column() == [1]


# -- one value, one row ------------------------------------------------------------------------------------------


def test_values_and_rows_are_looked_at_in_full(stage: Stage, tmp_path: Path) -> None:
    stage.run("select 7 as n, '{\"a\":[1.50]}' as j, x'00ff' as b, null as z, printf('%.*c', 300000, 'x') as long")
    results = stage.results

    def shown() -> str:
        return results.looking.details._text.get("1.0", "end-1c")

    results.grid.select(0, 1)
    stage.screen.press(results.grid.cells, "<Return>")
    stage.until(lambda: shown() == '{\n  "a": [\n    1.50\n  ]\n}')
    stage.screen.press(results.grid.cells, "<Right>")
    stage.until(lambda: shown().startswith("00000000  00 ff"))
    stage.screen.press(results.grid.cells, "<Right>")
    stage.until(lambda: shown() == "NULL")
    stage.screen.press(results.grid.cells, "<Right>")
    stage.until(lambda: "the first 200,000 of 300,000 characters" in str(results.looking.details._said.cget("text")))
    results.looking.copy_value()
    stage.until(lambda: stage.clipboard() == "x" * 300_000)
    stage.window.ask_file = lambda **_: str(tmp_path / "value")  # type: ignore[method-assign]  # stands for the person
    results.looking.save_value()
    stage.until(lambda: stage.notes)
    assert (tmp_path / "value").read_bytes() == b"x" * 300_000
    results.looking.details._choose_mode("hex")
    stage.until(lambda: shown().startswith("00000000  78 78"))
    results.looking.view(RECORD)
    record = results.looking.details._record
    stage.until(lambda: len(record.rows) == 5)
    assert [row[0] for row in record.rows.window(0, 5) if row is not None] == ["n", "j", "b", "z", "long"]
    record.select(1, 1)
    stage.screen.press(record.cells, "<Return>")
    stage.until(lambda: (results.grid.selection.column, results.looking.details.tab) == (1, "value"))
    assert results.state() == {"details": True}
    results.looking.toggle()
    assert results.state() == {"details": False}


# -- commands ----------------------------------------------------------------------------------------------------


def test_commands_are_to_be_had_only_where_they_make_sense(stage: Stage) -> None:
    from alveary_plugins.panels.results import commands

    assert not commands.has_rows(stage.window)
    assert not commands.has_result(stage.window)
    stage.run("select * from nothing")
    assert commands.has_result(stage.window)
    assert not commands.has_rows(stage.window)
    stage.run("select 1 as a")
    assert commands.has_rows(stage.window)
    stage.results.grid.cells.focus_force()
    stage.until(lambda: commands.is_focused(stage.window))
    stage.results.searching.open()
    stage.until(lambda: not commands.is_focused(stage.window))
    for command in ("results.view", "results.record", "results.fit", "results.filter", "results.sort", "results.pin"):
        stage.window.run(command)
    stage.arranged()
    assert [entry.pinned for entry in stage.results.model.tabs()] == [True]
    stage.window.run("results.sort", {"column": 9})
    assert "no column 9" in stage.errors[-1]
    stage.window.run("results.close")
    assert stage.tabs == []
    stage.window.run("results.copy")
    stage.window.run("results.save")
    assert len(stage.errors) == 1


def test_menus_offer_what_there_is(stage: Stage) -> None:
    stage.run(ROWS.format(100))
    results = stage.results
    results._menu(None, -1, 0)  # type: ignore[arg-type]  # the event is not looked at
    stage.menu("Sort descending")
    stage.arranged()
    assert stage.column()[0] == 100
    stage.menu("Rows as they came")
    stage.arranged()
    assert stage.column()[0] == 1
    stage.menu("Select the column")
    assert results.grid.selection.count(100, 2) == (100, 1)
    stage.menu("Copy the name")
    assert stage.clipboard() == "i"
    stage.menu("Fit all columns")
    stage.menu("Only NULL")
    stage.arranged()
    assert len(results.grid.rows) == 0


def test_themes_and_zoom_do_not_disturb(stage: Stage) -> None:
    stage.run("select 1 as a", "select * from nothing")
    stage.results.searching.open()
    stage.results.looking.view()
    for theme, points in (("light", 14), ("dark", 8), ("dark", 10)):
        stage.window.theme.use(theme)
        stage.window.theme.zoom(points)
        stage.screen.settle()
    stage.results.choose(stage.results.model.tabs()[0].key)
    assert stage.column() == [1]
