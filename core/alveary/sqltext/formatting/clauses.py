"""Where clauses begin: what their first words are, where these are no names."""

from __future__ import annotations

from typing import NamedTuple

from alveary.sqltext.formatting.words import BEFORE_OPERAND

QUERIES = frozenset({"select", "with", "values", "table"})
CHANGES = frozenset({"insert", "update", "delete", "merge", "replace"})
SET_OPERATIONS = frozenset({"union", "intersect", "except", "minus"})
_JOINING = frozenset({"natural", "inner", "cross", "left", "right", "full", "outer"})
#: Statements that hold words such as SELECT which begin no clause in them.
_PLAIN = frozenset({
    "grant", "revoke", "comment", "set", "drop", "truncate", "lock", "vacuum", "analyze", "call", "do", "copy",
    "reset", "show", "pragma", "kill", "use",
})  # fmt: skip
_ACTIONS = frozenset({
    "add", "drop", "alter", "rename", "modify", "change", "set", "owner", "enable", "disable", "attach",
    "detach", "validate", "inherit", "convert", "order",
})  # fmt: skip
_ROUTINE = frozenset({
    "returns", "language", "as", "immutable", "stable", "volatile", "strict", "security", "parallel", "cost",
    "deterministic", "comment", "sql",
})  # fmt: skip
_TRIGGER = frozenset({"before", "after", "instead", "for", "when", "execute", "referencing"})


class Start(NamedTuple):
    """Where a clause begins, how many nodes say what it is, and its kind."""

    at: int
    length: int
    kind: str


class _Far(NamedTuple):
    """What is looked for once, so that a long statement is not gone through for each of its words."""

    first_join: int
    last_do: int
    """-1 if there is none."""


def _index(said: list[str], word: str) -> int:
    return said.index(word) if word in said else len(said)


def starts_of(said: list[str]) -> list[Start]:
    """Return where clauses begin among nodes, given the words they are."""
    head = next((word for word in said if word in CHANGES or word == "select"), "") if said[:1] == ["with"] else ""
    head = head or (said[0] if said else "")
    if head == "create":
        return _starts_of_creation(said)
    if head == "alter":
        at = next((at for at, word in enumerate(said) if at > 2 and word in _ACTIONS), 0)
        return [Start(0, at, "actions")] if at else []
    if head in _PLAIN:
        return []
    found: list[Start] = []
    at, query_seen = 0, False
    far = _Far(_index(said, "join"), len(said) - 1 - _index(said[::-1], "do"))
    while at < len(said):
        start = _start(said, at, head, query_seen, far)
        if start is None:
            at += 1
            continue
        found.append(Start(at, *start))
        query_seen = query_seen or said[at] in QUERIES or said[at] in CHANGES
        at += start[0]
    return found


def _starts_of_creation(said: list[str]) -> list[Start]:
    kind = next((word for word in said[1:7] if word in ("table", "function", "procedure", "trigger", "event")), "")
    body = next((at for at, word in enumerate(said) if word == "as" and _begins_query(said[at + 1 : at + 2])), None)
    if body is not None:
        rest = starts_of(said[body + 1 :])
        opening: list[Start] = [Start(0, 0, "definition" if kind == "table" else "plain")]
        return [*opening, *(Start(at + body + 1, length, what) for at, length, what in rest or [Start(0, 0, "plain")])]
    words = {"function": _ROUTINE, "procedure": _ROUTINE, "trigger": _TRIGGER}.get(kind, frozenset())
    found: list[Start] = [Start(0, 0, "definition" if kind == "table" else "plain")]
    if kind == "trigger":
        words = words - ({"after"} if "before" in said else set())
    skipped = 0
    for at, word in enumerate(said):
        if at <= skipped or word not in words or said[at - 1] in ("is", "not", "default", ",", "="):
            continue
        found.append(Start(at, 1, "hug" if word == "as" else "indented"))
        skipped = at + 1 if word in ("sql", "language", "comment", "for") else at
    if kind in ("", "event"):
        where = next((at for at, word in enumerate(said) if word == "where"), None)
        if where:
            found.append(Start(where, 1, "condition"))
    return found


