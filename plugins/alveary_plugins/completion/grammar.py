"""Which kind of thing the caret's place wants: a value, a relation, names, and the keywords that could follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from alveary_plugins.completion.keywords import keywords
from alveary_plugins.completion.statements import Wanted, wanted_in_statement
from alveary_plugins.completion.tree import Place
from alveary_plugins.completion.words import Writing

_OPERANDS_FOLLOW_TEXT = """
select distinct all distinctrow where and or not on having by when then else case in like ilike between glob regexp
rlike div mod xor returning limit offset escape return perform if elsif elseif while until any some binary filter set
values interval call using similar from
"""
_OPERANDS_FOLLOW = frozenset(_OPERANDS_FOLLOW_TEXT.split())
_SIGNS_TEXT = """= < > + - / % | & ^ ~ ! @ # , ( [ : :="""
_SIGNS = frozenset(_SIGNS_TEXT.split())

_AFTER = {
    "order": ("by",), "group": ("by",), "partition": ("by",), "nulls": ("first", "last"),
    "left": ("join", "outer join", "join lateral"), "right": ("join", "outer join"), "full": ("join", "outer join"),
    "inner": ("join",), "cross": ("join", "join lateral"), "outer": ("join",),
    "natural": ("join", "left join", "inner join"), "fetch": ("first", "next"), "for": ("update", "share"),
    "is": ("null", "not null", "true", "false", "not true", "not false", "distinct from", "not distinct from"),
    "similar": ("to",), "at": ("time zone",), "time": ("zone",), "within": ("group",), "insert": ("into",),
    "delete": ("from",), "merge": ("into",), "conflict": ("do nothing", "do update set", "on constraint"),
    "do": ("nothing", "update set"), "duplicate": ("key update",), "default": ("values",),
    "sounds": ("like",), "indexed": ("by",), "force": ("index",),
}  # fmt: skip


@dataclass(slots=True)
class Expected:
    """What could stand at the caret."""

    operand: bool = False
    """A value: columns, functions, what begins an expression."""
    relation: bool = False
    target: bool = False
    """Columns of what is written to, by their names alone."""
    listing: bool = False
    """Names of columns of what the parenthesis is about, none twice."""
    condition: bool = False
    """The condition of a join."""
    aliases: bool = False
    """Names from the select list."""
    type: bool = False
    routine: bool = False
    schema: bool = False
    windows: bool = False
    """The windows that the query gives names."""
    any_column: bool = False
    """There is nothing yet that columns could be of."""
    words: list[str] = field(default_factory=list)
    """Keywords, the likeliest first."""
    early: list[str] = field(default_factory=list)
    """Keywords that come before functions."""
    leading: bool = False
    """Keywords are what is wanted, before anything else."""
    wanted: Wanted | None = None
    """What a statement that is no query wants."""


