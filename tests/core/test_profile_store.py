"""The saved connections: kept, found, ordered, grouped, and never with a password beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.tunnel import TunnelMethod
from alveary.contracts.vault import SecretKey
from alveary.errors import (
    AlvearyError,
    InvalidInputError,
    NameTakenError,
    StorageError,
    StoreCorruptError,
    UnknownConnectionError,
    UnknownGroupError,
)
from alveary.paths import Paths
from alveary.plugins import Registry
from alveary.profile_store import ProfileStore
from alveary.profiles import COLORS, Profile, Tls, Tunnel
from alveary.store.database import FILE_NAME, Store


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    store = Store(home)
    yield store
    store.close()


@pytest.fixture
def profiles(store: Store) -> ProfileStore:
    return ProfileStore(store)


def saved(profiles: ProfileStore, name: str, group: str = "", **fields: Any) -> Profile:
    return profiles.add(Profile(name=name, scheme="sqlite", group=group, **fields))


def listed(profiles: ProfileStore) -> list[str]:
    return [f"{each.group}: {each.name}" if each.group else each.name for each in profiles.all()]


def paths(profiles: ProfileStore) -> list[str]:
    return [group.path for group in profiles.groups()]


# -- connections ---------------------------------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8", categories=("L", "N", "S", "P")), min_size=1, max_size=64).filter(
    lambda name: not name.startswith("-") and "://" not in name and name.isprintable()
)
segments = names.filter(lambda name: "/" not in name)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
hosts = texts.filter(lambda host: not set(host) & set("@ ") and "://" not in host)
optional_texts = st.none() | texts
ports = st.integers(1, 65535)
seconds = st.none() | st.floats(0.001, 86_400)


@st.composite
def some_profile(draw: st.DrawFn) -> Profile:
    certificate = draw(optional_texts)
    host, key = draw(st.none() | hosts), draw(texts)
    method: TunnelMethod = draw(st.sampled_from(("password", "key", "agent")))
    return Profile(
        name=draw(names),
        scheme=draw(st.from_regex(r"[a-z][a-z0-9+.-]{0,10}", fullmatch=True)),
        host=draw(st.none() | hosts),
        port=draw(st.none() | ports),
        database=draw(optional_texts),
        user=draw(optional_texts),
        options=draw(st.dictionaries(texts, texts | st.just(""), max_size=3)),
        tls=Tls(
            mode=draw(st.sampled_from((None, "disable", "prefer", "require", "verify-ca", "verify-full"))),
            ca=draw(optional_texts),
            certificate=certificate,
            key=draw(optional_texts) if certificate else None,
        ),
        tunnel=Tunnel(enabled=host is not None, host=host, port=draw(ports), method=method, key=key),
        connect_timeout=draw(seconds),
        statement_timeout=draw(seconds),
        application_name=draw(st.none() | names),
        read_only=draw(st.booleans()),
        environment=draw(st.sampled_from((None, "local", "staging", "production"))),
        color=draw(st.sampled_from((None, "#a0B1c2", *COLORS))),
        group="/".join(draw(st.lists(segments, max_size=8))),
        secrets=draw(st.dictionaries(st.sampled_from(("password", "passphrase")), texts, max_size=2)),
    )


@given(some_profile(), some_profile())
def test_any_profile_comes_back_from_the_store_as_it_was(first: Profile, second: Profile) -> None:
    profiles = ProfileStore(Store(None))
    assert profiles.add(first) == first
    assert profiles.find(first.name) == first
    assert profiles.by_id(first.id) == first
    assert [each.profile for each in profiles.all()] == [first]
    if second.name.casefold() != first.name.casefold() and second.group.casefold() != first.group.casefold():
        moved = profiles.change(first.id, lambda _: msgspec.structs.replace(second, id=first.id))
        assert profiles.find(second.name) == moved == msgspec.structs.replace(second, id=first.id)
        assert profiles.find(first.name) is None


def test_nothing_is_made_by_looking(profiles: ProfileStore, home: Path) -> None:
    assert (profiles.all(), profiles.groups()) == ([], [])
    assert profiles.find("a") is profiles.by_id("a") is None
    assert profiles.secrets_of("a") == {}
    for missing in (lambda: profiles.get("a"), lambda: profiles.id_of("a")):
        with pytest.raises(UnknownConnectionError, match="'a'"):
            missing()
    with pytest.raises(UnknownGroupError):
        profiles.group("Work")
    assert not home.exists()


@pytest.mark.parametrize(("one", "other"), [("Shop", "sHOP"), ("Größe", "GRÖSSE"), ("É", "E\u0301"), ("щ", "Щ")])
def test_a_name_is_found_and_taken_in_any_case(profiles: ProfileStore, one: str, other: str) -> None:
    first = saved(profiles, one)
    assert profiles.find(other) == first
    with pytest.raises(NameTakenError, match=f"saved as {one!r} already"):
        saved(profiles, other)
    second = saved(profiles, "another")
    with pytest.raises(NameTakenError):
        profiles.change(second.id, lambda profile: profile.with_fields({"name": other}))
    assert profiles.change(first.id, lambda profile: profile.with_fields({"name": other})).name == other


def test_an_unknown_name_gets_a_hint_and_is_repeated_only_if_it_looks_like_one(profiles: ProfileStore) -> None:
    saved(profiles, "production")
    with pytest.raises(UnknownConnectionError) as caught:
        profiles.get("prodution")
    assert caught.value.hint == "there is production"
    with pytest.raises(UnknownConnectionError) as caught:
        profiles.get("postgresql:/ann:gehe1m@h/d")
    assert "gehe1m" not in str(caught.value.record())


def test_many_change_a_connection_at_once_and_none_is_lost(profiles: ProfileStore, home: Path) -> None:
    id = saved(profiles, "a", port=1).id
    mine = [ProfileStore(Store(home)) for _ in range(4)]

    def count(store: ProfileStore) -> None:
        for _ in range(10):
            store.change(id, lambda profile: profile.with_fields({"port": (profile.port or 0) + 1}))

    threads = [threading.Thread(target=count, args=(store,)) for store in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = profiles.by_id(id)
    assert found is not None
    assert found.port == 41
    for store in mine:
        store._store.close()


@pytest.mark.parametrize("damage", [
    "not json", "[]", "null", '{"scheme": 3}', '{"scheme": "x", "port": 99999}', '{"scheme": "x", "new_field": 1}',
    '{"scheme": "x", "tls": {"mode": "mystery"}}', '{"scheme": "x", "color": "reddish"}', "{}",
])  # fmt: skip
def test_a_connection_that_can_not_be_read_hides_no_other(profiles: ProfileStore, store: Store, damage: str) -> None:
    broken, sound = saved(profiles, "broken"), saved(profiles, "sound")
    with store.writing() as connection:
        connection.execute("update profiles set content = ? where id = ?", (damage, broken.id))
    assert listed(profiles) == ["broken", "sound"]
    entry = profiles.all()[0]
    assert entry.profile is None
    assert entry.problem is not None
    assert "'broken' can't be read" in entry.problem
    with pytest.raises(StorageError, match="'broken' can't be read"):
        profiles.get("broken")
    assert profiles.get("sound") == sound
    profiles.remove(profiles.id_of("broken"))
    assert listed(profiles) == ["sound"]


def test_a_damaged_store_is_an_error_for_names_and_none_for_urls(home: Path, shop_url: str) -> None:
    home.mkdir(mode=0o700)
    (home / FILE_NAME).write_bytes(b"this is no database at all" * 400)
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        assert kernel.target(shop_url)
        with pytest.raises(StoreCorruptError, match="left as it is"):
            kernel.target("shop")


def test_a_field_of_a_wrong_type_is_not_saved(profiles: ProfileStore) -> None:
    with pytest.raises(InvalidInputError, match="port: expected `int"):
        profiles.add(Profile(name="a", scheme="x", port="5432"))  # type: ignore[arg-type]  # what is tried here
    assert profiles.all() == []


# -- passwords -------------------------------------------------------------------------------------------------------


def spellings(secret: str) -> set[bytes]:
    data = secret.encode()
    found = {data, secret.encode("utf-16-le"), secret.encode("utf-16-be"), b64encode(data), data[::-1]}
    for text in (quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1], ascii(secret)[1:-1],
                 json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
                 secret.replace("'", "''")):  # fmt: skip
        found.add(text.encode())
    return found


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    st.sampled_from(["postgresql", "mysql"]),
)
def test_no_password_of_a_url_reaches_the_store_in_any_spelling(text: str, scheme: str) -> None:
    secret = f"gehe1m{text}&%41'\"\\é"
    url = f"{scheme}://ann:{quote(secret, safe='')}@db.example/shop"
    with Kernel(paths=Paths.temporary()) as kernel:
        kernel.plugins.vaults = Registry()
        for command, parameters in (
            ("connections.add", {"name": "shop", "url": url}),
            ("connections.edit", {"name": "shop", "url": url, "rename": "store"}),
            ("connections.copy", {"name": "store", "new": "copy"}),
            ("connections.edit", {"name": "copy", "password": secret, "color": "red"}),
        ):
            result = kernel.run(command, parameters)
            assert "gehe1m" not in msgspec.json.encode(result).decode()
            assert "gehe1m" not in repr(result)
        written = [path for path in kernel.paths.data.rglob("*") if path.is_file()]
        assert {f"{FILE_NAME}", f"{FILE_NAME}-wal"} <= {path.name for path in written}
        for path in written:
            content = path.read_bytes()
            assert [each for each in spellings(secret) | {b"gehe1m"} if each in content] == [], path
        key = SecretKey(kernel.profiles.id_of("store"), "password")
        assert kernel.secrets.find(key) == secret, "it was there to be found"
    shutil.rmtree(kernel.paths.data)


# -- order and groups ------------------------------------------------------------------------------------------------


def test_connections_stand_in_the_order_they_were_saved_or_put(profiles: ProfileStore) -> None:
    ids = {name: saved(profiles, name).id for name in ("c", "a", "b")}
    assert listed(profiles) == ["c", "a", "b"]
    profiles.move(ids["b"], 0)
    assert listed(profiles) == ["b", "c", "a"]
    profiles.move(ids["b"], 1)
    assert listed(profiles) == ["c", "b", "a"]
    profiles.move(ids["c"], 99)
    assert listed(profiles) == ["b", "a", "c"]
    with pytest.raises(UnknownConnectionError):
        profiles.move("nobody", 0)


def test_groups_are_made_on_the_way_and_found_in_any_case(profiles: ProfileStore) -> None:
    saved(profiles, "one", "Work/EU")
    saved(profiles, "two", "work/eu")
    saved(profiles, "three", "WORK")
    saved(profiles, "four")
    assert paths(profiles) == ["Work", "Work/EU"]
    assert listed(profiles) == ["four", "Work: three", "Work/EU: one", "Work/EU: two"]
    assert profiles.make_group("Play").path == "Play"
    assert paths(profiles) == ["Work", "Work/EU", "Play"]
    assert profiles.group("wORK/eU").path == "Work/EU"


def test_a_connection_that_changes_its_group_comes_last_there(profiles: ProfileStore) -> None:
    first = saved(profiles, "a", "One")
    saved(profiles, "b", "Two")
    profiles.change(first.id, lambda profile: profile.with_fields({"group": "Two"}))
    assert listed(profiles) == ["Two: b", "Two: a"]
    profiles.change(first.id, lambda profile: profile.with_fields({}, ["group"]))
    assert listed(profiles) == ["a", "Two: b"]
    assert paths(profiles) == ["One", "Two"], "an empty group stays until somebody removes it"


def test_groups_are_renamed_moved_ordered_and_coloured(profiles: ProfileStore) -> None:
    for path in ("A", "B", "C/D"):
        profiles.make_group(path)
    saved(profiles, "x", "C/D")
    assert profiles.change_group("B", position=0).path == "B"
    assert paths(profiles) == ["B", "A", "C", "C/D"]
    assert profiles.change_group("c/d", name="E", color="red").color == "red"
    assert listed(profiles) == ["C/E: x"]
    assert profiles.change_group("C/E", parent="A/New").path == "A/New/E"
    assert profiles.change_group("A/New/E", parent="", position=0, color="").color is None
    assert paths(profiles) == ["E", "B", "A", "A/New", "C"]
    assert listed(profiles) == ["E: x"]


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"path": "X"}, UnknownGroupError, "no group 'X'"),
    ({"path": "A", "parent": "A"}, InvalidInputError, "inside itself"),
    ({"path": "A", "parent": "A/B"}, InvalidInputError, "inside itself"),
    ({"path": "A", "parent": "A/B/New"}, InvalidInputError, "inside itself"),
    ({"path": "A", "name": "c"}, NameTakenError, "a group 'C' already"),
    ({"path": "A/C", "parent": ""}, NameTakenError, "a group 'C' already"),
    ({"path": "A", "name": "a/b"}, InvalidInputError, "holds no /"),
    ({"path": "A", "name": ""}, InvalidInputError, "it is empty"),
    ({"path": "A", "color": "reddish"}, InvalidInputError, "color: "),
    ({"path": "A", "parent": "1/2/3/4/5/6/7"}, InvalidInputError, "more than 8 levels"),
])  # fmt: skip
def test_what_would_tangle_the_groups_is_refused_and_changes_nothing(
    profiles: ProfileStore, change: dict[str, str], error: type[AlvearyError], words: str
) -> None:
    for path in ("A/B", "A/C", "C"):
        profiles.make_group(path)
    with pytest.raises(error, match=words):
        profiles.change_group(change.pop("path"), **change)  # type: ignore[arg-type]  # all of them are text
    assert paths(profiles) == ["A", "A/B", "A/C", "C"]


def test_what_stood_in_a_group_moves_up_when_it_is_removed(profiles: ProfileStore) -> None:
    saved(profiles, "deep", "A/B/C")
    saved(profiles, "middle", "A/B")
    saved(profiles, "high", "A")
    profiles.make_group("A/Z")
    profiles.remove_group("a/b")
    assert paths(profiles) == ["A", "A/Z", "A/C"]
    assert listed(profiles) == ["A: high", "A: middle", "A/C: deep"]
    profiles.make_group("Z")
    with pytest.raises(NameTakenError, match="'Z' already"):
        profiles.remove_group("A")
    assert paths(profiles) == ["A", "A/Z", "A/C", "Z"]
    profiles.change_group("Z", name="Y")
    profiles.remove_group("A")
    assert listed(profiles) == ["high", "middle", "C: deep"]


def test_a_group_that_stands_in_itself_after_damage_hides_nothing(profiles: ProfileStore, store: Store) -> None:
    saved(profiles, "x", "A/B")
    with store.writing() as connection:
        connection.execute("update profile_groups set parent_id = (select id from profile_groups where name = 'B')")
    assert [each.name for each in profiles.all()] == ["x"]
    assert paths(profiles) == []


def test_looking_imports_neither_sqlalchemy_nor_keyring(home: Path) -> None:
    code = (
        "import sys; from alveary import Kernel; Kernel().run('connections.list')\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'keyring', 'psycopg', 'difflib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_many_are_listed_without_a_question_for_each(profiles: ProfileStore, store: Store) -> None:
    for number in range(300):
        saved(profiles, f"c{number}", f"G{number % 7}/H{number % 3}")
    asked: list[str] = []
    with store.reading() as connection:
        connection.set_trace_callback(asked.append)
    assert len(profiles.all()) == 300
    assert len(asked) == 2
