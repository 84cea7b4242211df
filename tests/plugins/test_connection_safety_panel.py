"""What the window asks and says about trust: levels, sources of passwords, SSH secrets, and whom it waits for."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_postgres import PASSWORD as ROLE_PASSWORD
from fix_postgres import ROLE, PostgresServer
from fix_sshd import PASSPHRASE, SshServer
from fix_tls import Certificates, TlsPostgres
from fix_window import Screen
from scripted_vault import SPEC, ScriptedVault

from alveary import Kernel
from alveary.contracts.target import Confirm
from alveary.contracts.vault import SecretKey
from alveary.paths import Paths
from alveary.policy import Confirmation
from alveary_plugins.panels.connections.fields import ARGUMENT, FORGET_SSH, SOURCE, SSH_SECRET
from alveary_plugins.panels.connections.form import ConnectionPanel
from alveary_plugins.panels.connections.view import ConnectionsPanel
from alveary_plugins.panels.editor import words
from alveary_plugins.panels.editor.view import EditorPanel
from alveary_shell.sdk import PersonAsked
from alveary_shell.widgets.form_fields import YES
from alveary_shell.window import MainWindow


@pytest.fixture
def window(screen: Screen, home: Path) -> Iterator[MainWindow]:
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        kernel.plugins.vaults._specs.pop("keyring")  # no test touches a person's
        ScriptedVault.reset()
        assert kernel.plugins.vaults.add(SPEC) is None
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        window.root.deiconify()
        yield window
        window.quit()


@pytest.fixture
def asked(window: MainWindow) -> list[Confirmation]:
    """What a person is asked to confirm; they agree to everything."""
    asked: list[Confirmation] = []

    def agree(confirmation: Confirmation, stopped: Any) -> str:
        asked.append(confirmation)
        return "yes" if not confirmation.typed else confirmation.name

    window.kernel.policy.ask = agree
    return asked


def page_of(window: MainWindow, screen: Screen, state: dict[str, Any]) -> ConnectionPanel:
    page = window.open("connection", state)
    assert isinstance(page, ConnectionPanel)
    screen.pump(lambda: page._around.sources)
    return page


def type_in(page: ConnectionPanel, **values: str) -> None:
    """Put values into fields as a person would, each told; two underscores stand for the dot of a name."""
    for name, value in values.items():
        row = page._form._rows[name.replace("__", ".")]
        row.show(value)
        page._form.take(name.replace("__", "."), value)


def saved(window: MainWindow, screen: Screen, page: ConnectionPanel) -> None:
    page._say("", "", "muted")
    page.save()
    screen.pump(lambda: not window.panels("connection") or page._said["text"])
    assert not window.panels("connection"), page._said["text"]


def tried(screen: Screen, page: ConnectionPanel) -> str:
    page.test()
    screen.pump(lambda: page._testing is None)
    return str(page._said["text"])


# -- levels --------------------------------------------------------------------------------------------------------


def test_levels_are_chosen_beside_what_the_environment_says_and_lowering_one_is_confirmed(
    window: MainWindow, screen: Screen, asked: list[Confirmation], shop_url: str
) -> None:
    page = page_of(window, screen, {"url": shop_url, "name": "shop"})
    type_in(page, environment="staging")
    row = page._form._rows["confirm.ddl"]
    assert row._entry is not None
    assert row._entry.get() == "as in staging: ask"
    type_in(page, confirm__writes="name")
    saved(window, screen, page)
    assert asked == []
    profile = window.kernel.profiles.get("shop")
    assert (profile.environment, profile.confirm) == ("staging", Confirm(writes="name"))

    page = page_of(window, screen, {"profile": profile.id})
    screen.pump(lambda: page._form.value("confirm.writes") == "name")
    type_in(page, confirm__writes="", confirm__ddl="never")
    saved(window, screen, page)
    (confirmation,) = asked
    assert "writes from name to never, ddl from ask to never" in confirmation.question()
    assert confirmation.typed, "as strictly as what is given up"
    assert window.kernel.profiles.get("shop").confirm == Confirm(ddl="never")


def test_what_is_not_confirmed_is_not_saved_and_the_page_says_so(
    window: MainWindow, screen: Screen, shop_url: str
) -> None:
    window.run("connections.add", {"name": "shop", "url": shop_url, "environment": "production"})
    window.kernel.policy.ask = lambda confirmation, stopped: ""
    page = page_of(window, screen, {"profile": window.kernel.profiles.get("shop").id})
    screen.pump(lambda: page._form.value("environment") == "production")
    type_in(page, environment="")
    page.save()
    screen.pump(lambda: "not confirmed" in str(page._said["text"]))
    assert window.kernel.profiles.get("shop").environment == "production"


# -- where a password comes from -----------------------------------------------------------------------------------


def test_a_command_is_shown_and_confirmed_before_it_is_tried_or_saved(
    window: MainWindow, screen: Screen, asked: list[Confirmation], postgres: PostgresServer, tmp_path: Path
) -> None:
    script = tmp_path / "secret.py"
    script.write_text(f"print({ROLE_PASSWORD!r})")
    command = shlex.join([sys.executable, str(script)])
    page = page_of(window, screen, {"url": postgres.url(user=ROLE), "name": "shop"})
    type_in(page, **{SOURCE: "command"})
    assert "password" not in page._form._rows
    type_in(page, **{ARGUMENT: command})
    assert tried(screen, page).startswith("PostgreSQL ")
    assert asked[0].what == f"running {command} for the password"
    type_in(page, password_ttl="60")
    saved(window, screen, page)
    assert [each.what for each in asked] == [asked[0].what] * 2
    profile = window.kernel.profiles.get("shop")
    assert (profile.password_from, profile.password_ttl) == (f"command:{command}", 60.0)
    page = page_of(window, screen, {"profile": profile.id})
    screen.pump(lambda: page._form.value(ARGUMENT) == command)
    assert tried(screen, page).startswith("PostgreSQL ")
    assert len(asked) == 2, "what is saved has been confirmed"


def test_a_variable_that_a_test_took_is_still_there_for_the_connection(
    window: MainWindow, screen: Screen, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", ROLE_PASSWORD)
    page = page_of(window, screen, {"url": postgres.url(user=ROLE), "name": "shop"})
    type_in(page, **{SOURCE: "env"})
    type_in(page, **{ARGUMENT: "SHOP PASSWORD"})
    page.save()
    screen.pump(lambda: page._form._problems or page._said["text"])
    assert page._form._problems == {ARGUMENT: "it is no name of an environment variable"}
    type_in(page, **{ARGUMENT: "SHOP_PASSWORD"})
    assert tried(screen, page).startswith("PostgreSQL ")
    saved(window, screen, page)
    with window.kernel.connect("shop") as session:
        assert session.run("select 1") is not None


# -- SSH secrets -----------------------------------------------------------------------------------------------------


def test_a_passphrase_is_tried_kept_in_the_vault_used_from_there_and_forgotten(
    window: MainWindow, screen: Screen, postgres: PostgresServer, sshd: SshServer, known_server: Path
) -> None:
    url = (
        f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.locked_key}&sslmode=disable"
    )
    page = page_of(window, screen, {"url": url, "name": "far"})
    type_in(page, **{SSH_SECRET: "wrong-passphrase"})
    told = tried(screen, page)
    assert "passphrase does not open" in told
    assert "wrong-passphrase" not in told
    type_in(page, **{SSH_SECRET: PASSPHRASE})
    told = tried(screen, page)
    assert told.startswith("PostgreSQL ")
    assert f"through SSH {sshd.user}@127.0.0.1:{sshd.port}" in told
    assert ScriptedVault.secrets == {}, "trying keeps nothing"
    assert window.kernel.secrets._remembered == {}
    assert PASSPHRASE not in str(page.state())
    saved(window, screen, page)
    profile = window.kernel.profiles.get("far")
    key = SecretKey(profile.id, "passphrase")
    assert ScriptedVault.secrets == {key: PASSPHRASE}
    window.kernel.secrets._remembered.clear()

    page = page_of(window, screen, {"profile": profile.id})
    screen.pump(lambda: FORGET_SSH in page._form._rows)
    assert tried(screen, page).startswith("PostgreSQL "), "with the one that the vault keeps"
    type_in(page, **{FORGET_SSH: YES})
    saved(window, screen, page)
    assert ScriptedVault.secrets == {}
    assert window.kernel.profiles.get("far").secrets == {}


# -- whom it waits for -----------------------------------------------------------------------------------------------


def editor_on(window: MainWindow, screen: Screen, target: str, text: str) -> EditorPanel:
    panel = window.open("editor", {"target": target, "text": text})
    assert isinstance(panel, EditorPanel)
    screen.settle()
    return panel


def test_the_editor_says_that_a_person_is_asked_and_not_the_server(
    window: MainWindow, screen: Screen, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.run("connections.add", {"name": "shop", "url": shop_url, "environment": "production"})
    panel = editor_on(window, screen, "shop", "delete from item")
    other = editor_on(window, screen, shop_url, "select 1")
    panel.connection.connect()
    screen.pump(lambda: panel.model.connected)
    seen: list[tuple[str, str]] = []

    def dialog(root: Any, theme: Any, confirmation: Confirmation) -> str:
        seen.extend(words.state_text(each.model) for each in (panel, other))
        return ""

    monkeypatch.setattr("alveary_shell.dialogs.confirm_named", dialog)
    window.raise_panel(panel)
    window.run("editor.run-script")
    screen.pump(lambda: seen)
    assert seen[0][0].startswith("Waiting for you: ")
    assert "must be confirmed" in seen[0][0]
    assert seen[0][1] == "warning"
    assert "Waiting" not in seen[1][0], "another connection's editor waits for nobody"
    screen.pump(lambda: panel.model.phase == "idle")
    assert panel.model.asked == ""


@pytest.mark.parametrize("trusted", [True, False])
def test_the_editor_says_that_it_waits_for_a_person_to_know_a_server_and_for_their_passphrase(
    window: MainWindow, screen: Screen, postgres: PostgresServer, sshd: SshServer, ssh_home: Path, trusted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.locked_key}"
    panel = editor_on(window, screen, url, "select 1")
    seen: list[str] = []

    def note(answer: Any) -> Callable[..., Any]:
        def dialog(*_: Any, **__: Any) -> Any:
            seen.append(words.state_text(panel.model)[0])
            return answer

        return dialog

    monkeypatch.setattr(window, "confirm", note(trusted))
    monkeypatch.setattr(window, "ask_text", note(PASSPHRASE))
    panel.connection.connect()
    screen.pump(lambda: panel.model.phase != "connecting")
    assert seen[0] == f"Waiting for you: is 127.0.0.1:{sshd.port} the SSH server it says it is?"
    assert panel.model.connected is trusted
    if trusted:
        assert seen[1].startswith("Waiting for you: the password for the key ")
        assert not words.state_text(panel.model)[0]


def test_the_tree_says_so_where_it_would_say_that_it_loads(
    window: MainWindow, screen: Screen, postgres: PostgresServer, sshd: SshServer, ssh_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.key}"
    window.run("connections.add", {"name": "far", "url": url, "tls_mode": "disable"})
    (tree,) = window.panels("connections")
    assert isinstance(tree, ConnectionsPanel)
    screen.pump(lambda: tree.model.roots)
    (node,) = tree.model.roots
    seen: list[str] = []

    def dialog(*_: Any, **__: Any) -> bool:
        screen.pump(lambda: node.children)  # it stands there after a moment
        seen.extend(child.text for child in node.children or ())
        return True

    monkeypatch.setattr(window, "confirm", dialog)
    tree.tree.toggle(node)
    screen.pump(lambda: node.children and not node.children[0].passing)
    assert seen == [f"waiting for you: is 127.0.0.1:{sshd.port} the SSH server it says it is?"]
    assert [child.text for child in node.children or ()][:1] == ["public"]


def test_the_page_of_a_connection_says_so_too(window: MainWindow, screen: Screen, shop_url: str) -> None:
    page = page_of(window, screen, {"url": shop_url, "name": "x"})
    page.test()
    window.announce(PersonAsked("the password for x"))
    assert page._said["text"] == "Waiting for you: the password for x"
    window.announce(PersonAsked(""))
    assert page._said["text"] == "Connecting…"
    screen.pump(lambda: page._testing is None)


# -- how it is protected ---------------------------------------------------------------------------------------------


def test_the_window_tells_protocol_cipher_verified_name_and_route(
    window: MainWindow, screen: Screen, postgres: PostgresServer, certificates: Certificates, sshd: SshServer,
    known_server: Path,
) -> None:  # fmt: skip
    server = TlsPostgres(postgres, certificates)
    server.show("good")
    try:
        place = f"{sshd.user}@127.0.0.1:{sshd.port}"
        url = (
            f"postgresql://postgres@localhost:{postgres.port}/postgres?sslmode=verify-full"
            f"&sslrootcert={certificates.authority}&tunnel=ssh://{place}&tunnel_key={sshd.key}"
        )
        page = page_of(window, screen, {"url": url, "name": "far"})
        told = tried(screen, page)
        assert "TLSv1.3, TLS_" in told
        assert "localhost verified" in told
        assert f"through SSH {place}" in told
        saved(window, screen, page)
        panel = editor_on(window, screen, "far", "select 1")
        panel.connection.connect()
        screen.pump(lambda: panel.model.connected)
        foot = words.session_text(panel.model.session, connected=True)
        assert "TLSv1.3, localhost verified" in foot
        assert f"through SSH {place}" in foot
        (tree,) = window.panels("connections")
        assert isinstance(tree, ConnectionsPanel)
        node = tree.model.node_of(window.kernel.profiles.get("far").id)
        assert node is not None
        screen.pump(lambda: "TLSv1.3, TLS_" in node.tip)
        assert f"through SSH {place}" in node.tip
        panel.connection.disconnect()
        screen.pump(lambda: not panel.model.connected)
    finally:
        server.close()


# -- files -----------------------------------------------------------------------------------------------------------


def test_connections_are_exported_and_imported_with_what_could_do_harm_confirmed(
    window: MainWindow, screen: Screen, asked: list[Confirmation], shop_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told: list[tuple[str, str | None]] = []
    monkeypatch.setattr(window, "notify", lambda text, level, *, detail=None: told.append((text, detail)))
    window.run("connections.add", {"name": "shop", "url": shop_url})
    window.run("connections.add", {"name": "far", "url": "mysql://ann@db.example/x", "password_from": "env:FAR"})
    file = tmp_path / "shared.json"
    monkeypatch.setattr(window, "ask_file", lambda **_: str(file))
    window.run("connections.share")
    screen.pump(lambda: told)
    assert told.pop()[0] == f"shop, far: written to {file}, without secrets"
    window.run("connections.remove", {"name": "far"})
    window.run("connections.take")
    screen.pump(lambda: told)
    assert told == [("saved: far", "shop is saved already, and stays as it is")]
    assert "taking the password from env:FAR" in asked[-1].question()
    (tree,) = window.panels("connections")
    assert isinstance(tree, ConnectionsPanel)
    screen.pump(lambda: {node.text for node in tree.model.roots} == {"shop", "far"})
