"""Profiles: how to reach a database and how to treat it; checked whenever one is made, edited or read.

A profile holds no password and no passphrase, only which vault keeps them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec, OptionRole, OptionSpec
from alveary.contracts.target import Confirm, Environment, Target, on_this_machine
from alveary.contracts.tunnel import TunnelMethod, TunnelTarget
from alveary.contracts.vault import SecretKind
from alveary.errors import InvalidInputError, UnknownTargetError
from alveary.plugins import Registry
from alveary.urls import read_url

TlsMode: TypeAlias = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]

#: The colours that have a name.
COLORS = {
    "red": "#d64545",
    "orange": "#d97706",
    "yellow": "#caa300",
    "green": "#2f9e44",
    "teal": "#0f9aa8",
    "blue": "#2f6fde",
    "purple": "#8250df",
    "pink": "#d6409f",
    "brown": "#8d6240",
    "gray": "#7a8290",
}
SYSTEM = "system"
"""As ``tls.ca``: the authorities the system trusts."""
LONGEST_NAME = 64
DEEPEST = 8
"""Levels of groups."""

_LONGEST = 4096
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ALWAYS_SET = ("id", "name", "scheme", "secrets")
_INNER = ("tls", "tunnel", "options", "confirm")
_TUNNEL_OPTIONS = "tunnel.options"
_TLS_FIELDS: dict[OptionRole | None, str] = {
    "tls_mode": "mode",
    "tls_ca": "ca",
    "tls_certificate": "certificate",
    "tls_key": "key",
}


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far TLS goes, and the files it needs.

    Without a ``mode`` it is ``require``, and ``prefer`` for a server on this machine. ``ca`` is a file of the
    authorities to trust, or ``system``; ``certificate`` and ``key`` are our own.
    """

    mode: TlsMode | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInputError for a field that makes no sense."""
        for name in ("ca", "certificate", "key"):
            check_text(f"tls.{name}", getattr(self, name))
        if self.key is not None and self.certificate is None:
            raise InvalidInputError("tls.key: a key is of no use without tls.certificate")


class Tunnel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SSH server to go through; ``key`` is the path of a key file, for the method of that name.

    ``kind`` names who opens the tunnel, and ``options`` are what that takes besides, by its own names.
    """

    enabled: bool = False
    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]*$")] = "ssh"
    host: str | None = None
    port: Port = 22
    user: str | None = None
    method: TunnelMethod = "agent"
    key: str | None = None
    options: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Raise InvalidInputError for a field that makes no sense."""
        _check_host("tunnel.host", self.host)
        check_text("tunnel.user", self.user)
        check_text("tunnel.key", self.key)
        for option, value in self.options.items():
            check_text("tunnel.options", option)
            check_text(f"tunnel.options.{option}", value)
        if self.enabled and self.host is None:
            raise InvalidInputError("tunnel.host: a tunnel needs the SSH server's name")
        if self.enabled and self.method == "key" and self.key is None:
            raise InvalidInputError("tunnel.key: the method key needs the path of a key file")

    def target(self) -> TunnelTarget | None:
        """Return the tunnel as it is opened; None if it is switched off."""
        if not self.enabled or self.host is None:
            return None
        return TunnelTarget(
            kind=self.kind,
            host=self.host,
            port=self.port,
            user=self.user,
            method=self.method,
            key=self.key,
            options=tuple(sorted(self.options.items())),
        )


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A saved connection.

    ``scheme`` names the driver and ``options`` are the driver's, by its own names, without those that have a field
    here. ``group`` is a path such as ``"Work/EU"``, "" for none. ``secrets`` tells which vault keeps which of its
    secrets. ``confirm`` says which statements a person must confirm first, where that is not what its ``environment``
    says. ``password_from`` names what gives the password, such as ``env:SHOP_PASSWORD``, and ``password_ttl`` for how
    long it is remembered. Timeouts are in seconds. A field that makes no sense raises InvalidInputError, which names
    it.
    """

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")] = msgspec.field(default_factory=lambda: os.urandom(8).hex())
    name: str
    scheme: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]*$")]
    host: str | None = None
    port: Port | None = None
    database: str | None = None
    user: str | None = None
    options: dict[str, str] = {}
    tls: Tls = msgspec.field(default_factory=Tls)
    tunnel: Tunnel = msgspec.field(default_factory=Tunnel)
    connect_timeout: Seconds | None = None
    statement_timeout: Seconds | None = None
    application_name: str | None = None
    read_only: bool = False
    environment: Environment | None = None
    confirm: Confirm = Confirm()
    color: str | None = None
    group: str = ""
    password_from: str | None = None
    password_ttl: Seconds | None = None
    secrets: dict[SecretKind, str] = {}

    def __post_init__(self) -> None:
        """Raise InvalidInputError for a field that makes no sense, whatever the driver."""
        check_name("name", self.name)
        if "://" in self.name:
            raise InvalidInputError("name: a name with :// would be taken for a URL")
        _check_host("host", self.host)
        for name in ("database", "user"):
            check_text(name, getattr(self, name))
        for option, value in self.options.items():
            check_text("options", option)
            if value:
                check_text(f"options.{option}", value)
        if self.application_name is not None:
            check_name("application_name", self.application_name)
        check_color(self.color)
        check_text("password_from", self.password_from)
        if self.group:
            group_path(self.group)

    def with_fields(self, changes: dict[str, Any], unset: Iterable[str] = ()) -> Profile:
        """Return the profile with some fields changed, and others as if they had never been set.

        Fields of ``tls``, ``tunnel`` and ``options`` are named with a dot, as in ``tls.ca``.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        for path in unset:
            holder, last = _place(plain, path)
            if last not in holder or (holder is plain and last in _ALWAYS_SET):
                raise InvalidInputError(
                    f"unset: {path!r} is no field that can be unset",
                    hint=f"fields: {', '.join(name for name in plain if name not in _ALWAYS_SET)}, tls.ca and so on",
                )
            if last in _INNER:
                holder[last] = {}
            else:
                holder.pop(last)
        for path, value in changes.items():
            holder, last = _place(plain, path)
            holder[last] = value
        return profile_from(plain)


def profile_from(plain: Any) -> Profile:
    """Return a profile from plain data, as JSON has it; InvalidInputError names the field that is wrong."""
    try:
        return msgspec.convert(plain, Profile)
    except msgspec.ValidationError as exc:
        # msgspec names the field last, as a path: "Expected `int` <= 65535 - at `$.port`".
        what, _, path = str(exc).rpartition(" - at `$.")
        raise InvalidInputError(f"{path.rstrip('`')}: {what[0].lower()}{what[1:]}" if what else str(exc)) from None


# -- what is checked ---------------------------------------------------------------------------------------------


def check_name(field: str, name: str) -> None:
    """Raise InvalidInputError, naming the field, for what can't be the name of something in a list."""
    if not name:
        raise InvalidInputError(f"{field}: it is empty")
    if len(name) > LONGEST_NAME:
        raise InvalidInputError(f"{field}: it is longer than {LONGEST_NAME} characters")
    if not name.isprintable():
        invisible = next(char for char in name if not char.isprintable())
        raise InvalidInputError(f"{field}: it holds U+{ord(invisible):04X}, which can't be seen")
    if name != name.strip():
        raise InvalidInputError(f"{field}: it begins or ends with a space")
    if name.startswith("-"):
        raise InvalidInputError(f"{field}: it begins with -, as an option does")


