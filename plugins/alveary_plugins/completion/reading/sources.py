"""The names that a statement reads: what it reads from, what it calls that, and what it lists."""

from __future__ import annotations

from collections.abc import Sequence

from alveary_plugins.completion.reading.stack import Stack
from alveary_plugins.completion.tree import Frame, Named, Source
from alveary_plugins.completion.words import CARET, Word

READS = ("from", "update", "merge")
"""Clauses that name what is read from."""
_STOP_TEXT = """
where join left right inner outer cross full natural straight_join on using group order having limit offset fetch union
intersect except minus set returning values select window for tablesample default when as lateral into qualify use force
ignore partition then with not indexed do not_found end loop
"""
_STOP = frozenset(_STOP_TEXT.split())
_SKIPPED_TEXT = """only lateral ignore low_priority high_priority delayed quick or rollback abort replace fail into"""
_SKIPPED = frozenset(_SKIPPED_TEXT.split())


def name(stack: Stack, at: int) -> int:
    """Take a name; return where to go on."""
    frame = stack.frame
    word = stack.words[at]
    if frame.kind == "names":
        if stack.lower(at - 1) in ("(", ","):
            frame.names.append(word)
        return at + 1
    if frame.clause == "with" and frame.kind == "query":
        if stack.lower(at - 1) in ("with", "recursive", ","):
            frame.current = Named(word)
            frame.query.named[word.name.lower()] = frame.current
        return at + 1
    if frame.kind not in ("query", "sources"):
        return at + 1
    if frame.expects == "alias":
        if word.lower == "as":
            return at + 1
        if word.lower == "with" and stack.lower(at + 1) == "ordinality":
            return at + 2
        if word.lower not in _STOP and not (word.lower and stack.lower(at + 1) == "."):
            if frame.source is not None:
                frame.source.alias = word
            if stack.lower(at + 1) != "(":
                frame.expects = ""
            return at + 1
        frame.expects = ""
        return at + 1
    if frame.clause == "into" and frame.query.verb == "insert" and frame.expects != "relation":
        if word.lower in _SKIPPED:
            return at + 1
        frame.expects = "relation"  # MySQL needs no INTO
    if frame.expects == "relation" and word.lower not in (_SKIPPED if frame.clause != "from" else ("only", "lateral")):
        return _source(stack, at)
    return at + 1


def _source(stack: Stack, at: int) -> int:
    frame = stack.frame
    query = frame.query
    path = [stack.words[at]]
    end = at + 1
    while stack.lower(end) == "." and end + 1 < len(stack.words) and stack.words[end + 1].is_name:
        path.append(stack.words[end + 1])
        end += 2
    if stack.lower(end) == "." and stack.lower(end + 1) == CARET:
        frame.expects = "relation"
        return end + 1
    source = Source(tuple(path), at=at, joined=is_joined(stack.words, at))
    frame.expects, frame.source = "alias", source
    if frame.clause == "into":
        query.target = source
        frame.clause = "insert"
        if stack.lower(end) == "(":
            frame.expects = ""
        return end
    source.is_function = stack.lower(end) == "("
    query.sources.append(source)
    if query.target is None and query.verb in ("update", "delete", "merge"):
        query.target = source
    if source.is_function:
        stack.frames.append(Frame("arguments", query, "arguments", end + 1, path[-1].name.lower()))
        return end + 1
    return end


def is_joined(words: Sequence[Word], at: int) -> bool:
    """Return whether what stands at a place follows JOIN."""
    for index in range(at - 1, max(at - 4, -1), -1):
        if words[index].lower in ("join", "straight_join"):
            return True
        if words[index].lower not in ("lateral", "only", "("):
            return False
    return False
