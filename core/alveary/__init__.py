"""The door for plugin authors and scripts: the kernel, the hook marker, the contracts, the errors.

Names are imported when they are first used, so that ``import alveary`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alveary.contracts.catalog import (
        Catalog,
        ColumnInfo,
        Constraint,
        Dependencies,
        Dependency,
        ForeignKey,
        Gap,
        IndexInfo,
        ObjectInfo,
        Relation,
        RelationDetails,
    )
    from alveary.contracts.completion import CompletionRequest, Suggestion
    from alveary.contracts.driver import (
        Batch,
        BatchSize,
        Capability,
        Columns,
        Connection,
        Driver,
        Message,
        Notice,
        RowCount,
        ServerInfo,
        TlsInfo,
        TransactionState,
    )
    from alveary.contracts.exporter import Exporter, ExportOptions, Origin
    from alveary.contracts.finder import Action, Finder, Hit, ListFinder, Wanted
    from alveary.contracts.guard import Reviewed, Verdict
    from alveary.contracts.importer import Chunk, Fault, FileColumn, Importer, JsonText, Numeral
    from alveary.contracts.plan import Explained, Explainer, ExplainRequest, Plan, PlanNode, Step
    from alveary.contracts.setting import SettingSpec
    from alveary.contracts.specs import (
        CommandSpec,
        DriverSpec,
        ExplainerSpec,
        ExporterSpec,
        FinderSpec,
        FormatOption,
        ImporterSpec,
        OptionSpec,
        VaultSpec,
    )
    from alveary.contracts.target import Target
    from alveary.contracts.types import ColumnType, Kind, LoadColumn, TypeTable
    from alveary.contracts.values import Cell, Column, Parameters, Row, ValueKind
    from alveary.contracts.vault import PasswordSource, SecretKey, Vault
    from alveary.contracts.window import PanelSpec, Placement, ThemeSpec
    from alveary.credentials import Credentials
    from alveary.errors import AlvearyError
    from alveary.events import Outcome, SessionState
    from alveary.hookspecs import hookimpl
    from alveary.kernel import Kernel
    from alveary.matching import Level, Query
    from alveary.results import ResultSet
    from alveary.sessions import Session
    from alveary.statements import Statement

_DOORS = {
    "alveary.contracts.catalog": (
        "Catalog",
        "ColumnInfo",
        "Constraint",
        "Dependencies",
        "Dependency",
        "ForeignKey",
        "Gap",
        "IndexInfo",
        "ObjectInfo",
        "Relation",
        "RelationDetails",
    ),
    "alveary.contracts.driver": (
        "Batch",
        "BatchSize",
        "Capability",
        "Columns",
        "Connection",
        "Driver",
        "Message",
        "Notice",
        "RowCount",
        "ServerInfo",
        "TlsInfo",
        "TlsInfo",
        "TransactionState",
    ),
    "alveary.contracts.exporter": ("ExportOptions", "Exporter", "Origin"),
    "alveary.contracts.completion": ("CompletionRequest", "Suggestion"),
    "alveary.contracts.finder": ("Action", "Finder", "Hit", "ListFinder", "Wanted"),
    "alveary.contracts.guard": ("Reviewed", "Verdict"),
    "alveary.contracts.importer": ("Chunk", "Fault", "FileColumn", "Importer", "JsonText", "Numeral"),
    "alveary.contracts.plan": ("ExplainRequest", "Explained", "Explainer", "Plan", "PlanNode", "Step"),
    "alveary.contracts.setting": ("SettingSpec",),
    "alveary.contracts.specs": (
        "CommandSpec",
        "DriverSpec",
        "ExplainerSpec",
        "ExporterSpec",
        "FinderSpec",
        "FormatOption",
        "ImporterSpec",
        "OptionSpec",
        "VaultSpec",
    ),
    "alveary.contracts.target": ("Target",),
    "alveary.contracts.types": ("ColumnType", "Kind", "LoadColumn", "TypeTable"),
    "alveary.contracts.values": ("Cell", "Column", "Parameters", "Row", "ValueKind"),
    "alveary.contracts.vault": ("PasswordSource", "SecretKey", "Vault"),
    "alveary.contracts.window": ("PanelSpec", "Placement", "ThemeSpec"),
    "alveary.credentials": ("Credentials",),
    "alveary.errors": ("AlvearyError",),
    "alveary.events": ("Outcome", "SessionState"),
    "alveary.hookspecs": ("hookimpl",),
    "alveary.kernel": ("Kernel",),
    "alveary.matching": ("Level", "Query"),
    "alveary.results": ("ResultSet",),
    "alveary.sessions": ("Session",),
    "alveary.statements": ("Statement",),
}
_HOME = {name: module for module, names in _DOORS.items() for name in names}

__all__ = [
    "Action",
    "AlvearyError",
    "Batch",
    "BatchSize",
    "Capability",
    "Catalog",
    "Cell",
    "Chunk",
    "Column",
    "ColumnInfo",
    "ColumnType",
    "Columns",
    "CommandSpec",
    "CompletionRequest",
    "Connection",
    "Constraint",
    "Credentials",
    "Dependencies",
    "Dependency",
    "Driver",
    "DriverSpec",
    "ExplainRequest",
    "Explained",
    "Explainer",
    "ExplainerSpec",
    "ExportOptions",
    "Exporter",
    "ExporterSpec",
    "Fault",
    "FileColumn",
    "Finder",
    "FinderSpec",
    "ForeignKey",
    "FormatOption",
    "Gap",
    "Hit",
    "Importer",
    "ImporterSpec",
    "IndexInfo",
    "JsonText",
    "Kernel",
    "Kind",
    "Level",
    "ListFinder",
    "LoadColumn",
    "Message",
    "Notice",
    "Numeral",
    "ObjectInfo",
    "OptionSpec",
    "Origin",
    "Outcome",
    "PanelSpec",
    "Parameters",
    "PasswordSource",
    "Placement",
    "Plan",
    "PlanNode",
    "Query",
    "Relation",
    "RelationDetails",
    "ResultSet",
    "Reviewed",
    "Row",
    "RowCount",
    "SecretKey",
    "ServerInfo",
    "Session",
    "SessionState",
    "SettingSpec",
    "Statement",
    "Step",
    "Suggestion",
    "Target",
    "ThemeSpec",
    "TlsInfo",
    "TransactionState",
    "TypeTable",
    "ValueKind",
    "Vault",
    "VaultSpec",
    "Verdict",
    "Wanted",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("alveary")
    if name not in _HOME:
        raise AttributeError(f"module 'alveary' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
