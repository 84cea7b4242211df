"""Targets as people write them, paths into a catalog, and where files go."""

from __future__ import annotations

import os
import stat
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary import DriverSpec, OptionSpec, Target
from alveary.catalog import parse_path
from alveary.contracts.tunnel import TunnelTarget
from alveary.errors import AlvearyError, InvalidInputError, MalformedUrlError, StorageError, UnknownTargetError
from alveary.paths import Paths, make_private
from alveary.plugins import Registry
from alveary.urls import parse_target, tunnel_words

SERVER = DriverSpec(
    id="server",
    name="Server",
    schemes=("server", "srv"),
    factory="x:y",
    options=(OptionSpec(name="app", description=""), OptionSpec(name="tls", description="", choices=("on", "off"))),
)
FILE = DriverSpec(id="file", name="File", schemes=("file",), factory="x:y", file_based=True)


@pytest.fixture
def drivers() -> Registry[DriverSpec]:
    return registry()


def registry() -> Registry[DriverSpec]:
    drivers: Registry[DriverSpec] = Registry()
    for spec in (SERVER, FILE):
        drivers.add(spec, spec.schemes)
    return drivers


def parse(url: str) -> Target:
    return parse_target(url, registry())[0]


def test_every_part_of_a_url_arrives() -> None:
    target = parse("SRV://ann:p%40ss%3Aw%2Ford@db.example:5433/my%20db?app=a%26b&tls=on")
    assert target == Target(
        scheme="server",
        host="db.example",
        port=5433,
        user="ann",
        password="p@ss:w/ord",
        database="my db",
        options={"app": "a&b", "tls": "on"},
    )
    assert parse("server://[::1]:5433/d").host == "::1"
    assert parse("server://h") == Target(scheme="server", host="h")


@pytest.mark.parametrize(
    ("query", "tunnel"),
    [
        ("tunnel=ssh://bastion", TunnelTarget(host="bastion")),
        ("tunnel=ssh%3A%2F%2Fann%40bastion%3A2222", TunnelTarget(host="bastion", user="ann", port=2222)),
        ("tunnel=ssh://[::1]:22/&tunnel_key=/k", TunnelTarget(host="::1", method="key", key="/k")),
        (
            "tunnel=openssh://b&tunnel_method=password&tunnel_jump=a@b,c&tunnel_config=none",
            TunnelTarget(kind="openssh", host="b", method="password", options=(("config", "none"), ("jump", "a@b,c"))),
        ),
    ],
)
def test_a_url_may_lead_through_a_tunnel(query: str, tunnel: TunnelTarget) -> None:
    target = parse("server://ann@db/shop?app=x&" + query)
    assert (target.tunnel, target.options["app"]) == (tunnel, "x")
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in tunnel_words(tunnel).items())
    assert parse(f"server://ann@db/shop?{words}").tunnel == tunnel


