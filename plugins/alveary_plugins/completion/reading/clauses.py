"""The words that open a clause or a query, whatever was missing before."""

from __future__ import annotations

from alveary_plugins.completion.reading.sources import READS
from alveary_plugins.completion.reading.stack import LISTS, Stack
from alveary_plugins.completion.tree import Query
from alveary_plugins.completion.words import CARET

VERBS = frozenset({"select", "insert", "update", "delete", "merge", "values", "replace", "with"})
_CLOSING_TEXT = """where group having join limit returning union intersect except window"""
_CLOSING = frozenset(_CLOSING_TEXT.split())
_FROM_WITHIN_TEXT = """extract trim substring overlay substr position normalize"""
_FROM_WITHIN = frozenset(_FROM_WITHIN_TEXT.split())


def keyword(stack: Stack, at: int, lower: str) -> int:
    """Take a word that opens a clause; return where to go on, 0 for a word that opens none."""
    frame = stack.frame
    if frame.kind not in ("query", "sources"):
        if lower == "from" and frame.head not in _FROM_WITHIN and stack.lower(at - 1) != "distinct":
            pass
        elif lower not in _CLOSING or (lower in ("where", "group") and frame.clause in ("filter", "utility")):
            return _within(stack, at, lower)
        if frame.clause == "utility" or not frame.query.verb:
            return _within(stack, at, lower)
        stack.close_groups(at)
        frame = stack.frame
    query = frame.query
    previous = stack.lower(at - 1)
    if lower in VERBS and (taken := _verb(stack, at, lower)):
        return taken
    if frame.clause == "start":
        frame.clause = "utility"
    if frame.clause == "utility":
        return at + 1 if lower in ("as", "on", "for") else 0
    if frame.clause == "from" and previous == "for" and lower in ("join", "order", "group"):
        return at + 1  # what a hint for an index is for
    match lower:
        case "from" if query.verb in ("select", "update", "delete") and previous != "distinct":
            stack.enter(at, "from", "relation")
            if frame.base is not None and query.verb == "insert":
                frame.query = frame.base
        case "into" if frame.clause in ("into", "insert", "merge"):
            frame.clause, frame.expects = ("merge" if query.verb == "merge" else "into"), "relation"
        case "into" if frame.clause in LISTS:
            stack.end_item(frame, at)
            frame.clause = "into new"
        case "join" | "straight_join":
            stack.enter(at, "from", "relation")
        case "using" if query.verb in ("delete", "merge") and frame.clause in ("from", "merge"):
            stack.enter(at, "from", "relation")
        case "using" if frame.clause == "from":
            stack.enter(at, "using", "")
        case "on" if frame.base is not None and frame.clause not in READS and previous != "distinct":
            stack.end_item(frame, at)
            frame.query, frame.clause = frame.base, "conflict"
        case "on" if query.verb == "insert" or frame.clause in ("values", "insert"):
            frame.clause = "conflict"
        case "on" if frame.clause in READS or frame.clause in ("on", "using"):
            if frame.base is not None and stack.lower(at + 1) in ("conflict", "duplicate"):
                frame.query, frame.clause = frame.base, "conflict"
            else:
                stack.enter(at, "on", "")
        case "where" | "having" | "limit" | "offset" | "fetch" | "window" | "qualify":
            if lower != "where" or frame.clause != "conflict" or query.verb != "insert":
                stack.enter(at, lower, "")
            else:
                frame.clause = "where"
        case "group" | "order" | "partition" if previous not in ("within",):
            stack.enter(at, f"{lower} by" if lower != "partition" else frame.clause, "")
        case "returning":
            stack.end_item(frame, at)
            if frame.base is not None:
                frame.query, frame.base = frame.base, None
            frame.clause, frame.expects, frame.item = "returning", "", at + 1
        case "union" | "intersect" | "except" | "minus":
            stack.enter(at, "set operation", "")
        case "set" if query.verb in ("update", "merge", "insert") or frame.clause == "conflict":
            stack.enter(at, "set", "")
        case "when" if query.verb == "merge" and frame.clause in ("on", "set", "merge then", "values", "merge when",
                                                                  "merge insert", "merge values"):  # fmt: skip
            if _case_depth(stack, at) == 0:
                frame.clause = "merge when"
            else:
                return 0
        case "then" if frame.clause == "merge when":
            frame.clause = "merge then"
        case "update" if frame.clause == "conflict" and previous == "key":
            frame.clause = "set"
        case "do" if frame.clause in ("conflict", "where") and query.verb == "insert":
            frame.clause = "conflict"
        case "for" if stack.lower(at + 1) in ("update", "share", "no", "key", CARET):
            stack.enter(at, "for", "")
        case "lateral":
            return at + 1
        case _:
            return 0
    return at + 1


