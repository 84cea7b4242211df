"""Whatever reads a file or a text takes any bytes: it answers with what they say, or with an error of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.target import Target
from alveary.contracts.values import Column, Row
from alveary.errors import (
    AlvearyError,
    FileUnreadableError,
    InvalidInputError,
    KeyringFailedError,
    ProjectFileError,
    StorageError,
)
from alveary.project import read
from alveary.results import ResultSet, ResultWriter
from alveary.urls import parse_target
from alveary_plugins.tunnels.ssh.config import lookup
from alveary_plugins.vaults.sources.pgpass import PgpassSource
from alveary_shell.keys import Keymap, sequence

MANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """Return any bytes, most of them a sound file's with some cut, changed, doubled or put in between."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        data = bytearray(sound)
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(data)))
            match draw(st.sampled_from(("cut", "change", "double", "put"))):
                case "cut":
                    del data[at : at + draw(st.integers(1, 40))]
                case "change":
                    data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
                case "double":
                    data[at:at] = data[at : at + 40]
                case _:
                    data[at:at] = draw(st.binary(max_size=12))
        return bytes(data)

    return st.binary(max_size=200) | changed()


@pytest.fixture(scope="module")
def loaded() -> Iterator[Kernel]:
    """A kernel that all examples share: what is read here changes nothing."""
    with Kernel.in_memory() as kernel:
        yield kernel


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="alveary-") as directory:
        yield Path(directory)


PROJECT = b"""
[connections.shop]
url = "postgresql://ann@db.example/shop"
read_only = true
[connections.local]
scheme = "sqlite"
database = "shop.db"
[queries.best]
sql = "select * from item where price > :least"
parameters.least = { type = "number", default = 5 }
tags = ["a", "b"]
"""


@MANY
@given(content=damaged(PROJECT))
@example(b"[" * 5000)
@example(b"a = " + b"[" * 5000 + b"]" * 5000)
@example(b"[connections.x]\nport = 99999999999999999999999")
@example(b"[queries.x]\nsql = 1979-05-27T07:32:00Z")
@example(b"connections = []\nqueries = 7")
def test_a_project_s_file_of_any_bytes(loaded: Kernel, place: Path, content: bytes) -> None:
    file = place / "alveary.toml"
    file.write_bytes(content)
    with suppress(ProjectFileError):
        assert read(file, loaded.plugins.drivers).file == str(file)


KEYS = st.sampled_from(("Ctrl", "shift", "Alt", "F1", "F99", "F²", "+", "++", "", " ", "é", "ß", "Enter")) | st.text(
    max_size=4
)


@MANY
@given(chosen=st.lists(st.lists(KEYS, max_size=4).map("+".join), max_size=4))
def test_keys_of_any_text(loaded: Kernel, chosen: list[str]) -> None:
    keymap = Keymap(loaded.plugins.commands, {"window.quit": chosen, "no.command": chosen})
    for keys in keymap.bindings():
        assert sequence(keys).isascii(), "Tk knows it"


HEADER = (Column(name="a"), Column(name="b", type_name="text"))
PAGES: list[list[Row]] = [[(n, f"row {n}") for n in range(first, first + 50)] for first in (0, 50, 100)]


@pytest.fixture(scope="module")
def page_files() -> dict[str, bytes]:
    """The files of a stored result of three pages."""
    with tempfile.TemporaryDirectory(prefix="alveary-") as directory:
        writer = ResultWriter(directory)
        writer.columns(HEADER)
        for page in PAGES:
            writer.rows(page)
        writer.close(True)
        return {file.name: file.read_bytes() for file in Path(directory).iterdir()}


@MANY
@given(data=st.data())
def test_page_files_of_any_bytes(page_files: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(page_files)))
    with tempfile.TemporaryDirectory(prefix="alveary-") as directory:
        for each, content in page_files.items():
            Path(directory, each).write_bytes(data.draw(damaged(content)) if each == name else content)
        with suppress(StorageError):
            result = ResultSet(directory)
            for ask in (
                lambda: result.window(0, 3),
                lambda: result.window(60, 140),
                lambda: list(result.cells()),
                lambda: result.stored_bytes,
            ):
                with suppress(StorageError):
                    ask()


