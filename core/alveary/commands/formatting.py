"""``sql.format``: SQL laid out, a file or a text, its tokens untouched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.query import decoded, read_bytes
from alveary.errors import InvalidInputError
from alveary.output import write_whole
from alveary.sqltext import ANSI, Dialect
from alveary.sqltext.formatting import CommaStyle, KeywordCase, Style, format_script, left_in_words
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.kernel import Kernel

WOULD_CHANGE = 1
"""What the command line leaves with if something is to be laid out that was only to be checked."""


class FormatParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to lay out, whose SQL it is, and where the settings do not hold."""

    file: Annotated[
        str | None,
        Meta(description="File of SQL; standard input without it, or for -.", extra={"argument": True}),
    ] = None
    sql: Annotated[str | None, Meta(description="SQL, instead of a file.")] = None
    dialect: Annotated[
        str | None,
        Meta(
            description="Whose SQL it is: sqlite, postgres, mysql, another driver, or ansi. Without it only what "
            "all of these read alike is laid out."
        ),
    ] = None
    check: Annotated[
        bool, Meta(description="Write nothing; leave with 1 if something would be laid out otherwise.")
    ] = False
    in_place: Annotated[
        bool, Meta(description="Write to the file instead of printing.", extra={"flags": ["-i", "--in-place"]})
    ] = False
    indent: Annotated[int, Meta(ge=0, le=16, description="Spaces a line stands further to the right.")] | None = None
    width: Annotated[int, Meta(ge=20, le=400, description="Characters a line should have at most.")] | None = None
    keyword_case: Annotated[KeywordCase | None, Meta(description="What becomes of keywords: keep, upper, lower.")] = (
        None
    )
    commas: Annotated[CommaStyle | None, Meta(description="Where commas stand: trailing or leading.")] = None


class LeftStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that was left as it is: the line it begins on, counted from 1, and why."""

    line: Small
    reason: str


class FormatReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. ``text`` is None where it was written to the file, or only checked."""

    changed: bool
    left: list[LeftStatement]
    text: str | None = None
    file: str | None = None
    sentences: list[str] = []
    """What a person is told."""
    exit_status: Small = 0
    """What the command line leaves with."""


def run(context: Context, parameters: FormatParameters) -> FormatReport:
    """Lay out SQL; what can't be laid out without changing it is left as it is, and told."""
    is_file = parameters.file not in (None, "-")
    if parameters.sql is not None and parameters.file is not None:
        raise InvalidInputError("the SQL is given twice: as a text and as a file", hint="leave one of the two out")
    if parameters.in_place and (parameters.check or not is_file):
        what = "checking writes nothing" if is_file else "standard input is no file"
        raise InvalidInputError(f"nothing can be laid out in place: {what}", hint="leave --in-place out")
    style = style_of(context.kernel, parameters)
    dialect = dialect_of(context.kernel, parameters.dialect)
    name = parameters.file if is_file else None
    if parameters.sql is not None:
        mark, text = b"", parameters.sql
    else:
        mark, text = decoded(read_bytes(name or "-"), name or "-")
    # Lines that all end the same way are laid out with line feeds, and get their ends back.
    whole = "\r\n" in text and text.count("\r\n") == text.count("\n")
    found = format_script(text.replace("\r\n", "\n") if whole else text, dialect, style)
    laid = found.text.replace("\n", "\r\n") if whole else found.text
    changed = laid != text
    sentences = left_in_words(found.left)
    if parameters.check and changed:
        sentences.append(f"{name or 'the text'} would be laid out otherwise")
    if parameters.in_place and changed:
        write_whole(name or "", mark + laid.encode())
        sentences.append(f"{name} is laid out")
    return FormatReport(
        changed=changed,
        left=[LeftStatement(line=each.line, reason=each.reason) for each in found.left],
        text=None if parameters.check or parameters.in_place else mark.decode() + laid,
        file=name,
        sentences=sentences,
        exit_status=WOULD_CHANGE if parameters.check and changed else 0,
    )


def style_of(kernel: Kernel, chosen: FormatParameters | None = None) -> Style:
    """Return the style a person has set; what is ``chosen`` comes before that. Reads the store the first time."""
    get = kernel.settings.get
    names = ("indent", "width", "keyword_case", "commas")
    found = {name: getattr(chosen, name, None) for name in names}
    return Style(**{name: get(f"format.{name}") if value is None else value for name, value in found.items()})


def dialect_of(kernel: Kernel, name: str | None) -> Dialect | None:
    """Return the dialect of a name, that of a driver or ``ansi``; InvalidInputError says which there are."""
    if name is None:
        return None
    if name == ANSI.name:
        return ANSI
    if (driver := kernel.plugins.drivers.find(name)) is None:
        known = ", ".join([*kernel.plugins.drivers.ids(), ANSI.name])
        raise InvalidInputError(f"no dialect is named {name!r}", hint=f"there are {known}")
    return driver.dialect


def render(report: FormatReport, write: Callable[[str], object]) -> None:
    """Print the text, and what is to be told on standard error."""
    if report.text is not None:
        write(report.text)
    for sentence in report.sentences:
        sys.stderr.write(f"{sentence}\n")