def expected(place: Place, writing: Writing, dialect: str) -> Expected:
    """Return what could stand at the caret; behind ``a.b.`` what could stand in the place of all three."""
    if writing.after_dot:
        place = replace(place, at=place.at - 2 * len(writing.qualifiers))
    clause, before = place.clause, place.before()
    if clause == "start" and len(place.frames) > 1:
        is_source = place.query.source is not None
        return Expected(relation=is_source, early=["select", "with", "values"], leading=True)
    if clause in ("start", "utility"):
        return _in_statement(place, writing, dialect)
    if wanted := _object(place, writing, before, dialect):
        return Expected(wanted=wanted, leading=True)
    if before == "over":
        return Expected(windows=True, words=["("], leading=True)
    if before in _AFTER and not (before == "left" and clause not in ("from", "on", "using")):
        words = list(_AFTER[before])
        if before == "conflict" and dialect == "sqlite":
            words.remove("on constraint")
        if before in ("left", "cross") and dialect != "postgres":
            words.remove("join lateral")
        return Expected(words=words, leading=True)
    if before == "::" or _is_cast(place, before):
        return Expected(type=True)
    if place.frame.kind == "names":
        return _in_names(place, before)
    if before == "as" and clause != "with":
        return Expected()
    match clause:
        case "with":
            return _in_with(place, before)
        case "from" | "update" | "merge" | "into" | "delete":
            return _in_from(place, before, dialect)
        case "using" if before == "using":
            return Expected(words=["("])
        case "insert":
            return _after_target(place, dialect)
        case "values" | "merge values" if before == "values":
            return Expected(words=["("], leading=True)
        case "values" | "merge values" if place.frame.kind != "row":
            return Expected(words=_tail(place, dialect), leading=True)
        case "conflict":
            return _in_conflict(before, dialect)
        case "set operation":
            return Expected(words=["select", "all", "values", "distinct"], leading=True)
        case "merge when":
            return _in_merge(place, before)
        case "merge then" | "merge update" | "merge insert":
            follow = {"merge then": ["update set", "insert", "delete", "do nothing"], "merge update": ["set"]}
            return Expected(words=follow.get(clause, ["values", "("]), leading=True)
        case "for":
            return Expected(words=["update", "share", "of", "nowait", "skip locked"], leading=True)
        case "into new":
            return Expected(relation=True, words=["from"])
        case "set" if before in ("set", ",", "update"):
            return Expected(target=True, words=["default"] if before == "=" else [])
    return _in_expression(place, before, dialect)


def _in_statement(place: Place, writing: Writing, dialect: str) -> Expected:
    wanted = wanted_in_statement(place, dialect, is_body=writing.is_body)
    if wanted is None:
        return Expected()
    return Expected(
        operand=wanted.what == "expression",
        relation=wanted.what in ("relation", "table", "view"),
        listing=wanted.what == "columns",
        type=wanted.what == "type",
        routine=wanted.what == "routine",
        schema=wanted.what == "schema",
        words=list(wanted.words),
        leading=True,
        wanted=wanted,
    )


def _object(place: Place, writing: Writing, before: str, dialect: str) -> Wanted | None:
    """Return what a query wants that is neither value nor relation: an index, a sequence, a constraint."""
    frame, query = place.frame, place.query
    if frame.clause == "index hint" or (before == "by" and place.before(2) == "indexed"):
        sources = [each for each in query.sources if each.at < place.at]
        return Wanted("object", about=sources[-1].path if sources else (), one_of=("index",))
    is_first = frame.begin == place.at and (frame.head in ("nextval", "currval", "setval", "lastval"))
    if writing.quote == "'" or (is_first and dialect == "mysql"):
        return Wanted("object", one_of=("sequence",))
    if before == "for" and place.before(2) == "value":  # the standard's NEXT VALUE FOR
        return Wanted("object", one_of=("sequence",))
    if place.clause == "conflict" and before == "constraint" and query.target is not None:
        return Wanted("object", about=query.target.path, one_of=("constraint",))
    return None


def _is_cast(place: Place, before: str) -> bool:
    head = place.frame.head
    return (before == "as" and head in ("cast", "try_cast", "safe_cast")) or (before == "," and head == "convert")


def _in_names(place: Place, before: str) -> Expected:
    frame = place.frame
    if before not in ("", ","):
        if frame.clause == "insert list" or frame.about is not None:
            return Expected()
        return Expected(type=frame.clause in ("from", "update"))
    return Expected(listing=frame.about is not None, words=["select"] if frame.clause == "insert list" else [])


def _in_with(place: Place, before: str) -> Expected:
    if before in ("with", ","):
        return Expected(words=["recursive"] if before == "with" else [])
    if before == "recursive":
        return Expected()
    if place.words[place.at - 1].lower == ")" and place.frame.current is None:
        return Expected(words=["select", "insert into", "update", "delete from"], leading=True)
    return Expected(words=["as", "as materialized", "as not materialized"] if before != "as" else ["materialized"])


