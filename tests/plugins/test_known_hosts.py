"""known_hosts is read as OpenSSH reads it: whose lines match is what ssh-keygen says, whatever the file holds."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

import pytest
from fix_sshd import require_ssh
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alveary_plugins.tunnels.ssh import known_hosts
from alveary_plugins.tunnels.ssh.known_hosts import Verdict, about, host_name, parsed, remember, verdict


def key(number: int, kind: bytes = b"ssh-ed25519") -> bytes:
    body = bytes([number]) * 32
    return len(kind).to_bytes(4, "big") + kind + len(body).to_bytes(4, "big") + body


def line(hosts: str, number: int = 1, marker: str = "") -> str:
    return f"{marker}{hosts} ssh-ed25519 {base64.b64encode(key(number)).decode()}"


NAMES = st.sampled_from(("a", "ab", "db.example", "10.0.0.7", "gate-1", "x_y"))
PATTERNS = st.one_of(
    NAMES,
    st.sampled_from(
        ("*", "?", "a*", "*.example", "10.0.0.?", "[a]:2222", "[*]:2222", "[10.0.0.*]:22", "[a]", "*b", "A")
    ),
)
HOSTS = st.lists(
    st.tuples(st.sampled_from(("", "", "!")), PATTERNS).map(lambda pair: pair[0] + pair[1]), min_size=1, max_size=4
).map(",".join)
LINES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("", "  ", "\t", "@revoked ")), HOSTS).map(
            lambda pair: line(pair[1], marker=pair[0])
        ),
        st.sampled_from(("# a comment", "", "   ", "#a ssh-ed25519 AAAA")),
    ),
    max_size=6,
)


@hypothesis_settings(max_examples=150)
@given(lines=LINES, name=NAMES, port=st.sampled_from((22, 2222)), hashed=st.booleans())
def test_the_lines_that_match_are_those_that_ssh_keygen_finds(
    lines: list[str], name: str, port: int, hashed: bool
) -> None:
    require_ssh()
    wanted = host_name(name, port)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "known_hosts")
        file.write_text("\n".join([*lines, line("other.example")]) + "\n")
        if hashed:
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], capture_output=True, check=False)
        said = subprocess.run(["ssh-keygen", "-F", wanted, "-f", file], capture_output=True, text=True, check=False)
        ours = [entry.where.rpartition(" ")[2] for entry in about(parsed(file.read_bytes(), "f"), wanted)]
    theirs = [words.split("line ")[1].split()[0] for words in said.stdout.splitlines() if words.startswith("# Host")]
    assert ours == theirs


@given(content=st.binary(max_size=400))
def test_any_bytes_are_read(content: bytes) -> None:
    for entry in parsed(content, "f"):
        entry.matches("db.example")


@pytest.mark.parametrize(
    ("lines", "shown", "said"),
    [
        ([], 1, Verdict.UNKNOWN),
        ([line("db")], 1, Verdict.KNOWN),
        ([line("db", 2)], 1, Verdict.CHANGED),
        ([line("db", 2), line("db", 1)], 1, Verdict.KNOWN),
        ([line("db", 1), line("db", 1, "@revoked ")], 1, Verdict.REVOKED),
        ([line("db", 2, "@revoked ")], 1, Verdict.UNKNOWN),
        ([line("*", 1, "@revoked ")], 1, Verdict.REVOKED),
        ([line("db", 1, "@cert-authority ")], 1, Verdict.UNKNOWN),
        ([line("db", 1, "@unheard-of ")], 1, Verdict.UNKNOWN),
        (["db ssh-ed25519 not-base64!", "db ssh-rsa " + line("", 1).split()[-1]], 1, Verdict.UNKNOWN),
        (["db 2048 35 1234567890", line("db", 1)], 1, Verdict.KNOWN),
        ([line("other")], 1, Verdict.UNKNOWN),
    ],
)
def test_what_is_known_of_a_key(lines: list[str], shown: int, said: Verdict) -> None:
    entries = about(parsed("\n".join(lines).encode(), "f"), "db")
    assert verdict(entries, key(shown))[0] is said


def test_another_kind_of_key_is_no_way_around_a_known_one() -> None:
    entries = about(parsed(line("db").encode(), "f"), "db")
    assert verdict(entries, key(1, b"ecdsa-sha2-nistp256"))[0] is Verdict.CHANGED


def test_a_file_that_is_no_text_keeps_its_good_lines(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(b"\xff\xfe caf\xe9 ssh-ed25519 x\n" + line("db").encode() + b"\r\n")
    (entry,) = known_hosts.read([file, tmp_path / "none"])
    assert entry.matches("DB")
    assert entry.where == f"{file}, line 2"


def test_what_is_remembered_is_added_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    for number, host in enumerate(("db.example", "gate")):
        remember(file, host_name(host, 22 if number else 2222), "ssh-ed25519", key(number))
    assert file.stat().st_mode & 0o777 == 0o600
    entries = known_hosts.read([file])
    assert [entry.hosts for entry in entries] == [b"[db.example]:2222", b"gate"]
    assert verdict(about(entries, "gate"), key(1))[0] is Verdict.KNOWN


def test_a_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    require_ssh()
    file = tmp_path / "key.pub"
    file.write_text(line("").strip() + "\n")
    said = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, text=True, check=True).stdout
    assert said.split()[1] == known_hosts.fingerprint(key(1))
