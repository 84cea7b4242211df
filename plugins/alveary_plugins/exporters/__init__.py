"""The formats that come with Alveary: one module per family, imported when the format is first asked for."""

from __future__ import annotations

from alveary.contracts.setting import SettingSpec
from alveary.contracts.specs import ExporterSpec
from alveary.hookspecs import hookimpl


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
        ),
        ExporterSpec(
            id="tsv",
            summary="Tab-separated values, quoted by the same rule as csv",
            factory=f"{room}.delimited:TsvExporter",
            extensions=(".tsv", ".tab"),
        ),
        ExporterSpec(
            id="json",
            summary="One array of objects per result, each on one line",
            factory=f"{room}.json_text:JsonExporter",
            extensions=(".json",),
        ),
        ExporterSpec(
            id="jsonl",
            summary="One JSON object per row and line",
            factory=f"{room}.json_text:JsonLinesExporter",
            extensions=(".jsonl", ".ndjson"),
        ),
        ExporterSpec(
            id="markdown",
            summary="A Markdown table",
            factory=f"{room}.markdown:MarkdownExporter",
            extensions=(".md", ".markdown"),
        ),
        ExporterSpec(
            id="vertical",
            summary="One line per value, for rows too wide for a table",
            factory=f"{room}.aligned:VerticalExporter",
        ),
    )
