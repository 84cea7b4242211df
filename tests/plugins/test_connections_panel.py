"""The tree of databases and the page of a connection: what is listed, opened, described, tried, saved and removed."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_mariadb import PASSWORD as MARIA_PASSWORD
from fix_mariadb import USER as MARIA_USER
from fix_mariadb import MariaServer
from fix_postgres import PASSWORD as POSTGRES_PASSWORD
from fix_postgres import ROLE, PostgresServer
from fix_window import Screen
from hypothesis import given
from hypothesis import strategies as st
from scripted_vault import SPEC, ScriptedVault

from alveary import Kernel
from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey
from alveary.errors import AlvearyError, InvalidInputError, KeyringFailedError
from alveary.events import SessionState
from alveary.paths import Paths
from alveary.policy import Confirmation
from alveary.profiles import Profile
from alveary.urls import read_url, url_of
from alveary_plugins.panels.connections import draft
from alveary_plugins.panels.connections.fields import (
    DRIVER,
    FORGET,
    PASSWORD,
    REMEMBER,
    Around,
    sections,
)
from alveary_plugins.panels.connections.form import ConnectionPanel
from alveary_plugins.panels.connections.model import Databases, Unsaved
from alveary_plugins.panels.connections.view import ConnectionsPanel
from alveary_shell.widgets.form_fields import YES
from alveary_shell.widgets.tree_rows import Node
from alveary_shell.window import MainWindow


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        kernel.plugins.vaults._specs.clear()  # no test touches a person's keyring
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


@pytest.fixture
def panel(window: MainWindow, screen: Screen) -> ConnectionsPanel:
    (panel,) = window.panels("connections")
    assert isinstance(panel, ConnectionsPanel)
    screen.pump(lambda: panel._listed)
    return panel


def texts(panel: ConnectionsPanel) -> list[str]:
    panel.tree._update_lines()
    return ["  " * line.depth + line.node.text for line in panel.tree.lines]


def node(panel: ConnectionsPanel, text: str) -> Node:
    panel.tree._update_lines()
    return next(line.node for line in panel.tree.lines if line.node.text == text)


def add(window: MainWindow, screen: Screen, panel: ConnectionsPanel, name: str, url: str, **more: Any) -> Node:
    """Save a connection, as anybody could, and wait until it is in the tree."""
    window.run("connections.add", {"name": name, "url": url, **more})
    screen.pump(lambda: any(text.strip() == name for text in texts(panel)))
    return node(panel, name)


def answer(window: MainWindow, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Have the person give this answer to the next questions."""
    monkeypatch.setattr(window, "ask_text", lambda *_, **__: text)


# -- the list ------------------------------------------------------------------------------------------------------


def test_groups_connections_colours_and_badges_are_listed(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str
) -> None:
    assert panel._beginning.winfo_manager()  # how to get a first one
    add(window, screen, panel, "loose", shop_url)
    shop = add(
        window, screen, panel, "shop", "postgresql://me@db/shop",
        group="Work/EU", environment="production", color="red", read_only=True,
    )  # fmt: skip
    assert texts(panel) == ["Work", "  EU", "    shop", "loose"]
    assert shop.badge is not None
    assert shop.badge.text == "PROD"
    assert shop.color == "#d64545"
    assert shop.detail == "read-only"
    assert "me@db/shop" in shop.tip
    assert shop.dot is None  # nothing is connected by being shown
    assert not panel._beginning.winfo_manager()
    panel.tree.toggle(node(panel, "Work"))
    assert panel.state()["closed"] == [panel.model.groups[0].id]
    again = Databases(window.kernel.plugins.drivers, panel.state()["closed"])
    again.take(window.kernel.run("connections.list"))
    again.arrange([], [])
    assert [each.open for each in again.roots] == [False, False]


def test_a_connection_that_can_not_be_used_says_why(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str
) -> None:
    add(window, screen, panel, "broken", shop_url)
    with window.kernel.store.writing() as rows:
        rows.execute("""update profiles set content = '{"scheme": "nosuch"}'""")
    panel.ask()
    screen.pump(lambda: node(panel, "broken").icon == "exclamation-triangle")
    assert "nosuch://" in node(panel, "broken").tip


