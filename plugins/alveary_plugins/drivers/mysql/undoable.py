"""Whether a rollback would undo a statement: no table it names, nor one behind those, may be without transactions.

Names are taken from the text, so one that is only read counts as well: it errs on the side of refusing. What only reads
may call functions, which may write; the server calls some of them even while it plans.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from alveary.contracts.plan import Explained, ExplainRequest, Step
from alveary.errors import QueryError, UnsupportedError
from alveary.sqltext import MYSQL, TokenKind, tokens
from alveary_plugins.drivers.mysql.binding import literal

_ROUNDS = 8
"""How far it is looked: into views, triggers, routines, and what those name."""
_MOST_NAMES = 20_000
_LONGEST_NAME = 64
_MOST_TEMPORARY = 20
"""Tables of which it is asked whether they are temporary ones."""

_TABLES = """
    select t.table_schema, t.table_name, t.engine
      from information_schema.tables t join information_schema.engines e on e.engine = t.engine
     where t.table_name in ({names}) and e.transactions = 'NO'
       and (t.table_schema = database() or t.table_schema in ({names}))
       and t.table_schema not in ('information_schema', 'performance_schema')
     limit 1"""
_BEHIND = """
    select '', view_definition from information_schema.views
     where table_name in ({names}) and (table_schema = database() or table_schema in ({names}))
    union all select if({writes}, 'writes', ''), routine_definition from information_schema.routines
     where routine_name in ({names}) and (routine_schema = database() or routine_schema in ({names}))"""
_FIRED = """
    union all select '', action_statement from information_schema.triggers
     where event_object_table in ({names}) and (event_object_schema = database() or event_object_schema in ({names}))"""
# No query calls a procedure but through a function, of which it is told that it calls.
_WRITES = """routine_type <> 'PROCEDURE' and routine_definition regexp
             '(^|[^a-z0-9_$])(insert|replace|update|delete|load|call|execute)[^a-z0-9_$(]'"""
_ANY_WRITES = f"""
    select 1 from information_schema.routines
     where {_WRITES} and routine_schema not in ('sys', 'mysql') limit 1"""
_WITHOUT = "select engine from information_schema.engines where transactions = 'NO' and engine = {engine}"

_FILE = re.compile(r"\binto\s+(?:outfile|dumpfile)\b", re.I)
_WORD = re.compile(r"[\w$]+")
_AT = r"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[\w$]+)"
_BEFORE_TABLE = "into|update|from|join|insert|replace|delete|ignore|quick|low_priority|high_priority|delayed"
_PLACE = re.compile(
    rf"\b(?:{_BEFORE_TABLE})\b\s*(?!(?:{_BEFORE_TABLE}|select)\b)(?={_AT})(?=({_AT}(?:\s*\.\s*{_AT})?))", re.I
)
_NAMING = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)
_ENGINE = re.compile(r"\) ENGINE=(\w+)")


def check_undoable(request: ExplainRequest) -> Generator[Step, Explained, bool]:
    """Ask the server about everything a statement names; UnsupportedError where something could not be undone.

    Returns whether something is known that would be changed.
    """
    sql, changes = request.sql, request.analyze and request.changes
    if request.analyze and _FILE.search(sql):
        raise UnsupportedError("the statement would write a file, which can't be undone", hint="leave out INTO OUTFILE")
    if not changes:
        any_writes = yield Step(sql=_ANY_WRITES)
        if not any_writes.rows:
            return False
    known: set[str] = set()
    new = set(names_in(sql))
    if len(new) > _MOST_NAMES:  # many rows are inserted: what stands in their texts names no table
        new = {name for start, end, kind in tokens(sql, MYSQL) if kind in _NAMING for name in names_in(sql[start:end])}
    for _ in range(_ROUNDS):
        known |= new
        if len(known) > _MOST_NAMES:
            raise UnsupportedError("the statement names too much to know that a rollback would undo it")
        # What only reads fires no triggers.
        question = _BEHIND + _FIRED if changes else _BEHIND
        behind = yield Step(sql=question.format(names=_listed(known), writes=_WRITES))
        starts = not changes and any(writes for writes, _ in behind.rows)
        changes = changes or starts
        new = {name for _, text in behind.rows if text is not None for name in names_in(text)} - known
        if not new and not starts:
            break
    if not changes:
        return False
    found = yield Step(sql=_TABLES.format(names=_listed(known)))
    for schema, name, engine in found.rows:
        raise _refused(request, f"{schema}.{name}", str(engine))
    for path in list(dict.fromkeys(_PLACE.findall(sql)))[:_MOST_TEMPORARY]:
        # A temporary one, which may hide another of its name, is listed nowhere.
        try:
            shown = yield Step(sql=f"show create table {path}")
        except QueryError:  # no table, or no right to it
            continue
        if (kept_by := _ENGINE.search(shown.rows[0][1] or "")) is None:
            continue
        without = yield Step(sql=_WITHOUT.format(engine=literal(kept_by[1])))
        if without.rows:
            raise _refused(request, path, kept_by[1])
    return True


def names_in(sql: str) -> Iterator[str]:
    """Yield whatever of a text could name something, in whichever sql_mode it is read, and much that does not."""
    yield from (word for word in _WORD.findall(sql) if not word.isdecimal())
    for quote in '`"':
        # Which of the quotes open and which close depends on what is a text.
        for piece in sql.replace(quote * 2, "\0").split(quote):
            if len(piece) <= _LONGEST_NAME:
                yield piece.replace("\0", quote)


def _listed(names: set[str]) -> str:
    return ", ".join(map(literal, sorted(names))) or "''"


def _refused(request: ExplainRequest, table: str, engine: str) -> UnsupportedError:
    runs = "the statement would have to be run" if request.analyze else "functions are called to explain it"
    instead = "explain it without measuring; or " if request.analyze and request.changes else ""
    return UnsupportedError(
        f"{runs} and undone, and {table} is kept by the engine {engine}, which can't undo a change",
        hint=f"{instead}alter table … engine = InnoDB",
    )