def check_text(field: str, text: str | None) -> None:
    """Raise InvalidInputError, naming the field, for text that is empty, very long, or holds a control character."""
    if text is None:
        return
    if not text:
        raise InvalidInputError(f"{field}: it is empty", hint=f"leave it out; --unset {field} takes it away")
    if len(text) > _LONGEST:
        raise InvalidInputError(f"{field}: it is longer than {_LONGEST} characters")
    if (found := _CONTROL.search(text)) is not None:
        raise InvalidInputError(f"{field}: it holds the control character U+{ord(found[0]):04X}")


def check_color(color: str | None) -> None:
    """Raise InvalidInputError for what is no colour."""
    if color is not None and color not in COLORS and not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise InvalidInputError(f"color: it is neither #rrggbb nor one of {', '.join(COLORS)}")


def group_path(path: str) -> list[str]:
    """Return the names of a path of groups such as ``"Work/EU"``, from the outermost on."""
    names = path.split("/")
    if len(names) > DEEPEST:
        raise InvalidInputError(f"group: it is more than {DEEPEST} levels deep")
    for name in names:
        check_name("group", name)
    return names


def check(profile: Profile, driver: DriverSpec) -> None:
    """Raise InvalidInputError, naming the field, for what this driver can't do."""
    if driver.file_based:
        server_only = {
            "host": profile.host,
            "port": profile.port,
            "user": profile.user,
            "tunnel": profile.tunnel.enabled or None,
            "password_from": profile.password_from,
        }
        for field, value in server_only.items():
            if value is not None:
                raise InvalidInputError(f"{field}: {driver.name} opens a file, which has none")
    if profile.read_only and Capability.READ_ONLY not in driver.capabilities:
        raise InvalidInputError(f"read_only: the {driver.name} driver can't open a database read-only")
    known = {option.name: option for option in driver.options if not _has_a_field(option)}
    for name, value in profile.options.items():
        if name not in known:
            raise InvalidInputError(
                f"options.{name}: the {driver.name} driver has no such option, or a field stands for it",
                hint=f"known options: {', '.join(known) or 'none'}",
            )
        if known[name].choices and value not in known[name].choices:
            raise InvalidInputError(f"options.{name}: it is none of {', '.join(known[name].choices)}")
    _said_in_fields(profile, driver)


