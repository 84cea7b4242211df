"""What SQLite keeps only as the text of CREATE TABLE and CREATE INDEX: checks, collations, expressions, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import NamedTuple

from alveary.sqltext import SQLITE, TokenKind, tokens, unquoted

_MAY_LACK = re.compile(r"\bwithout\b|\bdesc\b", re.I)
_LONGEST_HEAD = 20
"""Words within which a trigger has said when it fires."""
_STARTS = frozenset({"constraint", "primary", "unique", "check", "foreign"})


class _Word(NamedTuple):
    start: int
    end: int
    kind: TokenKind
    text: str
    """In lower case, but for what is quoted."""


@dataclass(slots=True)
class DeclaredColumn:
    """What is said of a column; its type, default and place in the key SQLite tells by itself."""

    collation: str | None = None
    expression: str | None = None
    """What a generated column is computed by."""
    autoincrement: bool = False


@dataclass(slots=True)
class DeclaredConstraint:
    """A constraint; ``name`` is empty where it has none."""

    kind: str
    name: str
    columns: tuple[str, ...] = ()
    expression: str | None = None


@dataclass(slots=True)
class DeclaredTable:
    """What a CREATE TABLE says; columns by their name in lower case."""

    columns: dict[str, DeclaredColumn] = field(default_factory=dict)
    constraints: list[DeclaredConstraint] = field(default_factory=list)


def has_rowid_alias(sql: str) -> bool:
    """Return whether in a CREATE TABLE a primary key of one INTEGER is the number of its row.

    It is not where there are no such numbers, nor, by an oversight that SQLite keeps, where the column says DESC.
    """
    if _MAY_LACK.search(sql) is None:
        return True
    words = [word.text if word.kind is TokenKind.WORD else "" for word in _words(sql)]
    return ("without", "rowid") not in pairwise(words) and ("primary", "key", "desc") not in zip(
        words, words[1:], words[2:], strict=False
    )


def module(sql: str) -> str | None:
    """Return what keeps a virtual table, as its CREATE names it."""
    words = _words(sql)
    using = next((at for at, word in enumerate(words) if word.kind is TokenKind.WORD and word.text == "using"), None)
    return None if using is None or using + 1 >= len(words) else _name(sql, words[using + 1])


def fires(sql: str) -> str | None:
    """Return when a trigger fires, in lower case: ``after update``."""
    words = [word.text for word in islice(_each_word(sql), _LONGEST_HEAD) if word.kind is TokenKind.WORD]
    for at, word in enumerate(words):
        if word in ("insert", "delete", "update"):
            before = words[at - 1]
            return f"{'instead of' if before == 'of' else before if before == 'after' else 'before'} {word}"
    return None


def table(sql: str) -> DeclaredTable:
    """Read a CREATE TABLE, as SQLite keeps it; of one that can't be read there is nothing."""
    words = _words(sql)
    declared = DeclaredTable()
    opening = next((at for at, word in enumerate(words) if word.text == "(" and word.kind is TokenKind.OPERATOR), None)
    if opening is None:
        return declared
    for item in _items(words, opening):
        _read(sql, item, declared)
    return declared


def index(sql: str) -> tuple[list[str], str | None]:
    """Return the texts of what a CREATE INDEX orders by, and of its WHERE."""
    words = _words(sql)
    opening = next((at for at, word in enumerate(words) if word.text == "(" and word.kind is TokenKind.OPERATOR), None)
    if opening is None:
        return [], None
    items = _items(words, opening)
    texts = []
    for item in items:
        while len(item) > 1 and item[-1].kind is TokenKind.WORD and item[-1].text in ("asc", "desc"):
            item = item[:-1]  # noqa: PLW2901  # what is left of it
        texts.append(sql[item[0].start : item[-1].end] if item else "")
    closing = _closing(words, opening)
    after = words[closing + 1 :]
    predicate = sql[after[1].start :].strip() if len(after) > 1 and after[0].text == "where" else None
    return texts, predicate


def _words(sql: str) -> list[_Word]:
    return list(_each_word(sql))


def _each_word(sql: str) -> Iterator[_Word]:
    for start, end, kind in tokens(sql, SQLITE):
        if kind not in (TokenKind.WHITESPACE, TokenKind.COMMENT):
            text = sql[start:end]
            yield _Word(start, end, kind, text if kind is TokenKind.QUOTED_IDENTIFIER else text.lower())


def _closing(words: Sequence[_Word], opening: int) -> int:
    """Return where the parenthesis closes that opens at a place; the last place if it does not."""
    depth = 0
    for at in range(opening, len(words)):
        if words[at].kind is TokenKind.OPERATOR:
            depth += (words[at].text == "(") - (words[at].text == ")")
            if depth == 0:
                return at
    return len(words) - 1


def _items(words: Sequence[_Word], opening: int) -> list[list[_Word]]:
    """Return what stands between the commas of a parenthesis."""
    items: list[list[_Word]] = [[]]
    at, closing = opening + 1, _closing(words, opening)
    while at < closing:
        word = words[at]
        if word.kind is TokenKind.OPERATOR and word.text == "(":
            end = _closing(words, at)
            items[-1] += words[at : end + 1]
            at = end
        elif word.kind is TokenKind.OPERATOR and word.text == ",":
            items.append([])
        else:
            items[-1].append(word)
        at += 1
    return items


def _read(sql: str, item: Sequence[_Word], declared: DeclaredTable) -> None:
    """Read a column, or constraints; SQLite wants no commas between these."""
    column, name, at = None, "", 0
    if item and not (item[0].kind is TokenKind.WORD and item[0].text in _STARTS):
        column, at = _name(sql, item[0]), 1
        declared.columns.setdefault(column.lower(), DeclaredColumn())
    said = declared.columns.get((column or "").lower(), DeclaredColumn())
    while at < len(item):
        word = item[at].text if item[at].kind is TokenKind.WORD else ""
        follows = item[at + 1] if at + 1 < len(item) else None
        if word == "constraint" and follows is not None:
            name, at = _name(sql, follows), at + 1
        elif word == "check" and follows is not None and follows.text == "(":
            end = _closing(item, at + 1)
            text = sql[follows.end : item[end].start].strip()
            declared.constraints.append(DeclaredConstraint("check", name, expression=text))
            name, at = "", end
        elif word in ("unique", "primary"):
            at += word == "primary"
            kind = "unique" if word == "unique" else "primary key"
            columns: tuple[str, ...] = () if column is None else (column,)
            if at + 1 < len(item) and item[at + 1].text == "(":
                columns = tuple(_name(sql, each[0]) for each in _items(item, at + 1) if each)
                at = _closing(item, at + 1)
            declared.constraints.append(DeclaredConstraint(kind, name, columns))
            name = ""
        elif word == "collate" and follows is not None:
            said.collation, at = _name(sql, follows), at + 1
        elif word == "as" and follows is not None and follows.text == "(":
            end = _closing(item, at + 1)
            said.expression, at = sql[follows.end : item[end].start].strip(), end
        elif word == "autoincrement":
            said.autoincrement = True
        elif item[at].text == "(":
            at = _closing(item, at)
        elif word in ("references", "foreign"):
            name = ""
        at += 1


def _name(sql: str, word: _Word) -> str:
    text = sql[word.start : word.end]
    return text[1:-1].replace("''", "'") if word.kind is TokenKind.STRING else unquoted(word.kind, text)