def _in_from(place: Place, before: str, dialect: str) -> Expected:
    clause = place.clause
    if place.expects == "relation":
        words = ["only", "lateral"] if dialect == "postgres" else []
        first = place.frame.kind == "sources" or before == "("
        if clause in ("merge", "into", "update"):
            words = ["only"] if dialect == "postgres" and clause != "into" else []
        return Expected(relation=True, words=[*words, *(["select"] if first else [])])
    if clause == "into" and before == "or":
        return Expected(words=["replace into", "ignore into", "abort into", "fail into", "rollback into"], leading=True)
    if clause in ("into", "delete", "merge"):
        return Expected(words={"into": ["into"], "delete": ["from"], "merge": ["into", "using"]}[clause], leading=True)
    words = _tail(place, dialect)
    source = place.frame.source or (place.query.sources[-1] if place.query.sources else None)
    if clause == "update":
        return Expected(words=["set", *(keywords("joins", dialect)[:5] if dialect == "mysql" else ())], leading=True)
    if source is not None and source.joined:
        words = ["on", "using", *words]
    if place.expects == "alias":
        words.append("as")
    return Expected(words=words, leading=True)


def _after_target(place: Place, dialect: str) -> Expected:
    words = ["values", "select", "default values", "with", "as", "overriding system value"]
    if dialect == "mysql":
        words = ["values", "select", "set", "with"]
    elif dialect == "sqlite":
        words.remove("overriding system value")
    if place.query.listed:
        words = [word for word in words if word not in ("default values", "set", "as")]
    return Expected(listing=not place.query.listed, words=words, leading=True)


def _in_conflict(before: str, dialect: str) -> Expected:
    if before == "on":
        return Expected(words=["duplicate key update"] if dialect == "mysql" else ["conflict"], leading=True)
    if before == "update":
        return Expected(words=["set"], leading=True)
    if before == "key":
        return Expected(words=["update"], leading=True)
    return Expected(words=["do update set", "do nothing", "where"], leading=True)


def _in_merge(place: Place, before: str) -> Expected:
    if before == "when":
        return Expected(words=["matched then", "not matched then", "not matched by source then"], leading=True)
    if before in ("matched", "source", "target"):
        return Expected(words=["then", "and", "by source", "by target"], leading=True)
    if before == "not":
        return Expected(words=["matched then"], leading=True)
    return _in_expression(place, before, "postgres")


def _in_expression(place: Place, before: str, dialect: str) -> Expected:
    clause, frame = place.clause, place.frame
    if (frame.head == "extract" and frame.begin == place.at) or (place.before(2) == "interval" and dialect == "mysql"):
        return Expected(words=list(keywords("fields", dialect)), leading=True)
    if before == "not" and not _wants_operand(replace(place, at=place.at - 1), place.before(2)):
        following = [word[4:] for word in keywords("comparing", dialect) if word.startswith("not ")]
        return Expected(words=following, leading=True)
    if _wants_operand(place, before):
        words = list(keywords("operand", dialect))
        found = Expected(operand=True, words=words)
        if before == "select" or (clause == "returning" and before == "returning"):
            found.early = ["distinct", "*"] if before == "select" else ["*"]
        if before == "case":
            found.early = ["when"]
        if frame.begin == place.at and frame.head == "over":
            found.words = ["partition by", "order by", "rows between"]
            found.operand, found.leading, found.windows = False, True, True
        elif frame.begin == place.at and frame.head in ("filter",):
            return Expected(words=["where"], leading=True)
        elif frame.begin == place.at:
            found.early = ["select"] if frame.kind == "group" else ["distinct"]
        if (clause == "set" and before == "=") or frame.kind == "row":
            found.early = ["default"]
        found.any_column = clause == "select" and not place.query.sources and place.frames[0].base is None
        found.condition = clause in ("on", "where") and before in (clause, "and", "(")
        found.aliases = clause in ("order by", "group by", "having") and frame.kind == "query"
        return found
    words = []
    cases = _open_cases(place)
    if cases:
        words += {"case": ["when"], "when": ["then"], "then": ["when", "else", "end"], "else": ["end"]}[cases]
        return Expected(words=[*words, *keywords("comparing", dialect)], leading=True)
    if clause == "order by" and before in ("desc", "asc"):
        words += ["nulls last", "nulls first"]
    elif clause == "order by" and before not in ("first", "last"):
        words += ["desc", "asc", "nulls last", "nulls first"]
    if frame.kind in ("group", "arguments"):
        words += {"over": ["order by", "rows between", "range between"]}.get(frame.head, [])
        words += ["as"] if frame.head in ("cast", "try_cast") else []
        words += ["from"] if frame.head in ("extract", "trim", "substring", "overlay") else []
        words += ["order by"] if frame.kind == "arguments" else []
        words += ["separator"] if frame.head == "group_concat" and dialect == "mysql" else []
        words += [*keywords("comparing", dialect)]
    elif clause in ("select", "returning"):
        words += [*(["from"] if clause == "select" else []), "as"]
        if place.previous is not None and place.previous.lower == ")":
            words += ["over", "filter"] if dialect != "mysql" else ["over"]
        words += [*_tail(place, dialect)[1:], *keywords("comparing", dialect)]
    else:
        comparing = [] if clause in ("order by", "limit", "offset", "group by") else [*keywords("comparing", dialect)]
        tail = _tail(place, dialect)
        words += [*tail, *comparing] if place.query.verb == "merge" else [*comparing[:2], *tail, *comparing[2:]]
    return Expected(words=list(dict.fromkeys(words)), leading=True)