@pytest.mark.parametrize(
    "query",
    ["tunnel=", "tunnel=bastion", "tunnel=ssh://ann:s3cret@b", "tunnel_key=/k", "tunnel=ssh://b:0", "tunnel=ssh://b:99999",
     "tunnel=ssh://b&tunnel_method=none", "tunnel=ssh://b&tunnel_method=key", "tunnel=ssh://"],
)  # fmt: skip
def test_a_tunnel_that_can_not_be_read_is_refused_and_never_left_out(query: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(f"server://db/shop?{query}")
    assert "s3cret" not in str(caught.value.record())
    with pytest.raises(InvalidInputError):
        parse("file:///x.db?tunnel=ssh://b")


def test_a_relative_file_has_three_slashes_and_an_absolute_one_four() -> None:
    assert parse("file:///a/b.db").database == "a/b.db"
    assert parse("file:////a/b.db").database == "/a/b.db"
    assert parse("file:////a@b:c/d%3Fe%23f.db").database == "/a@b:c/d?e#f.db"
    assert parse("file://").database is None


@pytest.mark.parametrize("url", [
    "server://h:0/d", "server://h:65536/d", "server://h:9999999999999/d", "server://h:x/d", "server://a b@[h/d",
    "server://h/d%", "server://h/d%4", "server://h/%ff", "server://h/d%00", "server://h/d#x", "file://host/x", "server://u@x@h/d",
])  # fmt: skip
def test_a_url_that_can_not_be_read_is_refused(url: str) -> None:
    with pytest.raises(MalformedUrlError):
        parse(url)


@settings(derandomize=True, max_examples=300)
@given(st.text(min_size=4), st.integers(0, 40), st.sampled_from("%:/@[]?#& "))
def test_no_message_repeats_a_password_however_the_url_is_broken(secret: str, position: int, junk: str) -> None:
    marker = "S3cr" + "".join(char for char in secret if char in string.ascii_letters) + "et"
    url = f"server://ann:{marker}@h:1/d?app=x"
    for broken in (
        url[:position] + junk + url[position:],
        url.replace("server", "nobody"),
        f"{marker}@h",
        url + "&x=" + marker,
    ):
        message = ""
        try:
            parse(broken)
        except AlvearyError as error:
            message = str(error.record())
        assert marker not in message


@settings(derandomize=True, max_examples=300)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_can_be_a_user_a_password_or_a_database(text: str) -> None:
    target = parse(f"server://{quote(text, safe='')}:{quote(text, safe='')}@h/{quote(text, safe='')}")
    assert (target.user, target.password, target.database) == (text, text, text)


def test_a_target_never_shows_its_password() -> None:
    target = parse("server://ann:S3cret@h/d")
    assert "S3cret" not in f"{target} {target!r} {target.display()}"


def test_what_is_no_url_gets_help(
    drivers: Registry[DriverSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownTargetError, match="'prod'") as caught:
        parse_target("prod", drivers)
    assert "file:///file.db" in str(caught.value.hint)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my shop.db").write_text("")
    with pytest.raises(UnknownTargetError) as caught:
        parse_target("my shop.db", drivers)
    assert caught.value.hint == "to open the file write file:///my%20shop.db"
    with pytest.raises(UnknownTargetError, match="oracle://"):
        parse_target("oracle://h/d", drivers)


@settings(derandomize=True, max_examples=300)
@given(st.lists(st.text(min_size=0, max_size=8), min_size=1, max_size=3))
def test_any_names_make_a_path_when_they_are_quoted(names: list[str]) -> None:
    assert parse_path(".".join('"' + name.replace('"', '""') + '"' for name in names)) == names


def test_plain_names_need_no_quotes() -> None:
    assert parse_path("main.album") == ["main", "album"]
    assert parse_path("größe x") == ["größe x"]
    assert parse_path("`a``.b`.c") == ["a`.b", "c"]
    assert parse_path("app.f(x app.mood, numeric(9,2))") == ["app", "f(x app.mood, numeric(9,2))"]
    assert parse_path("f(x.y") == ["f(x", "y"]
    for wrong in ("", ".", "a.", ".a", "a..b", '"a', '"a"b', 'a."', "`a`b"):
        with pytest.raises(InvalidInputError):
            parse_path(wrong)


def test_the_environment_decides_where_files_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALVEARY_HOME", str(tmp_path / "here"))
    assert Paths.from_environment() == Paths(tmp_path / "here", tmp_path / "here" / "cache")
    monkeypatch.delenv("ALVEARY_HOME")
    monkeypatch.setenv("ALVEARY_ENV", "dev")
    monkeypatch.chdir(tmp_path)
    assert Paths.from_environment().data == tmp_path / ".alveary"
    monkeypatch.delenv("ALVEARY_ENV")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if os.name == "posix":
        assert Paths.from_environment() == Paths(tmp_path / "data" / "alveary", tmp_path / "cache" / "alveary")


def test_a_directory_of_ours_and_its_parents_are_private(tmp_path: Path) -> None:
    made = make_private(tmp_path / "a" / "b")
    for directory in (made, made.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert make_private(made) == made
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        make_private(tmp_path / "file" / "x")
