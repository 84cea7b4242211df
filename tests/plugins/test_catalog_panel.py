"""What the tree shows of real databases, and the statements that are written from it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from fix_window import Screen

from alveary import Kernel
from alveary.contracts.catalog import ColumnInfo, Relation
from alveary.contracts.finder import Wanted
from alveary.errors import QueryCancelledError, UnknownObjectError
from alveary.matching import Query
from alveary.paths import Paths
from alveary_plugins.panels.catalog import sql
from alveary_plugins.panels.catalog.model import Database, Part, Schema, Table
from alveary_plugins.panels.catalog.nodes import plural, relation_node, type_icon
from alveary_plugins.panels.catalog.reading import read
from alveary_plugins.panels.connections.view import ConnectionsPanel
from alveary_plugins.panels.table.view import TablePanel
from alveary_shell.widgets.tree_rows import Node
from alveary_shell.window import MainWindow

SHOP = """
    create table customer (id bigint generated always as identity primary key, "e Mail" text not null unique);
    comment on table customer is 'who buys';
    create table orders (
        id int, line int, customer_id bigint not null references customer on delete cascade,
        at timestamptz default now(), data jsonb, ok bool, total numeric(12, 2),
        twice numeric generated always as (total * 2) stored, primary key (line, id));
    create index late on orders (lower(data::text)) where not ok;
    create view open_orders as select * from orders where not ok;
    insert into customer ("e Mail") values ('a'), ('b');
    insert into orders (id, line, customer_id, ok) values (1, 1, 1, true), (2, 1, 2, false);
    analyze;
