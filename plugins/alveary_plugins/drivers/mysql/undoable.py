"""Whether a rollback would undo a statement: no table it names, nor one behind those, may be without transactions.

Names are taken from the text, so one that is only read counts as well: it errs on the side of refusing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from alveary.contracts.plan import Explained, Step
from alveary.errors import UnsupportedError
from alveary.sqltext import MYSQL, TokenKind, tokens
from alveary_plugins.drivers.mysql.binding import literal

_ROUNDS = 8
"""How far it is looked: into views, triggers, routines, and what those name."""
_MOST_NAMES = 2000

_TABLES = """
    select t.table_schema, t.table_name, t.engine
      from information_schema.tables t join information_schema.engines e on e.engine = t.engine
     where t.table_name in ({names}) and e.transactions = 'NO'
       and (t.table_schema = database() or t.table_schema in ({names}))
       and t.table_schema not in ('information_schema', 'performance_schema')
     limit 1"""
_BEHIND = """
    select view_definition from information_schema.views
     where table_name in ({names}) and (table_schema = database() or table_schema in ({names}))
    union all select action_statement from information_schema.triggers
     where event_object_table in ({names}) and (event_object_schema = database() or event_object_schema in ({names}))
    union all select routine_definition from information_schema.routines
     where routine_name in ({names}) and (routine_schema = database() or routine_schema in ({names}))"""


def check_undoable(sql: str) -> Generator[Step, Explained, None]:
    """Ask the server about everything a statement names; UnsupportedError where something could not be undone."""
    known: set[str] = set()
    new = set(names_in(sql))
    for _ in range(_ROUNDS):
        known |= new
        if len(known) > _MOST_NAMES:
            raise UnsupportedError("the statement names too much to know that a rollback would undo it")
        listed = ", ".join(map(literal, sorted(known))) or "''"
        found = yield Step(sql=_TABLES.format(names=listed))
        for schema, name, engine in found.rows:
            raise UnsupportedError(
                f"the statement would have to be run and undone, and {schema}.{name} is kept by the engine {engine}, "
                "which can't undo a change",
                hint="explain it without measuring; or alter table … engine = InnoDB",
            )
        behind = yield Step(sql=_BEHIND.format(names=listed))
        new = {name for (text,) in behind.rows if text is not None for name in names_in(text)} - known
        if not new:
            return


def names_in(sql: str) -> Iterable[str]:
    """Yield every word of a text that could name something."""
    for token in tokens(sql, MYSQL):
        text = sql[token.start : token.end]
        if token.kind is TokenKind.WORD:
            yield text.lower()
            yield text
        elif token.kind is TokenKind.QUOTED_IDENTIFIER:
            yield text[1:-1].replace("``", "`")