def _wants_operand(place: Place, before: str) -> bool:
    previous = place.previous
    if previous is None:
        return True
    if before == "*":
        return place.before(2) not in ("", "select", ",", ".", "(", "distinct", "all")
    if before in _OPERANDS_FOLLOW or before in _SIGNS:
        return not (before == ":" and place.before(2) == ":")
    return False


def _open_cases(place: Place) -> str:
    """Return the last word of the CASE that is open in the frame, empty if none is."""
    stack: list[str] = []
    for word in place.words[place.frame.begin : place.at]:
        if word.lower == "case":
            stack.append("case")
        elif stack and word.lower in ("when", "then", "else"):
            stack[-1] = word.lower
        elif stack and word.lower == "end":
            stack.pop()
    return stack[-1] if stack else ""


def _tail(place: Place, dialect: str) -> list[str]:
    """Return the keywords that open the clauses behind the one the caret is in."""
    clause, verb = place.clause, place.query.verb
    if verb == "update":
        words = ["where"] if clause != "where" else []
        words += {"mysql": ["order by", "limit"]}.get(
            dialect, ["from", "returning"] if clause == "set" else ["returning"]
        )
        return [*words, *(_joins(dialect) if clause in ("from", "on", "using") else [])]
    if verb == "delete":
        words = ["where"] if clause != "where" else []
        words += ["using"] if clause == "from" and dialect != "sqlite" else []
        words += ["returning"] if clause != "returning" else []
        return [*words, *(["order by", "limit"] if dialect == "mysql" else [])]
    if verb == "merge":
        return ["when matched then", "when not matched then", *(["using"] if clause == "merge" else [])]
    if verb == "insert" or (place.frame.base is not None and clause in ("values",)):
        conflict = "on duplicate key update" if dialect == "mysql" else "on conflict"
        words = [conflict] if clause == "values" else []
        words += ["where"] if clause == "set" and dialect != "mysql" else []
        return [*words, "returning"]
    order = list(keywords("query", dialect))
    place_in = {"on": "from", "using": "from", "fetch": "fetch first", "for": "for update"}.get(clause, clause)
    if place_in == "values":
        rest = order[order.index("order by") :]
    else:
        rest = order[order.index(place_in) + 1 :] if place_in in order else list(order)
    if clause == "select":
        rest = order
    if clause in ("from", "on", "using"):
        rest = [rest[0], *_joins(dialect)[:3], *rest[1:], *_joins(dialect)[3:]] if rest else _joins(dialect)
    if place.frame.base is not None:
        rest = [*rest, "on duplicate key update" if dialect == "mysql" else "on conflict", "returning"]
    return rest


def _joins(dialect: str) -> list[str]:
    return list(keywords("joins", dialect))
