"""``connections.export`` and ``connections.import``: saved connections as files, for a team or another machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import Confirming
from alveary.commands.connections import line
from alveary.contracts.target import Confirm, on_this_machine
from alveary.errors import InvalidInputError, NameTakenError
from alveary.output import Output
from alveary.policy import Confirmation, effective, tightened
from alveary.profile_files import TOML, Shared, read_file, shared, to_json, to_toml
from alveary.profiles import Profile, driver_of, name_key
from alveary.project import WEAK_TLS, parse, text_of

if TYPE_CHECKING:
    from alveary.kernel import Kernel

_JSON = ".json"
_HARMLESS = ("jump",)
"""Options of a tunnel that name places only."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a connection that did not come along."""

    name: str
    fields: list[str]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """Connections as a file; ``text`` is what it holds where it was written nowhere."""

    connections: list[str]
    format: str
    file: str | None = None
    text: str | None = None
    left_out: list[LeftOut] = []


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The connections that were saved, those whose names were taken, and levels that were not lowered."""

    connections: list[str]
    skipped: list[str] = []
    left_out: list[LeftOut] = []


class ExportParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which connections, and where to."""

    names: Annotated[
        list[str], Meta(description="Names of the connections; all of one's own.", extra={"argument": True})
    ] = []
    output: Annotated[
        str | None,
        Meta(description="File to write; a project's .toml keeps whatever else it holds.",
             extra={"flags": ["-o", "--output"]}),
    ] = None  # fmt: skip
    format: Annotated[
        Literal["toml", "json"] | None,
        Meta(description="toml: what a team's alveary.toml may hold; json: everything but secrets."),
    ] = None