# -- what is below -------------------------------------------------------------------------------------------------


def test_a_database_is_read_when_it_is_opened(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str
) -> None:
    saved = add(window, screen, panel, "shop", shop_url)
    assert window.kernel.pools.states() == []
    panel.tree.select(saved)
    screen.press(panel.tree.canvas, "<Right>")
    screen.pump(lambda: "  item" in texts(panel))
    screen.pump(lambda: saved.dot == "success")
    panel.tree.select(node(panel, "item"))
    screen.press(panel.tree.canvas, "<Right>")
    screen.pump(lambda: "    price" in texts(panel))
    assert texts(panel)[:6] == ["shop", "  item", "    id", "    name", "    price", "    picture"]
    assert node(panel, "id").icon == "key"
    assert node(panel, "price").detail == "real"


def test_refreshing_reads_anew_and_leaves_open_what_was(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop: Path, shop_url: str
) -> None:
    panel.tree.toggle(add(window, screen, panel, "shop", shop_url))
    screen.pump(lambda: "  item" in texts(panel))
    panel.tree.toggle(node(panel, "item"))
    screen.pump(lambda: "    price" in texts(panel))
    with sqlite3.connect(shop) as connection:
        connection.execute("create table another (id int)")
        connection.execute("alter table item add column added text")
    panel.tree.select(node(panel, "shop"))
    screen.press(panel.tree.canvas, "<F5>")
    screen.pump(lambda: "    added" in texts(panel))
    assert texts(panel)[1] == "  another"


def test_what_can_not_be_read_says_so_in_its_place_and_can_be_tried_again(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, tmp_path: Path
) -> None:
    file = tmp_path / "later.db"
    panel.tree.toggle(add(window, screen, panel, "later", f"sqlite:///{file}"))
    screen.pump(lambda: len(texts(panel)) == 2 and panel.tree.lines[1].node.role == "danger")
    failed = panel.tree.lines[1].node
    assert "later.db" in failed.text
    with sqlite3.connect(file) as connection:
        connection.execute("create table now (id int)")
    panel.tree.select(failed)
    screen.press(panel.tree.canvas, "<Return>")
    screen.pump(lambda: texts(panel) == ["later", "  now"])