def check_files(profile: Profile) -> None:
    """Raise InvalidInputError, naming the field, for a file that is not there now."""
    for field, path in (
        ("tls.ca", profile.tls.ca if profile.tls.ca != SYSTEM else None),
        ("tls.certificate", profile.tls.certificate),
        ("tls.key", profile.tls.key),
        ("tunnel.key", profile.tunnel.key),
    ):
        if path is not None and not os.path.isfile(path):
            raise InvalidInputError(f"{field}: there is no file {path}")


def _check_host(field: str, host: str | None) -> None:
    check_text(field, host)
    # What a URL gone wrong leaves here may be a password.
    if host is not None and ("@" in host or " " in host or "://" in host):
        raise InvalidInputError(f"{field}: it is no name of a host")


# -- from a URL, and to a target ---------------------------------------------------------------------------------


def fields_of_url(
    url: str, drivers: Registry[DriverSpec], *, folder: Path | str = ""
) -> tuple[dict[str, Any], str | None, DriverSpec]:
    """Return the fields of a profile that a URL says, by their paths, its password, and its driver.

    Raises what reading a URL raises. Files are named by their absolute paths: a profile is used from anywhere. Relative
    ones are meant from ``folder`` on, "" for the working directory.
    """
    target, driver = read_url(url, drivers)
    fields: dict[str, Any] = {name: getattr(target, name) for name in ("scheme", "host", "port", "user", "database")}
    if driver.file_based and target.database not in (None, ":memory:") and target.options.get("mode") != "memory":
        fields["database"] = os.path.abspath(os.path.join(folder, str(target.database)))
    fields["options"] = {}
    options = {option.name: option for option in driver.options}
    for name, value in target.options.items():
        option = options[name]
        if not _has_a_field(option):
            fields["options"][name] = value
        elif option.role == "application_name":
            fields["application_name"] = value or None
        else:
            ours = {theirs: word for word, theirs in option.words.items() if theirs}
            word = ours.get(value, value)
            fields[f"tls.{_TLS_FIELDS[option.role]}"] = word if option.role == "tls_mode" else absolute(word, folder)
    if (tunnel := target.tunnel) is not None:
        fields["tunnel.enabled"] = True
        fields |= {f"tunnel.{name}": getattr(tunnel, name) for name in ("kind", "host", "port", "user", "method")}
        fields["tunnel.key"] = absolute(tunnel.key, folder) if tunnel.key else None
        fields["tunnel.options"] = dict(tunnel.options)
    mode = fields.get("tls.mode")
    if mode is not None and mode not in get_args(TlsMode):
        raise InvalidInputError(f"tls.mode: {mode} can't be saved", hint=f"there are {', '.join(get_args(TlsMode))}")
    return fields, target.password, driver