class ImportParameters(Confirming, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, and what of it."""

    file: Annotated[str, Meta(description="File that was exported, or an alveary.toml.", extra={"argument": True})]
    names: Annotated[
        list[str], Meta(description="Names of those that are wanted; all.", extra={"argument": True})
    ] = []  # fmt: skip
    existing: Annotated[
        Literal["refuse", "skip"], Meta(description="What to do where a name is taken; nothing is ever replaced.")
    ] = "refuse"


# -- out -------------------------------------------------------------------------------------------------------------


def export_connections(context: Context, parameters: ExportParameters) -> Exported:
    """Write saved connections without their secrets."""
    kernel = context.kernel
    output = None if parameters.output in (None, "-") else Path(str(parameters.output)).absolute()
    format = _format(parameters.format, output)
    profiles = [kernel.profiles.get(name) for name in dict.fromkeys(parameters.names)]
    if not parameters.names:
        profiles = kernel.profiles.own()
    if not profiles:
        raise InvalidInputError("no connection is saved", hint="save one with: alveary connections add NAME URL")
    left_out = []
    if format == "json":
        text = to_json(profiles)
    else:
        folder = output.parent if output is not None else Path.cwd()
        connections = [_shared(kernel, profile, folder) for profile in profiles]
        text = to_toml(connections, text_of(output) if output is not None and output.exists() else "")
        # Nobody would read a file that is wrong, also where it was before.
        parse(output or folder / f"alveary{TOML}", text, kernel.plugins.drivers)
        left_out = [LeftOut(name=each.name, fields=each.left_out) for each in connections if each.left_out]
    if output is not None:
        written = Output(str(output))
        try:
            written.write(text.encode())
            written.commit()
        finally:
            written.discard()
    return Exported(
        connections=[profile.name for profile in profiles],
        format=format,
        file=None if output is None else str(output),
        text=text if output is None else None,
        left_out=left_out,
    )


def _format(said: Literal["toml", "json"] | None, output: Path | None) -> Literal["toml", "json"]:
    ending = output.suffix if output is not None else ""
    format = said or ("json" if ending == _JSON else "toml")
    if output is not None and (format == "toml") != (ending == TOML):
        endings = f".{said}" if said else f"{TOML} or {_JSON}"
        raise InvalidInputError(f"output: {output.name} does not end in {endings}", hint="its ending says what it is")
    return format


def _shared(kernel: Kernel, profile: Profile, folder: Path) -> Shared:
    return shared(profile, driver_of(profile, kernel.plugins.drivers), _travelling(kernel, profile), folder)


def _travelling(kernel: Kernel, profile: Profile) -> Confirm:
    """Return the levels that may go with a connection: those that are stricter than its environment's."""
    return tightened(profile.confirm, effective(Confirm(), profile.environment, kernel.settings.get))


# -- in --------------------------------------------------------------------------------------------------------------


def import_connections(context: Context, parameters: ImportParameters) -> Imported:
    """Save the connections of a file, all of them or none.

    What is run, what a password is taken from, and what may go unencrypted is confirmed for each first. A level that is
    lower than that of the environment does not come along.
    """
    kernel = context.kernel
    found = _wanted(read_file(Path(parameters.file).absolute(), kernel.plugins.drivers), parameters)
    taken = [each.name for each in found if kernel.profiles.is_own(each.name)]
    if taken and parameters.existing == "refuse":
        raise NameTakenError(
            f"connections are saved under these names already: {', '.join(taken)}",
            hint="--existing skip leaves those alone; rename or remove them to have what the file says",
        )
    new, left_out = [], []
    for profile in found:
        if profile.name in taken:
            continue
        confirm = _travelling(kernel, profile)
        lower = [
            f"confirm.{name}"
            for name, level in msgspec.structs.asdict(profile.confirm).items()
            if level is not None and getattr(confirm, name) is None
        ]
        if lower:
            left_out.append(LeftOut(name=profile.name, fields=lower))
        new.append(msgspec.structs.replace(profile, confirm=confirm))
    for profile in new:
        if harm := _to_confirm(kernel, profile):
            confirmation = Confirmation(
                what=f"taking over from {parameters.file}: {', '.join(harm)};",
                name=profile.name,
                typed=False,
                environment=profile.environment,
            )
            kernel.policy.confirm(confirmation, parameters.consent(), context.stopped())
    kernel.profiles.add_all(new)
    return Imported(connections=[profile.name for profile in new], skipped=taken, left_out=left_out)


def _wanted(found: list[Profile], parameters: ImportParameters) -> list[Profile]:
    by_key: dict[str, Profile] = {}
    for profile in found:
        if (key := name_key(profile.name)) in by_key:
            raise InvalidInputError(f"{parameters.file} holds {profile.name!r} twice")
        by_key[key] = profile
    if not parameters.names:
        return list(by_key.values())
    if missing := [name for name in parameters.names if name_key(name) not in by_key]:
        hint = f"there is {', '.join(each.name for each in found)}"
        raise InvalidInputError(f"{parameters.file} has no connection {missing[0]!r}", hint=hint)
    return [by_key[key] for key in dict.fromkeys(name_key(name) for name in parameters.names)]


def _to_confirm(kernel: Kernel, profile: Profile) -> list[str]:
    """Return what a connection would have done that is nothing a file may say by itself."""
    found = []
    if profile.password_from is not None:
        source, argument = kernel.secrets.source(profile.password_from)
        found.append(source.confirmation(argument) or f"taking the password from {profile.password_from}")
    if profile.tls.mode in WEAK_TLS and not on_this_machine(profile.host):
        found.append(f"TLS {profile.tls.mode}")
    tunnel = profile.tunnel
    if tunnel.kind not in ("ssh", "openssh"):
        found.append(f"a tunnel of the kind {tunnel.kind}")
    found += [f"tunnel option {name}={value}" for name, value in tunnel.options.items() if name not in _HARMLESS]
    return found


# -- for a person ----------------------------------------------------------------------------------------------------


def render_exported(exported: Exported, write: Callable[[str], object]) -> None:
    """Print the file, what it could not hold as comments; or say where it is."""
    if exported.text is not None:
        write(exported.text)
        for each in exported.left_out:
            write(line(f"# left out of [connections.{each.name}]: {', '.join(each.fields)}"))
        return
    write(line(f"{', '.join(exported.connections)}: written to {exported.file}, without secrets"))
    for each in exported.left_out:
        write(line(f"left out of {each.name}, for a project's file can't hold it: {', '.join(each.fields)}"))


def render_imported(imported: Imported, write: Callable[[str], object]) -> None:
    """Say what was saved, and what was not."""
    write(line(f"saved: {', '.join(imported.connections) or 'nothing'}"))
    if imported.skipped:
        write(line(f"left as they are: {', '.join(imported.skipped)}"))
    for each in imported.left_out:
        fields = ", ".join(each.fields)
        write(line(f"left out of {each.name}, for a file lowers no guard: {fields}; see: alveary connections edit"))