CSV = b'id,name,price\r\n1,"a ""b"", c",2.5\n2,,\n3,"two\nlines",1e400\n'
LINES = b'{"id": 1, "name": "a", "deep": [1, {"b": null}]}\n{"id": 2.50, "name": null}\n\n{"id": true}\n'


@pytest.mark.parametrize(("name", "sound"), [("rows.csv", CSV), ("rows.tsv", CSV), ("rows.jsonl", LINES)])
def test_what_is_imported_may_be_any_bytes(loaded: Kernel, place: Path, name: str, sound: bytes) -> None:
    file = place / name

    @MANY
    @given(content=damaged(sound))
    @example(b"[" * 100_000)
    @example(b'{"a":' * 20_000)
    @example(b"\xff\xfe" + b"a\x00,\x00b")
    @example(b'"')
    @example(b"a" * 200_000)
    @example(b'{"a": 1' + b"0" * 5_000 + b"}")
    def any_bytes(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(AlvearyError):
            loaded.run("import.preview", {"file": str(file)})

    any_bytes()


def test_a_parquet_file_may_be_any_bytes(loaded: Kernel, place: Path) -> None:
    file = place / "rows.parquet"
    report = {"target": "sqlite:///:memory:", "sql": ["select 1 as a, 'x' as b"], "format": "parquet"}
    loaded.run("query.run", {**report, "output": str(file)})

    @settings(MANY, max_examples=100)
    @given(content=damaged(file.read_bytes()))
    def any_bytes(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(FileUnreadableError, InvalidInputError):
            loaded.run("import.preview", {"file": str(file)})

    any_bytes()


PGPASS = b"# a comment\ndb.example:5432:shop:ann:s3cr\\:et\n*:*:*:*:other\n\nlocalhost:5432:a\\\\b:c:d:e\n"


@MANY
@given(content=damaged(PGPASS))
def test_a_password_file_of_any_bytes(place: Path, content: bytes) -> None:
    file = place / "pgpass"
    file.touch(0o600)
    file.write_bytes(content)
    target = Target(scheme="postgresql", host="db.example", user="ann", database="shop")
    with suppress(KeyringFailedError):
        assert isinstance(PgpassSource().password(str(file), target), str)


def test_only_a_line_feed_ends_a_line_of_a_password_file(place: Path) -> None:
    file = place / "pgpass"
    file.touch(0o600)
    target = Target(scheme="postgresql", host="db.example", user="ann", database="shop")
    for password in ("a\x0bb", "a\x85b", "a\u2028b", "a\x1cb"):
        file.write_text(f"other:*:*:*:x\ndb.example:*:*:*:{password}\r\n*:*:*:*:y\n", "utf-8", newline="")
        assert PgpassSource().password(str(file), target) == password


CONFIG = b"""
Host bastion *.example !x
  HostName %h.internal
  Port 2222
  User "ann b"
  ProxyJump gate,other:23
  IdentityFile ~/.ssh/%r_key
Match host x exec "true"
  ProxyCommand nc %h %p
Include other_file
"""


@MANY
@given(content=damaged(CONFIG), alias=st.sampled_from(("bastion", "a.example", "x", "")))
def test_a_configuration_of_ssh_of_any_bytes(place: Path, content: bytes, alias: str) -> None:
    file = place / "config"
    file.write_bytes(content)
    with suppress(AlvearyError):
        lookup(file, alias)


URLS = b"postgresql://ann:pw@db.example:5432/shop?sslmode=verify-full&tunnel=ssh://ann@gate:22&tunnel_jump=x"


@MANY
@given(text=st.text(max_size=80) | damaged(URLS).map(lambda data: data.decode("utf-8", "surrogateescape")))
@example("mysql://[::1]:3306/x")
@example("postgresql://" + "a" * 100_000)
def test_a_url_of_any_text(loaded: Kernel, text: str) -> None:
    with suppress(AlvearyError):
        parse_target(text, loaded.plugins.drivers)
