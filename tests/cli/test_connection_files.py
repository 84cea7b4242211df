"""Saved connections as files: no secret goes out with them, and nothing that could do harm comes in unconfirmed."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import Ran
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm
from alveary.errors import AlvearyError, InvalidInputError, NameTakenError, NotConfirmedError
from alveary.plugins import Registry
from alveary.policy import Confirmation
from alveary.profile_files import Shared, read_file, to_json, to_toml
from alveary.profiles import Profile, Tls, Tunnel

Run = Callable[..., Ran]
SECRET = "S3cret-hunter2"


@pytest.fixture
def kernel_in_folder(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.chdir(tmp_path)
    return kernel


@pytest.fixture(scope="module")
def drivers() -> Iterator[Registry[DriverSpec]]:
    with Kernel.in_memory() as kernel:
        yield kernel.plugins.drivers


def add(kernel: Kernel, name: str, url: str, **more: Any) -> None:
    kernel.run("connections.add", {"name": name, "url": url, **more})


def imported(kernel: Kernel, file: Path, *names: str, **more: Any) -> Any:
    return kernel.run("connections.import", {"file": str(file), "names": list(names), **more})


def written(folder: Path, **connections: Any) -> Path:
    file = folder / "shared.json"
    file.write_text(json.dumps({"connections": connections}))
    return file


# -- out -----------------------------------------------------------------------------------------------------------


def test_what_is_exported_holds_no_secret_and_comes_back_the_same(alveary: Run, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("a key")
    alveary(
        "connections", "add", "shop", f"postgresql://ann:{SECRET}@db.example:5433/shop?options=-c%20work_mem%3D8MB",
        "--tls-mode", "verify-full", "--tls-ca", "system", "--ssh-host", "gate.example", "--ssh-key", "id",
        "--ssh-method", "key", "--group", "Work/EU", "--read-only", "--confirm-writes", "name",
        "--connect-timeout", "7",
    )  # fmt: skip
    shown = json.loads(alveary("connections", "show", "shop", "--format", "json").out)["profile"]
    for name in ("shared.json", "alveary.toml"):
        ran = alveary("connections", "export", "-o", name)
        assert (ran.status, ran.err) == (0, "")
        text = (tmp_path / name).read_text()
        assert SECRET not in text
        assert shown["id"] not in text
        other = {"ALVEARY_HOME": str(tmp_path / f"home of {name}"), "ALVEARY_PROJECT": "none"}
        ran = alveary("connections", "import", name, env=other)
        assert (ran.status, ran.err) == (0, "")
        again = json.loads(alveary("connections", "show", "shop", "--format", "json", env=other).out)["profile"]
        assert again.pop("id") != shown["id"]
        assert again == {field: value for field, value in shown.items() if field != "id"} | {"secrets": {}}


def test_without_a_file_it_goes_to_standard_output_and_what_is_left_out_is_a_comment(alveary: Run) -> None:
    alveary(
        "connections", "add", "far", "mysql://ann@db.example/shop", "--tls-mode", "prefer",
        "--password-from", "env:SHOP", "--environment", "staging", "--confirm-ddl", "never", "--yes",
    )  # fmt: skip
    ran = alveary("connections", "export", "FAR")
    assert ran.err == ""
    told = tomllib.loads(ran.out)["connections"]["far"]
    assert told == {"url": "mysql://ann@db.example/shop", "environment": "staging"}
    assert ran.out.endswith("# left out of [connections.far]: password_from, confirm.ddl, tls.mode prefer\n")


def test_a_file_that_is_there_keeps_its_comments_its_order_and_whatever_else_it_holds(
    kernel_in_folder: Kernel, tmp_path: Path
) -> None:
    file = tmp_path / "alveary.toml"
    before = (
        "# the team's\n\n[connections.old]\nurl = 'sqlite:///old.db'   # as it was\n\n"
        '[connections.shop]  # ours\nurl = "sqlite:///before.db" # where\n\n# what we ask\n[queries.all]\n'
        "statement = '''select *\nfrom item'''\n"
    )
    file.write_text(before)
    add(kernel_in_folder, "shop", f"sqlite:///{tmp_path}/now.db", environment="production")
    add(kernel_in_folder, "new", "sqlite:////elsewhere/x.db")
    kernel_in_folder.run("connections.export", {"names": ["shop", "new"], "output": str(file)})
    assert file.read_text() == before.replace("before.db", "now.db").replace(
        "# where\n\n",
        '# where\nenvironment = "production"\n\n[connections.new]\nurl = "sqlite:////elsewhere/x.db"\n\n',
    )
    once = file.read_text()
    kernel_in_folder.run("connections.export", {"names": ["shop", "new"], "output": str(file)})
    assert file.read_text() == once


def test_a_file_keeps_its_line_ends(kernel_in_folder: Kernel, tmp_path: Path) -> None:
    add(kernel_in_folder, "shop", "postgresql://db.example.org/shop")
    file = tmp_path / "alveary.toml"
    file.write_bytes(b'# ours\r\n[connections.k]\r\nurl = "sqlite:///k.db"\r\n')
    kernel_in_folder.run("connections.export", {"names": ["shop"], "output": str(file)})
    lines = file.read_bytes().split(b"\r\n")
    assert lines[:3] == [b"# ours", b"[connections.k]", b'url = "sqlite:///k.db"']
    assert b"[connections.shop]" in lines
    assert not any(b"\n" in line for line in lines)


@pytest.mark.parametrize("text", ["x = [", "[connections.x]\nurl = 'postgresql://a:pw@h/d'\n", "connections = 3"])
def test_a_file_that_is_wrong_is_told_and_left_as_it_is(kernel_in_folder: Kernel, tmp_path: Path, text: str) -> None:
    file = tmp_path / "alveary.toml"
    file.write_text(text)
    kernel_in_folder.settings.get("confirm.staging.ddl")
    profile = Profile(name="y", scheme="sqlite", database="/x.db")
    kernel_in_folder.profiles.add(profile)
    with pytest.raises(AlvearyError) as caught:
        kernel_in_folder.run("connections.export", {"output": str(file)})
    assert caught.value.code == "project_file"
    assert "pw" not in str(caught.value.record())
    assert file.read_text() == text


def test_an_ending_and_a_format_that_do_not_go_together_are_refused(kernel: Kernel, tmp_path: Path) -> None:
    add(kernel, "x", "sqlite:////x.db")
    refused = (("x.toml", "json", ".json"), ("x.json", "toml", ".toml"), ("x.txt", None, ".toml or .json"))
    for name, format, endings in refused:
        with pytest.raises(InvalidInputError, match=rf"does not end in {re.escape(endings)}$"):
            kernel.run("connections.export", {"output": str(tmp_path / name), "format": format})


_NAME = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")), min_size=1, max_size=12
).filter(lambda name: not name.startswith("-"))
_PROFILE = st.builds(
    Profile,
    name=_NAME,
    scheme=st.just("postgresql"),
    host=st.sampled_from([None, "db.example", "::1"]),
    port=st.none() | st.integers(1, 65535),
    user=st.none() | _NAME,
    database=st.none() | _NAME,
    options=st.dictionaries(st.just("options"), _NAME, max_size=1),
    tls=st.builds(Tls, mode=st.sampled_from([None, "require", "verify-full"]), ca=st.sampled_from([None, "system"])),
    tunnel=st.builds(Tunnel, enabled=st.just(True), host=st.just("gate"), user=st.none() | _NAME) | st.just(Tunnel()),
    read_only=st.booleans(),
    confirm=st.builds(Confirm, writes=st.sampled_from([None, "never", "ask", "name"])),
    environment=st.sampled_from([None, "staging", "production"]),
    password_from=st.sampled_from([None, "env:X"]),
)


@given(profiles=st.lists(_PROFILE, max_size=3, unique_by=lambda each: each.name.casefold()))
def test_any_connection_comes_back_from_json(
    profiles: list[Profile], drivers: Registry[DriverSpec], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("shared") / "shared.json"
    file.write_text(to_json(profiles))
    read = read_file(file, drivers)
    assert [msgspec.structs.replace(each, id=profile.id) for each, profile in zip(read, profiles, strict=True)] == (
        profiles
    )


@given(name=st.text(min_size=1), url=st.text(), comment=st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_any_text_is_written_so_that_toml_reads_it(name: str, url: str, comment: str) -> None:
    if "\ud800" <= max(name + url) <= "\udfff":
        return  # no text that could be in a file
    try:
        text = to_toml([Shared(name, {"url": url, "tls": {"ca": url}}, [])], f"# {comment}\n[queries.x]\ny = 1\n")
    except AlvearyError:
        return
    read = tomllib.loads(text)
    assert read == {"queries": {"x": {"y": 1}}, "connections": {name: {"url": url, "tls": {"ca": url}}}}
    assert text.startswith(f"# {comment}\n")


# -- in ------------------------------------------------------------------------------------------------------------


def test_an_import_never_lowers_a_level(kernel: Kernel, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        shop={"scheme": "sqlite", "database": "/x.db", "environment": "production",
              "confirm": {"writes": "never", "ddl": "ask", "unfiltered": "name"}},
    )  # fmt: skip
    done = imported(kernel, file, yes=True)
    assert [(each.name, each.fields) for each in done.left_out] == [("shop", ["confirm.writes", "confirm.ddl",
                                                                             "confirm.unfiltered"])]  # fmt: skip
    profile = kernel.profiles.get("shop")
    assert profile.confirm == Confirm()
    assert kernel.confirmed_in(profile) == Confirm(writes="name", ddl="name", unfiltered="name")
    stricter = written(tmp_path, strict={"scheme": "sqlite", "database": "/x.db", "confirm": {"ddl": "name"}})
    imported(kernel, stricter)
    assert kernel.profiles.get("strict").confirm == Confirm(ddl="name")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"password_from": "command:touch /tmp/ran; curl evil"},
            "running touch '/tmp/ran;' curl evil for the password",
        ),
        ({"password_from": "env:AWS_SECRET_ACCESS_KEY"}, "taking the password from env:AWS_SECRET_ACCESS_KEY"),
        ({"password_from": "pgpass:/home/ann/.pgpass"}, "taking the password from pgpass:/home/ann/.pgpass"),
        ({"tls": {"mode": "disable"}}, "TLS disable"),
        ({"tls": {"mode": "prefer"}}, "TLS prefer"),
        ({"tunnel": {"enabled": True, "host": "gate", "options": {"proxy_command": "yes"}}}, "proxy_command=yes"),
        (
            {"tunnel": {"enabled": True, "host": "gate", "kind": "openssh", "options": {"config": "evil"}}},
            "config=evil",
        ),
        ({"tunnel": {"enabled": True, "host": "gate", "options": {"known_hosts": "evil"}}}, "known_hosts=evil"),
        ({"tunnel": {"enabled": True, "host": "gate", "kind": "strange"}}, "a tunnel of the kind strange"),
    ],
)
def test_what_could_do_harm_is_shown_and_confirmed_first(
    kernel: Kernel, tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    harmless = {"scheme": "sqlite", "database": "/x.db"}
    file = written(tmp_path, fine=harmless, bad={"scheme": "postgresql", "host": "db.example", **fields})
    with pytest.raises(NotConfirmedError) as caught:
        imported(kernel, file)
    assert said in caught.value.message
    asked: list[Confirmation] = []

    def refuse(confirmation: Confirmation, stopped: Any) -> str:
        asked.append(confirmation)
        return ""

    kernel.policy.ask = refuse
    with pytest.raises(NotConfirmedError):
        imported(kernel, file)
    assert said in asked[0].question()
    assert kernel.profiles.all() == [], "nothing was saved, the harmless one neither"
    kernel.policy.ask = lambda confirmation, stopped: "yes"
    assert imported(kernel, file).connections == ["fine", "bad"]
    assert not Path("/tmp/ran;").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "0123456789abcdef"}, "id: it can't be imported"),
        ({"secrets": {"password": "keyring"}}, "secrets: it can't be imported"),
        ({"password": SECRET}, "password: it can't be imported"),
        ({"name": "y"}, "name: it can't be imported"),
        ({"frob": 1}, "frob"),
        ({"scheme": "oracle"}, "no installed driver speaks oracle"),
        ({"host": f"ann:{SECRET}@h"}, "host: it is no name of a host"),
        ({"port": 0}, "port"),
        ({"options": {"frob": "1"}}, "options.frob"),
        (3, "it is no object"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(kernel: Kernel, tmp_path: Path, fields: Any, said: str) -> None:
    plain = {"scheme": "postgresql", "host": "db.example", **fields} if isinstance(fields, dict) else fields
    with pytest.raises(InvalidInputError) as caught:
        imported(kernel, written(tmp_path, x=plain), yes=True)
    assert caught.value.message.startswith(f"{tmp_path / 'shared.json'}, 'x': ")
    assert said in caught.value.message
    assert SECRET not in str(caught.value.record())
    assert kernel.profiles.all() == []


@given(text=st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["connections", "x", "scheme", "tls", "host", "tunnel", "mode"]), inner, max_size=4),
).map(lambda plain: json.dumps(plain).encode()))  # fmt: skip
def test_no_file_does_more_than_be_refused(
    text: bytes, drivers: Registry[DriverSpec], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("any") / "any.json"
    file.write_bytes(text)
    try:
        read = read_file(file, drivers)
    except AlvearyError as error:
        told = error.message
    else:
        told = str(file) if all(each.scheme for each in read) else ""
    assert str(file) in told


def test_what_may_have_no_end_is_not_read(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "waiting.json")
    for name in ("endless.toml", "waiting.json"):
        with pytest.raises(AlvearyError, match="it is no file"):
            imported(kernel, tmp_path / name)


def test_a_name_that_is_taken_is_never_replaced(kernel: Kernel, tmp_path: Path) -> None:
    add(kernel, "Shop", "sqlite:////mine.db")
    file = written(
        tmp_path, shop={"scheme": "sqlite", "database": "/x.db"}, other={"scheme": "sqlite", "database": "/y.db"}
    )
    with pytest.raises(NameTakenError, match="shop"):
        imported(kernel, file)
    assert kernel.profiles.find("other") is None
    done = imported(kernel, file, existing="skip")
    assert (done.connections, done.skipped) == (["other"], ["shop"])
    assert kernel.profiles.get("shop").database == "/mine.db"
    with pytest.raises(InvalidInputError, match="no connection 'nothing'"):
        imported(kernel, file, "nothing")


def test_control_characters_of_a_file_drive_no_terminal(alveary: Run, tmp_path: Path) -> None:
    command = "command:op \x1b[2J\u202eread"
    file = written(tmp_path, x={"scheme": "postgresql", "host": "h", "password_from": command})
    ran = alveary("connections", "import", file.name)
    assert ran.status == 2
    assert "\x1b" not in ran.err
    file = written(tmp_path, x={"scheme": "postgresql", "host": "h", "password_from": "command:op \u202eread"})
    ran = alveary("connections", "import", file.name)
    assert (ran.status, "\u202e" in ran.err) == (2, False)
    assert "\\u202e" in ran.err