def _begins_query(said: list[str]) -> bool:
    return bool(said) and (said[0] in QUERIES or said[0] == "(query")


def _start(said: list[str], at: int, head: str, query_seen: bool, far: _Far) -> tuple[int, str] | None:
    """Return how many nodes begin a clause at a place, and its kind; None where none begins."""
    word = said[at]
    before = said[at - 1] if at else ""
    after = said[at + 1] if at + 1 < len(said) else ""
    if not word or before in (".", ","):
        return None
    match word:
        case "with" if at == 0:
            return (2 if after == "recursive" else 1), "with"
        case "select":
            return (2 if after in ("distinct", "all") and said[at + 2 : at + 3] != ["on"] else 1), "list"
        case "from" if not (before == "distinct" and "is" in said[max(at - 3, 0) : at]):
            return 1, "from"
        case "where" | "having" | "qualify":
            return 1, "condition"
        case "group" | "order" | "partition" if after == "by":
            return 2, "list"
        case "window" if said[at + 2 : at + 3] == ["as"]:
            return 1, "hug"
        case "lock" if said[at + 1 : at + 4] == ["in", "share", "mode"]:
            return 4, "plain"
        case "limit" | "offset" | "fetch" if query_seen and before not in BEFORE_OPERAND and _ends_operand(before):
            return 1, "plain"
        case "for" if after in ("update", "share", "no", "key"):
            return 1, "plain"
        case "rows" | "range" | "groups" if said[0] in ("partition", "order") and at and _is_frame(after):
            return 1, "plain"
        case "union" | "intersect" | "except" | "minus" if _begins_query(_after_quantifier(said, at)):
            return (2 if after in ("all", "distinct") else 1), "plain"
        case "values" if head != "merge" and (not before or _ends_operand(before)):
            return 1, "rows"
        case "(query" if before in ("all", "distinct", *SET_OPERATIONS) and said[max(at - 2, 0)] not in ("",):
            return 1, "plain"
        case "insert" | "replace" | "merge" if at == 0 or before == "(query":
            return 1, "plain"
        case "update" if at == 0 or before == "(query":
            return 1, "hug"
        case "delete" if at == 0 or before == "(query":
            return (2 if after == "from" else 1), "hug"
        case "set" if head == "update":
            return 1, "list"
        case "using" if head in ("delete", "merge") and at <= far.first_join:
            return 1, "join" if head == "merge" else "from"
        case "returning" if query_seen and before not in BEFORE_OPERAND:
            return 1, "list"
        case "on" if after == "conflict":
            if far.last_do < at:
                return 2, "plain"
            end = said.index("do", at)
            return (end + 3 - at, "list") if said[end + 1 : end + 3] == ["update", "set"] else (end + 1 - at, "plain")
        case "on" if said[at + 1 : at + 4] == ["duplicate", "key", "update"]:
            return 4, "list"
        case "when" if head == "merge":
            return 1, "hug"
        case "join" | "straight_join":
            return 1, "join"
        case _ if word in _JOINING:
            end = at + 1
            while end < min(at + 4, len(said)) and said[end] in _JOINING:  # NATURAL LEFT OUTER JOIN
                end += 1
            return (end + 1 - at, "join") if said[end : end + 1] == ["join"] else None
        case "select" | "explain" | "describe" | "desc" if at == 0:
            return None
    return None


def _ends_operand(word: str) -> bool:
    """Return whether an operand may end with a word, so that what follows begins something new."""
    return word not in ("=", "<", ">", "+", "-", "/", "|", ",")


def _is_frame(after: str) -> bool:
    return after in ("between", "unbounded", "current") or after == ""


def _after_quantifier(said: list[str], at: int) -> list[str]:
    follow = at + 2 if said[at + 1 : at + 2] in (["all"], ["distinct"]) else at + 1
    return said[follow : follow + 1]
