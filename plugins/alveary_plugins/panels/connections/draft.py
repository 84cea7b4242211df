"""A connection as it is being described: what a driver makes the form ask, and what becomes of the answers. No Tk."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from alveary.contracts.availability import installed
from alveary.contracts.driver import Capability
from alveary.contracts.factory import load_factory
from alveary.contracts.setting import value_text
from alveary.contracts.specs import DriverSpec, OptionSpec, TunnelSpec
from alveary.contracts.target import Target
from alveary.contracts.vault import SecretKey, Vault
from alveary.errors import AlvearyError, InvalidInputError, KeyringFailedError, UnknownTargetError, described
from alveary.kernel import Kernel
from alveary.plugins import Registry
from alveary.profiles import COLORS, Profile, absolute, check, fields_of_url, target_of
from alveary.urls import url_of
from alveary_shell.widgets.form_fields import YES, Choice, Field, Section

_log = logging.getLogger(__name__)

URL, PASSWORD, REMEMBER, FORGET, DRIVER = "url", "password", "remember", "forget", "driver"
SECRET = frozenset((URL, PASSWORD))
"""Fields that may hold a password, which is written nowhere but into a vault."""

_FILES = ("tls.ca", "tls.certificate", "tls.key")
_TUNNEL = ("tunnel.enabled", "tunnel.kind", "tunnel.host", "tunnel.port", "tunnel.user", "tunnel.method", "tunnel.key")
_TUNNEL_OPTION = "tunnel.options."
_FIELDS = (
    "name", "host", "port", "database", "user", "group", "color", "environment", "read_only", "connect_timeout",
    "statement_timeout", "application_name", "tls.mode", *_FILES, *_TUNNEL,
)  # fmt: skip
_TLS_ROLES = ("tls_mode", "tls_ca", "tls_certificate", "tls_key")
_TLS_MODES = (
    Choice("", "as usual: require, on this machine prefer"),
    Choice("disable", "disable: never encrypt"),
    Choice("prefer", "prefer: encrypt if the server can"),
    Choice("require", "require: encrypt, whoever answers"),
    Choice("verify-ca", "verify-ca: with a certificate that can be trusted"),
    Choice("verify-full", "verify-full: and that is for this host"),
)


# -- what is asked -------------------------------------------------------------------------------------------------


def sections(
    driver: DriverSpec,
    drivers: Iterable[DriverSpec],
    groups: Iterable[str],
    *,
    vault: str | None,
    kept: str | None,
    tunnels: Iterable[TunnelSpec] = (),
    tunnel: str = "ssh",
) -> list[Section]:
    """Return what the form asks of a connection of a driver.

    ``vault`` is what a sentence calls the vault that can be used, None if there is none; ``kept`` the one that keeps
    the password already. ``tunnel`` is the kind of tunnel that was chosen among those there are.
    """
    engines = tuple(Choice(each.id, each.name) for each in drivers)
    beginning = [
        Field(URL, "URL", hint="paste one to fill in the rest"),
        Field("name", "Name", hint="what you call it", width=36),
        Field(DRIVER, "Engine", "choice", engines, width=24),
    ]
    return [
        Section("", tuple(beginning)),
        Section("File" if driver.file_based else "Server", tuple(_place(driver, vault, kept))),
        Section("How it is treated", tuple(_treatment(driver, groups))),
        *_encryption(driver),
        *_tunnel(driver, list(tunnels), tunnel),
        Section("More", tuple(_more(driver))),
    ]


def _place(driver: DriverSpec, vault: str | None, kept: str | None) -> list[Field]:
    if driver.file_based:
        return [Field("database", "File", "file", hint="path of the database", width=48)]
    fields = [
        Field("host", "Host", hint="localhost", width=36),
        Field("port", "Port", width=7, beside=True),
        Field("database", "Database", width=36),
        Field("user", "User", width=36),
    ]
    said = "There is no keyring that can be used: the password is only kept until the window closes."
    if kept is not None:
        said = "A password is kept; what is typed here takes its place."
    elif vault is not None:
        said = ""
    fields.append(Field(PASSWORD, "Password", "secret", description=said, width=36))
    if vault is not None:
        fields.append(Field(REMEMBER, "", "switch", hint=f"Remember it in {vault}"))
    if kept is not None:
        fields.append(Field(FORGET, "", "switch", hint="Forget the password that is kept"))
    return fields


def _treatment(driver: DriverSpec, groups: Iterable[str]) -> list[Field]:
    environments = (
        Choice("", "none"),
        Choice("local", "local"),
        Choice("staging", "staging"),
        Choice("production", "production"),
    )
    colors = (Choice("", "none"), *(Choice(name, name, color) for name, color in COLORS.items()))
    fields = [
        Field("group", "Group", "suggested", tuple(Choice(path, path) for path in groups), hint="none", width=36),
        Field("environment", "Environment", "segments", environments),
        Field("color", "Colour", "color", colors),
    ]
    if Capability.READ_ONLY in driver.capabilities:
        fields.append(Field("read_only", "", "switch", hint="Read-only: the server refuses to write"))
    return fields


def _encryption(driver: DriverSpec) -> list[Section]:
    roles = {option.role for option in driver.options}
    fields = {
        "tls_mode": Field("tls.mode", "TLS", "choice", _TLS_MODES, width=48),
        "tls_ca": Field("tls.ca", "Authorities", "file", hint="file of those to trust, or: system", width=48),
        "tls_certificate": Field("tls.certificate", "Our certificate", "file", width=48),
        "tls_key": Field("tls.key", "Its key", "file", width=48),
    }
    asked = tuple(field for role, field in fields.items() if role in roles)
    return [Section("Encryption", asked)] if asked else []


def _tunnel(driver: DriverSpec, tunnels: list[TunnelSpec], chosen: str) -> list[Section]:
    if driver.file_based:
        return []
    methods = (Choice("agent", "agent"), Choice("key", "key"), Choice("password", "password"))
    fields = [
        Field("tunnel.enabled", "", "switch", hint="Go through an SSH server"),
        Field("tunnel.kind", "Opened by", "choice", tuple(Choice(each.id, each.name) for each in tunnels), width=24),
        Field("tunnel.host", "SSH server", hint="bastion.example", width=36),
        Field("tunnel.port", "Port", hint="22", width=7, beside=True),
        Field("tunnel.user", "SSH user", hint="yours", width=36),
        Field("tunnel.method", "By", "segments", methods),
        Field("tunnel.key", "Key", "file", hint="file of the key, for that method", width=48),
    ]
    for option in next((each.options for each in tunnels if each.id == chosen), ()):
        name = _TUNNEL_OPTION + option.name
        if option.kind == "bool":
            fields.append(Field(name, "", "switch", hint=f"{option.name}: {option.description}"))
        else:
            fields.append(Field(name, option.name, hint=value_text(option.kind, option.default),
                                description=option.description, width=36))  # fmt: skip
    return [Section("SSH tunnel", tuple(fields))]


def _more(driver: DriverSpec) -> list[Field]:
    fields = [
        Field("connect_timeout", "Connecting takes", hint="usual", width=7,
              description="seconds at most"),
        Field("statement_timeout", "A statement takes", hint="any", width=7, description="seconds at most"),
    ]  # fmt: skip
    for option in driver.options:
        if option.role == "application_name":
            fields.append(
                Field("application_name", "Our name there", hint=option.default or "", width=36,
                      description=option.description)
            )  # fmt: skip
        elif option.role not in _TLS_ROLES:
            fields.append(_option(option))
    return fields


def _option(option: OptionSpec) -> Field:
    name, default = f"options.{option.name}", option.default or ""
    if not option.choices:
        return Field(name, option.name, hint=default, description=option.description, width=36)
    usual = Choice("", f"as usual: {default}" if default else "as usual")
    choices = (usual, *(Choice(each, each) for each in option.choices))
    return Field(name, option.name, "choice", choices, description=option.description, width=24)


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
    values |= {_TUNNEL_OPTION + name: value for name, value in profile.tunnel.options.items()}
    return values


def values_of_url(url: str, drivers: Registry[DriverSpec]) -> dict[str, str]:
    """Return what a URL says as the form holds it, its password among it; raises what reading a URL raises."""
    fields, password, driver = fields_of_url(url, drivers)
    options = fields.pop("options")
    fields.pop("scheme")
    values = dict.fromkeys(("host", "port", "database", "user"), "")
    values |= {_TUNNEL_OPTION + name: value for name, value in fields.pop("tunnel.options", {}).items()}
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
        raise UnknownTargetError("driver: no installed driver is of this kind", hint="see: alveary plugins")
    return driver


def profile_of(values: Mapping[str, str], driver: DriverSpec, tunnels: Iterable[TunnelSpec] = ()) -> Profile:
    """Return the connection that was described; InvalidInputError names the first field that is wrong."""
    kind = values.get("tunnel.kind") or "ssh"
    known = {option.name for each in tunnels if each.id == kind for option in each.options}
    others = {_TUNNEL_OPTION + option.name for each in tunnels for option in each.options if option.name not in known}
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
    for path in [*_FIELDS, *(name for name in values if name.startswith(("options.", _TUNNEL_OPTION)))]:
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
    field = words[0].replace("tls_", "tls.")
    if len(words) > 1 and (field in (*_FIELDS, PASSWORD, DRIVER) or field.startswith(("options.", _TUNNEL_OPTION))):
        return field, ": ".join(words[1:])
    return "", error.message


def _changes(values: Mapping[str, str], driver: DriverSpec) -> dict[str, Any]:
    """Return what was typed as fields of a profile, those the driver does not ask left out."""
    asked = {field.name for section in sections(driver, (), (), vault=None, kept=None) for field in section.fields}
    changes: dict[str, Any] = {}
    options: dict[str, str] = {}
    for path, text in values.items():
        if path.startswith(_TUNNEL_OPTION):
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
        elif path in ("connect_timeout", "statement_timeout"):
            changes[path] = _seconds(path, text)
        elif path in (*_FILES, "tunnel.key"):
            changes[path] = absolute(text)
        elif path == "database" and driver.file_based and text != ":memory:":
            changes[path] = os.path.abspath(os.path.expanduser(text))
        elif path in _FIELDS:
            changes[path] = text
    changes["options"] = options
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


def test_url(profile: Profile, driver: DriverSpec, password: str | None) -> str:
    """Return the URL by which what was described is tried, with everything the driver is told."""
    return url_of(target_of(profile, driver), driver, password=password)


def to_add(profile: Profile, driver: DriverSpec, password: str | None) -> dict[str, Any]:
    """Return the parameters of ``connections.add``."""
    return {"name": profile.name, **_given(profile, driver), **({"password": password} if password else {})}


def to_edit(old: Profile, new: Profile, driver: DriverSpec, password: str | None, *, forget: bool) -> dict[str, Any]:
    """Return the parameters of ``connections.edit``."""
    given = _given(new, driver)
    unset = [
        path
        for path in ("group", "color", "environment", "read_only", "connect_timeout", "statement_timeout",
                     "application_name", "tls.mode", *_FILES)
        if path.replace(".", "_") not in given
    ]  # fmt: skip
    if new.tunnel.host is None:
        unset.append("tunnel")
    else:
        unset += ["tunnel.options", *(f"tunnel.{name}" for name in ("port", "user", "method", "key"))]
    more: dict[str, Any] = {"rename": new.name} if new.name != old.name else {}
    if password:
        more["password"] = password
    elif forget:
        more["forget_password"] = True
    return {"name": old.name, **given, "unset": unset, **more}


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
                  "application_name"):  # fmt: skip
        given[field] = getattr(profile, field)
    for field in ("mode", "ca", "certificate", "key"):
        given[f"tls_{field}"] = getattr(profile.tls, field)
    if (tunnel := profile.tunnel).host is not None:
        given["tunnel"] = tunnel.kind if tunnel.enabled else "off"
        for field in ("host", "port", "user", "method", "key"):
            given[f"ssh_{field}"] = getattr(tunnel, field)
        given["tunnel_option"] = [f"{name}={value}" for name, value in tunnel.options.items()]
    return {name: value for name, value in given.items() if value}


# -- passwords -----------------------------------------------------------------------------------------------------

_passwords: WeakKeyDictionary[Kernel, dict[str, str]] = WeakKeyDictionary()


def remember(kernel: Kernel, profile_id: str, password: str) -> None:
    """Keep the password of a saved connection in memory only, as long as the kernel lives."""
    if kernel not in _passwords:
        kept = _passwords[kernel] = {}
        kernel.credentials.sources.append(
            lambda target: kept.get(target.profile_id) if target.profile_id is not None else None
        )
    kernel.credentials.use(password)
    _passwords[kernel][profile_id] = password


def password_of(kernel: Kernel, profile: Profile) -> str | None:
    """Return the password that is kept for a saved connection; may take its time and raise what a vault raises."""
    return _passwords.get(kernel, {}).get(profile.id) or kernel.secrets.find(SecretKey(profile.id, "password"))


def usable_vault(kernel: Kernel) -> str | None:
    """Return what the vault is called that passwords can be given to, None if there is none; may take its time."""
    for spec in kernel.plugins.vaults:
        try:
            if installed(spec.package):
                vault: Vault = load_factory(spec.factory)()
                vault.check()
                return spec.name
        except KeyringFailedError:
            continue
        except Exception as exc:  # noqa: BLE001  # a stranger's vault; the next one may do
            _log.warning("the vault %s can't be used: %s", spec.id, described(exc))
    return None
