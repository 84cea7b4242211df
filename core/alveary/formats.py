"""Formats: finding one by its name, whether it can be used here, and what it is told, checked before anything runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from alveary.contracts.availability import installed
from alveary.contracts.exporter import Exporter
from alveary.contracts.factory import load_factory
from alveary.contracts.setting import Value
from alveary.contracts.specs import ExporterSpec, ImporterSpec
from alveary.errors import InvalidInputError, MissingPackageError, UnknownFormatError
from alveary.plugins import Registry
from alveary.strangers import guarded

_OF_ALL = {"header": "leave the column names out with --no-header", "null": "say what stands for NULL with --null"}
"""What is no option of a format because all of them have it."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are written: an exporter's factory, ``"module:attr"``, and what it is to be told.

    ``options`` are further keyword arguments of the factory. ``binary`` says that no terminal can show it.
    """

    factory: str
    header: bool = True
    null: str | None = None
    options: dict[str, Value] = {}
    binary: bool = False

    def exporter(self) -> Callable[..., Exporter]:
        """Return what makes the exporter; its module is imported now."""
        with guarded(f"the format {self.factory} can't be loaded"):
            factory: Callable[..., Exporter] = load_factory(self.factory)
        return functools.partial(factory, **self.options)


def format_of(
    spec: ExporterSpec,
    options: Mapping[str, object] | None = None,
    *,
    header: bool = True,
    null: str | None = None,
) -> Format:
    """Return how to write in a format, each of its options as given or as by default.

    Raises InvalidInputError for an option that the format has not, or a value that it can't have, and
    MissingPackageError where a package must be installed first.
    """
    check_installed(spec)
    values = checked_options(spec, options)
    return Format(factory=spec.factory, header=header, null=null, options=values, binary=spec.binary)


def check_installed(spec: ExporterSpec | ImporterSpec) -> None:
    """Raise MissingPackageError, with what to install, where a format needs a package that is not there."""
    if not installed(spec.package):
        raise MissingPackageError(
            f"the format {spec.id} needs the Python package {spec.package}, which is not installed",
            hint=f"pip install '{install_name(spec)}'",
        )


def checked_options(spec: ExporterSpec | ImporterSpec, options: Mapping[str, object] | None) -> dict[str, Value]:
    """Return the options of a format, each as given or as by default; those that have neither are left out.

    Raises InvalidInputError for one that the format has not, or a value that it can't have.
    """
    declared = {option.name: option for option in spec.options}
    values: dict[str, Value] = {option.name: option.default for option in spec.options if option.default is not None}
    for name, value in (options or {}).items():
        if (option := declared.get(name)) is None:
            known = f"options: {', '.join(declared)}" if declared else "it has no options"
            raise InvalidInputError(f"the format {spec.id} has no option {name!r}", hint=_OF_ALL.get(name, known))
        if value is None:
            values.pop(name, None)
            continue
        try:
            values[name] = option.accept(value)
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from None
    return values


AnyFormat = TypeVar("AnyFormat", ExporterSpec, ImporterSpec)


def find_format(formats: Registry[AnyFormat], name: str, *others: str) -> AnyFormat:
    """Return the format of that name; UnknownFormatError tells which there are, ``others`` included."""
    if (spec := formats.find(name)) is None:
        known = ", ".join([*formats.ids(), *others])
        raise UnknownFormatError(f"no format is named {name!r}", hint=f"formats: {known}")
    return spec


def install_name(spec: ExporterSpec | ImporterSpec) -> str | None:
    """Return what pip installs to make the format work; None where nothing is missing by its nature."""
    return f"alveary[{spec.extra}]" if spec.extra else spec.package
