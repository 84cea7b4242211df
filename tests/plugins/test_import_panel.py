"""The page of an import: what a person chooses becomes the parameters of the commands, and it does what they do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_window import Screen

from alveary import Kernel
from alveary.errors import AlvearyError
from alveary.paths import Paths
from alveary_plugins.panels.importing.model import NOWHERE, Draft, faults, outcome, worded
from alveary_shell.window import MainWindow


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "bees.csv"
    path.write_text("id;name;legs\n1;Ann;6\n2;Bea;six\n3;Cleo;6\n")
    return str(path)


def test_what_is_chosen_becomes_the_parameters_of_the_commands(
    alveary_kernel: Kernel, file: str, tmp_path: Path
) -> None:
    draft = Draft.from_state({"file": file, "table": "bee", "values": {"create": "yes", "nothing": 1}})
    assert draft.problems() == {"target": "Say which database it goes to"}
    draft.take("target", f"sqlite:///{tmp_path}/bees.db?mode=rwc")
    assert draft.problems() == {}
    draft.preview = alveary_kernel.run("import.preview", draft.looking(whole=True))
    assert [cells for _, cells, _ in draft.columns()] == [
        ("id", "id", "bigint", ""),
        ("name", "name", "text", ""),
        ("legs", "legs", "text", "text because of line 3: six"),
    ]
    headings, lines = draft.sample()
    assert headings == ["Line", "id", "name", "legs"]
    assert lines[1] == ("3", ["3", "2", "Bea", "six"], "")
    assert draft.found().endswith("delimiter “;”, 3 rows")
    draft.map_to("name", "")
    draft.map_to("id", "number")
    draft.give_type("legs", "integer")
    with pytest.raises(ValueError, match="is no type"):
        draft.give_type("id", "nonsense")
    assert [cells[1:3] for _, cells, _ in draft.columns()] == [
        ("number", "bigint"),
        (NOWHERE, "text"),
        ("legs", "integer"),
    ]
    dry = alveary_kernel.run("import.run", draft.importing(dry_run=True))
    assert outcome(dry) == "2 rows would be imported into the new table main.bee, 1 refused"
    assert [cells for _, cells, _ in faults(dry.faults)] == [("3", "legs", "six", "it is not a whole number")]
    draft.take("rejects", str(tmp_path / "rejects.csv"))
    done = alveary_kernel.run("import.run", draft.importing())
    assert outcome(done) == "2 rows imported into the new table main.bee, 1 refused: see rejects.csv"
    assert [fault.line for fault in done.faults] == [3]
    back = Draft.from_state(draft.state())
    assert back.importing() == draft.importing()


def test_another_file_forgets_what_was_chosen_for_the_columns(alveary_kernel: Kernel, file: str) -> None:
    draft = Draft.from_state({"file": file})
    draft.preview = alveary_kernel.run("import.preview", draft.looking())
    draft.map_to("id", "")
    draft.give_type("legs", "integer")
    assert draft.take("file", "another.csv") is True
    assert (draft.mapping, draft.types, draft.columns(), draft.sample()) == ({}, {}, [], ([], []))
    assert draft.take("table", "bee") is False
    assert draft.take("delimiter", ";") is True
    draft.take("create", "yes")
    draft.take("truncate", "yes")
    assert "truncate" in draft.problems()
    draft.take("table", 'a."b')
    assert "table" in draft.problems()


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


def test_the_columns_stand_below_the_form_where_both_do_not_fit_beside_each_other(
    window: MainWindow, screen: Screen, file: str
) -> None:
    panel: Any = window.open("importing", {"file": file})
    screen.pump(lambda: panel.draft.preview is not None)

    def beside() -> bool:
        screen.settle()
        form, columns = panel._form, panel._columns
        shown = (form.winfo_width(), form.winfo_height(), columns.winfo_width(), columns.winfo_height())
        assert min(shown) > 100, shown
        return bool(columns.winfo_rootx() >= form.winfo_rootx() + form.winfo_width())

    assert beside()
    window.theme.zoom(16)
    try:
        assert not beside()
    finally:
        window.theme.zoom(10)
    assert beside()


def test_a_file_is_looked_at_tried_and_imported_in_the_window(
    window: MainWindow, screen: Screen, file: str, tmp_path: Path
) -> None:
    database = tmp_path / "bees.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("create table bee (id integer primary key, name text, legs integer)")
        db.commit()
    panel: Any = window.open("importing", {"file": file, "target": f"sqlite:///{database}", "table": "bee"})
    screen.pump(lambda: panel.draft.preview is not None)
    assert panel.title == "Import into bee"
    window.run("importing.rehearse")
    screen.pump(lambda: panel._running is None)
    assert panel._said.cget("text") == "2 rows would be imported into main.bee, 1 refused"
    assert panel._refused.winfo_ismapped()
    window.run("importing.start")
    screen.pump(lambda: panel._running is None)
    assert panel._said.cget("text") == "Nothing was written"
    panel.draft.take("rejects", str(tmp_path / "rejects.csv"))
    window.run("importing.start")
    screen.pump(lambda: panel._running is None)
    assert panel._said.cget("text") == "2 rows imported into main.bee, 1 refused: see rejects.csv"
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("select id, legs from bee").fetchall() == [(1, 6), (3, 6)]
    assert screen.failures == []


def test_hints_of_the_commands_speak_of_the_page(alveary_kernel: Kernel, file: str, tmp_path: Path) -> None:
    database = tmp_path / "bees.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("create table bee (id integer primary key, number integer generated always as (id) virtual)")
        db.commit()

    def hint(table: str = "bee", **values: str) -> str:
        draft = Draft.from_state({"file": file, "target": f"sqlite:///{database}", "table": table, "values": values})
        draft.map_to("legs", "")
        draft.map_to("name", "number" if "generated" in values else "name")
        with pytest.raises(AlvearyError) as caught:
            alveary_kernel.run("import.run", draft.importing())
        said = worded(caught.value.hint)
        assert said is not None
        assert said != caught.value.hint
        assert "--" not in said
        return said

    assert hint().startswith("its columns: id, number; in the menu of a line “Goes to…” maps it")
    assert hint(create="yes") == "without the tick at “Make the table” its rows are added"
    assert hint(table="wasp") == "with a tick at “Make the table” it is made from the file"
    assert hint(generated="yes") == "leave it out: “Leave out” in the menu of its line"
    assert worded(None) is None
