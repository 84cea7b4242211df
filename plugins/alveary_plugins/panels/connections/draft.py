"""A connection as it is being described: what the form holds, and what becomes of it. No Tk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from alveary.contracts.specs import DriverSpec, TunnelSpec
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, InvalidInputError, UnknownTargetError
from alveary.plugins import Registry
from alveary.profiles import Profile, absolute, check, fields_of_url, target_of
from alveary.urls import url_of
from alveary_plugins.panels.connections.fields import (
    ARGUMENT,
    CONFIRMED,
    DRIVER,
    PASSWORD,
    SOURCE,
    SSH_SECRET,
    TUNNEL_OPTION,
    URL,
    Around,
    sections,
)
from alveary_shell.widgets.form_fields import YES

SECRET = frozenset((URL, PASSWORD, SSH_SECRET))
"""Fields that may hold a secret, which is written nowhere but into a vault."""

_FILES = ("tls.ca", "tls.certificate", "tls.key")
_TUNNEL = ("tunnel.enabled", "tunnel.kind", "tunnel.host", "tunnel.port", "tunnel.user", "tunnel.method", "tunnel.key")
_CONFIRM = tuple(f"confirm.{name}" for name in CONFIRMED)
_FIELDS = (
    "name", "host", "port", "database", "user", "group", "color", "environment", "read_only", *_CONFIRM,
    "connect_timeout", "statement_timeout", "password_ttl", "application_name", "tls.mode", *_FILES, *_TUNNEL,
)  # fmt: skip


# -- answers -------------------------------------------------------------------------------------------------------


def values_of(profile: Profile, driver: DriverSpec | None) -> dict[str, str]:
    """Return a saved connection as the form holds it."""
    plain = msgspec.to_builtins(profile)
    values = {DRIVER: driver.id if driver is not None else profile.scheme}
    for path in _FIELDS:
        holder, _, last = path.rpartition(".")
        value = (plain[holder] if holder else plain)[last]
        values[path] = _written(value)
    values |= {f"options.{name}": value for name, value in profile.options.items()}
    if profile.tunnel.host is None:  # nothing was ever said of it, so what holds by default says nothing either
        values |= dict.fromkeys(_TUNNEL, "")
    values |= {TUNNEL_OPTION + name: value for name, value in profile.tunnel.options.items()}
    values[SOURCE], _, values[ARGUMENT] = (profile.password_from or "").partition(":")
    return values


def values_of_url(url: str, drivers: Registry[DriverSpec]) -> dict[str, str]:
    """Return what a URL says as the form holds it, its password among it; raises what reading a URL raises."""
    fields, password, driver = fields_of_url(url, drivers)
    options = fields.pop("options")
    fields.pop("scheme")
    values = dict.fromkeys(("host", "port", "database", "user"), "")
    values |= {TUNNEL_OPTION + name: value for name, value in fields.pop("tunnel.options", {}).items()}
    values |= {path: _written(value) for path, value in fields.items()}
    values |= {f"options.{option.name}": "" for option in driver.options}
    values |= {f"options.{name}": value for name, value in options.items()}
    values[DRIVER] = driver.id
    if password is not None:
        values[PASSWORD] = password
    return values


def driver_of(values: Mapping[str, str], drivers: Registry[DriverSpec]) -> DriverSpec:
    """Return the driver that was chosen; UnknownTargetError if it is not installed."""
    if (driver := drivers.find(values.get(DRIVER, ""))) is None:
        raise UnknownTargetError("driver: no installed driver is of this kind", hint="see Plugins in the View menu")
    return driver


def profile_of(values: Mapping[str, str], driver: DriverSpec, tunnels: Iterable[TunnelSpec] = ()) -> Profile:
    """Return the connection that was described; InvalidInputError names the first field that is wrong."""
    kind = values.get("tunnel.kind") or "ssh"
    known = {option.name for each in tunnels if each.id == kind for option in each.options}
    others = {TUNNEL_OPTION + option.name for each in tunnels for option in each.options if option.name not in known}
    changes = _changes({name: value for name, value in values.items() if name not in others}, driver)
    profile = Profile(name=changes.pop("name", ""), scheme=driver.schemes[0]).with_fields(changes)
    if driver.file_based and profile.database is None:
        raise InvalidInputError("database: the path of a file is needed")
    check(profile, driver)
    return profile


def problems(values: Mapping[str, str], driver: DriverSpec, tunnels: Iterable[TunnelSpec] = ()) -> dict[str, str]:
    """Return what is wrong, by the names of the fields."""
    found: dict[str, str] = {}
    blank = Profile(name="x", scheme=driver.schemes[0])
    for path in [*_FIELDS, *(name for name in values if name.startswith(("options.", TUNNEL_OPTION)))]:
        if path == "tunnel.enabled":  # which alone is nothing
            continue
        value = values.get(path, "")
        try:
            if value or path == "name":
                blank.with_fields(_changes({path: value, "name": value if path == "name" else "x"}, driver))
        except InvalidInputError as exc:
            found[path] = problem(exc)[1]
    if not found:
        try:
            profile_of(values, driver, tunnels)
        except InvalidInputError as exc:
            field, said = problem(exc)
            found[field] = said
    return found


def problem(error: AlvearyError) -> tuple[str, str]:
    """Return the field that an error is about, "" if it does not say, and what it says."""
    words = error.message.split(": ")
    if words[0].startswith("connections."):
        words = words[1:]
    field = words[0].replace("tls_", "tls.").replace("confirm_", "confirm.")
    if field == "password_from":
        field = ARGUMENT
    if len(words) > 1 and (
        field in (*_FIELDS, PASSWORD, SSH_SECRET, ARGUMENT, DRIVER) or field.startswith(("options.", TUNNEL_OPTION))
    ):
        return field, ": ".join(words[1:])
    return "", error.message


def _changes(values: Mapping[str, str], driver: DriverSpec) -> dict[str, Any]:
    """Return what was typed as fields of a profile, those the driver does not ask left out."""
    asked = {field.name for section in sections(driver, Around(), values) for field in section.fields}
    changes: dict[str, Any] = {}
    options: dict[str, str] = {}
    for path, text in values.items():
        if path.startswith(TUNNEL_OPTION):
            if text and not driver.file_based:
                changes[path] = "true" if text == YES else text
            continue
        if not text or path not in asked:
            continue
        if path.startswith("options."):
            options[path.removeprefix("options.")] = text
        elif path in ("read_only", "tunnel.enabled"):
            changes[path] = text == YES
        elif path in ("port", "tunnel.port"):
            if not text.isascii() or not text.isdigit():
                raise InvalidInputError(f"{path}: it is not a whole number")
            changes[path] = int(text[:9])
        elif path in ("connect_timeout", "statement_timeout", "password_ttl"):
            changes[path] = _seconds(path, text)
        elif path in (*_FILES, "tunnel.key"):
            changes[path] = absolute(text)
        elif path == "database" and driver.file_based and text != ":memory:":
            changes[path] = os.path.abspath(os.path.expanduser(text))
        elif path in _FIELDS:
            changes[path] = text
    changes["options"] = options
    if source := "" if driver.file_based else values.get(SOURCE):
        argument = values.get(ARGUMENT, "")
        changes["password_from"] = f"{source}:{argument}" if argument else source
    return changes


def _seconds(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(f"{field}: it is not a number of seconds") from None


def _written(value: object) -> str:
    if value is None or value is False:
        return ""
    return YES if value is True else f"{value:g}" if isinstance(value, float) else str(value)


# -- what becomes of them ------------------------------------------------------------------------------------------


def url(values: Mapping[str, str], driver: DriverSpec, *, password: str | None = None) -> str:
    """Return the URL of what was typed so far, right or wrong."""
    options = {
        name.removeprefix("options."): value
        for name, value in values.items()
        if value and name.startswith("options.") and name.removeprefix("options.") in {o.name for o in driver.options}
    }
    port = values.get("port", "")
    server = not driver.file_based
    target = Target(
        scheme=driver.schemes[0],
        host=values.get("host") or None if server else None,
        port=int(port[:6]) if server and port.isascii() and port.isdigit() else None,
        user=values.get("user") or None if server else None,
        database=values.get("database") or None,
        options=options,
    )
    return url_of(target, driver, password=password)


def to_test(
    profile: Profile, driver: DriverSpec, saved: Profile | None, password: str | None, ssh_secret: str | None
) -> dict[str, Any]:
    """Return the parameters of ``connections.test`` for what was described, with everything the driver is told.

    What is not typed is taken from where it is kept for the connection that is ``saved``.
    """
    source = profile.password_from
    parameters = {
        "target": url_of(target_of(profile, driver), driver),
        "password": None if source else password,
        "password_from": source,
        "secrets_of": saved.name if saved is not None else None,
        "ssh_secret": ssh_secret,
    }
    return {name: value for name, value in parameters.items() if value is not None}


class Secrets(NamedTuple):
    """What is to become of the secrets: those that were typed and are to be kept, and those to be forgotten."""

    password: str | None = None
    ssh_secret: str | None = None
    forget: bool = False
    forget_ssh: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return them as parameters of a command, without what is not said."""
        said = {
            "password": self.password,
            "ssh_secret": self.ssh_secret,
            "forget_password": self.forget and not self.password,
            "forget_ssh_secret": self.forget_ssh and not self.ssh_secret,
        }
        return {name: value for name, value in said.items() if value}


