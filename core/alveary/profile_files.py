"""Saved connections in files: written without secrets, as JSON or into a team's ``alveary.toml``, and read again.

JSON holds everything but secrets. A project's file holds what one may hold (:mod:`alveary.project`), so what else a
connection has is left out, and told. What is read is a stranger's: whoever takes it has what could harm confirmed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Target, on_this_machine
from alveary.errors import InvalidInputError, ProjectFileError
from alveary.plugins import Registry
from alveary.profiles import SYSTEM, Profile, Tunnel, check, driver_of, profile_from
from alveary.project import WEAK_TLS, bytes_of, read
from alveary.urls import url_of

if TYPE_CHECKING:
    from tomlkit.items import Table

TOML = ".toml"
CONNECTIONS = "connections"
_NOT_SHARED = ("id", "name", "secrets")
_TLS_PATHS = ("ca", "certificate", "key")


class Shared(NamedTuple):
    """A connection as a project's file says it, and the fields that such a file can't hold."""

    name: str
    fields: dict[str, Any]
    left_out: list[str]


# -- JSON ------------------------------------------------------------------------------------------------------------


def to_json(profiles: Iterable[Profile]) -> str:
    """Return connections as JSON that :func:`read_file` reads: an object of objects, by their names."""
    blank = msgspec.to_builtins(Profile(name="x", scheme="x"))
    shared = {}
    for profile in profiles:
        fields = _said(msgspec.to_builtins(profile), blank)
        shared[profile.name] = {name: value for name, value in fields.items() if name not in _NOT_SHARED}
    return msgspec.json.format(msgspec.json.encode({CONNECTIONS: shared}), indent=2).decode() + "\n"


def _said(plain: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not as usual, also inside of others."""
    return {
        name: _said(value, usual[name]) if isinstance(value, dict) and usual.get(name) else value
        for name, value in plain.items()
        if value != usual.get(name)
    }


def read_file(file: Path, drivers: Registry[DriverSpec]) -> list[Profile]:
    """Return the connections in a file that was exported, or in a project's; each is a new one, without secrets.

    Raises FileUnreadableError, and InvalidInputError, with the place in the file, for what is wrong in it.
    """
    if file.suffix == TOML:
        profiles = read(file, drivers).profiles
        return [msgspec.structs.replace(each, id=Profile(name="x", scheme="x").id) for each in profiles]
    try:
        plain = msgspec.json.decode(bytes_of(file))
    except (msgspec.DecodeError, RecursionError) as exc:
        raise InvalidInputError(f"{file} is no JSON: {exc}") from None
    if not isinstance(plain, dict) or not isinstance(plain.get(CONNECTIONS), dict) or len(plain) > 1:
        raise InvalidInputError(
            f"{file} holds no connections",
            hint="alveary connections export writes such a file; a project's ends in .toml",
        )
    return [_profile(file, name, fields, drivers) for name, fields in plain[CONNECTIONS].items()]


def _profile(file: Path, name: str, fields: Any, drivers: Registry[DriverSpec]) -> Profile:
    try:
        if not isinstance(fields, dict):
            raise InvalidInputError("it is no object")
        # Neither is anybody's to say: by its id it would come by what a keyring holds for another connection.
        if refused := sorted(fields.keys() & {*_NOT_SHARED, "password"}):
            raise InvalidInputError(f"{refused[0]}: it can't be imported")
        profile = profile_from({**fields, "name": name})
        check(profile, driver_of(profile, drivers))
    except InvalidInputError as exc:
        raise type(exc)(f"{file}, {name!r}: {exc.message}", hint=exc.hint) from None
    return profile


# -- a project's file ------------------------------------------------------------------------------------------------


