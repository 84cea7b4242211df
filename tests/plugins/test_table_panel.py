"""The page of a table: which rows it asks for and how, what it shows of them, and that it never writes."""

from __future__ import annotations

import sqlite3
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from fix_window import Screen

from alveary import Kernel
from alveary.bus import Bus
from alveary.contracts.values import Cell, Column, ValueKind
from alveary.errors import (
    AlvearyError,
    InvalidInputError,
    QueryCancelledError,
    ReadOnlyError,
    SessionClosedError,
    UnknownObjectError,
)
from alveary.events import SessionState
from alveary.jobs import Job
from alveary.paths import Paths
from alveary.sqltext import MYSQL, POSTGRES, SQLITE
from alveary_plugins.panels.table.model import PAGE, Place, TableReader, Wish, literal, page_sql, tsv
from alveary_plugins.panels.table.view import DATA, STRUCTURE, TablePanel
from alveary_shell.fault import FaultPanel
from alveary_shell.window import MainWindow

NASTY = 'o"r d`e]r'


def job() -> Job:
    return Job("job", "a test", Bus())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file with authors, and 1,234 books that refer to them; some have none."""
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        create table author (id integer primary key, name text);
        create table book (id integer primary key, title text, author_id integer references author, price real);
        create view cheap as select * from book where price < 10;
        insert into author values (1, 'Ann'), (2, 'Ben');
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 1234)
        insert into book select i, 'Title ' || i, nullif(i % 3, 0), i % 50 from n;
        """
    )
    connection.close()
    return path


@pytest.fixture
def library_url(library: Path) -> str:
    return f"sqlite:///{library}"


@pytest.fixture
def reader(kernel: Kernel, library_url: str) -> Iterator[TableReader]:
    reader = TableReader(kernel, Place(library_url, "main", "book", implied=True))
    yield reader
    reader.close()


# -- what is asked -------------------------------------------------------------------------------------------------


def test_a_click_on_a_header_goes_up_down_and_off() -> None:
    wish = Wish("x > 1", page=3)
    up = wish.sorted_by("a", more=False)
    assert up == Wish("x > 1", (("a", False),), 0)  # another order begins at the first page
    down = up.sorted_by("a", more=False)
    assert down.order == (("a", True),)
    assert down.sorted_by("a", more=False).order == ()
    both = up.sorted_by("b", more=True)
    assert both.order == (("a", False), ("b", False))
    assert both.sorted_by("a", more=True).order == (("a", True), ("b", False))
    assert both.sorted_by("a", more=True).sorted_by("a", more=True).order == (("b", False),)
    assert both.sorted_by("c", more=False).order == (("c", False),)


def test_a_wish_goes_through_a_state_and_nonsense_is_left_out() -> None:
    wish = Wish("a = 'ü'", (("b", True),), 2)
    state = {"where": wish.where, "order": [list(pair) for pair in wish.order], "page": wish.page}
    assert Wish.from_state(msgspec.json.decode(msgspec.json.encode(state))) == wish
    assert Wish.from_state({"where": 1, "order": "x", "page": -1}) == Wish()
    with pytest.raises(InvalidInputError, match="schema"):
        Place.from_state({"target": "x", "table": "y"})


def test_the_statement_is_what_it_says(kernel: Kernel, library_url: str) -> None:
    catalog = kernel.catalog(library_url)
    place = Place(library_url, "main", "bo ok", implied=True)
    sql = page_sql(catalog, place, Wish(" price > 10 ", page=2), (("id", False), ("a b", True)), SQLITE)
    assert sql == (
        f'select *\nfrom "bo ok"\nwhere (price > 10)\norder by "id", "a b" desc\nlimit {PAGE + 1} offset {2 * PAGE}'
    )
    sql = page_sql(catalog, Place(library_url, "main", "book"), Wish("price > 10 -- not free"), (), SQLITE)
    assert sql == f'select *\nfrom "main"."book"\nwhere (price > 10 -- not free\n)\nlimit {PAGE + 1}'


@pytest.mark.parametrize("where", ["1=1); drop table book; select (1", "'open", "/* open", "1=1); commit; --"])
def test_a_filter_that_would_end_the_statement_is_refused(kernel: Kernel, library_url: str, where: str) -> None:
    catalog = kernel.catalog(library_url)
    with pytest.raises(InvalidInputError, match="not one condition"):
        page_sql(catalog, Place(library_url, "main", "book"), Wish(where), (), POSTGRES)


