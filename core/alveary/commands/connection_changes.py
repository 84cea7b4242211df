"""``connections.add``, ``edit``, ``remove`` and ``copy``: what changes the saved connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import Confirming, confirm_lowering, confirm_source
from alveary.commands.connections import Name, keep, line, render_kept, ssh_kind
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Environment, Level, Target
from alveary.contracts.tunnel import TunnelMethod
from alveary.contracts.vault import SecretKey
from alveary.errors import AlvearyError, InvalidInputError, NameTakenError, QueryCancelledError
from alveary.policy import effective, tightened
from alveary.profiles import (
    Profile,
    TlsMode,
    absolute,
    address,
    check,
    check_files,
    driver_of,
    fields_of_url,
    tls_mode,
)
from alveary.secrets import Kept

if TYPE_CHECKING:
    from alveary.kernel import Kernel

SecretText = Annotated[
    str | None, Meta(description="The password to keep; on the command line --password-stdin.", extra={"secret": True})
]


class SavedConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as it was saved, and where a password went that was given; None if none was.

    ``hint`` is something a person should know.
    """

    profile: Profile
    url: str
    tls: TlsMode | None = None
    password: Kept | None = None
    ssh_secret: Kept | None = None
    hint: str | None = None


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed; ``password_forgotten`` says whether a vault held a password that is gone with it."""

    name: str
    password_forgotten: bool


class _Fields(Confirming, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a connection beside where it leads."""

    group: Annotated[str | None, Meta(description="Group it stands in, such as Work/EU; made if need be.")] = None
    color: Annotated[str | None, Meta(description="Colour that marks it: #rrggbb, red, orange, yellow, green …")] = None
    environment: Annotated[Environment | None, Meta(description="What kind of data it leads to.")] = None
    read_only: Annotated[bool, Meta(description="Refuse to write.")] = False
    confirm_writes: Annotated[
        Level | None, Meta(description="Whether a person must confirm what writes; else its environment says it.")
    ] = None
    confirm_ddl: Annotated[Level | None, Meta(description="The same for DDL.")] = None
    confirm_unfiltered: Annotated[
        Level | None, Meta(description="The same for UPDATE or DELETE without WHERE, and TRUNCATE.")
    ] = None
    tls_mode: Annotated[
        TlsMode | None, Meta(description="How far TLS goes; require off this machine if nothing is said.")
    ] = None
    tls_ca: Annotated[str | None, Meta(description="File of the authorities to trust, or system.")] = None
    tls_certificate: Annotated[str | None, Meta(description="File of our own certificate.")] = None
    tls_key: Annotated[str | None, Meta(description="File of the key of our own certificate.")] = None
    tunnel: Annotated[
        str | None, Meta(description="Who opens the SSH tunnel: ssh (built in), openssh (your ssh program), or off.")
    ] = None
    ssh_host: Annotated[str | None, Meta(description="SSH server to go through.")] = None
    ssh_port: Annotated[int, Meta(ge=1, le=65535, description="Port of the SSH server.")] | None = None
    ssh_user: Annotated[str | None, Meta(description="User on the SSH server.")] = None
    ssh_method: Annotated[
        TunnelMethod | None,
        Meta(description="How to prove who we are to the SSH server; key where --ssh-key is given, else agent."),
    ] = None
    ssh_key: Annotated[str | None, Meta(description="File of the key for the SSH server.")] = None
    ssh_jump: Annotated[
        str | None, Meta(description="Servers before the SSH server, the first one first: ann@gate:2222,inner.")
    ] = None
    tunnel_option: Annotated[list[str], Meta(description="Option of the tunnel, NAME=VALUE.")] = []
    connect_timeout: Annotated[float, Meta(gt=0, description="Seconds connecting may take.")] | None = None
    statement_timeout: Annotated[float, Meta(gt=0, description="Seconds each statement may run.")] | None = None
    application_name: Annotated[str | None, Meta(description="Name the server shows for us.")] = None
    password_from: Annotated[
        str | None,
        Meta(description="What gives the password: env:VARIABLE, pgpass or pgpass:FILE, command:PROGRAM ARGUMENTS."),
    ] = None
    password_ttl: (
        Annotated[float, Meta(gt=0, description="Seconds for which a password that was given is remembered.")] | None
    ) = None
    password: SecretText = None
    ask_password: Annotated[bool, Meta(description="Ask for the password, and keep it.")] = False
    ssh_secret: Annotated[
        str | None,
        Meta(description="The SSH password, or with a key its passphrase, to keep.", extra={"secret": True}),
    ] = None
    ask_ssh_secret: Annotated[
        bool, Meta(description="Ask for the SSH password, or with a key its passphrase, and keep it.")
    ] = False

    def given(self) -> dict[str, Any]:
        """Return the fields that were given, by their paths in a profile."""
        plain = {field: getattr(self, field) for field in _PATHS}
        given = {_PATHS[field]: value for field, value in plain.items() if value is not None and value is not False}
        for path in ("tls.ca", "tls.certificate", "tls.key", "tunnel.key"):
            if path in given:
                given[path] = absolute(given[path])
        if self.ssh_key is not None:
            given.setdefault("tunnel.method", "key")
        if self.ssh_jump is not None:
            given["tunnel.options.jump"] = self.ssh_jump
        for name, value in pairs("tunnel_option", self.tunnel_option):
            given[f"tunnel.options.{name}"] = value
        if self.tunnel not in (None, "off"):
            given["tunnel.kind"] = self.tunnel
        if any(path.startswith("tunnel.") for path in given):
            given["tunnel.enabled"] = True
        if self.tunnel == "off":
            given["tunnel.enabled"] = False
        return given


