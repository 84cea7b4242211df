"""What the page of a connection asks: the fields of a driver, a tunnel and a source of passwords. No Tk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from alveary.contracts.driver import Capability
from alveary.contracts.setting import value_text
from alveary.contracts.specs import DriverSpec, OptionSpec, TunnelSpec, VaultSpec
from alveary.contracts.target import Confirm
from alveary.contracts.vault import SecretKind
from alveary.profiles import COLORS
from alveary_shell.widgets.form_fields import Choice, Field, Section

URL, PASSWORD, REMEMBER, FORGET, DRIVER = "url", "password", "remember", "forget", "driver"
SSH_SECRET, FORGET_SSH = "ssh_secret", "forget_ssh_secret"
SOURCE, ARGUMENT = "password.source", "password.argument"
"""What gives the password, as the id of its kind and what is said to that; "" for what is typed or kept."""
TUNNEL_OPTION = "tunnel.options."
SHAPING = (DRIVER, SOURCE, "tunnel.kind", "tunnel.method", "environment")
"""Fields that decide which others there are, and what they say."""

CONFIRMED = ("writes", "ddl", "unfiltered")
_CONFIRM_LABELS = {"writes": "What writes", "ddl": "DDL", "unfiltered": "Every row"}
_CONFIRM_DESCRIPTIONS = {"unfiltered": "UPDATE and DELETE without WHERE, and TRUNCATE"}
_LEVELS = {"never": "never", "ask": "ask: a yes is needed", "name": "name: the connection's name must be typed"}
_TLS_ROLES = ("tls_mode", "tls_ca", "tls_certificate", "tls_key")
_TLS_MODES = (
    Choice("", "as usual: require, on this machine prefer"),
    Choice("disable", "disable: never encrypt"),
    Choice("prefer", "prefer: encrypt if the server can"),
    Choice("require", "require: encrypt, whoever answers"),
    Choice("verify-ca", "verify-ca: with a certificate that can be trusted"),
    Choice("verify-full", "verify-full: and that is for this host"),
)


class Around(NamedTuple):
    """What the form must know beside the driver.

    ``vault`` is what a sentence calls the vault that can be used, None if there is none; ``kept`` are the secrets that
    one keeps already. ``sources`` give passwords that somebody else keeps. ``usual`` is what each environment has
    confirmed.
    """

    drivers: tuple[DriverSpec, ...] = ()
    groups: tuple[str, ...] = ()
    vault: str | None = None
    kept: frozenset[SecretKind] = frozenset()
    tunnels: tuple[TunnelSpec, ...] = ()
    sources: tuple[VaultSpec, ...] = ()
    usual: Mapping[str, Confirm] = {}


def sections(driver: DriverSpec, around: Around, values: Mapping[str, str]) -> list[Section]:
    """Return what the form asks of a connection of a driver, where it holds these values."""
    engines = tuple(Choice(each.id, each.name) for each in around.drivers)
    beginning = (
        Field(URL, "URL", hint="paste one to fill in the rest"),
        Field("name", "Name", hint="what you call it", width=36),
        Field(DRIVER, "Engine", "choice", engines, width=24),
    )
    return [
        Section("", beginning),
        Section("File" if driver.file_based else "Server", tuple(_place(driver))),
        *_password(driver, around, values.get(SOURCE, "")),
        Section("How it is treated", tuple(_treatment(driver, around.groups))),
        Section("Asked before it runs", tuple(_confirmed(around.usual, values.get("environment", "")))),
        *_encryption(driver),
        *_tunnel(driver, around, values),
        Section("More", tuple(_more(driver))),
    ]


def _place(driver: DriverSpec) -> list[Field]:
    if driver.file_based:
        return [Field("database", "File", "file", hint="path of the database", width=48)]
    return [
        Field("host", "Host", hint="localhost", width=36),
        Field("port", "Port", width=7, beside=True),
        Field("database", "Database", width=36),
        Field("user", "User", width=36),
    ]


def _password(driver: DriverSpec, around: Around, source: str) -> list[Section]:
    if driver.file_based:
        return []
    typed = f"what is typed here, or kept in {around.vault}" if around.vault is not None else "what is typed here"
    choices = (Choice("", typed), *(Choice(each.id, each.name) for each in around.sources))
    fields = [Field(SOURCE, "From", "choice", choices, width=36)] if around.sources else []
    if source:
        chosen = next((each for each in around.sources if each.id == source), None)
        word = chosen.argument.strip("[]").split(" ")[0] if chosen is not None else ""
        fields += [
            Field(ARGUMENT, word.capitalize(), hint=chosen.argument if chosen is not None else "", width=48),
            Field("password_ttl", "Remembered for", hint="usual", width=7, description="seconds, in memory only"),
        ]
        return [Section("Password", tuple(fields))]
    said = "There is no keyring that can be used: the password is only kept until the window closes."
    if "password" in around.kept:
        said = "A password is kept; what is typed here takes its place."
    elif around.vault is not None:
        said = ""
    fields.append(Field(PASSWORD, "Password", "secret", description=said, width=36))
    if around.vault is not None:
        fields.append(Field(REMEMBER, "", "switch", hint=f"Remember it in {around.vault}"))
    if "password" in around.kept:
        fields.append(Field(FORGET, "", "switch", hint="Forget the password that is kept"))
    return [Section("Password", tuple(fields))]


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


def _confirmed(usual: Mapping[str, Confirm], environment: str) -> list[Field]:
    said = usual.get(environment, Confirm())
    fields = []
    for name in CONFIRMED:
        level = getattr(said, name) or "never"
        label = f"as in {environment}: {level}" if environment else f"as usual: {level}"
        choices = (Choice("", label), *(Choice(each, text) for each, text in _LEVELS.items()))
        fields.append(
            Field(f"confirm.{name}", _CONFIRM_LABELS[name], "choice", choices,
                  description=_CONFIRM_DESCRIPTIONS.get(name, ""), width=40)
        )  # fmt: skip
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


def _tunnel(driver: DriverSpec, around: Around, values: Mapping[str, str]) -> list[Section]:
    if driver.file_based:
        return []
    kind, method = values.get("tunnel.kind") or "ssh", values.get("tunnel.method", "")
    methods = (Choice("agent", "agent"), Choice("key", "key"), Choice("password", "password"))
    kinds = tuple(Choice(each.id, each.name) for each in around.tunnels)
    fields = [
        Field("tunnel.enabled", "", "switch", hint="Go through an SSH server"),
        Field("tunnel.kind", "Opened by", "choice", kinds, width=24),
        Field("tunnel.host", "SSH server", hint="bastion.example", width=36),
        Field("tunnel.port", "Port", hint="22", width=7, beside=True),
        Field("tunnel.user", "SSH user", hint="yours", width=36),
        Field("tunnel.method", "By", "segments", methods),
    ]
    if method != "password":
        fields.append(Field("tunnel.key", "Key", "file", hint="file of the key, for that method", width=48))
    if method in ("key", "password"):
        fields += _ssh_secret(around, "passphrase" if method == "key" else "ssh_password")
    for option in next((each.options for each in around.tunnels if each.id == kind), ()):
        name = TUNNEL_OPTION + option.name
        if option.kind == "bool":
            fields.append(Field(name, "", "switch", hint=f"{option.name}: {option.description}"))
        else:
            fields.append(Field(name, option.name, hint=value_text(option.kind, option.default),
                                description=option.description, width=36))  # fmt: skip
    return [Section("SSH tunnel", tuple(fields))]


def _ssh_secret(around: Around, kind: SecretKind) -> list[Field]:
    word = "passphrase" if kind == "passphrase" else "SSH password"
    where = f"It is kept in {around.vault}." if around.vault is not None else "It is only kept until the window closes."
    said = f"A {word} is kept; what is typed here takes its place." if kind in around.kept else where
    fields = [Field(SSH_SECRET, word[0].upper() + word[1:], "secret", description=said, width=36)]
    if kind in around.kept:
        fields.append(Field(FORGET_SSH, "", "switch", hint=f"Forget the {word} that is kept"))
    return fields


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