def absolute(path: str, folder: Path | str = "") -> str | None:
    """Return a file's absolute path, None for an empty one; ``system`` stays. See :func:`fields_of_url`."""
    return path if path == SYSTEM else os.path.abspath(os.path.join(folder, os.path.expanduser(path))) if path else None


def name_key(name: str) -> str:
    """Return what is the same for names that a person would take for the same."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def driver_of(profile: Profile, drivers: Registry[DriverSpec]) -> DriverSpec:
    """Return a profile's driver; UnknownTargetError if it is not installed."""
    if (driver := drivers.find(profile.scheme)) is None:
        raise UnknownTargetError(
            f"no installed driver speaks {profile.scheme}://, which the connection {profile.name!r} needs",
            hint="install the plugin that brings it; see: alveary plugins",
        )
    return driver


def target_of(profile: Profile, driver: DriverSpec, *, read_only: bool = False) -> Target:
    """Return where a profile leads, as the driver is handed it, without a password.

    Raises InvalidInputError for what the driver can't do.
    """
    check(profile, driver)
    options = {option.name: option.default for option in driver.options if option.default is not None}
    return Target(
        scheme=driver.schemes[0],
        host=profile.host,
        port=profile.port,
        user=profile.user,
        database=profile.database,
        options=options | profile.options | _said_in_fields(profile, driver),
        read_only=read_only or profile.read_only,
        tunnel=profile.tunnel.target(),
        profile_id=profile.id,
        name=profile.name,
        connect_timeout=profile.connect_timeout,
        statement_timeout=profile.statement_timeout,
        environment=profile.environment,
    )


def address(profile: Profile) -> str:
    """Return where a profile leads as a URL without options: safe on a screen."""
    return Target(
        scheme=profile.scheme, host=profile.host, port=profile.port, user=profile.user, database=profile.database
    ).url()


def tls_mode(profile: Profile, driver: DriverSpec) -> TlsMode | None:
    """Return how far TLS goes for a profile; None where the driver has none."""
    roles = {option.role: option for option in driver.options}
    if "tls_mode" not in roles:
        return None
    socket = roles.get("socket")
    is_here = (socket is not None and socket.name in profile.options) or on_this_machine(profile.host)
    return profile.tls.mode or ("prefer" if is_here and not profile.tunnel.enabled else "require")


def _has_a_field(option: OptionSpec) -> bool:
    return option.role in _TLS_FIELDS or option.role == "application_name"


def _said_in_fields(profile: Profile, driver: DriverSpec) -> dict[str, str]:
    """Return the driver's options for what has a field in a profile; InvalidInputError where there is no option."""
    by_role = {option.role: option for option in driver.options}
    said: dict[OptionRole, tuple[str, str | None]] = {
        "tls_mode": ("tls.mode", tls_mode(profile, driver) or profile.tls.mode),
        "tls_ca": ("tls.ca", profile.tls.ca),
        "tls_certificate": ("tls.certificate", profile.tls.certificate),
        "tls_key": ("tls.key", profile.tls.key),
        "application_name": ("application_name", profile.application_name),
    }
    options = {}
    for role, (field, value) in said.items():
        if value is None:
            continue
        if (option := by_role.get(role)) is None:
            raise InvalidInputError(f"{field}: the {driver.name} driver has nothing of the kind")
        word = option.words.get(value, value)
        if word and option.choices and word not in option.choices:
            raise InvalidInputError(f"{field}: the {driver.name} driver has no {value}")
        if word:
            options[option.name] = word
    return options


def _place(plain: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return what holds the field of a path such as ``tls.ca``, and its name there."""
    if path.startswith(f"{_TUNNEL_OPTIONS}."):
        options: dict[str, Any] = plain["tunnel"]["options"]
        return options, path.removeprefix(f"{_TUNNEL_OPTIONS}.")
    first, dot, rest = path.partition(".")
    return (plain[first], rest) if dot and first in _INNER else (plain, path)
