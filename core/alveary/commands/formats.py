"""``formats.list``: what results can be written in, and what a person can choose about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.availability import installed
from alveary.contracts.setting import SettingKind, Value, value_text
from alveary.contracts.specs import ExporterSpec
from alveary.formats import find_format, install_name
from alveary.tables import plain_table


class FormatParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which formats."""

    name: Annotated[str | None, Meta(description="Only this one.", extra={"argument": True})] = None


class OptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a format; ``allowed`` says in words what it may be, ``default`` is None where there is none."""

    name: str
    kind: SettingKind
    default: Value
    allowed: str
    choices: tuple[str, ...]
    description: str


class FormatInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A format. ``install`` is what pip must install first, None where it works as it is."""

    name: str
    summary: str
    extensions: tuple[str, ...]
    binary: bool
    install: str | None
    options: tuple[OptionInfo, ...]


class FormatListing(msgspec.Struct, frozen=True, kw_only=True):
    """Formats, in the order they were declared."""

    formats: tuple[FormatInfo, ...]


def list_formats(context: Context, parameters: FormatParameters) -> FormatListing:
    """List the formats, or one of them; UnknownFormatError if there is none of that name."""
    formats = context.kernel.plugins.exporters
    specs = list(formats) if parameters.name is None else [find_format(formats, parameters.name)]
    return FormatListing(formats=tuple(map(_info, specs)))


def render(listing: FormatListing, write: Callable[[str], object]) -> None:
    """Print a line for each format, then one for each option."""
    formats = [
        [
            each.name,
            " ".join(each.extensions),
            each.summary if each.install is None else f"{each.summary} (needs: pip install '{each.install}')",
        ]
        for each in listing.formats
    ]
    write(plain_table(["format", "files", "summary"], formats))
    options = [
        [each.name, option.name, value_text(option.kind, option.default), option.allowed, option.description]
        for each in listing.formats
        for option in each.options
    ]
    if options:
        write("\n")
        write(plain_table(["format", "option", "default", "may be", "what it does"], options))


def _info(spec: ExporterSpec) -> FormatInfo:
    return FormatInfo(
        name=spec.id,
        summary=spec.summary,
        extensions=spec.extensions,
        binary=spec.binary,
        install=None if installed(spec.package) else install_name(spec),
        options=tuple(
            OptionInfo(
                name=option.name,
                kind=option.kind,
                default=option.default,
                allowed=option.allowed(),
                choices=option.choices,
                description=option.description,
            )
            for option in spec.options
        ),
    )
