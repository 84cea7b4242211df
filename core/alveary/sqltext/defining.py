"""Which statements change what a database holds, and of what kind and name, as far as their words tell.

What a routine, an anonymous block or EXECUTE changes can't be read from the text that calls it: that it may have is
all that is told. What a function changes that SELECT calls is not told at all, for every query may call one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile, islice
from typing import Literal, NamedTuple, TypeAlias

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.lexer import TokenKind, tokens
from alveary.sqltext.names import NAMES, unquoted

Verb: TypeAlias = Literal["created", "dropped", "changed", "unseen"]


class Change(NamedTuple):
    """A thing that a statement creates, drops or changes.

    ``path`` are its names as the statement writes them, without quotes and, where they are not quoted, in the case
    they were written in; empty where the statement gives none. What is dropped with all that needs it, gets another
    name or goes to another schema ``reaches`` into schemas that are not its own. ``unseen`` is what was called, by the
    statement's word for it, and may have changed anything.
    """

    verb: Verb
    kind: str
    path: tuple[str, ...]
    reaches: bool = False


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_VERBS: dict[str, Verb] = {
    "create": "created",
    "drop": "dropped",
    "alter": "changed",
    "comment": "changed",
    "rename": "changed",
    "import": "created",
    "select": "created",
    "with": "created",
}
_LIKELY = re.compile(r"\b(?:create|drop|alter|comment|rename|import|into|call|do|execute)\b", re.I)
_DEFINES = re.compile(r"\b(?:create|drop|alter|comment|rename|import|call|execute)\b", re.I)
"""What an anonymous block holds that changes anything of interest; others are run often, and change rows."""
_NOT_ATOMIC = re.compile(r"\s*begin\s+not\s+atomic\b", re.I)
_CHARACTERS = 100_000
_LOOKED_AT = 400
"""Words looked at of a statement that could create a table from a query."""
_BEFORE_KIND = _set(
    "or replace global local temp temporary unlogged unique fulltext spatial recursive trusted procedural constraint "
    "force editioned definer sql security invoker undefined merge temptable algorithm aggregate default on online "
    "offline ignore clustered"
)
_TWO_WORDS = {
    "materialized": "view", "foreign": "table", "virtual": "table", "event": "trigger", "range": "type",
    "access": "method", "text": "search",
}  # fmt: skip
_BEFORE_NAME = _set("if not exists concurrently only wait nowait")
_DEFINED = _set("view function procedure trigger event sql aggregate")
_CLASSES = frozenset({"schema", "database"})


def changes_in(text: str, dialect: Dialect) -> list[Change]:
    """Return what one statement creates, drops or changes; nothing for any other. Never raises."""
    if _LIKELY.search(text, 0, _CHARACTERS) is None:
        return []
    found = (
        (kind, text[start:end])
        for start, end, kind in tokens(text, dialect)
        if kind not in (TokenKind.WHITESPACE, TokenKind.COMMENT)
        # The ends of a comment that is run; a dump writes half of its statements in such.
        and not (kind is TokenKind.OPERATOR and text[start : start + 2] in ("/*", "*/"))
    )
    first = next(found, None)
    if first is not None and first[1].lower() == "set":  # STATEMENT … FOR, which MariaDB has before a statement
        first = next(islice(dropwhile(lambda word: word[1].lower() != "for", found), 1, None), None)
    if first is None or first[0] is not TokenKind.WORD:
        return []
    head = first[1].lower()
    if (verb := _VERBS.get(head)) is None:
        return [Change("unseen", head, ())] if _calls(head, text, dialect) else []
    words = [first, *islice(found, _LOOKED_AT)]
    if head in ("select", "with"):
        return _selected_into(words, dialect)
    if head == "import":
        return [Change(verb, "foreign table", ())]
    at = 1
    if head == "comment":
        at += _is(words, at, "on")
    while at < len(words) and (_is(words, at, *_BEFORE_KIND) or words[at][0] is not TokenKind.WORD):
        if _is(words, at, "definer"):  # = user@host, or the words of a role
            at = _after_definer(words, at)
        elif _is(words, at, "on") and head != "comment":
            break
        else:
            at += 1
    if at >= len(words):
        return []
    kind = words[at][1].lower()
    if (second := _TWO_WORDS.get(kind)) is not None and _is(words, at + 1, second):
        kind, at = f"{kind} {second}", at + 1
    at += 1
    while _is(words, at, *_BEFORE_NAME):
        at += 1
    paths = []
    while True:
        path, at = _path(words, at)
        paths.append(path)
        if head == "rename" and _is(words, at, "to"):
            at = _path(words, at + 1)[1]
        if (verb != "dropped" and head != "rename") or not _operator(words, at, ","):
            break
        at += 1
    if kind == "owned":  # by somebody
        paths = [()]
    if kind == "index" and verb == "created" and paths == [("on",)]:
        paths = [()]  # PostgreSQL names it
    reaches = verb != "created" and _reaches(words, dialect)
    return [Change(verb, kind, path, reaches) for path in paths]


def schema_of(change: Change) -> str | None:
    """Return the schema in which a change happened, None where its names leave that open or it was not that alone."""
    if change.reaches:
        return None
    path = change.path[:-1] if change.kind == "column" else change.path
    return path[-2] if len(path) > 1 and change.kind not in _CLASSES else None


def _calls(head: str, text: str, dialect: Dialect) -> bool:
    """Return whether a statement that begins so calls what may change anything."""
    if head == "execute":  # PostgreSQL prepares nothing that defines
        return dialect.name != "postgres"
    if head == "do":  # elsewhere it is an expression
        return dialect.name == "postgres" and _DEFINES.search(text, 0, _CHARACTERS) is not None
    if head == "begin":
        return dialect.name == "mysql" and _NOT_ATOMIC.match(text) is not None and _DEFINES.search(text) is not None
    return head == "call"


def _selected_into(words: Sequence[tuple[TokenKind, str]], dialect: Dialect) -> list[Change]:
    if dialect.name == "mysql":  # there it fills variables and files
        return []
    depth = 0
    for at, (kind, word) in enumerate(words):
        depth += (word == "(") - (word == ")") if kind is TokenKind.OPERATOR else 0
        if depth == 0 and _is(words, at, "into") and not _is(words, at - 1, "insert", "merge"):
            named = at + 1
            while _is(words, named, "temp", "temporary", "unlogged", "table"):
                named += 1
            return [Change("created", "table", _path(words, named)[0])]
    return []


def _reaches(words: Sequence[tuple[TokenKind, str]], dialect: Dialect) -> bool:
    # MySQL does not ask before it takes away what a view of another database reads.
    reaching = ("cascade", "rename", *(("drop", "change") if dialect.name == "mysql" else ()))
    return any(
        _is(words, at, *reaching) or (_is(words, at, "set") and _is(words, at + 1, "schema"))
        for at in range(len(words))
    )


def _after_definer(words: Sequence[tuple[TokenKind, str]], at: int) -> int:
    at += 1
    while at < len(words) and not (words[at][0] is TokenKind.WORD and words[at][1].lower() in _DEFINED):
        at += 1
    return at


def _path(words: Sequence[tuple[TokenKind, str]], at: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while at < len(words) and words[at][0] in NAMES:
        names.append(unquoted(*words[at]))
        at += 1
        if not _operator(words, at, "."):
            break
        at += 1
    return tuple(names), at


def _is(words: Sequence[tuple[TokenKind, str]], at: int, *wanted: str) -> bool:
    return 0 <= at < len(words) and words[at][0] is TokenKind.WORD and words[at][1].lower() in wanted


def _operator(words: Sequence[tuple[TokenKind, str]], at: int, wanted: str) -> bool:
    return at < len(words) and words[at] == (TokenKind.OPERATOR, wanted)