def test_closing_a_branch_gives_up_reading_it(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, postgres: PostgresServer
) -> None:
    from faults.proxy import Proxy

    with Proxy(postgres.port) as proxy:
        proxy.swallow()
        slow = add(window, screen, panel, "slow", f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")
        panel.tree.toggle(slow)
        screen.pump(lambda: "  loading…" in texts(panel))
        job = panel._reads[slow]
        panel.tree.toggle(slow)
        screen.pump(lambda: job.outcome is not None)
        assert job.cancelled
        assert texts(panel) == ["slow"]


def test_a_database_that_is_open_and_not_saved_is_shown_and_can_be_saved(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop: Path, shop_url: str
) -> None:
    with window.kernel.connect(shop_url) as session:
        screen.pump(lambda: "  item" in texts(panel))  # what was just opened is wanted
        unsaved = node(panel, "shop.db")
        assert isinstance(unsaved.data, Unsaved)
        assert unsaved.dot == "success"
        with window.kernel.open(*window.kernel.target(shop_url, read_only=True)) as reader:
            reader.wait_connected()
            screen.settle()
            assert [each.text for each in panel.tree.roots if each.text == "shop.db"] == ["shop.db"]
        panel.tree.select(unsaved)
        window.run("connections.save")
        (page,) = window.panels("connection")
        assert isinstance(page, ConnectionPanel)
        assert page._form.value("database") == str(shop)
        assert page._form.value("name") == "shop.db"
        window.close(page)
        assert window.kernel.sessions() == [session]
        window.run("connections.disconnect")
        screen.pump(lambda: session.state is SessionState.CLOSED)
    screen.pump(lambda: texts(panel) == [])


def test_a_database_in_memory_is_read_through_its_session(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel
) -> None:
    with window.kernel.connect("sqlite:///:memory:") as session:
        session.run("create table here (id int)")
        screen.pump(lambda: texts(panel) != [])
        panel.refresh(panel.model.roots[0])
        screen.pump(lambda: texts(panel) == ["in memory", "  here"])


def test_enter_opens_an_editor_that_connects(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str
) -> None:
    saved = add(window, screen, panel, "shop", shop_url)
    panel.tree.select(saved)
    screen.press(panel.tree.canvas, "<Return>")
    (editor,) = window.panels("editor")
    assert editor.state()["target"] == "shop"
    screen.pump(lambda: [session.target.name for session in window.kernel.sessions()] == ["shop"])
    screen.pump(lambda: saved.dot == "success")


def test_letters_typed_in_the_tree_filter_it(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str
) -> None:
    panel.tree.toggle(add(window, screen, panel, "shop", shop_url))
    add(window, screen, panel, "other", shop_url)
    screen.pump(lambda: "  item" in texts(panel))
    panel.tree.focus_set()
    screen.press(panel.tree.canvas, "<Key-i>", "<Key-t>")
    assert panel._filter.get() == "it"
    assert texts(panel) == ["shop", "  item"]
    screen.press(panel._filter, "<Return>")
    assert panel.tree.selected is node(panel, "item")
    screen.press(panel.tree.canvas, "<Escape>")
    assert panel._filter.get() == ""
    assert texts(panel) == ["other", "shop", "  item"] or texts(panel) == ["shop", "  item", "other"]


# -- what is done with connections -----------------------------------------------------------------------------------


def test_connections_and_groups_are_renamed_moved_copied_and_removed(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.tree.select(add(window, screen, panel, "shop", shop_url))
    answer(window, monkeypatch, "store")
    screen.press(panel.tree.canvas, "<F2>")
    screen.pump(lambda: texts(panel) == ["store"])
    answer(window, monkeypatch, "Work")
    window.run("connections.move")
    screen.pump(lambda: texts(panel) == ["Work", "  store"])
    assert panel.tree.selected is node(panel, "store")
    answer(window, monkeypatch, "second")
    window.run("connections.duplicate")
    screen.pump(lambda: texts(panel) == ["Work", "  store", "  second"])
    answer(window, monkeypatch, "")
    window.run("connections.move")
    screen.pump(lambda: texts(panel) == ["Work", "  second", "store"])
    panel.tree.select(node(panel, "Work"))
    answer(window, monkeypatch, "Home")
    window.run("connections.rename")
    screen.pump(lambda: texts(panel)[0] == "Home")
    answer(window, monkeypatch, "Inner")
    window.run("connections.group")
    screen.pump(lambda: "  Inner" in texts(panel))
    assert panel.tree.selected is node(panel, "Inner")
    answer(window, monkeypatch, "")
    window.run("connections.move")
    screen.pump(lambda: texts(panel) == ["Home", "  second", "Inner", "store"])
    panel.tree.select(node(panel, "Home"))
    monkeypatch.setattr(window, "confirm", lambda *_, **__: False)
    screen.press(panel.tree.canvas, "<Delete>")
    monkeypatch.setattr(window, "confirm", lambda *_, **__: True)
    screen.press(panel.tree.canvas, "<Delete>")
    screen.pump(lambda: "Home" not in texts(panel))
    panel.tree.select(node(panel, "second"))
    screen.press(panel.tree.canvas, "<Delete>")
    screen.pump(lambda: texts(panel) == ["Inner", "store"])
    assert window.kernel.profiles.find("second") is None


def test_a_connection_whose_password_can_not_be_forgotten_is_removed_if_a_person_agrees(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.tree.select(add(window, screen, panel, "shop", shop_url))

    def forget_all(*_: object, **__: object) -> bool:
        raise KeyringFailedError("the keyring is locked")

    monkeypatch.setattr(window.kernel.secrets, "forget_all", forget_all)
    asked: list[tuple[str, str]] = []

    def confirm(question: str, *, detail: str = "", **_: object) -> bool:
        asked.append((question, detail))
        return len(asked) != 2

    monkeypatch.setattr(window, "confirm", confirm)
    window.run("connections.delete")
    screen.pump(lambda: len(asked) == 2)
    screen.settle()
    assert asked[1] == ("Remove shop, and leave its password where it is kept?", "the keyring is locked")
    assert window.kernel.profiles.find("shop") is not None
    window.run("connections.delete")
    screen.pump(lambda: texts(panel) == [])
    assert len(asked) == 4
    assert window.kernel.profiles.find("shop") is None


def test_what_a_menu_offers_can_be_done(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alveary_plugins.panels.connections.menus import items

    commands = {spec.id: spec for spec in window.kernel.plugins.commands}
    add(window, screen, panel, "shop", shop_url, group="Work")
    panel.tree.toggle(node(panel, "shop"))
    screen.pump(lambda: "    item" in texts(panel))
    panel.tree.toggle(node(panel, "item"))
    screen.pump(lambda: "      id" in texts(panel))
    shown: list[list[str]] = []
    monkeypatch.setattr(window, "menu", lambda entries, event: shown.append([each[0] for each in entries if each]))
    for text in ("Work", "shop", "item", "id"):
        panel.tree.select(node(panel, text))
        screen.press(panel.tree.canvas, "<Menu>")
        for item in items(node(panel, text)):
            assert item is None or item[1] in commands
            if item is not None and item[1] != "connections.disconnect":
                spec = commands[item[1]]
                assert spec.placement is not None
                # Those with keys of their own need the keyboard to be there, which the window has to say.
                assert spec.placement.panel == "connections" or window.enabled(spec), (text, item)
    assert [entries[0] for entries in shown] == ["New connection…", "New query", "Open the table", "Copy name"]
    assert items(None)[0] == ("New connection…", "connections.new")


def test_a_connection_is_tested_from_the_tree(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop_url: str, tmp_path: Path
) -> None:
    said: list[str] = []
    panel.tree.select(add(window, screen, panel, "shop", shop_url))
    window.notify = lambda text, *_, **__: said.append(text)  # type: ignore[method-assign]  # to hear it
    window.run("connections.check")
    screen.pump(lambda: said)
    assert said == ["shop answers"]
    window.show_error = lambda error, **more: said.append(more["title"])  # type: ignore[method-assign]  # likewise
    add(window, screen, panel, "gone", f"sqlite:///{tmp_path}/gone.db")
    panel.tree.select(node(panel, "gone"))
    window.run("connections.check")
    screen.pump(lambda: len(said) == 2)
    assert said[1] == "gone does not answer"


# -- the draft, without a window -----------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@given(user=NAMES | st.none(), password=NAMES | st.none(), database=NAMES, port=st.integers(1, 65535) | st.none())
def test_a_target_s_url_leads_to_it_again(
    user: str | None, password: str | None, database: str, port: int | None
) -> None:
    with Kernel.in_memory() as kernel:
        drivers = kernel.plugins.drivers
        driver = drivers.find("postgres")
        assert driver is not None
        options = {"sslmode": "require", "options": "-c a=b&c#d"}
        for host in ("db.example.org", "::1", "/var/run/x", None):
            target = Target(scheme="postgresql", user=user, database=database, port=port, host=host, options=options)
            read, found = read_url(url_of(target, driver, password=password), drivers)
            assert found is driver
            assert msgspec.structs.replace(read, password=None) == target
            assert read.password == password or (user is None and not password)


def around(kernel: Kernel) -> Around:
    return Around(
        drivers=tuple(kernel.plugins.drivers),
        vault="the keyring",
        kept=frozenset(("password", "passphrase")),
        tunnels=tuple(kernel.plugins.tunnels),
        sources=tuple(spec for spec in kernel.plugins.vaults if spec.reads),
    )


@pytest.mark.parametrize("id", ["postgres", "mysql", "sqlite"])
def test_a_connection_goes_through_the_form_unchanged(kernel: Kernel, id: str) -> None:
    driver = kernel.plugins.drivers.find(id)
    assert driver is not None
    options = {"postgres": {"options": "-c a=b"}, "mysql": {"max_statement_time": "5"}, "sqlite": {"mode": "ro"}}[id]
    fields: dict[str, Any] = {
        "group": "Work/EU", "color": "red", "environment": "staging", "read_only": True,
        "connect_timeout": 2.5, "statement_timeout": 60.0, "options": options, "confirm.writes": "name",
        "confirm.unfiltered": "never",
    }  # fmt: skip
    if driver.file_based:
        fields["database"] = "/some/where.db"
    else:
        fields |= {"host": "db", "port": 123, "user": "me", "database": "x y", "tls.mode": "verify-full",
                   "tls.ca": "/ca.pem", "password_from": "command:op read 'a: b'", "password_ttl": 90.0}  # fmt: skip
    profile = Profile(name="it", scheme=driver.schemes[0]).with_fields(fields)
    values = draft.values_of(profile, driver)
    assert msgspec.structs.replace(draft.profile_of(values, driver), id=profile.id) == profile
    assert draft.problems(values, driver) == {}
    asked = {field.name for section in sections(driver, around(kernel), values) for field in section.fields}
    assert {name for name, value in values.items() if value} <= asked


def test_each_field_says_what_is_wrong_with_it(kernel: Kernel) -> None:
    driver = kernel.plugins.drivers.find("postgres")
    assert driver is not None
    values = {
        DRIVER: "postgres", "name": "a://b", "host": "x y", "port": "99999", "connect_timeout": "soon",
        "color": "reddish", "options.statement_timeout": "a\0b",
    }  # fmt: skip
    found = draft.problems(values, driver)
    assert sorted(found) == ["color", "connect_timeout", "host", "name", "options.statement_timeout", "port"]
    assert draft.problems({"name": "x", "port": "12a"}, driver) == {"port": "it is not a whole number"}
    assert "name" in draft.problems({}, driver)
    assert draft.problems({"name": "x", "tls.key": "/k"}, driver) == {
        "tls.key": "a key is of no use without tls.certificate"
    }
    file = kernel.plugins.drivers.find("sqlite")
    assert file is not None
    assert draft.problems({"name": "x"}, file) == {"database": "the path of a file is needed"}


def test_errors_are_led_to_their_fields() -> None:
    assert draft.problem(InvalidInputError("name: it is taken")) == ("name", "it is taken")
    assert draft.problem(InvalidInputError("connections.add: tls_ca: no file: x")) == ("tls.ca", "no file: x")
    assert draft.problem(AlvearyError("something: else")) == ("", "something: else")


# -- the page of a connection --------------------------------------------------------------------------------------


def page_of(window: MainWindow, screen: Screen, state: dict[str, Any] | None = None) -> ConnectionPanel:
    page = window.open("connection", state)
    assert isinstance(page, ConnectionPanel)
    jobs = list(window.kernel.jobs.open())
    screen.pump(lambda: all(job.outcome is not None for job in jobs))
    screen.settle()
    return page


def type_in(page: ConnectionPanel, values: dict[str, str]) -> None:
    """Put values into fields as a person would: each is told."""
    for name, value in values.items():
        row = page._form._rows[name]
        row.show(value)
        page._form.take(name, value)


def said(page: ConnectionPanel) -> str:
    return str(page._said["text"])


def test_a_url_fills_the_form_and_its_password_goes_to_its_field(window: MainWindow, screen: Screen) -> None:
    page = page_of(window, screen)
    type_in(page, {"url": "mariadb://me:s3cret@db:3307/crm?ssl_mode=require"})
    assert page._form.value(DRIVER) == "mysql"
    found = {name: page._form.value(name) for name in ("host", "port", "user", "database", "tls.mode", "name")}
    assert found == {
        "host": "db", "port": "3307", "user": "me", "database": "crm", "tls.mode": "require", "name": "crm"
    }  # fmt: skip
    assert page._form.value(PASSWORD) == "s3cret"
    page._left("url")
    assert page._form.value("url") == "mysql://me@db:3307/crm"
    assert "s3cret" not in str(page.state())
    assert page.modified
    type_in(page, {DRIVER: "sqlite"})
    assert "host" not in page._form._rows
    type_in(page, {DRIVER: "postgres"})
    assert page._form.value("host") == "db"  # nothing typed is lost by looking at another engine


def test_what_was_typed_is_back_after_a_restart_but_for_the_password(window: MainWindow, screen: Screen) -> None:
    page = page_of(window, screen)
    type_in(page, {DRIVER: "postgres", "name": "half", "host": "typed", PASSWORD: "hidden-one"})
    state = msgspec.json.decode(msgspec.json.encode(page.state()))
    assert "hidden-one" not in str(state)
    again = page_of(window, screen, state)
    assert again._form.value("host") == "typed"
    assert again._form.value("name") == "half"
    assert again.title == "half"
    assert again.modified


def test_a_connection_is_described_and_saved(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, shop: Path
) -> None:
    window.run("connections.new", {"group": "Work"})
    (page,) = window.panels("connection")
    assert isinstance(page, ConnectionPanel)
    type_in(page, {DRIVER: "sqlite", "database": str(shop), "environment": "local", "color": "teal"})
    page.save()
    assert page._form._problems["name"] == "it is empty"
    name = page._form._rows["name"]._field_widget
    screen.pump(lambda: name.focus_get() is name)
    type_in(page, {"name": "shop", "read_only": YES})
    page.save(open_it=True)
    screen.pump(lambda: not window.panels("connection"))
    screen.pump(lambda: texts(panel) == ["Work", "  shop"])
    profile = window.kernel.profiles.get("shop")
    assert (profile.database, profile.environment, profile.color, profile.read_only) == (
        str(shop), "local", "teal", True
    )  # fmt: skip
    screen.pump(lambda: panel.tree.selected is node(panel, "shop"))
    assert window.panels("editor")[0].state()["target"] == "shop"


def test_a_name_that_is_taken_is_said_at_the_name(window: MainWindow, screen: Screen, shop_url: str) -> None:
    window.run("connections.add", {"name": "shop", "url": shop_url})
    page = page_of(window, screen, {"url": shop_url, "name": "SHOP"})
    page.save()
    screen.pump(lambda: "saved as 'shop' already" in page._form._problems.get("name", ""))
    assert window.panels("connection") == [page]


def test_a_saved_connection_is_changed_and_what_is_emptied_is_unset(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel
) -> None:
    url = "postgresql://me@db:5433/shop?sslmode=verify-full&statement_timeout=5s"
    panel.tree.select(
        add(window, screen, panel, "shop", url, group="Work", color="red", environment="production", read_only=True,
            connect_timeout=3)
    )  # fmt: skip
    before = window.kernel.profiles.get("shop")
    window.run("connections.change")
    (page,) = window.panels("connection")
    assert isinstance(page, ConnectionPanel)
    screen.pump(lambda: page._before is not None)
    assert (page.title, page.modified) == ("Edit shop", False)
    window.run("connections.change")
    assert window.panels("connection") == [page]  # it is raised, not opened twice
    for name in ("color", "read_only", "connect_timeout", "tls.mode", "options.statement_timeout", "user", "group"):
        type_in(page, {name: ""})
    type_in(page, {"name": "store", "host": "elsewhere", "port": ""})
    assert page.modified
    asked: list[Confirmation] = []

    def confirm(confirmation: Confirmation, given_up: threading.Event) -> str:
        asked.append(confirmation)
        return "shop"

    window.kernel.policy.ask = confirm
    page.save()
    screen.pump(lambda: not window.panels("connection"))
    assert [(each.what, each.typed) for each in asked] == [("allowing writes", True)]
    after = window.kernel.profiles.get("store")
    assert after.id == before.id
    assert (after.host, after.port, after.user, after.database) == ("elsewhere", None, None, "shop")
    assert (after.color, after.read_only, after.connect_timeout, after.group) == (None, False, None, "")
    assert after.tls.mode is None
    assert after.options == {}
    assert after.environment == "production"


def test_a_connection_that_was_removed_meanwhile_can_be_saved_as_new(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    window.run("connections.add", {"name": "shop", "url": shop_url})
    id = window.kernel.profiles.get("shop").id
    window.run("connections.remove", {"name": "shop"})
    page = page_of(window, screen, {"profile": id, "values": {"name": "shop", DRIVER: "sqlite"}})
    screen.pump(lambda: "has been removed" in said(page))
    assert page.state()["profile"] is None
    assert page._form.value("name") == "shop"


def test_a_test_says_in_place_who_answers_or_why_nobody_does(
    window: MainWindow, screen: Screen, postgres: PostgresServer
) -> None:
    page = page_of(window, screen, {"url": postgres.url(user=ROLE, password=POSTGRES_PASSWORD), "name": "pg"})
    assert page._form.value(PASSWORD) == POSTGRES_PASSWORD
    page.test()
    screen.pump(lambda: page._testing is None)
    assert said(page).startswith("PostgreSQL ")
    assert "connected in" in said(page)
    type_in(page, {PASSWORD: "wrong"})
    page.test()
    screen.pump(lambda: page._testing is None)
    assert "password" in said(page).lower()
    assert "wrong" not in said(page)
    type_in(page, {"port": "x"})
    page.test()
    assert page._form._problems == {"port": "it is not a whole number"}
    assert said(page) != "Connecting…"


def test_a_page_that_is_closed_while_it_asks_hurts_nobody(window: MainWindow, screen: Screen, shop_url: str) -> None:
    page = window.open("connection", {"url": shop_url, "name": "x"})
    assert isinstance(page, ConnectionPanel)
    page.test()
    assert window.close(page)
    jobs = window.kernel.jobs
    screen.pump(lambda: not jobs.open())
    screen.settle()


def test_a_test_can_be_stopped(window: MainWindow, screen: Screen, postgres: PostgresServer) -> None:
    from faults.proxy import Proxy

    with Proxy(postgres.port) as proxy:
        proxy.swallow()
        page = page_of(window, screen, {"url": f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres", "name": "x"})
        page.test()
        assert said(page) == "Connecting…"
        page.test()
        screen.pump(lambda: page._testing is None)
        assert said(page) == "The test was stopped."


def test_a_password_without_a_keyring_holds_until_the_window_closes(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, mariadb: MariaServer
) -> None:
    url = f"mysql://{MARIA_USER}@127.0.0.1:{mariadb.port}/{mariadb.new_database()}"
    page = page_of(window, screen, {"url": url, "name": "crm"})
    assert REMEMBER not in page._form._rows
    type_in(page, {PASSWORD: MARIA_PASSWORD})
    page.save()
    screen.pump(lambda: "crm" in texts(panel))
    panel.tree.toggle(node(panel, "crm"))
    screen.pump(lambda: len(texts(panel)) > 3)
    for file in window.kernel.paths.data.rglob("*"):
        assert not file.is_file() or MARIA_PASSWORD.encode() not in file.read_bytes(), file


def test_a_password_goes_to_the_vault_if_it_is_to_be_remembered_and_is_forgotten_on_demand(
    window: MainWindow, screen: Screen, panel: ConnectionsPanel, postgres: PostgresServer
) -> None:
    ScriptedVault.reset()
    assert window.kernel.plugins.vaults.add(SPEC) is None
    page = page_of(window, screen, {"url": postgres.url(user=ROLE, password=POSTGRES_PASSWORD), "name": "kept"})
    screen.pump(lambda: REMEMBER in page._form._rows)
    page.save()
    screen.pump(lambda: "kept" in texts(panel))
    kept = window.kernel.profiles.get("kept")
    assert kept.secrets == {"password": "scripted"}
    assert list(ScriptedVault.secrets.values()) == [POSTGRES_PASSWORD]
    page = page_of(window, screen, {"profile": kept.id})
    screen.pump(lambda: FORGET in page._form._rows)
    page.test()  # with the password that is kept
    screen.pump(lambda: page._testing is None)
    assert said(page).startswith("PostgreSQL ")
    type_in(page, {FORGET: YES})
    page.save()
    screen.pump(lambda: ScriptedVault.secrets == {})
    screen.pump(lambda: not window.panels("connection"))
    page = page_of(window, screen, {"url": postgres.url(user=ROLE, password=POSTGRES_PASSWORD), "name": "not kept"})
    screen.pump(lambda: REMEMBER in page._form._rows)
    type_in(page, {REMEMBER: ""})
    page.save()
    screen.pump(lambda: "not kept" in texts(panel))
    assert ScriptedVault.secrets == {}
    assert window.kernel.profiles.get("not kept").secrets == {}
    panel.tree.toggle(node(panel, "not kept"))
    screen.pump(lambda: "  public" in texts(panel))  # it is known until the window closes


# -- tunnels ---------------------------------------------------------------------------------------------------------


def test_a_tunnel_is_asked_for_as_its_kind_declares_it(kernel: Kernel) -> None:
    driver = kernel.plugins.drivers.find("postgres")
    file = kernel.plugins.drivers.find("sqlite")
    assert driver is not None
    assert file is not None

    def asked(kind: str) -> set[str]:
        shown = sections(driver, around(kernel), {"tunnel.kind": kind})
        return {field.name for section in shown for field in section.fields if field.name.startswith("tunnel.")}

    assert asked("ssh") - asked("openssh") == {"tunnel.options.known_hosts", "tunnel.options.proxy_command"}
    assert "tunnel.options.jump" in asked("openssh")
    for section in sections(file, around(kernel), {}):
        assert not any(field.name.startswith("tunnel.") for field in section.fields)


def test_a_tunnel_survives_the_form_and_leaves_with_its_server(kernel: Kernel, tmp_path: Path) -> None:
    driver = kernel.plugins.drivers.find("postgres")
    assert driver is not None
    tunnels = list(kernel.plugins.tunnels)
    key = tmp_path / "key"
    key.write_text("")
    values = {
        DRIVER: "postgres", "name": "far", "host": "db.internal", "tunnel.enabled": YES, "tunnel.host": "bastion",
        "tunnel.port": "2222", "tunnel.user": "ann", "tunnel.method": "key", "tunnel.key": str(key),
        "tunnel.options.jump": "gus@gate", "tunnel.options.proxy_command": YES, "tunnel.kind": "ssh",
    }  # fmt: skip
    profile = draft.profile_of(values, driver, tunnels)
    assert profile.tunnel.target() is not None
    assert profile.tunnel.options == {"jump": "gus@gate", "proxy_command": "true"}
    kernel.run("connections.add", draft.to_add(profile, driver, draft.Secrets()))
    saved = kernel.profiles.get("far")
    assert saved.tunnel == profile.tunnel
    assert (
        msgspec.structs.replace(draft.profile_of(draft.values_of(saved, driver), driver, tunnels), id=saved.id) == saved
    )
    values |= {"tunnel.kind": "openssh", "tunnel.user": "", "tunnel.port": ""}
    changed = draft.profile_of(values, driver, tunnels)
    assert changed.tunnel.options == {"jump": "gus@gate"}, "openssh knows no such option"
    kernel.run("connections.edit", draft.to_edit(saved, changed, driver, draft.Secrets()))
    assert kernel.profiles.get("far").tunnel == changed.tunnel
    gone = draft.profile_of({DRIVER: "postgres", "name": "far", "host": "db.internal"}, driver, tunnels)
    kernel.run("connections.edit", draft.to_edit(kernel.profiles.get("far"), gone, driver, draft.Secrets()))
    assert kernel.profiles.get("far").tunnel == Profile(name="x", scheme="postgresql").tunnel
    assert draft.problems({"name": "x", "tunnel.enabled": YES}, driver, tunnels) == {
        "tunnel.host": "a tunnel needs the SSH server's name"
    }
    assert "tunnel=ssh" in draft.to_test(profile, driver, None, None, None)["target"]


def test_an_unknown_ssh_server_is_shown_with_its_fingerprint_and_refused_unless_trusted(
    window: MainWindow, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = HostKey(host="bastion", port=2222, kind="ssh-ed25519", fingerprint="SHA256:abc")
    for trusted in (False, True):
        asked: list[str] = []

        def confirm(question: str, *, detail: str, asked: list[str] = asked, trusted: bool = trusted, **_: str) -> bool:
            asked.append(f"{question}: {detail}")
            return trusted

        monkeypatch.setattr(window, "confirm", confirm)
        answers: list[bool] = []

        def ask(answers: list[bool] = answers) -> None:
            answers.append(window._asking._accept_host(key, threading.Event()))

        thread = threading.Thread(target=ask)
        thread.start()
        screen.pump(functools.partial(bool, answers))
        thread.join()
        assert answers == [trusted]
        assert "bastion:2222" in asked[0]
        assert "SHA256:abc" in asked[0]