UNUSUAL = {
    "postgres": "set standard_conforming_strings = off",
    "mysql": "set sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
}


def test_literals_are_read_as_the_values_they_are_whatever_the_modes_of_the_session(
    kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer
) -> None:
    with postgres.database() as name:
        for url, dialect in (
            ("sqlite:///:memory:", SQLITE),
            (postgres.url(name), POSTGRES),
            (mariadb.url(mariadb.new_database()), MYSQL),
        ):
            with kernel.connect(url) as session:
                session.run("create table x (i int, t varchar(99), n numeric(30, 10))")
                if dialect is not SQLITE:  # in which a backslash means something else than usual
                    session.run(UNUSUAL[dialect.name])
                texts = ["it's \\ a `quote`\nü", "\\'; drop table x; --", ""]
                for text in texts:
                    given = literal(Column(name="t", kind=ValueKind.TEXT), text, dialect)
                    session.run(f"insert into x (t) values ({given})")
                number = Column(name="n", kind=ValueKind.NUMBER)
                session.run(f"insert into x (n) values ({literal(number, '12345678901234567890.5', dialect)})")
                session.run(f"insert into x (i) values ({literal(Column(name='i'), 5, dialect)})")
                result = session.run("select t from x where t is not null")
                assert result is not None
                assert sorted(str(row[0]) for row in result.window(0, 9)) == sorted(texts)
                result = session.run("select n from x where n > 1")
                assert result is not None
                found = str(result.window(0, 1)[0][0])
                assert found.startswith("12345678901234567890") or (dialect is SQLITE and float(found) > 1e19)
    assert literal(Column(name="b"), b"\x00\xff", SQLITE) == "X'00FF'"
    assert literal(Column(name="n", kind=ValueKind.NUMBER), "1); drop", SQLITE) == "'1); drop'"


# -- what comes back -----------------------------------------------------------------------------------------------


def test_pages_follow_each_other_in_the_order_of_the_key(reader: TableReader) -> None:
    reader.read_structure(job())
    seen: list[Cell] = []
    for page in range(3):
        found = reader.read_page(job(), Wish(page=page))
        assert found.ordered_by == (("id", False),)
        assert found.more == (page < 2)
        assert found.result is not None
        seen += [row[0] for row in found.result.window(0, PAGE)]
    assert seen == list(range(1, 1235))
    assert reader.read_page(job(), Wish(page=9)).rows == 0


def test_rows_that_are_alike_come_on_one_page_only(reader: TableReader) -> None:
    reader.read_structure(job())
    seen: set[Cell] = set()
    for page in range(3):
        found = reader.read_page(job(), Wish(order=(("price", True),), page=page))
        assert found.ordered_by == (("price", True),)
        assert 'order by "price" desc, "id"' in found.sql
        assert found.result is not None
        seen |= {row[0] for row in found.result.window(0, PAGE)}
    assert len(seen) == 1234


def test_a_filter_and_an_order_are_the_server_s(reader: TableReader) -> None:
    reader.read_structure(job())
    found = reader.read_page(job(), Wish("price >= 48 and author_id is not null", (("title", False),)))
    assert found.result is not None
    rows = found.result.window(0, PAGE)
    assert {row[3] for row in rows} == {48.0, 49.0}
    assert [row[1] for row in rows] == sorted(str(row[1]) for row in rows)
    assert found.row(0) == rows[0]
    with pytest.raises(UnknownObjectError):
        found.row(len(rows))
    with pytest.raises(AlvearyError, match="no such column"):
        reader.read_page(job(), Wish("bogus = 1"))


def test_the_structure_knows_keys_and_who_refers_here(kernel: Kernel, library_url: str, reader: TableReader) -> None:
    structure = reader.read_structure(job())
    assert structure.primary_key == ("id",)
    (key,) = structure.keys_on("author_id")
    assert key.target_relation == "author"
    assert structure.target_columns(key) == ("id",)  # which the table does not say itself
    author = TableReader(kernel, Place(library_url, "main", "author"))
    assert [each.relation for each in author.read_structure(job()).referenced_by] == ["book"]
    nobody = TableReader(kernel, Place(library_url, "main", "nobody"))
    with pytest.raises(UnknownObjectError, match="nobody"):
        nobody.read_structure(job())


