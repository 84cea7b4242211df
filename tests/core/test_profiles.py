"""Profiles: what may stand in one, how a URL becomes one, and how one becomes what a driver is handed."""

from __future__ import annotations

import math
import os
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Capability, DriverSpec, Kernel, OptionSpec, Target
from alveary.contracts.tunnel import TunnelTarget
from alveary.errors import AlvearyError, InvalidInputError, MalformedUrlError, UnknownTargetError
from alveary.plugins import Registry
from alveary.profiles import (
    COLORS,
    Profile,
    check,
    check_files,
    driver_of,
    fields_of_url,
    profile_from,
    target_of,
    tls_mode,
)
from alveary_plugins.drivers.mysql import alveary_drivers as mysql
from alveary_plugins.drivers.postgres import alveary_drivers as postgres
from alveary_plugins.drivers.sqlite import alveary_drivers as sqlite

PLAIN = DriverSpec(id="plain", name="Plain", schemes=("plain",), factory="x:y")


@pytest.fixture(scope="module")
def drivers() -> Registry[DriverSpec]:
    registry: Registry[DriverSpec] = Registry()
    for spec in (*postgres(), *mysql(), *sqlite(), PLAIN):
        registry.add(spec, spec.schemes)
    return registry


def of_url(url: str, drivers: Registry[DriverSpec], **fields: Any) -> Profile:
    found, _, _ = fields_of_url(url, drivers)
    return Profile(name="shop", scheme=found.pop("scheme")).with_fields({**found, **fields})


def options(profile: Profile, drivers: Registry[DriverSpec]) -> dict[str, str]:
    return target_of(profile, driver_of(profile, drivers)).options


GOOD = {"name": "shop", "scheme": "postgresql"}


