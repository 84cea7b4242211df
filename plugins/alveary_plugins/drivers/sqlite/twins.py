"""A table like another one, made of the statements SQLite keeps: the same text under another name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alveary.contracts.catalog import Trait, Twin

_NAME = r"""(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|[^\s"'`\[(./-]+)"""
_GAP = r"(?>\s|--[^\n]*\n|/\*.*?\*/)"
_TABLE = re.compile(rf"create\s+table\s+{_NAME}{_GAP}*(?P<rest>\(.*)", re.IGNORECASE | re.DOTALL).fullmatch
_INDEX = re.compile(
    rf"create\s+(?P<unique>unique\s+)?index\s+(?P<name>{_NAME}){_GAP}+on{_GAP}+{_NAME}{_GAP}*(?P<rest>\(.*)",
    re.IGNORECASE | re.DOTALL,
).fullmatch
_TRIGGER = re.compile(rf"create\s+trigger\s+(?P<name>{_NAME}).*", re.IGNORECASE | re.DOTALL).fullmatch
_WITHIN = {
    "check": r"\bcheck\s*\(",
    "foreign key": r"\breferences\b",
    "default": r"\bdefault\b",
    "unique": r"\bunique\b",
    "collation": r"\bcollate\b",
    "numbering": r"\bautoincrement\b",
}
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/""", re.DOTALL)


def of_table(statements: Sequence[str], name: str, at: Sequence[str]) -> Twin | None:
    """Return the twin of a table of this name; ``at`` are the quoted schema and name it gets."""
    if not statements or (table := _TABLE(statements[0])) is None:
        return None  # a view, a virtual table, or one that was made as a query's result
    schema, new = at
    words = _QUOTED.sub("", table["rest"])
    after, left = [], []
    for statement in statements[1:]:
        if (index := _INDEX(statement)) is not None:
            plain = _plain(index["name"])
            label = _quoted(_renamed(plain, name, _plain(new)))
            sql = f"create {index['unique'] or ''}index {schema}.{label} on {new} {index['rest']}"
            after.append((Trait(kind="index", name=plain), sql))
        elif (trigger := _TRIGGER(statement)) is not None:
            left.append(Trait(kind="trigger", name=_plain(trigger["name"])))
    return Twin(
        create=f"create table {schema}.{new} {table['rest']}",
        after=tuple(after),
        within=tuple(Trait(kind=kind) for kind, form in _WITHIN.items() if re.search(form, words, re.IGNORECASE)),
        left=tuple(left),
    )


def _renamed(index: str, table: str, new: str) -> str:
    """Return the name of an index for a table of another name: a schema has each name once."""
    if table == new:
        return index
    return index.replace(table, new) if table in index else f"{new}_{index}"


def _plain(name: str) -> str:
    if name[0] == "[":
        return name[1:-1]
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'`" else name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