def _within(stack: Stack, at: int, lower: str) -> int:
    """Take a word of an expression in parentheses."""
    frame = stack.frame
    if lower in ("order", "partition") and frame.clause != "utility":
        frame.clause = f"{lower} by"
        return at + 1
    if lower == "where" and frame.clause == "filter":
        frame.clause = "where"
        return at + 1
    if lower == "select" and at == frame.begin:
        frame.kind, frame.clause = "query", "start"
        frame.query = Query(outer=frame.query, correlated=True, begin=at)
        return _verb(stack, at, lower)
    return 0


def _case_depth(stack: Stack, at: int) -> int:
    depth = 0
    for word in stack.words[stack.frame.begin : at]:
        depth += (word.lower == "case") - (word.lower == "end")
    return max(depth, 0)


def _verb(stack: Stack, at: int, lower: str) -> int:
    frame = stack.frame
    query = frame.query
    previous = stack.lower(at - 1)
    clause = frame.clause
    if clause == "merge then" and lower in ("insert", "update", "delete"):
        frame.clause = {"insert": "merge insert", "update": "merge update", "delete": "merge then"}[lower]
        return at + 1
    if lower == "values" and query.verb in ("insert", "merge"):
        if clause == "set" and stack.lower(at + 1) == "(":  # MySQL's VALUES(column) in ON DUPLICATE KEY UPDATE
            return 0
        frame.clause = "merge values" if query.verb == "merge" else "values"
        return at + 1
    if lower == "with" and clause not in ("start", "insert", "into", "utility", "set operation"):
        return 0
    if lower == "with" and not {stack.lower(at + 1), stack.lower(at + 2)} & {CARET, "recursive", "as", "("}:
        return 0
    if lower == "replace" and (clause != "start" or stack.lower(at + 1) not in ("into", CARET)):
        return 0
    if clause == "utility" and not _begins_query(lower, previous, stack.lower(0)):
        return 0
    match clause:
        case "insert" | "into" if query.verb == "insert":
            frame.base = query
            frame.query = query = Query(outer=query, begin=at)
        case "set operation":
            frame.query = query = Query(
                query.outer, query.correlated, query.source, first=query.first or query, begin=at
            )
        case "start" | "with" | "utility":
            pass
        case _:
            return 0
    match lower:
        case "with":
            frame.clause = "with"
            if stack.lower(at + 1) == "recursive":
                return at + 2
        case "select":
            query.verb, frame.clause, frame.item = "select", "select", at + 1
            following = at + 1
            while stack.lower(following) in ("distinct", "all", "distinctrow", "sql_calc_found_rows"):
                following += 1
            frame.item = following
            return following
        case "values":
            query.verb, frame.clause = "values", "values"
        case "insert" | "replace":
            query.verb, frame.clause = "insert", "into"
        case "update":
            query.verb, frame.clause, frame.expects = "update", "update", "relation"
        case "delete":
            query.verb, frame.clause = "delete", "delete"
        case "merge":
            query.verb, frame.clause = "merge", "merge"
    return at + 1


def _begins_query(verb: str, previous: str, first: str) -> bool:
    """Return whether a verb within a statement of another kind begins a query of it."""
    if verb in ("select", "values", "with"):
        return previous not in ("grant", "revoke", ",", "set", "default", "on")
    if first in ("grant", "revoke"):
        return False
    return previous not in ("on", "before", "after", "of", "or", "instead", "for", "grant", "revoke", ",", "to", "key")