@pytest.mark.parametrize(("field", "value", "words"), [
    ("name", "", "name: it is empty"),
    ("name", "x" * 65, "name: it is longer than 64 characters"),
    ("name", "a\nb", r"name: it holds U\+000A"),
    ("name", "a\0b", r"name: it holds U\+0000"),
    ("name", "a\u202eb", r"name: it holds U\+202E"),
    ("name", " a", "name: it begins or ends with a space"),
    ("name", "-a", "name: it begins with -"),
    ("name", "a://b", "name: a name with ://"),
    ("name", 3, "name: expected `str`"),
    ("scheme", "a b", "scheme: expected `str` matching"),
    ("id", "../../etc", "id: expected `str` matching"),
    ("host", "", "host: it is empty"),
    ("host", "ann:gehe1m@db", "host: it is no name of a host"),
    ("host", "a\tb", r"host: it holds the control character U\+0009"),
    ("port", 0, "port: expected `int` >= 1"),
    ("port", 65536, "port: expected `int` <= 65535"),
    ("port", "5432", "port: expected `int"),
    ("database", "a\x9bb", r"database: it holds the control character U\+009B"),
    ("database", "", "database: it is empty"),
    ("user", "a\udcffb", r"user: it holds the control character U\+DCFF"),
    ("options", {"a": "b\0"}, r"options.a: it holds the control character"),
    ("options", {"": "b"}, "options: it is empty"),
    ("connect_timeout", 0, "connect_timeout: expected `float` > 0"),
    ("connect_timeout", math.nan, "connect_timeout: expected `float`"),
    ("statement_timeout", math.inf, "statement_timeout: expected `float` <="),
    ("application_name", "", "application_name: it is empty"),
    ("environment", "prod", "environment: invalid enum value 'prod'"),
    ("color", "rgb(1,2,3)", "color: it is neither #rrggbb nor one of red"),
    ("color", "#12345", "color: it is neither"),
    ("group", "Work//EU", "group: it is empty"),
    ("group", "/".join("abcdefghi"), "group: it is more than 8 levels deep"),
    ("secrets", {"password": 3}, "secrets"),
    ("secrets", {"gehe1m": "x"}, "secrets"),
    ("password", "gehe1m", "unknown field `password`"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(field: str, value: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        profile_from({**GOOD, field: value})
    assert "gehe1m" not in caught.value.message or field in ("secrets", "password")


@pytest.mark.parametrize(("inner", "words"), [
    ({"tls": {"mode": "off"}}, "tls.mode: invalid enum value"),
    ({"tls": {"ca": ""}}, "tls.ca: it is empty"),
    ({"tls": {"key": "/k"}}, "tls.key: a key is of no use"),
    ({"tunnel": {"enabled": True}}, "tunnel.host: a tunnel needs"),
    ({"tunnel": {"enabled": True, "host": "h", "method": "key"}}, "tunnel.key: the method key needs"),
    ({"tunnel": {"method": "none"}}, "tunnel.method: invalid enum value"),
    ({"tunnel": {"port": 70000}}, "tunnel.port: expected `int`"),
    ({"tunnel": {"passphrase": "x"}}, "unknown field `passphrase`"),
])  # fmt: skip
def test_the_inner_fields_are_named_with_their_path(inner: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        profile_from({**GOOD, **inner})


def test_a_profile_made_in_code_is_checked_as_well() -> None:
    with pytest.raises(InvalidInputError, match="name: it is empty"):
        Profile(name="", scheme="sqlite")
    with pytest.raises(InvalidInputError, match="color"):
        Profile(name="a", scheme="sqlite", color="reddish")
    for color in (*COLORS, "#A0b1c2"):
        assert Profile(name="a", scheme="sqlite", color=color).color == color
    assert Profile(name="a", scheme="sqlite").id != Profile(name="a", scheme="sqlite").id


@pytest.mark.parametrize("url", [
    "postgresql://h/d?options=-c%20x=1", "plain://h/d", "mysql:///d?unix_socket=/run/x", "sqlite:///x.db?mode=ro",
])  # fmt: skip
def test_what_a_driver_can_do_is_accepted(url: str, drivers: Registry[DriverSpec]) -> None:
    profile = of_url(url, drivers)
    check(profile, driver_of(profile, drivers))


def test_every_part_of_a_url_finds_its_field(drivers: Registry[DriverSpec]) -> None:
    url = "postgres://ann:gehe1m@db.example:5433/my%20db?sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k"
    fields, password, driver = fields_of_url(f"{url}&application_name=x&options=-c%20a=b", drivers)
    assert (password, driver.id) == ("gehe1m", "postgres")
    assert fields == {
        "scheme": "postgresql",
        "host": "db.example",
        "port": 5433,
        "user": "ann",
        "database": "my db",
        "options": {"options": "-c a=b"},
        "application_name": "x",
        "tls.mode": "verify-full",
        "tls.ca": "/ca",
        "tls.certificate": "/c",
        "tls.key": "/k",
    }


def test_files_are_named_absolutely(
    drivers: Registry[DriverSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fields_of_url("sqlite:///shop.db", drivers)[0]["database"] == str(tmp_path / "shop.db")
    for memory in ("sqlite:///:memory:", "sqlite:///x?mode=memory", "sqlite://"):
        assert "/" not in (fields_of_url(memory, drivers)[0]["database"] or "")
    fields = fields_of_url("mysql://h/d?ssl_ca=ca.pem&ssl_cert=~/c.pem", drivers)[0]
    assert (fields["tls.ca"], fields["tls.certificate"]) == (str(tmp_path / "ca.pem"), str(tmp_path / "c.pem"))
    assert fields_of_url("postgresql://h/d?sslrootcert=system", drivers)[0]["tls.ca"] == "system"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    there = {"tls.ca": str(tmp_path / "ca.pem")}
    profile = Profile(name="a", scheme="postgresql")
    check_files(profile.with_fields({**there, "tunnel.host": "h"}))
    check_files(profile.with_fields({"tls.ca": "system"}))
    for field in ("tls.ca", "tls.certificate", "tunnel.key"):
        with pytest.raises(InvalidInputError, match=f"{field}: there is no file"):
            check_files(profile.with_fields({field: "/no/such/file"}))


@pytest.mark.parametrize(("url", "mode"), [
    ("postgresql://db.example/d", "require"),
    ("postgresql://10.0.0.1/d", "require"),
    ("postgresql://127.0.0.1.example/d", "require"),
    ("postgresql://localhost.example/d", "require"),
    ("postgresql://localhost/d", "prefer"),
    ("postgresql://LOCALHOST/d", "prefer"),
    ("postgresql://127.8.0.1/d", "prefer"),
    ("postgresql://[::1]/d", "prefer"),
    ("postgresql:///d", "prefer"),
    ("postgresql://%2Frun%2Fpostgresql/d", "prefer"),
    ("postgresql://db.example/d?sslmode=prefer", "prefer"),
    ("postgresql://db.example/d?sslmode=disable", "disable"),
    ("postgresql://localhost/d?sslmode=verify-full", "verify-full"),
    ("mysql://db.example/d", "require"),
    ("mysql://db.example/d?ssl_mode=preferred", "prefer"),
    ("mysql://db.example/d?ssl_mode=prefer", "prefer"),
    ("mysql://db.example/d?ssl_mode=disable", "disable"),
    ("mysql://localhost/d?ssl_mode=REQUIRED", "require"),
    ("mysql://localhost/d?ssl_mode=VERIFY_IDENTITY", "verify-full"),
    ("mysql://db.example/d?unix_socket=/run/x", "prefer"),
    ("sqlite:///x.db", None),
    ("plain://db.example/d", None),
])  # fmt: skip
def test_tls_is_required_off_this_machine_unless_the_url_says_otherwise(
    url: str, mode: str | None, drivers: Registry[DriverSpec]
) -> None:
    profile = of_url(url, drivers)
    assert tls_mode(profile, driver_of(profile, drivers)) == mode
    moved = profile.with_fields({"host": "db.example"}) if profile.host == "localhost" else profile
    if profile.tls.mode is None and moved is not profile:
        assert tls_mode(moved, driver_of(moved, drivers)) == "require", "the host decides, not what it was before"


def test_each_driver_is_told_in_its_own_words(drivers: Registry[DriverSpec]) -> None:
    tls = {"tls.mode": "disable", "tls.ca": "/ca", "tls.certificate": "/c", "tls.key": "/k"}
    postgres = options(of_url("postgresql://h/d", drivers, **tls, application_name="bees"), drivers)
    assert postgres == {"sslmode": "disable", "sslrootcert": "/ca", "sslcert": "/c", "sslkey": "/k",
                        "application_name": "bees"}  # fmt: skip
    mysql = options(of_url("mysql://h/d", drivers, **tls), drivers)
    assert mysql == {"ssl_mode": "disable", "ssl_ca": "/ca", "ssl_cert": "/c", "ssl_key": "/k"}
    system = {"tls.mode": "verify-full", "tls.ca": "system"}
    assert options(of_url("mysql://h/d", drivers, **system), drivers) == {"ssl_mode": "verify-full", "ssl_ca": "system"}
    assert options(of_url("postgresql://h/d", drivers, **system), drivers) == {
        "sslmode": "verify-full", "sslrootcert": "system", "application_name": "alveary",
    }  # fmt: skip
    assert options(of_url("mysql://h/d", drivers), drivers) == {"ssl_mode": "require"}
    assert options(of_url("plain://h/d", drivers), drivers) == {}


@pytest.mark.parametrize(("url", "fields", "words"), [
    ("sqlite:///x.db", {"host": "h"}, "host: SQLite opens a file"),
    ("sqlite:///x.db", {"port": 1}, "port: SQLite opens a file"),
    ("sqlite:///x.db", {"user": "u"}, "user: SQLite opens a file"),
    ("sqlite:///x.db", {"tunnel.host": "h", "tunnel.enabled": True}, "tunnel: SQLite opens a file"),
    ("sqlite:///x.db", {"tls.mode": "require"}, "tls.mode: the SQLite driver has nothing of the kind"),
    ("plain://h/d", {"tls.ca": "/ca"}, "tls.ca: the Plain driver has nothing of the kind"),
    ("plain://h/d", {"read_only": True}, "read_only: the Plain driver can't"),
    ("plain://h/d", {"application_name": "x"}, "application_name: the Plain driver has nothing of the kind"),
    ("postgresql://h/d", {"options.nothing": "x"}, "options.nothing: the PostgreSQL driver has no such option"),
    ("postgresql://h/d", {"options.sslmode": "disable"}, "options.sslmode: .* or a field stands for it"),
    ("sqlite:///x.db", {"options.mode": "q"}, "options.mode: it is none of ro, rw"),
])  # fmt: skip
def test_what_a_driver_can_not_do_is_refused_by_name(
    url: str, fields: dict[str, Any], words: str, drivers: Registry[DriverSpec]
) -> None:
    profile = of_url(url, drivers, **fields)
    with pytest.raises(InvalidInputError, match=words):
        check(profile, driver_of(profile, drivers))


def test_a_mode_a_driver_does_not_have_is_refused_not_weakened(drivers: Registry[DriverSpec]) -> None:
    simple = DriverSpec(
        id="simple", name="Simple", schemes=("simple",), factory="x:y", capabilities=frozenset({Capability.READ_ONLY}),
        options=(OptionSpec(name="tls", description="", choices=("on", "off"), role="tls_mode",
                            words={"require": "on", "disable": "off", "prefer": "on"}),),
    )  # fmt: skip
    profile = Profile(name="a", scheme="simple", host="h")
    assert target_of(profile, simple).options == {"tls": "on"}
    with pytest.raises(InvalidInputError, match=r"tls\.mode: the Simple driver has no verify-full"):
        target_of(profile.with_fields({"tls.mode": "verify-full"}), simple)
    with pytest.raises(InvalidInputError, match=r"tls\.mode: allow can't be saved"):
        fields_of_url("postgresql://h/d?sslmode=allow", drivers)


def test_a_profile_becomes_a_target(drivers: Registry[DriverSpec]) -> None:
    profile = of_url("mysql://ann@h:3307/d", drivers, read_only=True, connect_timeout=3, statement_timeout=1.5)
    target = target_of(profile, driver_of(profile, drivers))
    assert target == Target(
        scheme="mysql", host="h", port=3307, user="ann", database="d", options={"ssl_mode": "require"}, read_only=True,
        profile_id=profile.id, name="shop", connect_timeout=3, statement_timeout=1.5,
    )  # fmt: skip
    assert (target.display(), target.url(), target.password) == ("shop", "mysql://ann@h:3307/d", None)
    assert target_of(of_url("mysql://h/d", drivers), mysql()[0], read_only=True).read_only


def test_a_connection_with_a_tunnel_is_never_made_around_it(drivers: Registry[DriverSpec]) -> None:
    profile = of_url("postgresql://localhost/d", drivers, **{"tunnel.host": "bastion", "tunnel.enabled": True})
    assert tls_mode(profile, postgres()[0]) == "require", "localhost is the bastion's"
    assert target_of(profile, postgres()[0]).tunnel == TunnelTarget(host="bastion")
    assert target_of(profile.with_fields({}, ["tunnel.enabled"]), postgres()[0]).host == "localhost"


def test_a_driver_that_is_not_installed_is_named(drivers: Registry[DriverSpec]) -> None:
    with pytest.raises(UnknownTargetError, match="duckdb://, which the connection 'shop' needs"):
        driver_of(Profile(name="shop", scheme="duckdb"), drivers)


def test_fields_are_unset_by_their_paths() -> None:
    profile = Profile(name="a", scheme="x", color="red", port=1, options={"a": "b", "c.d": "e"}).with_fields(
        {"tls.ca": "/ca", "tls.mode": "require", "tunnel.host": "h"}
    )
    assert profile.with_fields({}, ["color", "port", "tls", "tunnel", "options"]) == Profile(
        id=profile.id, name="a", scheme="x"
    )
    dotted = profile.with_fields({"tunnel.options.jump": "gate", "tunnel.options.config": "none"})
    assert dotted.tunnel.options == {"jump": "gate", "config": "none"}
    assert dotted.with_fields({}, ["tunnel.options.jump"]).tunnel.options == {"config": "none"}
    assert profile.with_fields({}, ["tls.ca", "options.c.d"]) == profile.with_fields(
        {"tls": {"mode": "require"}, "options": {"a": "b"}}
    )
    for wrong in ("name", "id", "scheme", "secrets", "colour", "tls.caa", "options.x", "", "tls.", ".", "port.x"):
        with pytest.raises(InvalidInputError, match="no field that can be unset"):
            profile.with_fields({}, [wrong])


@pytest.mark.parametrize("url", [
    "postgresql://ann:12/gehe1m@db.example/shop",
    "postgresql://ann:1/gehe1m@x@db.example/shop",
    "mysql://ann:12/34gehe1m@db.example",
])  # fmt: skip
def test_a_password_with_a_bare_slash_is_never_taken_for_a_database(url: str, drivers: Registry[DriverSpec]) -> None:
    with pytest.raises(MalformedUrlError) as caught:
        fields_of_url(url, drivers)
    assert "gehe1m" not in str(caught.value.record())


@given(st.text(string.printable + "äß漢\0\x9b", max_size=12), st.integers(0, 60))
def test_no_field_of_a_broken_url_holds_a_piece_of_the_password(junk: str, place: int) -> None:
    registry: Registry[DriverSpec] = Registry()
    for spec in (*postgres(), *mysql()):
        registry.add(spec, spec.schemes)
    url = "postgresql://ann:gehe1m@db.example:5432/shop?options=x"
    broken = url[:place] + junk + url[place:]
    if "gehe1m" not in broken:
        return
    said: object = None
    try:
        fields, _, _ = fields_of_url(broken, registry)
        # With a : put before it, what was the password may well be the user.
        said = {name: value for name, value in fields.items() if name != "user" or place > 16}
    except AlvearyError as error:
        said = error.record()
    assert "gehe1m" not in str(said), broken


def test_a_saved_name_is_a_target_everywhere(kernel: Kernel, shop: Path) -> None:
    kernel.profiles.add(Profile(name="My Shop", scheme="sqlite", database=str(shop), statement_timeout=60))
    for name in ("My Shop", "my shop"):
        target, driver = kernel.target(name)
        assert (target.display(), target.database, driver.id) == ("My Shop", str(shop), "sqlite")
    with kernel.connect("my shop") as session:
        result = session.run("select name from item order by id limit 1")
        assert result is not None
        assert list(result) == [("comb",)]
    assert "item" in [relation.name for relation in kernel.catalog("MY SHOP").relations("main")]


def test_the_timeouts_of_a_profile_are_kept(kernel: Kernel, shop: Path) -> None:
    from alveary.errors import QueryTimeoutError

    kernel.profiles.add(Profile(name="slow", scheme="sqlite", database=str(shop), statement_timeout=0.2))
    endless = "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t"
    with kernel.connect("slow") as session:
        with pytest.raises(QueryTimeoutError):
            session.run(endless)
        assert session.run("select 1", timeout=30) is not None


def test_a_url_opens_no_store(kernel: Kernel, shop_url: str, home: Path) -> None:
    kernel.target(shop_url)
    with pytest.raises(UnknownTargetError):
        kernel.target("nothing")
    assert not (home / "alveary.db").exists(), "nor does looking for a name where none is saved"


def test_read_only_is_what_the_profile_or_the_caller_says(kernel: Kernel, shop: Path) -> None:
    kernel.profiles.add(Profile(name="look", scheme="sqlite", database=str(shop), read_only=True))
    kernel.profiles.add(Profile(name="touch", scheme="sqlite", database=str(shop)))
    assert kernel.target("look")[0].read_only
    assert not kernel.target("touch")[0].read_only
    assert kernel.target("touch", read_only=True)[0].read_only
    assert os.path.isabs(kernel.target("touch")[0].database or "")
