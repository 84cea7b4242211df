"""A project folder: connections without secrets and saved queries in ``alveary.toml``, for a team's version control.

The file is a stranger's until proven otherwise: it can name places and statements, and ask for more care. It can run
nothing, hold no password, and lower no guard. What a person saved under the same name comes first.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Environment, on_this_machine
from alveary.errors import FileUnreadableError, InvalidInputError, ProjectFileError
from alveary.inputs import check_text
from alveary.plugins import Registry
from alveary.profiles import Profile, Tls, Tunnel, absolute, check, fields_of_url, name_key
from alveary.saved import SavedQuery, Value, parameters_of
from alveary.sqltext import ANSI

T = TypeVar("T")

FILE = "alveary.toml"
VARIABLE = "ALVEARY_PROJECT"
"""The environment variable that names the folder; "none" for none, whatever the working directory."""
MOST_BYTES = 4 << 20
WEAK_TLS = ("disable", "prefer")
_QUERIES = ("queries", "templates")
"""One kind of thing, which some call templates where they have parameters."""
_SECRETS = ("password", "passphrase", "password_from", "password_ttl", "secrets", "secret")


class _Connection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    group: str = ""
    color: str | None = None
    environment: Environment | None = None
    read_only: bool = False
    confirm: Confirm = Confirm()
    tls: Tls = msgspec.field(default_factory=Tls)
    tunnel: Tunnel = msgspec.field(default_factory=Tunnel)
    connect_timeout: Annotated[float, Meta(gt=0)] | None = None
    statement_timeout: Annotated[float, Meta(gt=0)] | None = None
    application_name: str | None = None


class _Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default: Value | msgspec.UnsetType = msgspec.UNSET
    description: str | None = None


class _Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    statement: str | None = None
    file: str | None = None
    description: str | None = None
    tags: list[str] = []
    connection: str | None = None
    parameters: dict[str, _Parameter] = {}


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What a project's file holds."""

    file: str
    profiles: tuple[Profile, ...] = ()
    queries: tuple[SavedQuery, ...] = ()

    def find(self, name: str) -> Profile | None:
        """Return the connection of this name, in any case."""
        key = name_key(name)
        return next((profile for profile in self.profiles if name_key(profile.name) == key), None)

    def holds(self, profile_id: str) -> bool:
        """Return whether a connection stands in this file."""
        return any(profile.id == profile_id for profile in self.profiles)


def find_file(start: Path | None = None) -> Path | None:
    """Return the project's file: in the folder that the environment names, else in the working directory or above it.

    A file of another user is not looked at.
    """
    if named := os.environ.get(VARIABLE):
        return None if named == "none" else Path(named).expanduser().absolute() / FILE
    try:
        folder = start or Path.cwd()
    except OSError:  # the working directory is gone
        return None
    for each in (folder, *folder.parents):
        file = each / FILE
        try:
            status = file.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            return file if not hasattr(os, "geteuid") or status.st_uid in (os.geteuid(), 0) else None
    return None


def read(file: Path, drivers: Registry[DriverSpec]) -> Project:
    """Return what a project's file holds; ProjectFileError, with the place in it, for one that is wrong."""
    return parse(file, text_of(file), drivers)


def text_of(file: Path) -> str:
    """Return the text of a project's file, its line ends as they are; ProjectFileError for one that can't be read."""
    try:
        return bytes_of(file).decode()
    except FileUnreadableError as exc:
        hint = f"{VARIABLE}=none does without it" if isinstance(exc.__cause__, OSError) else None
        raise ProjectFileError(exc.message, hint=hint) from exc
    except UnicodeDecodeError as exc:
        raise ProjectFileError(f"{file} is no TOML: {exc}") from exc


