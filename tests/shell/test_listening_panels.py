"""The panels that listen: messages, history, jobs, plugins; with statements really run on SQLite."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_window import Screen

from alveary import Kernel
from alveary.paths import Paths
from alveary_shell.sdk import Panel, StatementQueued
from alveary_shell.window import MainWindow


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


@pytest.fixture
def run(window: MainWindow, screen: Screen, shop_url: str) -> Iterator[Callable[[str], None]]:
    """Runs a statement as an editor would, and waits for its end."""
    panel = window.panels()[0]

    def run(sql: str) -> None:
        statement = session.execute(sql)
        window.announce(StatementQueued(panel, session, statement, 1))
        screen.pump(lambda: statement.outcome is not None)

    with window.kernel.connect(shop_url) as session:
        yield run


def text_of(panel: Panel) -> str:
    return str(panel._text.get("1.0", "end-1c"))  # type: ignore[attr-defined]  # the panel of messages has one


def lines_of(panel: Any) -> list[tuple[str, ...]]:
    tree = panel._list.tree
    return [tuple(str(cell) for cell in tree.item(line, "values")) for line in tree.get_children()]


def test_messages_show_what_alveary_sends_on_its_own_and_hide_it_by_its_origin(
    window: MainWindow, screen: Screen, run: Callable[[str], None], shop_url: str
) -> None:
    panel: Any = window.open("messages")
    run("select * from item")
    window.background("Browsing", lambda _: window.kernel.catalog(shop_url, origin="tree").schemas(), lambda _: None)
    screen.pump(lambda: "[tree]  pragma database_list" in text_of(panel))
    assert "[connecting]" in text_of(panel)
    assert text_of(panel).count("select * from item") == 1, "what was typed is told once"

    def shown() -> str:
        text = panel._text
        return str(text.tk.call(text._w, "get", "-displaychars", "1.0", "end"))

    assert "[tree]" in shown()
    panel._origins.toggle("tree")
    assert "[tree]" not in shown()
    assert "select * from item" in shown()
    assert panel.state() == {"hidden": ["tree"]}
    panel._origins.known["tree"].invoke()
    assert "[tree]" in shown()


def test_messages_say_what_became_of_each_statement(
    window: MainWindow, screen: Screen, run: Callable[[str], None]
) -> None:
    panel = window.open("messages")
    run("select * from item")
    run("update item set price = 1 where id < 3")
    run("select *\nfrom missing")
    screen.pump(lambda: "no such table" in text_of(panel))
    text = text_of(panel)
    assert "  select * from item\n    3 rows in " in text
    assert "  update item set price = 1 where id < 3\n    2 rows affected in " in text
    assert "  select * from missing\n    failed after " in text
    assert window.run("messages.clear") is None
    assert text_of(panel) == ""


def test_the_history_shows_what_was_run_and_finds_it(
    window: MainWindow, screen: Screen, run: Callable[[str], None]
) -> None:
    panel: Any = window.open("history")
    run("select 'a needle'")
    run("select 'hay'")
    screen.pump(lambda: len(lines_of(panel)) == 2)
    assert [line[-1] for line in lines_of(panel)] == ["select 'hay'", "select 'a needle'"]
    window.raise_panel(panel)  # the rows that came have put the results in front
    panel._search.insert(0, "need")
    screen.press(panel._search, "<KeyRelease-d>")
    screen.pump(lambda: len(lines_of(panel)) == 1)
    assert lines_of(panel)[0][-1] == "select 'a needle'"


def test_jobs_are_listed_and_cancelled(window: MainWindow, screen: Screen) -> None:
    panel: Any = window.open("jobs")
    cancelled = threading.Event()

    def work(job: Any) -> None:
        while not job.cancelled:
            job.progress(5, "rows", whole=10)
            time.sleep(0.02)
        cancelled.set()

    job = window.background("Counting", work, lambda _: None)
    screen.pump(lambda: lines_of(panel) and lines_of(panel)[0][:3] == ("Counting", "running", "50 % 5 rows"))
    panel._list.tree.selection_set(job.id)
    screen.press(panel._list.tree, "<Delete>")
    screen.pump(lambda: lines_of(panel)[0][1] == "completed")
    assert cancelled.is_set()


def test_plugins_are_switched_off_and_on(window: MainWindow, screen: Screen) -> None:
    panel: Any = window.open("plugins")
    assert ("demo", "loaded") in [line[:2] for line in lines_of(panel)]
    panel._list.tree.selection_set("demo")
    screen.pump(lambda: panel._switch["text"] == "Disable")
    panel._switch.invoke()
    screen.pump(lambda: ("demo", "disabled") in [line[:2] for line in lines_of(panel)])
    with Kernel(paths=window.kernel.paths) as next_kernel:
        assert "demo" not in [info.name for info in next_kernel.plugins.infos if info.state == "loaded"]
    panel._switch.invoke()
    screen.pump(lambda: ("demo", "enabled") in [line[:2] for line in lines_of(panel)])


def test_saved_queries_are_listed_found_and_removed(
    window: MainWindow, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.kernel.run("queries.save", {"name": "reports/by-day", "sql": "select :day", "tags": ["daily"]})
    window.kernel.run("queries.save", {"name": "all", "sql": "select 1"})
    panel: Any = window.open("saved")
    screen.pump(lambda: [line[0] for line in lines_of(panel)] == ["all", "reports/by-day"])
    assert lines_of(panel)[1][2:] == ("daily", ":day", "select :day")
    panel._search.insert(0, "day")
    screen.press(panel._search, "<KeyRelease-y>")
    screen.pump(lambda: [line[0] for line in lines_of(panel)] == ["reports/by-day"])
    panel._list.focus_list()
    monkeypatch.setattr(window, "confirm", lambda question, **_: "reports/by-day" in question)
    screen.press(panel._list.tree, "<Delete>")
    screen.pump(lambda: lines_of(panel) == [])
    assert [query.path for query in window.kernel.saved.all()] == ["all"]
