"""The formats that Alveary reads: one module each, imported when a file of the format is first opened."""

from __future__ import annotations

from alveary.contracts.specs import FormatOption, ImporterSpec
from alveary.hookspecs import hookimpl

ENCODING = FormatOption(
    name="encoding",
    kind="choice",
    choices=("utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "windows-1252"),
    default=None,
    description="The encoding of the file; found by its byte order mark, or by whether all of it is UTF-8.",
)
DELIMITED = (
    FormatOption(
        name="quote",
        kind="text",
        default=None,
        description="The character fields are quoted with; found out, or empty where a quote is a character as any.",
    ),
    FormatOption(
        name="header",
        kind="choice",
        choices=("yes", "no"),
        default=None,
        description="Whether the first line holds the names; found by whether it is unlike the lines below.",
    ),
    FormatOption(
        name="null",
        kind="text",
        default=None,
        description="A field that is this text and not quoted is NULL; the empty one is, unless something is said.",
    ),
    ENCODING,
)


@hookimpl
def alveary_importers() -> tuple[ImporterSpec, ...]:
    """Declare the formats."""
    room = __name__
    return (
        ImporterSpec(
            id="csv",
            summary="Fields between commas, semicolons, tabs or bars; one that is empty and not quoted is NULL",
            factory=f"{room}.delimited:DelimitedImporter",
            extensions=(".csv", ".txt"),
            options=(
                FormatOption(
                    name="delimiter",
                    kind="text",
                    default=None,
                    description="The character between two fields; found out. \\t is the tab.",
                ),
                *DELIMITED,
            ),
        ),
        ImporterSpec(
            id="tsv",
            summary="Fields between tabs, quoted by the same rule as csv",
            factory=f"{room}.delimited:TabbedImporter",
            extensions=(".tsv", ".tab"),
            options=DELIMITED,
        ),
        ImporterSpec(
            id="jsonl",
            summary="One JSON object a line, or arrays below one of the names",
            factory=f"{room}.json_lines:JsonLinesImporter",
            extensions=(".jsonl", ".ndjson"),
            options=(ENCODING,),
        ),
        ImporterSpec(
            id="parquet",
            summary="The columns and types of a Parquet file",
            factory=f"{room}.parquet:ParquetImporter",
            extensions=(".parquet",),
            package="pyarrow",
            extra="parquet",
        ),
    )
