"""What a parenthesis is for, by what stands around it."""

from __future__ import annotations

from alveary_plugins.completion.reading.sources import READS, is_joined
from alveary_plugins.completion.reading.stack import Stack
from alveary_plugins.completion.tree import Frame, Query, Source
from alveary_plugins.completion.words import CARET

_OPERATORS_TEXT = """in and or not any all some exists like between as when then else case on where by select"""
_OPERATORS = frozenset(_OPERATORS_TEXT.split())


def opened(stack: Stack, at: int) -> Frame:
    """Return the frame that the parenthesis at a place opens."""
    frame = stack.frame
    query = frame.query
    head = stack.words[at - 1] if at > frame.begin else None
    before = head.lower if head is not None else ""
    following = stack.lower(at + 1)
    new = Frame("group", query, frame.clause, at + 1, before or (head.name.lower() if head is not None else ""))
    holds_query = following in ("select", "with", "values") or (
        following == "table" and frame.clause not in ("utility", "start")
    )
    if frame.clause == "from" and _is_hint(stack, at):
        new.kind, new.clause = "names", "index hint"
    elif frame.clause == "with" and frame.current is not None:
        if before in ("as", "materialized"):
            new.query = frame.current.query = Query(outer=query, begin=at + 1)
            new.kind, new.clause = "query", "start"
        else:
            new.kind, new.names = "names", frame.current.columns
    elif frame.expects == "relation" and frame.kind in ("query", "sources") and frame.clause in READS:
        if holds_query or following == CARET:
            lateral = before == "lateral"
            source = Source(at=at, joined=is_joined(stack.words, at), is_lateral=lateral)
            new.query = source.query = Query(outer=query, source=source, correlated=lateral, begin=at + 1)
            query.sources.append(source)
            frame.source = source
            new.kind, new.clause = "query", "start"
        else:
            new.kind, new.clause, new.expects = "sources", "from", "relation"
            frame.source = None
        frame.expects = "alias"
    elif holds_query:
        insert = frame.clause == "insert"
        new.query = Query(outer=query, correlated=not insert, begin=at + 1)
        new.kind, new.clause = "query", "start"
    elif frame.expects == "alias" and frame.source is not None and frame.clause in READS:
        new.kind, new.names = "names", frame.source.columns
        frame.expects = ""
    elif frame.clause == "using" and frame.kind in ("query", "sources"):
        new.kind, new.about = "names", query.sources[-1] if query.sources else None
    elif (frame.clause == "insert" and frame.kind == "query") or frame.clause == "merge insert":
        new.kind, new.about, new.names, new.clause = "names", query.target, query.listed, "insert list"
        frame.expects = ""
    elif frame.clause == "conflict":
        new.kind, new.about, new.clause = "names", query.target, "conflict list"
    elif frame.clause in ("values", "merge values"):
        new.kind, new.clause = "row", "values row"
    elif before == "over" or (frame.clause == "window" and before == "as"):
        new.kind, new.clause = "group", "over"
    elif before == "filter":
        new.clause = "filter"
    elif frame.clause in ("utility", "start"):
        new.kind, new.clause = ("names" if len(stack.frames) == 1 else "group"), "utility"
    elif frame.clause == "set" and before in ("set", ","):
        new.kind, new.about = "names", query.target
        new.clause = "set list"
    elif head is not None and head.is_name and before not in _OPERATORS:
        new.kind = "arguments"
        if frame.clause in READS:
            new.clause = "arguments"
    return new


def _is_hint(stack: Stack, at: int) -> bool:
    """Return whether MySQL's USE, FORCE or IGNORE INDEX stands before a place: ``ignore index for order by (``."""
    for index in range(at - 1, max(at - 5, 0), -1):
        if stack.lower(index) in ("index", "key"):
            return stack.lower(index - 1) in ("use", "force", "ignore")
        if stack.lower(index) not in ("for", "join", "order", "group", "by"):
            return False
    return False
