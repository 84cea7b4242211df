"""ssh_config: the words that are understood mean what they mean to ssh; nothing in the file is ever run."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from fix_sshd import require_ssh
from hypothesis import given
from hypothesis import strategies as st

from alveary.contracts.tunnel import TunnelTarget
from alveary.errors import InvalidInputError, TunnelFailedError
from alveary_plugins.tunnels.ssh.config import command_line, lookup
from alveary_plugins.tunnels.ssh.route import hops_of


def written(folder: Path, text: str) -> Path:
    file = folder / "config"
    file.write_text(text)
    return file


@pytest.mark.parametrize("alias", ["db", "db.example", "other", "10.0.0.7", "x-db"])
@pytest.mark.parametrize(
    "text",
    [
        "Host db\n HostName 10.0.0.7\n Port 2222\n User ann\n",
        'host=db\nhostname = 10.0.0.7\n\tport=2222\n\nHost *\n Port 7\n User "bob"\n',
        "User first\nHost *\n User second\n Port 9\n",
        "Host * !db\n User ann\nHost ?b\n User bob\nHost db.* 10.0.0.?\n HostName %h.inner\n",
        "# Port 1\nHost d*   # no comment\n Port 5\n",
        "Match all\n User ann\n",
        "Host db\n ProxyJump gate:22,inner\n IdentityFile ~/.ssh/a b\n",
    ],
)
def test_it_says_what_ssh_says(tmp_path: Path, text: str, alias: str) -> None:
    require_ssh()
    file = written(tmp_path, text)
    said = subprocess.run(["ssh", "-G", "-F", file, alias], capture_output=True, text=True, check=False)
    ours = lookup(file, alias)
    if said.returncode:  # it is stricter with what it does not understand
        return
    theirs = dict(line.split(" ", 1) for line in said.stdout.splitlines() if " " in line)
    assert ours.host == theirs["hostname"]
    assert str(ours.port or 22) == theirs["port"]
    if ours.user is not None:
        assert ours.user == theirs["user"]
    assert ours.jump == theirs.get("proxyjump")


def test_included_files_are_read_and_one_that_includes_itself_ends(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.write_text(f"Host db\n Port 2222\nInclude {tmp_path}/config\n")
    file = written(tmp_path, f"Include {tmp_path}/inn*\nHost db\n Port 1\n User ann\n")
    assert (lookup(file, "db").port, lookup(file, "db").user) == (2222, "ann")


def test_what_a_match_guards_is_left_out_and_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    file = written(tmp_path, f'Match exec "touch {mark}"\n Port 7\nMatch host db\n Port 8\nHost db\n User ann\n')
    assert (lookup(file, "db").port, lookup(file, "db").user) == (None, "ann")
    assert not mark.exists()


def test_keys_and_programs_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    file = written(tmp_path, "Host db\n HostName h\n User u\n IdentityFile ~/.ssh/%h-%r\n IdentityFile %d/%%\n"
                   "ProxyCommand nc -x 'a b' %h %p\n")  # fmt: skip
    said = lookup(file, "db")
    assert said.identity_files == ("/home/ann/.ssh/h-u", "/home/ann/%")
    assert command_line(str(said.proxy_command), "h", 22, "u") == ["nc", "-x", "a b", "h", "22"]
    with pytest.raises(InvalidInputError, match="ProxyCommand"):
        command_line("nc 'open", "h", 22, "u")


def test_jumps_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    with pytest.raises(TunnelFailedError, match="more than"):
        hops_of(TunnelTarget(host="a", options=(("config", str(file)),)))


def test_a_jump_has_its_own_user_port_and_key(tmp_path: Path) -> None:
    file = written(tmp_path, "Host gate\n User gus\n IdentityFile /keys/gate\nHost inner\n HostName 10.0.0.2\n")
    options = (("config", str(file)), ("jump", "gate:2222,ann@inner"))
    gate, inner, last = hops_of(TunnelTarget(host="db", user="me", method="key", key="/k", options=options))
    assert (gate.host, gate.port, gate.user, gate.keys[-1], gate.is_last) == ("gate", 2222, "gus", "/keys/gate", False)
    assert (inner.host, inner.port, inner.user) == ("10.0.0.2", 22, "ann")
    assert (last.host, last.user, last.keys, last.is_last) == ("db", "me", ("/k",), True)


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any-config"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(InvalidInputError):
        assert lookup(file, "db").host
