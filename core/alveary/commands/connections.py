"""``connections.list`` and its neighbours: the saved connections, shown, made, changed, removed, copied and tried."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import Confirming, confirm_source
from alveary.contracts.driver import TlsInfo
from alveary.contracts.target import Confirm, Environment, Target
from alveary.contracts.tunnel import TunnelMethod
from alveary.contracts.vault import SecretKey, SecretKind
from alveary.errors import (
    AlvearyError,
    InvalidInputError,
    QueryCancelledError,
    QueryError,
    UnsupportedError,
)
from alveary.profile_store import Group, Saved
from alveary.profiles import (
    Profile,
    TlsMode,
    address,
    check,
    driver_of,
    tls_mode,
)
from alveary.secrets import Kept
from alveary.tables import plain_table, visible
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.kernel import Kernel
    from alveary.sessions import Session

Name = Annotated[str, Meta(description="Name of the connection.", extra={"argument": True})]
_VERIFIED = {
    "nothing": "not verified: whoever answers is believed",
    "authority": "signed by a trusted authority, for whatever name",
    "name": "verified for {name}",
}
DOWNGRADED = (
    "TLS was preferred, but the server has none: everything goes in plain text; --tls-mode require refuses that"
)
_OTHER_WAYS = "hand it in with --password-stdin or ALVEARY_PASSWORD, or type it when you are asked"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A saved connection as it stands in the list; ``problem`` says why one can't be read or used."""

    name: str
    id: str
    group: str
    environment: Environment | None = None
    color: str | None = None
    driver: str | None = None
    host: str | None = None
    port: Small | None = None
    database: str | None = None
    user: str | None = None
    read_only: bool = False
    has_password: bool = False
    source: str | None = None
    """The project's file it stands in; None for one of one's own."""
    problem: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The saved connections in their order, and all their groups."""

    connections: list[Listed]
    groups: list[Group]


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a saved connection but its secrets.

    ``tls`` is how far TLS goes, by default if the profile does not say; None where the driver has none. ``password``
    is the vault that keeps one.
    """

    profile: Profile
    url: str
    driver: str | None
    tls: TlsMode | None
    password: str | None
    source: str | None = None
    confirm: Confirm = Confirm()
    """What must be confirmed before it runs, by the profile itself or by its environment."""
    problem: str | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that stands, and how it answers.

    ``tls`` is the protocol and the cipher, "" without encryption, None where the driver can't tell or there is no
    network; ``encryption`` says more. ``route`` is ``direct`` or the tunnel, None for a file. ``round_trip_ms`` is None
    where the server knows no ``select 1``.
    """

    target: str
    url: str
    product: str
    version: str
    connect_ms: float
    round_trip_ms: float | None
    tls: str | None
    encryption: TlsInfo | None = None
    route: str | None = None
    password: Kept | None = None
    hint: str | None = None


class NameParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which connection."""

    name: Name


class ListParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which connections."""

    group: Annotated[str | None, Meta(description="Only those in this group and the groups in it.")] = None


class TryParameters(Confirming, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to try, and where the secrets come from that a URL does not hold."""

    target: Annotated[str, Meta(description="Saved name or URL.", extra={"argument": True})]
    remember: Annotated[bool, Meta(description="If it works, keep the password that was given or typed.")] = False
    secrets_of: Annotated[
        str | None, Meta(description="For a URL: the saved connection whose password and SSH secrets are used.")
    ] = None
    password_from: Annotated[
        str | None, Meta(description="For a URL: what gives the password, as connections add has it.")
    ] = None
    password: Annotated[
        str | None,
        Meta(description="The password; on the command line --password-stdin.", extra={"secret": True}),
    ] = None
    ssh_secret: Annotated[
        str | None,
        Meta(description="For a URL: the SSH password, or with a key its passphrase.", extra={"secret": True}),
    ] = None


# -- looking -----------------------------------------------------------------------------------------------------


def list_connections(context: Context, parameters: ListParameters) -> Listing:
    """List the saved connections."""
    kernel = context.kernel
    saved = kernel.profiles.all()
    if parameters.group is not None:
        group = kernel.profiles.group(parameters.group).path
        saved = [each for each in saved if each.group == group or each.group.startswith(f"{group}/")]
    return Listing(connections=[_listed(each, kernel) for each in saved], groups=kernel.profiles.groups())


def show(context: Context, parameters: NameParameters) -> Details:
    """Show a saved connection."""
    kernel = context.kernel
    profile = kernel.profiles.get(parameters.name)
    driver = kernel.plugins.drivers.find(profile.scheme)
    return Details(
        profile=profile,
        url=address(profile),
        driver=driver.name if driver is not None else None,
        tls=tls_mode(profile, driver) if driver is not None else None,
        password=profile.secrets.get("password"),
        source=None if kernel.project is None or kernel.profiles.is_own(profile.name) else kernel.project.file,
        confirm=kernel.confirmed_in(profile),
        problem=_problem(profile, kernel),
    )