def shared(profile: Profile, driver: DriverSpec, confirm: Confirm, folder: Path) -> Shared:
    """Return a connection as a project's file in ``folder`` says it; of its levels ``confirm``, which may travel."""
    left_out = [field for field in ("password_from", "password_ttl") if getattr(profile, field) is not None]
    target = Target(
        scheme=driver.schemes[0],
        host=profile.host,
        port=profile.port,
        user=profile.user,
        database=_near(profile.database, folder) if driver.file_based else profile.database,
        options=profile.options,
    )
    fields: dict[str, Any] = {"url": url_of(target, driver)}
    plain = msgspec.to_builtins(profile)
    for field in ("group", "color", "environment", "read_only", "connect_timeout", "statement_timeout",
                  "application_name"):  # fmt: skip
        if plain[field]:
            fields[field] = plain[field]
    kept = msgspec.structs.asdict(confirm)
    fields["confirm"] = {name: level for name, level in kept.items() if level is not None}
    milder = [name for name, level in plain["confirm"].items() if level is not None and kept[name] is None]
    left_out += [f"confirm.{name}" for name in milder]
    tls = {name: value for name, value in plain["tls"].items() if value is not None}
    if tls.get("mode") in WEAK_TLS and not on_this_machine(profile.host):
        left_out.append(f"tls.mode {tls.pop('mode')}")
    fields["tls"] = {name: _near(value, folder) if name in _TLS_PATHS else value for name, value in tls.items()}
    fields["tunnel"], more = _tunnel(profile.tunnel)
    return Shared(profile.name, {name: value for name, value in fields.items() if value != {}}, left_out + more)


def _tunnel(tunnel: Tunnel) -> tuple[dict[str, Any], list[str]]:
    if tunnel.host is None:
        return {}, []
    usual = msgspec.structs.asdict(Tunnel())
    plain = msgspec.structs.asdict(tunnel)
    plain["key"] = _from_home(tunnel.key) if tunnel.key else None
    left_out = [f"tunnel.kind {tunnel.kind}"] if tunnel.kind != usual["kind"] else []
    left_out += [f"tunnel.options.{name}" for name in tunnel.options]
    said = {name: value for name, value in plain.items() if value != usual[name] and name not in ("kind", "options")}
    return said, left_out


def _near(path: str | None, folder: Path) -> str | None:
    """Return a path from the folder on, where it leads to something in it, so that it holds for everybody."""
    if path in (None, SYSTEM, ":memory:") or not os.path.isabs(str(path)):
        return path
    absolute = Path(str(path))
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else _from_home(str(path))


def _from_home(path: str) -> str:
    """Return a path in one's home with ``~``: other people have other homes."""
    home = os.path.expanduser("~")
    return "~" + path.removeprefix(home) if home != "/" and path.startswith(home + "/") else path


def to_toml(connections: Iterable[Shared], text: str = "") -> str:
    """Return the text of a project's file with these connections in it.

    Everything else in ``text`` stays as it is: line ends, comments, order and blanks. A connection that stands there
    already has its fields changed in its place. ProjectFileError for a text that can't be read.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Table

    try:
        document = tomlkit.parse(text.replace("\r\n", "\n"))
        tables = document.get(CONNECTIONS)
        if tables is None:
            tables = document[CONNECTIONS] = tomlkit.table(is_super_table=True)
        for name, fields, _ in connections:
            there = tables.get(name)
            if isinstance(there, Table):
                _change(there, fields)
                continue
            before = next((each for each in reversed(list(tables.values())) if isinstance(each, Table)), None)
            table = tomlkit.table()
            _change(table, fields)
            if before is not None and (tail := _cut_tail(before)):
                table.value.body.extend(tail)
                before.add(tomlkit.nl())
            tables[name] = table
        changed = tomlkit.dumps(document)
        return changed.replace("\n", "\r\n") if "\r\n" in text else changed
    except (TOMLKitError, TypeError, ValueError, AttributeError) as exc:
        raise ProjectFileError(f"the file can't be changed: {exc}", hint="it is changed with an editor") from exc


def _change(table: Table, fields: dict[str, Any]) -> None:
    """Give a table these fields and no others; what stays the same is not touched."""
    for field in [field for field in table if field not in fields]:
        table.remove(field)
    tail = _cut_tail(table)
    for field, value in fields.items():
        if table.get(field) != value:
            table[field] = _inline(value) if isinstance(value, dict) else value
    table.value.body.extend(tail)


def _cut_tail(table: Table) -> list[tuple[Any, Any]]:
    """Cut off the blanks and comments at a table's end, which belong to what follows, and return them."""
    body, tail = table.value.body, list[tuple[Any, Any]]()
    while body and body[-1][0] is None:
        tail.insert(0, body.pop())
    return tail


def _inline(values: dict[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.inline_table()
    table.update(values)
    return table