_PATHS = {
    **{name: name for name in ("group", "color", "environment", "read_only", "connect_timeout", "statement_timeout",
                               "password_from", "password_ttl",
                               "application_name")},
    **{f"confirm_{name}": f"confirm.{name}" for name in ("writes", "ddl", "unfiltered")},
    **{f"tls_{name}": f"tls.{name}" for name in ("mode", "ca", "certificate", "key")},
    **{f"ssh_{name}": f"tunnel.{name}" for name in ("host", "port", "user", "method", "key")},
}  # fmt: skip


class AddParameters(_Fields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new connection."""

    name: Annotated[str, Meta(description="Name to save it under.", extra={"argument": True})]
    url: Annotated[str, Meta(description="URL it stands for.", extra={"argument": True})]


class EditParameters(_Fields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; everything else stays as it is."""

    name: Name
    rename: Annotated[str | None, Meta(description="New name.")] = None
    url: Annotated[str | None, Meta(description="URL it stands for from now on.")] = None
    host: Annotated[str | None, Meta(description="Name or address of the server.")] = None
    port: Annotated[int, Meta(ge=1, le=65535, description="Port of the server.")] | None = None
    database: Annotated[str | None, Meta(description="Name of the database, or path of the file.")] = None
    user: Annotated[str | None, Meta(description="User on the server.")] = None
    option: Annotated[list[str], Meta(description="Option of the driver, NAME=VALUE.")] = []
    unset: Annotated[
        list[str], Meta(description="Field to unset, by its name in show --format json, such as color or tls.ca.")
    ] = []
    position: Annotated[int, Meta(ge=1, description="Place among those of its group, counted from 1.")] | None = None
    forget_password: Annotated[bool, Meta(description="Have the password that is kept forgotten.")] = False
    forget_ssh_secret: Annotated[
        bool, Meta(description="Have the SSH password and the passphrase that are kept forgotten.")
    ] = False


class RemoveParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to remove."""

    name: Name
    keep_password: Annotated[
        bool, Meta(description="Leave its password in the keyring, where that can't be reached.")
    ] = False


class CopyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to copy."""

    name: Name
    new: Annotated[str, Meta(description="Name of the copy.", extra={"argument": True})]
    with_password: Annotated[bool, Meta(description="Keep its password for the copy, too.")] = False


def add(context: Context, parameters: AddParameters) -> SavedConnection:
    """Save a new connection."""
    kernel = context.kernel
    fields, in_url, driver = fields_of_url(parameters.url, kernel.plugins.drivers)
    # What was said twice is said by the option.
    profile = Profile(name=parameters.name, scheme=fields.pop("scheme")).with_fields({**fields, **parameters.given()})
    _check(kernel, profile, driver)
    if kernel.profiles.is_own(profile.name):  # before anybody is asked for a password
        taken = kernel.profiles.get(profile.name)
        raise NameTakenError(f"name: a connection is saved as {taken.name!r} already", hint="choose another name")
    _keep_guards(context, parameters, None, profile)
    password = _password(context, parameters, in_url, profile, driver)
    ssh_secret = _ssh_secret(context, parameters, profile)
    kernel.profiles.add(profile)
    kept = keep(context, profile.id, password)
    ssh_kept = keep(context, profile.id, ssh_secret, ssh_kind(profile.tunnel.method))
    return SavedConnection(
        profile=_now(kernel, profile),
        url=address(profile),
        tls=tls_mode(profile, driver),
        password=kept,
        ssh_secret=ssh_kept,
    )


def edit(context: Context, parameters: EditParameters) -> SavedConnection:
    """Change a saved connection; what is not given stays."""
    kernel = context.kernel
    old = kernel.profiles.get(parameters.name)
    kernel.profiles.refuse_project(parameters.name)
    changes, unset, in_url = _changes(kernel, parameters, old)
    new = old.with_fields(changes, unset)
    driver = driver_of(new, kernel.plugins.drivers)
    _check(kernel, new, driver)
    if parameters.forget_password and (parameters.password or parameters.ask_password or in_url):
        raise InvalidInputError("a password can't be kept and forgotten at once", hint="leave one of the two out")
    if parameters.forget_ssh_secret and (parameters.ssh_secret or parameters.ask_ssh_secret):
        raise InvalidInputError("an SSH secret can't be kept and forgotten at once", hint="leave one of the two out")
    _keep_guards(context, parameters, old, new)
    password = _password(context, parameters, in_url, new, driver)
    ssh_secret = _ssh_secret(context, parameters, new)
    if parameters.forget_password:
        kernel.secrets.forget(SecretKey(old.id, "password"), stopped=context.stopped())
    if parameters.forget_ssh_secret:
        for kind in ("passphrase", "ssh_password"):
            kernel.secrets.forget(SecretKey(old.id, kind), stopped=context.stopped())
    if changes or unset:
        kernel.profiles.change(old.id, lambda now: now.with_fields(changes, unset))
    if parameters.position is not None:
        kernel.profiles.move(old.id, parameters.position - 1)
    kept = keep(context, new.id, password)
    ssh_kept = keep(context, new.id, ssh_secret, ssh_kind(new.tunnel.method))
    profile = _now(kernel, new)
    moved = "password" in profile.secrets and kept is None and address(new) != address(old)
    return SavedConnection(
        profile=profile,
        url=address(new),
        tls=tls_mode(new, driver),
        password=kept,
        ssh_secret=ssh_kept,
        hint="the password that is kept for it stays the same; --ask-password changes it" if moved else None,
    )


def remove(context: Context, parameters: RemoveParameters) -> Removed:
    """Remove a saved connection, and its secrets with it."""
    kernel = context.kernel
    id = kernel.profiles.id_of(parameters.name)
    forgotten = False
    if not parameters.keep_password:
        try:
            forgotten = kernel.secrets.forget_all(id, stopped=context.stopped())
        except AlvearyError as exc:
            exc.hint = "; ".join(filter(None, (exc.hint, "--keep-password removes the connection all the same")))
            raise
    kernel.profiles.remove(id)
    return Removed(name=parameters.name, password_forgotten=forgotten)


def copy(context: Context, parameters: CopyParameters) -> SavedConnection:
    """Copy a saved connection under a new name; neither its history nor, unless asked for, its password."""
    kernel = context.kernel
    old = kernel.profiles.get(parameters.name)
    password = None
    if parameters.with_password:
        password = kernel.secrets.find(SecretKey(old.id, "password"), stopped=context.stopped())
        if password is not None:
            kernel.credentials.use(password)
    blank = Profile(name=parameters.new, scheme=old.scheme)
    # What makes a connection milder than its environment was confirmed for that one, and for no other.
    confirm = tightened(old.confirm, effective(Confirm(), old.environment, kernel.settings.get))
    new = msgspec.structs.replace(old, id=blank.id, name=blank.name, secrets={}, confirm=confirm)
    kernel.profiles.add(new)
    kept = keep(context, new.id, password)
    left = "password" in old.secrets and password is None
    driver = kernel.plugins.drivers.find(new.scheme)
    return SavedConnection(
        profile=_now(kernel, new),
        url=address(new),
        tls=tls_mode(new, driver) if driver is not None else None,
        password=kept,
        hint="its password was not copied; --with-password does" if left else None,
    )


def _changes(kernel: Kernel, parameters: EditParameters, old: Profile) -> tuple[dict[str, Any], list[str], str | None]:
    """Return the fields to change, those to unset, and the password of a URL that was given."""
    changes: dict[str, Any] = {}
    unset, in_url = list(parameters.unset), None
    before = driver = kernel.plugins.drivers.find(old.scheme)
    if parameters.url is not None:
        changes, in_url, driver = fields_of_url(parameters.url, kernel.plugins.drivers)
        if driver is not before:  # what is another driver's means nothing to this one
            unset += [field for field in ("tls", "tunnel", "application_name") if field not in unset]
    for field in ("host", "port", "database", "user"):
        if (value := getattr(parameters, field)) is not None:
            changes[field] = value
    if parameters.option:
        options = dict(changes.get("options", {} if "options" in unset else old.options))
        options.update(pairs("option", parameters.option))
        changes["options"] = options
    if parameters.database not in (None, ":memory:") and driver is not None and driver.file_based:
        changes["database"] = absolute(str(parameters.database))
    if parameters.rename is not None:
        changes["name"] = parameters.rename
    return {**changes, **parameters.given()}, unset, in_url


def _keep_guards(context: Context, parameters: Confirming, old: Profile | None, new: Profile) -> None:
    """Have a person confirm that a connection is guarded less than before, a new one less than its environment says."""
    kernel = context.kernel
    now = old if old is not None else msgspec.structs.replace(new, confirm=Confirm())
    writable = now.read_only and not new.read_only
    if new.password_from is not None and (old is None or old.password_from != new.password_from):
        confirm_source(context, parameters, new.password_from, new.name, new.environment)
    before, after = kernel.confirmed_in(now), kernel.confirmed_in(new)
    confirm_lowering(context, parameters, now.name, now.environment, before, after, writable=writable)


def pairs(field: str, words: list[str]) -> list[tuple[str, str]]:
    """Return the names and values of a list of ``NAME=VALUE``; InvalidInputError names the field."""
    found = []
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise InvalidInputError(f"{field}: it is not NAME=VALUE")
        found.append((name, value))
    return found


def _check(kernel: Kernel, profile: Profile, driver: DriverSpec) -> None:
    check(profile, driver)
    check_files(profile)
    if (tunnel := profile.tunnel.target()) is not None:
        kernel.tunnels.check(tunnel)


def _password(
    context: Context, parameters: _Fields, in_url: str | None, profile: Profile, driver: DriverSpec
) -> str | None:
    """Return the password to keep, asking a person if that is wanted; None if there is none."""
    credentials = context.kernel.credentials
    password = parameters.password or in_url
    if driver.file_based and (password or parameters.ask_password):
        raise InvalidInputError(f"password: {driver.name} opens a file, which takes none")
    if password is None and parameters.ask_password:
        target = Target(scheme=profile.scheme, host=profile.host, user=profile.user, name=profile.name)
        if credentials.may_ask:
            password = credentials.ask(target, context.stopped())
            credentials.forget(target, password)  # what is asked next is asked anew
        if context.job.cancelled:
            raise QueryCancelledError("cancelled: nothing was saved")
        if not password:
            raise InvalidInputError("nobody gave a password", hint=credentials.hint)
    if password is not None:
        credentials.use(password)
    return password


def _ssh_secret(context: Context, parameters: _Fields, profile: Profile) -> str | None:
    """Return the SSH password or passphrase to keep, asking a person if that is wanted; None if there is none."""
    credentials = context.kernel.credentials
    secret = parameters.ssh_secret
    if secret is None and not parameters.ask_ssh_secret:
        return None
    if (tunnel := profile.tunnel.target()) is None:
        raise InvalidInputError("ssh_secret: the connection goes through no tunnel", hint="give --ssh-host as well")
    if secret is None:
        name = f"the key {tunnel.key}" if ssh_kind(profile.tunnel.method) == "passphrase" else tunnel.display()
        if credentials.may_ask:
            about = Target(scheme="ssh", host=name, name=name)
            secret = credentials.ask(about, context.stopped())
            credentials.forget(about, secret)
        if context.job.cancelled:
            raise QueryCancelledError("cancelled: nothing was saved")
        if not secret:
            raise InvalidInputError("nobody gave an SSH password", hint="type it when you are asked at a terminal")
    credentials.use(secret)
    return secret


def _now(kernel: Kernel, profile: Profile) -> Profile:
    return kernel.profiles.by_id(profile.id) or profile


# -- for a person ------------------------------------------------------------------------------------------------


def render_saved(saved: SavedConnection, write: Callable[[str], object]) -> None:
    """Say what was saved."""
    name = saved.profile.name
    write(line(f"{name} is saved: {saved.url}{f', TLS {saved.tls}' if saved.tls else ''}"))
    render_kept(saved.password, write)
    render_kept(saved.ssh_secret, write, "SSH secret")
    if saved.hint:
        write(line(saved.hint))


def render_removed(removed: Removed, write: Callable[[str], object]) -> None:
    """Say what was removed."""
    also = ", and its password forgotten" if removed.password_forgotten else ""
    write(line(f"{removed.name} is removed{also}"))
