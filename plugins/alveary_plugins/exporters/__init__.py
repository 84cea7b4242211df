"""The formats that come with Alveary: one module per family, imported when the format is first asked for."""

from __future__ import annotations

from alveary.contracts.setting import SettingSpec
from alveary.contracts.specs import ExporterSpec, FormatOption
from alveary.hookspecs import hookimpl

DELIMITER = FormatOption(
    name="delimiter", kind="text", default=",", description="The character between two fields; \\t is the tab."
)
DELIMITED = (
    FormatOption(
        name="quote",
        kind="choice",
        choices=("needed", "text", "all"),
        default="needed",
        description="Which fields stand in quotes: those that need them, all that are no numbers, or all but NULL.",
    ),
    FormatOption(name="line_end", kind="choice", choices=("lf", "crlf"), default="lf", description="What ends a line."),
    FormatOption(
        name="encoding",
        kind="choice",
        choices=("utf-8", "utf-16", "latin-1", "windows-1252"),
        default="utf-8",
        description="The encoding of the file; a character that it has not is an error.",
    ),
    FormatOption(
        name="bom",
        kind="bool",
        default=False,
        description="Begin with a byte order mark, by which Excel knows utf-8; utf-16 always has one.",
    ),
)
JSON = (
    FormatOption(
        name="rows",
        kind="choice",
        choices=("objects", "arrays"),
        default="objects",
        description="Write a row as an object, or as an array, after one with the names unless there is no header.",
    ),
    FormatOption(
        name="binary",
        kind="choice",
        choices=("hex", "base64"),
        default="hex",
        description="How bytes are written: as the other formats do, or in base64.",
    ),
)
HTML = (
    FormatOption(name="title", kind="text", default="Result", description="The title of the page."),
    FormatOption(name="document", kind="bool", default=True, description="Write a whole page, not just its tables."),
)
XLSX = (
    FormatOption(
        name="sheet", kind="text", default="Sheet", description="The name of the first sheet; others are numbered."
    ),
    FormatOption(
        name="dates",
        kind="choice",
        choices=("dates", "text"),
        default="dates",
        description="Make days and whole seconds real dates where a spreadsheet can hold them, or leave all as text.",
    ),
    FormatOption(
        name="long",
        kind="choice",
        choices=("refuse", "cut"),
        default="refuse",
        description="What to do with a value of more than 32,767 characters: refuse it, or cut it and say so there.",
    ),
)
PARQUET = (
    FormatOption(
        name="compression",
        kind="choice",
        choices=("snappy", "zstd", "gzip", "none"),
        default="snappy",
        description="How pages are compressed.",
    ),
    FormatOption(
        name="group", kind="int", default=65_536, minimum=1, maximum=10_000_000, description="Rows a row group at most."
    ),
    FormatOption(
        name="text", kind="text", default=None, description="Columns that are written as text: a,b, or * for all."
    ),
)
INSERTS = (
    FormatOption(
        name="table",
        kind="text",
        default=None,
        description="The table to fill, schema.table; without it the one that the query reads, else table_name.",
    ),
    FormatOption(
        name="dialect",
        kind="choice",
        choices=("source", "postgres", "mysql", "sqlite", "ansi"),
        default="source",
        description="Whose SQL it is: that of the database the rows come from, or another one's.",
    ),
    FormatOption(
        name="rows", kind="int", default=500, minimum=1, maximum=100_000, description="Rows a statement at most."
    ),
    FormatOption(
        name="conflict",
        kind="choice",
        choices=("error", "ignore", "update"),
        default="error",
        description="What becomes of a row whose key is there: an error, nothing, or the other columns are updated.",
    ),
    FormatOption(
        name="key", kind="text", default=None, description="The columns of the key that conflict=update goes by: a,b."
    ),
    FormatOption(
        name="preamble",
        kind="bool",
        default=True,
        description="Begin with the settings that MySQL needs to read the rest as it is meant.",
    ),
)


@hookimpl
def alveary_settings() -> tuple[SettingSpec, ...]:
    """Declare what a person can set about the formats; ``FORMAT.null`` is what stands for NULL in a format."""
    return tuple(
        SettingSpec(
            id=f"{format}.null",
            kind="text",
            default=None,
            description=f"Text that stands for NULL in the format {format}.",
        )
        for format in ("table", "vertical")
    )


@hookimpl
def alveary_exporters() -> tuple[ExporterSpec, ...]:
    """Declare the formats."""
    room = __name__
    return (
        ExporterSpec(
            id="table",
            summary="Columns aligned for reading, as psql draws them",
            factory=f"{room}.aligned:TableExporter",
            extensions=(".txt",),
        ),
        ExporterSpec(
            id="csv",
            summary='Comma-separated values by the rule of PostgreSQL\'s COPY: NULL is empty, empty text ""',
            factory=f"{room}.delimited:CsvExporter",
            extensions=(".csv",),
            options=(DELIMITER, *DELIMITED),
        ),
        ExporterSpec(
            id="tsv",
            summary="Tab-separated values, quoted by the same rule as csv",
            factory=f"{room}.delimited:TsvExporter",
            extensions=(".tsv", ".tab"),
            options=DELIMITED,
        ),
        ExporterSpec(
            id="json",
            summary="One array of objects per result, each on one line",
            factory=f"{room}.json_text:JsonExporter",
            extensions=(".json",),
            options=JSON,
        ),
        ExporterSpec(
            id="jsonl",
            summary="One JSON object per row and line",
            factory=f"{room}.json_text:JsonLinesExporter",
            extensions=(".jsonl", ".ndjson"),
            options=JSON,
        ),
        ExporterSpec(
            id="markdown",
            summary="A Markdown table",
            factory=f"{room}.markdown:MarkdownExporter",
            extensions=(".md", ".markdown"),
        ),
        ExporterSpec(
            id="html",
            summary="A page with a table per result",
            factory=f"{room}.html:HtmlExporter",
            extensions=(".html", ".htm"),
            options=HTML,
        ),
        ExporterSpec(
            id="xlsx",
            summary="A spreadsheet: what it can't hold exactly, such as long numbers, is text there",
            factory=f"{room}.xlsx:XlsxExporter",
            extensions=(".xlsx",),
            options=XLSX,
            binary=True,
        ),
        ExporterSpec(
            id="parquet",
            summary="A Parquet file of one result: whole and decimal numbers exact, times, bytes; else text",
            factory=f"{room}.parquet:ParquetExporter",
            extensions=(".parquet",),
            options=PARQUET,
            binary=True,
            package="pyarrow",
            extra="parquet",
        ),
        ExporterSpec(
            id="sql",
            summary="INSERT statements of many rows, for PostgreSQL, MySQL, MariaDB, SQLite or standard SQL",
            factory=f"{room}.inserts:InsertExporter",
            extensions=(".sql",),
            options=INSERTS,
        ),
        ExporterSpec(
            id="vertical",
            summary="One line per value, for rows too wide for a table",
            factory=f"{room}.aligned:VerticalExporter",
        ),
    )