def to_add(profile: Profile, driver: DriverSpec, secrets: Secrets) -> dict[str, Any]:
    """Return the parameters of ``connections.add``."""
    return {"name": profile.name, **_given(profile, driver), **secrets.parameters()}


def to_edit(old: Profile, new: Profile, driver: DriverSpec, secrets: Secrets) -> dict[str, Any]:
    """Return the parameters of ``connections.edit``."""
    given = _given(new, driver)
    unset = [
        path
        for path in ("group", "color", "environment", "read_only", *_CONFIRM, "connect_timeout", "statement_timeout",
                     "password_from", "password_ttl", "application_name", "tls.mode", *_FILES)
        if path.replace(".", "_") not in given
    ]  # fmt: skip
    if new.tunnel.host is None:
        unset.append("tunnel")
    else:
        unset += ["tunnel.options", *(f"tunnel.{name}" for name in ("port", "user", "method", "key"))]
    more: dict[str, Any] = {"rename": new.name} if new.name != old.name else {}
    return {"name": old.name, **given, "unset": unset, **more, **secrets.parameters()}


def _given(profile: Profile, driver: DriverSpec) -> dict[str, Any]:
    target = Target(
        scheme=driver.schemes[0],
        host=profile.host,
        port=profile.port,
        user=profile.user,
        database=profile.database,
        options=profile.options,
    )
    given: dict[str, Any] = {"url": url_of(target, driver)}
    for field in ("group", "color", "environment", "read_only", "connect_timeout", "statement_timeout",
                  "password_from", "password_ttl", "application_name"):  # fmt: skip
        given[field] = getattr(profile, field)
    for field in CONFIRMED:
        given[f"confirm_{field}"] = getattr(profile.confirm, field)
    for field in ("mode", "ca", "certificate", "key"):
        given[f"tls_{field}"] = getattr(profile.tls, field)
    if (tunnel := profile.tunnel).host is not None:
        given["tunnel"] = tunnel.kind if tunnel.enabled else "off"
        for field in ("host", "port", "user", "method", "key"):
            given[f"ssh_{field}"] = getattr(tunnel, field)
        given["tunnel_option"] = [f"{name}={value}" for name, value in tunnel.options.items()]
    return {name: value for name, value in given.items() if value}
