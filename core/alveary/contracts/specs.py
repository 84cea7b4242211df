"""Specs: the frozen declarations by which a plugin says what it brings; each names its factory as ``"module:attr"``.

A spec is data, so that declaring costs no import. All fields are checked when the plugin is loaded.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from alveary.contracts.driver import Capability
from alveary.contracts.setting import ValueSpec
from alveary.contracts.window import Placement
from alveary.sqltext import ANSI, Dialect

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]*$")]
Reference = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
"""``"module:attr"``: where a factory stands, imported when it is first used."""
Scheme = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]*$")]
Verb = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?$")]


#: What saved connections have a field of their own for, whatever each driver calls the option: how far TLS goes, the
#: files it needs, the name the server shows for us, the path of a socket that is used instead of host and port.
OptionRole: TypeAlias = Literal["tls_mode", "tls_ca", "tls_certificate", "tls_key", "application_name", "socket"]


class OptionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A connection option a driver takes in the query of its URL; ``choices`` empty means any text.

    ``role`` says that the option is the driver's name for what all drivers have, and ``words`` which word of it stands
    for which of ours, where they differ; "" stands for leaving the option out. Our words of ``tls_mode`` are disable,
    prefer, require, verify-ca, verify-full; ``tls_ca`` knows ``system`` for the system's authorities. ``synonyms`` are
    what other clients call some of the choices, in lower case.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    default: str | None = None
    role: OptionRole | None = None
    words: dict[str, str] = {}
    synonyms: dict[str, str] = {}

    def chosen(self, value: str) -> str | None:
        """Return what a value of the URL stands for, None where it is none of the choices."""
        if not self.choices or value in self.choices:
            return value
        word = value.lower()
        return self.synonyms.get(word, word if word in self.choices else None)


class DriverSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A database engine.

    ``schemes`` are the URL schemes that lead to it; ``factory`` makes the :class:`~alveary.contracts.driver.Driver`.
    ``package`` is the import name of the library it needs and ``extra`` the extra of its distribution that brings it
    (``distribution[extra]`` is what a person is told to install). ``isolation_levels`` are the ones ``begin`` takes.
    ``port`` is where its servers listen unless a target says otherwise, which whoever goes through a tunnel must know.
    ``file_based`` says that the URL's path is a file rather than the name of a database, ``exclusive`` that only one
    process can have it open, so that a session's own connection must answer what others would be opened for.
    ``beside`` are the endings of the files that the engine keeps beside such a file, and that must go on with it.
    ``system_schemas`` are those that the engine keeps for itself, which are not looked into unless somebody asks.
    ``types`` names the :class:`~alveary.contracts.types.TypeTable` of the engine; without one it is standard SQL's.
    """

    id: Id
    name: str
    schemes: Annotated[tuple[Scheme, ...], msgspec.Meta(min_length=1)]
    factory: Reference
    capabilities: frozenset[Capability] = frozenset()
    isolation_levels: tuple[str, ...] = ()
    options: tuple[OptionSpec, ...] = ()
    dialect: Dialect = ANSI
    package: str | None = None
    extra: str | None = None
    port: int | None = None
    file_based: bool = False
    exclusive: bool = False
    beside: tuple[str, ...] = ()
    system_schemas: tuple[str, ...] = ()
    types: Reference = "alveary.contracts.types:STANDARD"


class FormatOption(ValueSpec, frozen=True, kw_only=True):
    """What a person can choose about a format, by ``--option name=value`` or in a dialog made of the declaration.

    The exporter's factory takes it as the keyword argument ``name``, checked and in its own kind.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]

    @property
    def title(self) -> str:
        return f"the option {self.name}"


class ExporterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A format results can be written in; ``factory`` is an :class:`~alveary.contracts.exporter.Exporter` class.

    ``extensions`` are the file name endings, with their dot, that usually hold this format. ``options`` are what a
    person can choose besides the header and the text of NULL. ``binary`` says that no terminal can show it.
    ``package`` is the import name of the library it needs and ``extra`` the extra of its distribution that brings it.
    """

    id: Id
    summary: str
    factory: Reference
    extensions: tuple[str, ...] = ()
    options: tuple[FormatOption, ...] = ()
    binary: bool = False
    package: str | None = None
    extra: str | None = None


class ImporterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A format files can be read in; ``factory`` is an :class:`~alveary.contracts.importer.Importer` class.

    ``extensions`` are the file name endings, with their dot, by which a file of this format is known. ``options`` are
    what a person can choose; one without a default is found out from the file. ``package`` is the import name of the
    library it needs and ``extra`` the extra of its distribution that brings it.
    """

    id: Id
    summary: str
    factory: Reference
    extensions: tuple[str, ...] = ()
    options: tuple[FormatOption, ...] = ()
    package: str | None = None
    extra: str | None = None


class ExplainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Who explains statements of some drivers; ``factory`` is an :class:`~alveary.contracts.plan.Explainer` class.

    ``drivers`` are the ids of those drivers. ``measures`` says that a statement can be run and measured, too.
    """

    id: Id
    drivers: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]
    factory: Reference
    measures: bool = False


class TunnelOption(ValueSpec, frozen=True, kw_only=True):
    """What a person can choose about a tunnel, by ``tunnel.options.name`` or in a form made of the declaration."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]

    @property
    def title(self) -> str:
        return f"tunnel.options.{self.name}"


class TunnelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of tunnel; ``factory`` is a :class:`~alveary.contracts.tunnel.Tunneler` class.

    ``name`` is what a sentence calls it: "the SSH tunnel". ``options`` are what a person can choose besides the server,
    the user and the method. ``package`` is the import name of the library it needs and ``extra`` the extra of its
    distribution that brings it.
    """

    id: Id
    name: str
    factory: Reference
    options: tuple[TunnelOption, ...] = ()
    package: str | None = None
    extra: str | None = None


class VaultSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A place that keeps passwords; ``factory`` is a :class:`~alveary.contracts.vault.Vault` class.

    One that only ``reads`` gives what somebody else keeps, to connections that name it: ``factory`` is a
    :class:`~alveary.contracts.vault.PasswordSource` class, and ``argument`` says what is written behind its id.
    ``name`` is what a sentence calls it: "the keyring". ``package`` is the import name of the library it needs and
    ``extra`` the extra of its distribution that brings it.
    """

    id: Id
    name: str
    factory: Reference
    package: str | None = None
    extra: str | None = None
    reads: bool = False
    argument: str = ""


class FinderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person can find by a few letters; ``factory`` is a :class:`~alveary.contracts.finder.Finder` class.

    ``id`` is what ``find --in`` calls it, ``name`` what a sentence does: "saved queries". A finder of ``weight`` 1
    comes with what others find one level worse, so that many small things do not hide few great ones. ``order``
    sorts what is found equally well, lowest first.
    """

    id: Id
    name: str
    factory: Reference
    weight: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    order: int = 100


class CommandSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Something anyone can do: by name from a script, the command line, and later the window.

    ``id`` is ``noun.verb``. ``factory`` names a function ``(context, parameters) -> result`` whose ``parameters``
    annotation is a :class:`msgspec.Struct` and whose return annotation msgspec can encode; both are the schema.
    ``verb`` gives the command a place on the command line (one or two words) and ``render`` names the function
    ``(result, write_text) -> None`` that prints the result there for a person; without it JSON is printed.
    ``placement`` gives it a place in the window; one whose handler asks for the window works only from there.
    ``foreground`` says that it needs the process's main thread for as long as it lasts, as a window does.
    """

    id: Id
    summary: str
    factory: Reference
    verb: Verb | None = None
    render: Reference | None = None
    placement: Placement | None = None
    foreground: bool = False