def test_nothing_can_be_written(kernel: Kernel, postgres: PostgresServer, library: Path, reader: TableReader) -> None:
    with postgres.database() as name:
        postgres.psql("create table t (id int); create sequence s; insert into t values (1)", name)
        of_server = TableReader(kernel, Place(postgres.url(name), "public", "t"))
        assert of_server.read_page(job(), Wish()).rows == 1
        with pytest.raises(ReadOnlyError):
            of_server.read_page(job(), Wish("nextval('s') > 0"))
        of_server.close()
    session = reader.connected(job())
    with pytest.raises(ReadOnlyError):
        session.run("delete from book")


def test_reading_can_be_cancelled(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql("create table t (id int primary key); insert into t values (1)", name)
        reader = TableReader(kernel, Place(postgres.url(name), "public", "t"))
        reader.read_structure(job())
        slow = kernel.jobs.submit("slow", lambda job: reader.read_page(job, Wish("pg_sleep(60) is not null")))
        while reader.session is None or reader.session.state is not SessionState.RUNNING:
            assert not slow.wait(0.02)
        slow.cancel()
        with pytest.raises(QueryCancelledError):
            slow.result()
        assert reader.read_page(job(), Wish()).rows == 1  # on the same session
        reader.close()


def test_a_session_that_was_lost_is_replaced(reader: TableReader) -> None:
    first = reader.connected(job())
    assert reader.connected(job()) is first
    first.kill()
    assert reader.connected(job()) is not first


def test_a_table_in_memory_is_read_through_the_session_that_holds_it(kernel: Kernel) -> None:
    with kernel.connect("sqlite:///:memory:") as session:
        session.run("create table t (id integer primary key)")
        session.run("insert into t values (7)")
        reader = TableReader(kernel, Place("sqlite:///:memory:", "main", "t", session=session.id))
        assert reader.read_structure(job()).primary_key == ("id",)
        assert reader.read_page(job(), Wish()).rows == 1
        reader.close()
        assert session.state is SessionState.IDLE  # it is not ours to close
    with pytest.raises(SessionClosedError, match="in memory"):
        reader.read_page(job(), Wish())


def test_names_of_all_kinds_can_be_read(
    kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer, tmp_path: Path
) -> None:
    maria = mariadb.new_database()
    with postgres.database() as name:
        for url, schema in (
            (f"sqlite:///{tmp_path}/x.db?mode=rwc", "main"),
            (postgres.url(name), "public"),
            (mariadb.url(maria), maria),
        ):
            with kernel.connect(url) as session:
                quote = kernel.catalog(url).quote
                session.run(f"create table {quote(NASTY)} ({quote(NASTY)} int primary key)")
                session.run(f"insert into {quote(NASTY)} values (1), (2), (3)")
            reader = TableReader(kernel, Place(url, schema, NASTY))
            reader.read_structure(job())
            page = reader.read_page(job(), Wish(order=((NASTY, True),)))
            assert page.result is not None
            assert [str(row[0]) for row in page.result.window(0, 9)] == ["3", "2", "1"]
            where = reader.condition(job(), [NASTY], [(page.columns[0], page.row(0)[0])])
            assert reader.read_page(job(), Wish(where)).rows == 1
            reader.close()


def test_cells_are_copied_as_spreadsheets_take_them(kernel: Kernel) -> None:
    with kernel.connect("sqlite:///:memory:") as session:
        result = session.run("""select 1 as a, null as b, 'x' || char(9) || 'y' as c, 'say "hi"' as d""")
        assert result is not None
        assert tsv(result, range(1), range(4), header=True) == 'a\tb\tc\td\n1\t\t"x\ty"\t"say ""hi"""'
        assert tsv(result, range(1), range(1), header=False) == "1"


# -- the panel -----------------------------------------------------------------------------------------------------


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


def open_table(window: MainWindow, screen: Screen, url: str, table: str, **more: Any) -> TablePanel:
    panel = window.open("table", {"target": url, "schema": "main", "table": table, "implied": True, **more})
    assert isinstance(panel, TablePanel)
    if not more.get("restored"):
        screen.pump(lambda: panel.page is not None and panel.structure is not None)
        screen.settle()
    return panel


def first_cells(panel: TablePanel) -> list[Cell]:
    return [row[0] for row in panel.page.result.window(0, 3)] if panel.page and panel.page.result else []


def test_a_table_is_shown_a_page_at_a_time(window: MainWindow, screen: Screen, library_url: str) -> None:
    window.run("connections.add", {"name": "library", "url": library_url, "color": "teal"})
    panel = open_table(window, screen, "library", "book")
    assert panel.title == "book"
    screen.pump(lambda: panel.color == "#0f9aa8")
    assert str(panel._foot._said["text"]).startswith(f"rows 1–{PAGE}, and more")
    assert str(panel._foot._shown["text"]) == f'select * from "book" order by "id" limit {PAGE + 1}'
    assert len(panel.grid.rows) == PAGE
    assert not panel._foot._back._enabled
    window.run("table.next-page")
    screen.pump(lambda: first_cells(panel) == [501, 502, 503])
    window.run("table.next-page")
    screen.pump(lambda: first_cells(panel)[:1] == [1001])
    assert str(panel._foot._said["text"]).startswith("rows 1,001–1,234  ·")
    assert not panel._foot._next._enabled
    panel.next_page()  # there is none
    window.run("table.previous-page")
    screen.pump(lambda: first_cells(panel)[:1] == [501])


def test_headers_order_and_a_filter_chooses(window: MainWindow, screen: Screen, library_url: str) -> None:
    panel = open_table(window, screen, library_url, "book")
    panel.sort(3, False)
    panel.sort(3, False)
    screen.pump(lambda: panel.page is not None and panel.page.ordered_by == (("price", True),))
    assert panel.grid._marks[3].descending
    window.run("table.filter")
    screen.pump(lambda: panel._filter._where.focus_get() is panel._filter._where)
    panel._filter._where.insert(0, "author_id = 2")
    screen.press(panel._filter._where, "<Return>")
    screen.pump(lambda: panel.page is not None and panel.page.wish.where == "author_id = 2")
    assert panel.page is not None
    assert panel.page.rows == 411
    assert panel.page.ordered_by == (("price", True),)
    assert panel.title == "book  author_id = 2"
    assert panel.shows is None
    panel.clear_filter()
    screen.pump(lambda: panel.page is not None and panel.page.rows == PAGE)
    assert panel.shows == (library_url, "main", "book")


def test_what_is_wrong_with_a_filter_is_said_above_the_rows_which_stay(
    window: MainWindow, screen: Screen, library_url: str
) -> None:
    panel = open_table(window, screen, library_url, "book")
    panel.set_filter("bogus = 1")
    screen.pump(panel._filter._wrong.winfo_manager)
    assert "bogus" in str(panel._filter._wrong["text"])
    assert panel.grid.winfo_manager()
    assert panel.page is not None
    assert panel.page.rows == PAGE
    screen.press(panel._filter._where, "<Escape>")
    assert panel._filter._where.get() == "bogus = 1"
    panel.set_filter("id < 3")
    screen.pump(lambda: not panel._filter._wrong.winfo_manager())
    assert panel.page.rows == 2


def test_a_foreign_key_is_followed_there_and_back(window: MainWindow, screen: Screen, library_url: str) -> None:
    book = open_table(window, screen, library_url, "book")
    book.grid.select(1, 2)
    screen.settle()
    book._opened(1, 2)
    screen.pump(lambda: len(window.panels("table")) == 2)
    author = window.panels("table")[1]
    assert isinstance(author, TablePanel)
    screen.pump(lambda: author.page is not None and author.structure is not None)
    assert author.wish.where == '"id" = 2'
    assert author.page is not None
    assert author.page.row(0)[1] == "Ben"
    assert author.structure is not None
    author._go_back(author.structure.referenced_by[0])
    screen.pump(lambda: len(window.panels("table")) == 3)
    books = window.panels("table")[2]
    assert isinstance(books, TablePanel)
    screen.pump(lambda: books.page is not None)
    assert books.wish.where == '"author_id" = 2'
    book.grid.select(2, 2)  # this one has no author
    book.follow()
    screen.pump(lambda: len(window.panels("table")) == 4)
    nobody = window.panels("table")[3]
    assert isinstance(nobody, TablePanel)
    screen.pump(lambda: nobody.page is not None)
    assert nobody.wish.where == '"id" is null'


def test_the_menu_of_a_cell_filters_and_follows(
    window: MainWindow, screen: Screen, library_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_table(window, screen, library_url, "book")
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(window, "menu", lambda items, event: shown.append(dict(item for item in items if item)))
    event: Any = None
    panel._menu(event, 0, 2)
    panel._menu(event, -1, 0)
    panel._menu(event, 0, -1)
    assert "Follow to author" in shown[0]
    assert "Order by this column" in shown[1]
    assert list(shown[2]) == ["Reload", "Statement in an editor"]
    shown[0]["Only rows with this value"]()
    screen.pump(lambda: panel.wish.where == '"author_id" = 1' and not panel.is_reading)
    shown[0]["Only rows with this value"]()
    screen.pump(lambda: panel.wish.where == '("author_id" = 1) and "author_id" = 1' and not panel.is_reading)


def test_the_structure_is_shown_in_its_own_tab(window: MainWindow, screen: Screen, library_url: str) -> None:
    panel = open_table(window, screen, library_url, "book")
    panel.choose(STRUCTURE)
    panel.focus()
    listing = panel._built._first
    assert listing is not None
    lines = [tuple(str(each).lower() for each in listing.tree.item(line, "values"))
             for line in listing.tree.get_children()]  # fmt: skip
    assert [line[1:5] for line in lines] == [
        ("id", "integer", "", "primary 1"),
        ("title", "text", "", ""),
        ("author_id", "integer", "", "foreign"),
        ("price", "real", "", ""),
    ]
    assert panel.state()["tab"] == STRUCTURE
    panel._open_relation("main", "author")
    assert window.active is not panel
    panel.choose(DATA)
    assert panel.grid.winfo_manager()


def test_cells_are_copied(window: MainWindow, screen: Screen, library_url: str) -> None:
    panel = open_table(window, screen, library_url, "author")
    panel.grid.select_everything()
    panel.copy(header=True)
    screen.pump(lambda: _clipboard(window) == "id\tname\n1\tAnn\n2\tBen")
    panel._copy_statement()
    assert _clipboard(window).startswith('select *\nfrom "author"')


def _clipboard(window: MainWindow) -> str:
    try:
        return str(window.root.clipboard_get())
    except tk.TclError:  # nothing is on it yet
        return ""


def test_what_was_open_before_a_restart_is_read_when_asked_for(
    window: MainWindow, screen: Screen, library_url: str
) -> None:
    panel = open_table(window, screen, library_url, "book", where="id < 3", restored=True)
    screen.settle()
    assert window.kernel.sessions() == []
    assert window.kernel.pools.states() == []
    assert panel._message.winfo_manager()
    panel.focus()
    screen.press(panel._message._button, "<Return>")
    screen.pump(lambda: panel.page is not None)
    assert panel.page is not None
    assert panel.page.rows == 2
    assert panel.state() == {**panel.state(), "where": "id < 3", "restored": True}


def test_a_table_that_is_gone_says_so_in_its_place(window: MainWindow, screen: Screen, library_url: str) -> None:
    panel = window.open("table", {"target": library_url, "schema": "main", "table": "nobody"})
    assert isinstance(panel, TablePanel)
    screen.pump(lambda: panel._message.winfo_manager() and "nobody" in str(panel._message._detail["text"]))
    panel.choose(STRUCTURE)
    assert "nobody" in str(panel._built._word["text"])
    assert isinstance(window.open("table", {}), FaultPanel)


def test_a_slow_page_can_be_stopped_and_closing_leaves_nothing_open(
    window: MainWindow, screen: Screen, postgres: PostgresServer
) -> None:
    with postgres.database() as name:
        postgres.psql("create table t (id int primary key); insert into t values (1)", name)
        panel = window.open("table", {"target": postgres.url(name), "schema": "public", "table": "t"})
        assert isinstance(panel, TablePanel)
        screen.pump(lambda: panel.page is not None and panel.structure is not None)
        panel.set_filter("pg_sleep(60) is not null")
        screen.pump(lambda: "reading…" in str(panel._foot._said["text"]) and panel._foot._stop.winfo_manager())
        session = panel.reader.session
        assert session is not None
        screen.pump(lambda: session.state is SessionState.RUNNING)
        window.run("table.stop")
        screen.pump(lambda: not panel.is_reading)
        assert panel.page is not None
        assert panel.page.rows == 1  # what was shown before
        panel.set_filter("pg_sleep(60) is not null")
        screen.pump(lambda: session.state is SessionState.RUNNING)
        assert window.close(panel)
        screen.pump(lambda: window.kernel.sessions() == [])
        screen.pump(lambda: not window.kernel.jobs.open())