"""


def below(kernel: Kernel, what: object) -> list[Node]:
    return read(kernel, what, threading.Event())


def named(nodes: list[Node], text: str) -> Node:
    return next(node for node in nodes if node.text == text)


def described(nodes: list[Node]) -> list[tuple[str, str, str, str]]:
    return [(node.text, node.icon, node.detail, node.aside) for node in nodes]


# -- what is shown -------------------------------------------------------------------------------------------------


def test_a_postgres_database_is_shown_level_by_level(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql(SHOP, name)
        schemas = below(kernel, Database(postgres.url(name)))
        assert [node.text for node in schemas] == ["public", "information_schema", "pg_catalog", "Server"]
        assert [(node.open, node.role) for node in schemas[:3]] == [(True, "text"), (False, "muted"), (False, "muted")]
        tables, views = below(kernel, schemas[0].data)
        assert [(node.text, node.aside, node.open) for node in (tables, views)] == [
            ("Tables", "2", True),
            ("Views", "1", False),
        ]
        assert tables.children is not None
        assert [(node.text, node.aside, node.tip) for node in tables.children] == [
            ("customer", "~2", "who buys"),
            ("orders", "~2", ""),
        ]
        columns = below(kernel, tables.children[1].data)
        assert described(columns) == [
            ("id", "key", "integer not null", ""),
            ("line", "key", "integer not null", ""),
            ("customer_id", "link-45deg", "bigint not null", ""),
            ("at", "calendar3", "timestamp with time zone", ""),
            ("data", "braces", "jsonb", ""),
            ("ok", "toggle2-on", "boolean", ""),
            ("total", "123", "numeric(12,2)", ""),
            ("twice", "123", "numeric", ""),
            ("Indexes", "folder2", "", "2"),
            ("Foreign keys", "folder2", "", "1"),
            ("Used by", "box-arrow-in-left", "", ""),
            ("Uses", "box-arrow-right", "", ""),
        ]
        assert columns[0].tip == "primary key, column 2"
        assert columns[2].tip == "references customer (id)"
        indexes, keys = columns[-4].children or [], columns[-3].children or []
        assert sorted((node.text, node.detail) for node in indexes) == [
            ("late", "(lower(data::text)) partial"),
            ("orders_pkey", "primary key (line, id)"),
        ]
        assert [(node.text, node.detail) for node in keys] == [("customer_id", "→ customer (id)")]
        referred = named(below(kernel, tables.children[0].data), "Referenced by").children or []
        assert [(node.text, node.detail) for node in referred] == [("orders", "(customer_id) → (id)")]


def test_a_mariadb_server_shows_its_databases(kernel: Kernel, mariadb: MariaServer) -> None:
    name = mariadb.new_database()
    mariadb.admin(f"use {name}; create table only_one (id int primary key, `a``b` text)")
    schemas = below(kernel, Database(mariadb.url(name)))
    assert schemas[0].text == name
    assert named(schemas, "mysql").role == "muted"
    (table,) = below(kernel, schemas[0].data)
    assert table.text == "only_one"
    assert [node.text for node in below(kernel, table.data)] == ["id", "a`b", "Indexes", "Used by", "Uses"]


def test_a_level_that_holds_one_thing_is_left_out(kernel: Kernel, shop_url: str) -> None:
    (item,) = below(kernel, Database(shop_url, is_file=True))
    assert item.text == "item"
    assert isinstance(item.data, Table)
    assert item.data.schema.implied


def test_opening_one_table_asks_about_that_table_alone(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql(SHOP, name)
        (tables, _), *_ = [below(kernel, node.data) for node in below(kernel, Database(postgres.url(name)))[:1]]
        before = len(kernel.sent.entries("tree"))
        below(kernel, (tables.children or [])[0].data)
        asked = [each.text for each in kernel.sent.entries("tree")[before:]]
        assert asked
        assert all("$2" in text for text in asked)


def test_a_schema_shows_all_kinds_of_things_and_what_is_not_told(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql(
            """create table bee (id int) partition by range (id); create table bee_1 partition of bee default;
               alter table bee add constraint sane check (id > 0);
               create function buzz(a int) returns int language sql as 'select id from bee where id = a';
               create type mood as enum ('calm'); create extension citext;
               create function noted() returns trigger language plpgsql as 'begin return new; end';
               create trigger note after insert on bee for each row execute function noted();
               create role walled login; revoke usage on schema public from public""",
            name,
        )
        try:
            schemas = below(kernel, Database(postgres.url(name)))
            assert [node.text for node in schemas][-1] == "Server"
            assert "Roles" in [node.text for node in below(kernel, schemas[-1].data)]
            folders = below(kernel, schemas[0].data)
            assert [(node.text, node.aside) for node in folders] == [
                ("Partitioned tables", "1"), ("Enums", "1"), ("Extensions", "1"), ("Functions", "2"),
            ]  # fmt: skip
            functions = below(kernel, named(folders, "Functions").data)
            assert [(node.text, node.detail) for node in functions] == [
                ("buzz(a integer)", "integer"), ("noted()", "trigger"),
            ]  # fmt: skip
            used_by, uses = functions[0].children or []
            assert [(each.text, each.aside) for each in below(kernel, uses.data)] == [("bee", "text")]
            assert [each.text for each in below(kernel, used_by.data)] == ["nothing"]
            (citext,) = below(kernel, named(folders, "Extensions").data)
            assert "citext" in {node.text for node in below(kernel, citext.data)}
            bee = below(kernel, (folders[0].children or [])[0].data)
            assert [node.text for node in bee] == ["id", "Constraints", "Triggers", "Partitions", "Used by", "Uses"]
            assert [node.text for node in named(bee, "Partitions").children or []] == ["bee_1"]
            walled = below(kernel, Database(postgres.url(name, user="walled")))
            gaps = named(below(kernel, walled[0].data), "Not told").children or []
            assert gaps[0].text == "schema public"
            assert "USAGE" in gaps[0].detail
        finally:
            postgres.psql("drop role walled", name)


def test_reading_is_given_up_when_it_is_stopped(kernel: Kernel, shop_url: str) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(QueryCancelledError):
        read(kernel, Database(shop_url), stopped)


def test_kinds_and_types_have_their_icons() -> None:
    schema = Schema(Database("x"), "public", False)
    icons = {
        kind: relation_node(Table(schema, Relation(schema="public", name="x", kind=kind))).icon
        for kind in ("table", "view", "materialized view", "something new")
    }
    assert icons == {"table": "table", "view": "eye", "materialized view": "eye-fill", "something new": "table"}
    assert [type_icon(name) for name in ("VARCHAR(20)", "int4", "interval", "blob", "geometry", "")] == [
        "fonts", "123", "calendar3", "file-binary", "dot", "dot",
    ]  # fmt: skip
    assert plural("materialized view") == "Materialized views"


# -- what is written -----------------------------------------------------------------------------------------------


def table_in(kernel: Kernel, database: Database, schema: str, name: str, *, implied: bool = False) -> Table:
    catalog = kernel.catalog(database.target)
    relation = next(each for each in catalog.relations(schema) if each.name == name)
    return Table(Schema(database, schema, implied), relation)


def columns_of(kernel: Kernel, table: Table) -> list[ColumnInfo]:
    catalog = kernel.catalog(table.schema.database.target)
    details = catalog.details(table.schema.name, table.relation.name)
    assert details is not None
    return list(details.columns)


NASTY = 'o"r d`e]r.s'


def test_generated_statements_run_whatever_the_names(
    kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer, tmp_path: Path
) -> None:
    with postgres.database() as name:
        file = tmp_path / "x.db"
        maria = mariadb.new_database()
        for url, schema in (
            (f"sqlite:///{file}?mode=rwc", "main"),
            (postgres.url(name), "public"),
            (mariadb.url(maria), maria),
        ):
            with kernel.connect(url) as session:
                catalog = kernel.catalog(url)
                quote = catalog.quote
                session.run(f"create table {quote(NASTY)} ({quote('select')} int, plain int, {quote(NASTY)} int)")
                table = table_in(kernel, Database(url), schema, NASTY)
                columns = columns_of(kernel, table)
                inserted = sql.insert(catalog, table.schema, NASTY, columns)
                assert inserted.count("\n    null") == 1
                session.run(inserted.rstrip(";\n"), {"select": 1, "plain": 2})
                selected = session.run(sql.select(catalog, table.schema, NASTY, columns).rstrip(";\n"))
                assert selected is not None
                assert [str(cell) for cell in selected.window(0, 1)[0][:2]] == ["1", "2"]
                first = session.run(sql.first_rows(catalog, table.schema, NASTY).rstrip(";\n"))
                assert first is not None
                assert len(first) == 1


def test_what_the_server_makes_is_not_inserted(kernel: Kernel, postgres: PostgresServer) -> None:
    with postgres.database() as name:
        postgres.psql(SHOP, name)
        url = postgres.url(name)
        orders = table_in(kernel, Database(url), "public", "orders")
        assert '"twice"' not in sql.insert(kernel.catalog(url), orders.schema, "orders", columns_of(kernel, orders))


def test_a_name_is_qualified_unless_its_schema_is_implied(kernel: Kernel, shop_url: str) -> None:
    catalog = kernel.catalog(shop_url)
    assert sql.qualified(catalog, Schema(Database(shop_url), "main", True), "a b") == '"a b"'
    assert sql.qualified(catalog, Schema(Database(shop_url), "main", False), "a b") == '"main"."a b"'


# -- from the tree -------------------------------------------------------------------------------------------------


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
def panel(window: MainWindow, screen: Screen, shop_url: str) -> ConnectionsPanel:
    """The tree with the shop open and its table selected."""
    window.run("connections.add", {"name": "shop", "url": shop_url})
    (panel,) = window.panels("connections")
    assert isinstance(panel, ConnectionsPanel)
    screen.pump(lambda: panel.model.roots)
    shop = panel.model.roots[0]
    panel.tree.toggle(shop)
    screen.pump(lambda: shop.children and isinstance(shop.children[0].data, Table))
    panel.tree.select((shop.children or [])[0])
    return panel


def clipboard(window: MainWindow) -> str:
    return str(window.root.clipboard_get())


def test_names_are_copied_as_sql_wants_them(window: MainWindow, screen: Screen, panel: ConnectionsPanel) -> None:
    window.copy("")
    screen.press(panel.tree.canvas, "<Control-Key-c>")
    screen.pump(lambda: clipboard(window) == '"item"')
    table = panel.tree.selected
    assert table is not None
    panel.tree.toggle(table)
    screen.pump(lambda: table.children and isinstance(table.children[0].data, Part))
    panel.tree.select((table.children or [])[1])
    window.run("catalog.copy-name")
    screen.pump(lambda: clipboard(window) == '"name"')
    panel.tree.select(panel.model.roots[0])
    window.run("catalog.copy-name")
    assert clipboard(window) == "shop"


def test_statements_are_written_into_editors(window: MainWindow, screen: Screen, panel: ConnectionsPanel) -> None:
    window.run("catalog.select")
    screen.pump(lambda: len(window.panels("editor")) == 1)
    state = window.panels("editor")[0].state()
    assert state["target"] == "shop"
    assert '    "price",\n    "picture"\nfrom "item"\nlimit 100;' in state["text"]
    window.run("catalog.insert")
    screen.pump(lambda: len(window.panels("editor")) == 2)
    assert 'insert into "item" (' in window.panels("editor")[1].state()["text"]
    window.run("catalog.definition")
    screen.pump(lambda: len(window.panels("editor")) == 3)
    assert window.panels("editor")[2].state()["text"].startswith("CREATE TABLE item (id integer primary key")
    assert window.kernel.sessions() == []  # nothing is run that nobody asked to run


def test_the_first_rows_are_read_in_an_editor(window: MainWindow, screen: Screen, panel: ConnectionsPanel) -> None:
    window.run("catalog.first-rows")
    screen.pump(lambda: window.panels("editor"))
    (results,) = window.panels("results")
    model = results.model  # type: ignore[attr-defined]  # the panel of results has one
    screen.pump(lambda: model.run is not None and model.run.entries[0].statement.outcome is not None)
    assert model.run.entries[0].statement.rows == 3


def test_enter_opens_the_table_once(window: MainWindow, screen: Screen, panel: ConnectionsPanel) -> None:
    screen.press(panel.tree.canvas, "<Return>")
    (page,) = window.panels("table")
    assert isinstance(page, TablePanel)
    screen.pump(lambda: page.page is not None)
    screen.press(panel.tree.canvas, "<Return>")
    assert window.panels("table") == [page]
    assert window.active is page


def test_what_uses_a_table_is_opened_below_it(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop: Path
) -> None:
    with closing(sqlite3.connect(shop)) as db:
        db.execute("create view cheap as select * from item where price < 1")
    table = panel.tree.selected
    assert table is not None
    window.run("catalog.used-by")
    screen.pump(lambda: panel.tree.selected is not None and panel.tree.selected.text == "Used by")
    used_by = panel.tree.selected
    assert used_by is not None
    screen.pump(lambda: [child.text for child in used_by.children or []] == ["cheap"])
    window.run("catalog.copy-name")
    panel.tree.select(table)
    window.run("catalog.uses")
    screen.pump(lambda: panel.tree.selected is not None and panel.tree.selected.text == "Uses")
    uses = panel.tree.selected
    assert uses is not None
    screen.pump(lambda: [child.text for child in uses.children or []] == ["nothing"])


def test_what_our_own_statements_define_comes_up_and_what_others_do_after_f5(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop: Path
) -> None:
    (root,) = panel.model.roots

    with closing(sqlite3.connect(shop)) as db:
        db.execute("create table theirs (k int)")
    with window.kernel.connect("shop") as session:
        session.run("create table ours (k int)")
        screen.pump(lambda: "ours" in _texts(root))
    with closing(sqlite3.connect(shop)) as db:
        db.execute("create table late (k int)")
    panel.tree.select(root)
    assert "late" not in _texts(root)
    screen.press(panel.tree.canvas, "<F5>")
    screen.pump(lambda: "late" in _texts(root))


def test_what_is_found_is_revealed_in_a_tree_that_was_not_read_yet(
    window: MainWindow, screen: Screen, shop: Path, shop_url: str
) -> None:
    with closing(sqlite3.connect(shop)) as db:
        db.execute("create view cheap as select * from item")
        db.execute("create trigger item_touch after insert on item begin select 1; end")
    window.run("connections.add", {"name": "shop", "url": shop_url, "group": "work"})
    kernel = window.kernel
    kernel.catalogs.load("shop")
    kernel.finding.prepare(kernel.finding.specs)
    (panel,) = window.panels("connections")
    assert isinstance(panel, ConnectionsPanel)
    screen.pump(panel.model.databases)

    def reveal(text: str, kind: str) -> tuple[str, ...]:
        """Reveal what is found, as the palette does; return the texts that lead to what is selected then."""
        found = kernel.finding.search(Wanted(Query(text)), kernel.finding.specs)
        hit = next(each.hit for each in found if each.hit.kind == kind)
        action = next(each for each in hit.actions if each.title == "Reveal in tree")
        window.run(action.command, action.parameters)
        name = hit.text[hit.name_at :]
        screen.pump(lambda: panel.selected is not None and panel.selected.text == name)
        assert panel.selected is not None
        assert panel.tree.canvas.focus_get() is panel.tree.canvas
        return tuple(node.text for node in reversed(list(panel.selected.line())))

    assert reveal("item_touch", "trigger") == ("work", "shop", "Tables", "item", "Triggers", "item_touch")
    assert reveal("item.name", "column") == ("work", "shop", "Tables", "item", "name")
    panel.tree.filter("nothing like it")
    assert reveal("cheap", "view") == ("work", "shop", "Views", "cheap")


def test_the_table_of_the_page_in_front_is_revealed_and_what_is_gone_is_said(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel
) -> None:
    window.run("catalog.open-table")
    screen.pump(lambda: window.panels("table"))
    root = panel.model.roots[0]
    panel.tree.select(root)
    window.run("catalog.reveal")
    assert panel.selected is not None
    assert panel.selected.text == "item"
    window.run("catalog.reveal", {"target": "shop", "schema": "main", "table": "gone"})
    screen.pump(lambda: panel.selected is root)
    with pytest.raises(UnknownObjectError, match="nowhere is not in the tree"):
        window.kernel.commands.run("catalog.reveal", {"target": "nowhere"}, window=window)


def _texts(node: Node) -> set[str]:
    return {node.text}.union(*map(_texts, node.children or ()))