def _listed(saved: Saved, kernel: Kernel) -> Listed:
    if (profile := saved.profile) is None:
        return Listed(name=saved.name, id=saved.id, group=saved.group, problem=saved.problem)
    driver = kernel.plugins.drivers.find(profile.scheme)
    return Listed(
        name=profile.name,
        id=profile.id,
        group=profile.group,
        environment=profile.environment,
        color=profile.color,
        driver=driver.id if driver is not None else profile.scheme,
        host=profile.host,
        port=profile.port,
        database=profile.database,
        user=profile.user,
        read_only=profile.read_only,
        source=saved.source,
        has_password="password" in profile.secrets or profile.password_from is not None,
        problem=_problem(profile, kernel),
    )


def _problem(profile: Profile, kernel: Kernel) -> str | None:
    try:
        check(profile, driver_of(profile, kernel.plugins.drivers))
    except AlvearyError as exc:
        return exc.message
    return None


# -- trying -----------------------------------------------------------------------------------------------------


def test(context: Context, parameters: TryParameters) -> Tried:
    """Connect, and tell who answers, how fast, and how it is encrypted."""
    kernel = context.kernel
    target, driver = kernel.target(parameters.target)
    if parameters.remember and target.profile_id is None:
        raise InvalidInputError("only a saved connection's password can be kept", hint="see: alveary connections add")
    target = _with_secrets(context, parameters, target)
    try:
        with kernel.open(target, driver, record=False) as session:
            context.job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            round_trip = _answer(session, "ping", context.stopped())
    finally:
        if parameters.ssh_secret is not None and target.profile_id is not None:
            kernel.secrets.forget_all(target.profile_id)
    assert session.server is not None, "it was connected"
    tls = session.server.tls
    kept, hint = None, None
    if parameters.remember and target.profile_id is not None:
        credentials = kernel.credentials
        given = None if driver.file_based else parameters.password or credentials.answered(target)
        password = None if driver.file_based else given or credentials.find(target)
        hint = None if password else "no password was needed, so there is none to keep"
        kept = keep(context, target.profile_id, password)
    return Tried(
        target=target.display(),
        url=target.url(),
        product=session.server.product,
        version=session.server.version,
        connect_ms=round((session.connect_seconds or 0) * 1000, 3),
        round_trip_ms=None if round_trip is None else round(round_trip * 1000, 3),
        tls=None if tls is None else ", ".join(filter(None, (tls.version, tls.cipher))),
        encryption=tls,
        route=None if driver.file_based else session.route,
        password=kept,
        hint=hint,
    )


def _with_secrets(context: Context, parameters: TryParameters, target: Target) -> Target:
    """Return the target of a URL with what was said of its secrets."""
    kernel = context.kernel
    if parameters.password is not None:
        target = msgspec.structs.replace(target, password=parameters.password)
    if target.profile_id is not None:
        if parameters.secrets_of or parameters.password_from or parameters.ssh_secret:
            raise InvalidInputError("a saved connection says itself where its secrets come from", hint="give a URL")
        return target
    saved = kernel.profiles.get(parameters.secrets_of) if parameters.secrets_of is not None else None
    if saved is not None:
        target = msgspec.structs.replace(target, profile_id=saved.id)
    if (source := parameters.password_from) is not None:
        if saved is None or saved.password_from != source:
            confirm_source(context, parameters, source, target.display(), target.environment)
        target = msgspec.structs.replace(target, password=kernel.secrets.read(source, target))
    if (secret := parameters.ssh_secret) is not None and target.tunnel is not None:
        password = target.password or kernel.credentials.find(target)
        # Under a name of its own: what is merely tried takes nothing's place.
        trial = SecretKey(os.urandom(8).hex(), ssh_kind(target.tunnel.method))
        kernel.credentials.use(secret)
        kernel.secrets.remember(trial, secret)
        target = msgspec.structs.replace(target, password=password, profile_id=trial.profile_id)
    return target


def ssh_kind(method: TunnelMethod) -> SecretKind:
    """Return what the secret is that a way to prove who we are needs."""
    return "passphrase" if method == "key" else "ssh_password"


def _answer(session: Session, question: str, stopped: threading.Event) -> Any:
    """Return the answer to a question, None where the driver or the server knows none."""
    try:
        return session.ask(question, stopped=stopped)
    except QueryCancelledError:
        raise
    except (QueryError, UnsupportedError):
        return None


def keep(context: Context, profile_id: str, secret: str | None, kind: SecretKind = "password") -> Kept | None:
    """Have a secret of a saved connection kept, if there is one, and return where."""
    if not secret:
        return None
    return context.kernel.secrets.keep(SecretKey(profile_id, kind), secret, stopped=context.stopped())