def bytes_of(file: Path) -> bytes:
    """Return what a small file holds; FileUnreadableError for a large one, and for what is no file.

    A pipe or a device may have no end, and may have to be waited for.
    """
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileUnreadableError(f"can't read {file}: it is no file")
        if found.st_size > MOST_BYTES:
            raise FileUnreadableError(f"{file} is larger than {MOST_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as exc:
        raise FileUnreadableError(f"can't read {file}: {exc.strerror}") from exc


def parse(file: Path, text: str, drivers: Registry[DriverSpec]) -> Project:
    """Return what the text of a project's file holds, as :func:`read` does."""
    import tomllib

    try:
        plain = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ProjectFileError(f"{file} is no TOML: {exc}") from exc
    if unknown := plain.keys() - {"connections", *_QUERIES}:
        hint = "there are [connections.NAME], [queries.NAME] and [templates.NAME]"
        raise ProjectFileError(f"{file}: {min(unknown)!r} is not known", hint=hint)
    return Project(
        file=str(file),
        profiles=tuple(_made(file, "connections", plain, lambda name, fields: _profile(file, name, fields, drivers))),
        queries=tuple(
            query
            for kind in _QUERIES
            for query in _made(file, kind, plain, lambda name, fields: _query(file, name, fields, drivers))
        ),
    )


def _made(file: Path, kind: str, plain: dict[str, Any], make: Callable[[str, Any], T]) -> Iterator[T]:
    table = plain.get(kind, {})
    if not isinstance(table, dict):
        raise ProjectFileError(f"{file}: {kind} is no table")
    for name, fields in table.items():
        try:
            yield make(name, fields)
        except (InvalidInputError, msgspec.ValidationError) as exc:
            said, hint = (exc.message, exc.hint) if isinstance(exc, InvalidInputError) else (str(exc), None)
            raise ProjectFileError(f"{file}, [{kind}.{name}]: {said}", hint=hint) from None


def _profile(file: Path, name: str, fields: Any, drivers: Registry[DriverSpec]) -> Profile:
    _refuse_secrets(fields if isinstance(fields, dict) else {})
    given = msgspec.convert(fields, _Connection)
    from_url, password, driver = fields_of_url(given.url, drivers, folder=file.parent)
    if password is not None:
        raise InvalidInputError("its URL holds a password, which would be in everybody's hands", hint=_NO_SECRETS)
    plain = msgspec.to_builtins(given)
    own = {key: plain[key] for key in plain if key not in ("url", "tls", "tunnel")}
    own = {key: value for key, value in own.items() if value is not None}
    paths = {key: plain["tls"][key] for key in ("ca", "certificate", "key") if plain["tls"][key]}
    tls = msgspec.structs.replace(given.tls, **{key: absolute(path, file.parent) for key, path in paths.items()})
    key = given.tunnel.key
    tunnel = msgspec.structs.replace(given.tunnel, key=absolute(key, file.parent) if key else None)
    profile = Profile(id=_id(file, name), name=name, scheme=from_url.pop("scheme"), tls=tls, tunnel=tunnel)
    profile = profile.with_fields({**from_url, **own})
    if profile.tls.mode in WEAK_TLS and profile.host is not None and not on_this_machine(profile.host):
        raise InvalidInputError(
            f"tls.mode: a project can't ask for {profile.tls.mode}, which may send everything unencrypted",
            hint="whoever wants that saves a connection of their own under this name",
        )
    if profile.tunnel.kind != "ssh" or profile.tunnel.options:
        raise InvalidInputError(
            "tunnel: a project can name a tunnel of the kind ssh, without options, for those may run commands",
            hint="whoever wants more saves a connection of their own under this name",
        )
    check(profile, driver)
    return profile


_NO_SECRETS = "leave it out: each person is asked for it, or saves a connection of their own under this name"


def _refuse_secrets(fields: dict[str, Any]) -> None:
    for key, value in fields.items():
        if key in _SECRETS:
            raise InvalidInputError(
                f"{key}: a project's file holds no passwords, and nothing that gives them", hint=_NO_SECRETS
            )
        if isinstance(value, dict):
            _refuse_secrets(value)


def _query(file: Path, name: str, fields: Any, drivers: Registry[DriverSpec]) -> SavedQuery:
    if isinstance(fields, dict) and isinstance(parameters := fields.get("parameters"), dict):
        tables = {key: each if isinstance(each, dict) else {"default": each} for key, each in parameters.items()}
        fields = {**fields, "parameters": {key: _dated(each) for key, each in tables.items()}}
    given = msgspec.convert(fields, _Query)
    if (given.statement is None) == (given.file is None):
        raise InvalidInputError("its SQL is given once: by statement, or by file")
    statement = given.statement if given.statement is not None else _text(file.parent, str(given.file))
    check_text(statement)
    folder, _, last = name.rpartition("/")
    dialects = [ANSI, *(driver.dialect for driver in drivers)]
    defaults = {key: each.default for key, each in given.parameters.items() if each.default is not msgspec.UNSET}
    said = {key: each.description for key, each in given.parameters.items() if each.description is not None}
    parameters = parameters_of(statement, dialects, defaults, said)
    return SavedQuery(
        id=_id(file, f"query {name}"),
        path=name,
        folder=folder,
        name=last,
        statement=statement,
        description=given.description,
        tags=given.tags,
        connection=given.connection,
        parameters=parameters,
        created_at="",
        updated_at="",
        source=str(file),
    )


def _dated(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter whose default, if it is one of TOML's dates and times, is the text of that."""
    default = parameter.get("default")
    return {**parameter, "default": default.isoformat()} if isinstance(default, date | time) else parameter


def _text(folder: Path, name: str) -> str:
    """Return the text of a file of the project; one outside of its folder is refused, by a link as well."""
    try:
        path = Path(os.path.realpath(folder / name))
        if not path.is_relative_to(os.path.realpath(folder)):  # whether it is there is nobody's business
            raise InvalidInputError(f"file: {name!r} stands outside of the project")
        if path.stat().st_size > MOST_BYTES or not path.is_file():
            raise InvalidInputError(f"file: {name!r} is no file, or a very large one")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as exc:
        raise InvalidInputError(f"file: {name!r} can't be read: {exc}") from None


def _id(file: Path, name: str) -> str:
    return hashlib.sha256(f"{file}\0{name}".encode()).hexdigest()[:16]