# -- for a person ------------------------------------------------------------------------------------------------


def render_list(listing: Listing, write: Callable[[str], object]) -> None:
    """Print the saved connections for a person."""
    if not listing.connections:
        write("no connection is saved; save one with: alveary connections add NAME URL\n")
        return
    rows = [
        [
            each.group,
            each.name,
            each.environment or "",
            each.driver or "",
            _place(each),
            each.user or "",
            "read-only" if each.read_only else "",
            each.source or "",
            each.problem or "",
        ]
        for each in listing.connections
    ]
    header = ["group", "name", "environment", "driver", "database", "user", "access", "project", "problem"]
    used = [place for place, title in enumerate(header) if place < 6 or any(row[place] for row in rows)]
    write(plain_table([header[place] for place in used], [[row[place] for place in used] for row in rows]))


def render_show(details: Details, write: Callable[[str], object]) -> None:
    """Print a saved connection for a person, without what is not set."""
    profile = details.profile
    tls = details.tls if profile.tls.mode else f"{details.tls} (by default)" if details.tls else None
    tunnel = profile.tunnel
    fields: dict[str, object] = {
        "name": profile.name,
        "id": profile.id,
        "driver": details.driver,
        "url": details.url,
        "host": profile.host,
        "port": profile.port,
        "database": profile.database,
        "user": profile.user,
        "password": f"from {profile.password_from}"
        if profile.password_from
        else f"in {details.password}"
        if details.password
        else None,
        "password_ttl": f"{profile.password_ttl:g} s" if profile.password_ttl else None,
        **{f"options.{name}": value for name, value in profile.options.items()},
        "tls.mode": tls,
        "tls.ca": profile.tls.ca,
        "tls.certificate": profile.tls.certificate,
        "tls.key": profile.tls.key,
        "tunnel": f"{tunnel.user or ''}{'@' if tunnel.user else ''}{tunnel.host}:{tunnel.port}, {tunnel.method}"
        + ("" if tunnel.enabled else " (off)")
        if tunnel.host
        else None,
        "tunnel.kind": tunnel.kind if tunnel.host and tunnel.kind != "ssh" else None,
        "tunnel.key": tunnel.key,
        **{f"tunnel.options.{name}": value for name, value in tunnel.options.items()},
        "connect_timeout": f"{profile.connect_timeout:g} s" if profile.connect_timeout else None,
        "statement_timeout": f"{profile.statement_timeout:g} s" if profile.statement_timeout else None,
        "application_name": profile.application_name,
        "read_only": "yes" if profile.read_only else None,
        "environment": profile.environment,
        **{
            f"confirm.{name}": level
            + ("" if getattr(profile.confirm, name) else f" (as set for {profile.environment})")
            for name, level in msgspec.structs.asdict(details.confirm).items()
            if level is not None
        },
        "color": profile.color,
        "group": profile.group or None,
        "project": details.source,
        "problem": details.problem,
    }
    rows = [[name, str(value)] for name, value in fields.items() if value is not None]
    write(plain_table(["field", "value"], rows))


def render_tried(tried: Tried, write: Callable[[str], object]) -> None:
    """Say how a connection answers."""
    rows = [
        ["target", tried.target],
        ["url", tried.url],
        ["server", f"{tried.product} {tried.version}"],
        ["connecting", f"{tried.connect_ms:.2f} ms"],
    ]
    if tried.round_trip_ms is not None:
        rows.append(["round trip", f"{tried.round_trip_ms:.2f} ms"])
    if tried.tls is not None:
        rows.append(["TLS", tried.tls or "no: not encrypted"])
    if (encryption := tried.encryption) is not None and encryption.version:
        rows.append(["certificate", _VERIFIED[encryption.verified].format(name=encryption.name)])
    if tried.route is not None:
        rows.append(["route", tried.route])
    write(plain_table(["what", "value"], rows))
    if tried.encryption is not None and tried.encryption.downgraded:
        write(line(DOWNGRADED))
    render_kept(tried.password, write)
    if tried.hint:
        write(line(tried.hint))


def render_kept(kept: Kept | None, write: Callable[[str], object], what: str = "password") -> None:
    """Say where a secret went, if one was given."""
    if kept is not None and kept.vault is not None:
        write(line(f"its {what} is kept in the {kept.vault}"))
    elif kept is not None:
        write(line(f"its {what} was not kept: {kept.reason}; {_OTHER_WAYS}"))


def _place(listed: Listed) -> str:
    port = f":{listed.port}" if listed.port is not None else ""
    host = f"{listed.host or ''}{port}"
    return f"{host}/{listed.database or ''}" if host else listed.database or ""


def line(text: str) -> str:
    """Return a line that can't drive a terminal."""
    return visible(text) + "\n"
