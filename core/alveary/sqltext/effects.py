"""What a statement does beside reading, as far as its words tell: it writes, defines, changes every row.

It errs on one side. What is not known to read counts as a write; a function that nobody here has heard of counts as
reading, for that is what most are, and what it does the server alone can know. So this guards against accidents;
against intent only a role helps that may not write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.lexer import Scan, TokenKind, lexer_of

DEEPEST = 8
"""Statements within statements that are looked at, as in EXPLAIN ANALYZE; what is deeper counts as a write."""
LONGEST = 1_000_000
"""Characters of a statement above which its words are not looked at: it would take seconds. It counts as a write."""


class Effect(StrEnum):
    """What a statement may do beside reading."""

    WRITES = "writes"
    """It changes data, files or the server, or nobody knows that it does not."""
    DDL = "ddl"
    """It changes what there is: tables, users, rights."""
    UNFILTERED = "unfiltered"
    """It changes or removes every row of a table: UPDATE or DELETE without WHERE, TRUNCATE."""
    LOOSENS = "loosens"
    """It would end what makes a session read-only; where the session is not, it does nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a statement does beside reading: each effect, and in words what has it; nothing if it reads."""

    effects: dict[Effect, str]

    @property
    def reads(self) -> bool:
        """Whether it is known to do nothing but read."""
        return not self.effects


def effects_of(text: str, dialect: Dialect) -> Finding:
    """Find out what a statement does; of several in one text what all of them do. Never raises."""
    judge = _Judge(dialect)
    if len(text) > LONGEST:
        judge.found(Effect.WRITES, "a statement too long to be looked at")
    else:
        judge.text(text)
    return Finding(judge.effects)


class _Word(NamedTuple):
    kind: TokenKind
    text: str
    """In lower case; a quoted identifier stands here without its quotes."""

    def names(self) -> bool:
        return self.kind in _NAMES

    def is_word(self, *words: str) -> bool:
        return self.kind is TokenKind.WORD and self.text in words

    def is_operator(self, text: str) -> bool:
        return self.kind is TokenKind.OPERATOR and self.text == text

    def depth(self) -> int:
        """Return how many parentheses it opens."""
        return self.is_operator("(") - self.is_operator(")")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NAMES = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)
_NOTHING = _Word(TokenKind.OTHER, "")

_READING = _set("select values with begin start commit end rollback savepoint release")
#: Statements that read, by their first word, beside those that read everywhere. A family is the dialect's name.
_READING_IN = {
    "postgres": _set("table show fetch move close declare abort set reset discard deallocate listen unlisten"),
    "mysql": _set("table show describe desc help checksum use do set"),
    "sqlite": frozenset(),
}
_READING_ELSEWHERE = _set("table show describe desc from summarize")
_DDL = _set("create alter drop rename grant revoke comment security reassign import")
_TWO_WORDS = _DDL | _set("start begin lock unlock flush load refresh vacuum")
"""First words that say little without the second."""
_ROUTINES = _set("procedure function trigger event rule package")
_CHANGING = _set("insert update delete merge replace")
_EXPLAINING = _set("explain describe desc")
_EXPLAIN_OPTIONS = _set("verbose extended partitions query plan costs settings generic_plan buffers serialize wal "
                             "timing summary memory format analyze analyse")  # fmt: skip
#: What stands before a word of change that changes nothing by itself: FOR UPDATE, ON CONFLICT DO UPDATE, an alias.
_EXEMPT = frozenset(["for", "key", "do", "then", "on", "as", ".", ","])
_INSERTING = _set("insert replace merge ignore low_priority high_priority delayed")

_LOOSENING = _set("transaction_read_only default_transaction_read_only session_replication_role tx_read_only")
_SERVER_WIDE = _set("global persist persist_only password")

#: Functions of the servers that change something, though a read-only transaction may call most of them.
_FUNCTIONS = re.compile(
    "pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile\\w*|pg_(?:start|stop)_backup|pg_backup_(?:start|stop)"
    "|pg_switch_(?:wal|xlog)|pg_create_restore_point|pg_promote|pg_wal_replay_\\w+|pg_xlog_replay_\\w+"
    "|pg_\\w*replication_\\w+|pg_logical_\\w+|pg_copy_\\w+_slot|pg_sync_replication_slots|pg_stat_\\w*reset\\w*|pg_notify"
    "|pg_file_\\w+|pg_import_system_collations|pg_log_standby_snapshot|lo_\\w+|lowrite|loread|dblink\\w*|nextval|setval"
    "|(?:brin|gin)_\\w+|load_extension|fts3_tokenizer|writefile|edit|sys_(?:exec|eval|set)"
)

_PRAGMAS_THAT_READ = _set("table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list "
                               "foreign_key_check integrity_check quick_check")  # fmt: skip
_PRAGMAS_OF_THE_SESSION = _set(
    "analysis_limit automatic_index busy_timeout cache_size cache_spill case_sensitive_like cell_size_check "
    "checkpoint_fullfsync defer_foreign_keys foreign_keys full_column_names fullfsync hard_heap_limit mmap_size "
    "read_uncommitted recursive_triggers reverse_unordered_selects short_column_names soft_heap_limit temp_store "
    "threads trusted_schema wal_autocheckpoint"
)
_PRAGMAS_THAT_ACT = _set("incremental_vacuum optimize wal_checkpoint")


class _Judge:
    """Goes over a text once and takes note of what its statements do."""

    def __init__(self, dialect: Dialect) -> None:
        self.effects: dict[Effect, str] = {}
        self._dialect = dialect
        self._family = dialect.name
        self._reading = _READING | _READING_IN.get(self._family, _READING_ELSEWHERE)
        self._hidden = False
        """Whether something stands in an executable comment, of which nobody can tell whether the server runs it."""
        self._nested = 0

    def found(self, effect: Effect, what: str) -> None:
        """Take note of an effect; what was found first is told."""
        self.effects.setdefault(effect, what)

    def text(self, text: str) -> None:
        """Judge every statement of a text."""
        statement: list[_Word] = []
        everything: set[str] = set()
        for word in self._words(text):
            everything.add(word.text)
            if not word.is_operator(";"):
                statement.append(word)
                # The rows of a long INSERT say nothing more than its first word does.
                if len(statement) == 2 and statement[0].text in ("insert", "replace") and not self._hidden:
                    break
            elif not self._is_routine(statement):
                self._statement(statement)
                statement = []
        self._statement(statement)
        if self._hidden:
            self.found(Effect.WRITES, "an executable comment")
            if everything & {"update", "delete", "truncate"}:
                self.found(Effect.UNFILTERED, "an executable comment")
            if everything & _DDL:
                self.found(Effect.DDL, "an executable comment")

    def _words(self, text: str) -> Iterator[_Word]:
        for start, end, kind in Scan(text, lexer_of(self._dialect), blanks=False):
            if kind is TokenKind.COMMENT:
                continue
            found = text[start:end]
            if kind is TokenKind.OPERATOR and found[:2] in ("/*", "*/"):
                self._hidden = True
                continue
            if kind is TokenKind.QUOTED_IDENTIFIER:
                if found[0] in "uU":  # U&"…", whose escapes could spell any name
                    self.found(Effect.WRITES, "an identifier in escapes")
                yield _Word(kind, found[1:-1].lower())
            elif kind is TokenKind.STRING:
                yield _Word(kind, found)
            else:
                yield _Word(kind, found.lower())

    @staticmethod
    def _is_routine(statement: Sequence[_Word]) -> bool:
        """Return whether what follows a semicolon still belongs to the body of a routine."""
        return bool(statement) and statement[0].text in ("create", "alter") and any(
            word.kind is TokenKind.WORD and word.text in _ROUTINES for word in statement[:12]
        )  # fmt: skip

    # -- one statement -------------------------------------------------------------------------------------------

    def _statement(self, words: Sequence[_Word]) -> None:
        while words and words[0].is_operator("("):
            words = words[1:]
        if not words:
            return
        if self._nested == DEEPEST:
            self.found(Effect.WRITES, "a statement within many others")
            return
        self._nested += 1
        head = words[0].text if words[0].kind is TokenKind.WORD else ""
        if head in _EXPLAINING:
            self._explained(words)
        elif head in _CHANGING or head == "upsert":
            self._change(words, 0)
        elif head == "truncate":
            self.found(Effect.WRITES, "TRUNCATE")
            self.found(Effect.UNFILTERED, "TRUNCATE")
        elif head in _DDL:
            self.found(Effect.WRITES, _title(words))
            self.found(Effect.DDL, _title(words))
        elif (special := _SPECIAL.get((self._family, head))) is not None:
            special(self, words)
        elif head in self._reading:
            self._session(words)
            self._changes_within(words)
            self._into(words)
        else:
            self.found(Effect.WRITES, _title(words) or "what is no statement")
        self._functions(words)
        self._nested -= 1

    def _explained(self, words: Sequence[_Word]) -> None:
        """Judge what EXPLAIN runs, which is nothing unless it is to ANALYZE."""
        at, runs = 1, False
        while at < len(words):
            text = words[at].text
            if text == "(" and _at(words, at + 1).text in _EXPLAIN_OPTIONS:
                while at < len(words) and words[at].text != ")":
                    runs = runs or words[at].text in ("analyze", "analyse")
                    at += 1
            elif text in _EXPLAIN_OPTIONS and words[at].kind is TokenKind.WORD:
                runs = runs or text in ("analyze", "analyse")
                if text == "format" and _at(words, at + 1).text == "=":
                    at += 2
            else:
                break
            at += 1
        if runs:
            self._statement(words[at:])

    def _change(self, words: Sequence[_Word], at: int) -> None:
        """Take note of a change, which begins with the word at a place and ends with its parenthesis."""
        verb, depth = words[at].text, 0
        self.found(Effect.WRITES, verb.upper())
        if verb not in ("update", "delete"):
            return
        for word in words[at:]:
            depth += word.depth()
            if depth < 0:
                break
            if depth == 0 and word.is_word("where"):
                return
        self.found(Effect.UNFILTERED, f"{verb.upper()} without WHERE")

    def _changes_within(self, words: Sequence[_Word]) -> None:
        """Take note of changes in a WITH, or behind it."""
        depth = 0
        for at, word in enumerate(words):
            depth += word.depth()
            if word.is_word(*_CHANGING) and at:
                before = words[at - 1]
                opens = before.text in ("(", ")") or (depth == 0 and words[0].text == "with")
                if opens and before.text not in _EXEMPT and _at(words, at + 1).names():
                    self._change(words, at)

    def _into(self, words: Sequence[_Word]) -> None:
        for at, word in enumerate(words):
            if not word.is_word("into") or not at or words[at - 1].text in _INSERTING:
                continue
            following = _at(words, at + 1).text
            if following in ("outfile", "dumpfile"):
                self.found(Effect.WRITES, f"INTO {following.upper()}")
            elif not (self._family == "mysql" and following == "@"):
                self.found(Effect.WRITES, "SELECT INTO")
                self.found(Effect.DDL, "SELECT INTO")

    def _functions(self, words: Sequence[_Word]) -> None:
        for at, word in enumerate(words):
            following = _at(words, at + 1)
            if not word.names() or not word.text:
                continue
            if following.is_operator("("):
                if _FUNCTIONS.fullmatch(word.text):
                    self.found(Effect.WRITES, f"{word.text}()")
                elif word.text == "set_config":
                    name = re.fullmatch(r"'([\w.]+)'", _at(words, at + 2).text)
                    if name is None or not _at(words, at + 3).is_operator(",") or name[1].lower() in _LOOSENING:
                        self.found(Effect.LOOSENS, "set_config()")
            elif word.text == "next" and [following.text, _at(words, at + 2).text] == ["value", "for"]:
                self.found(Effect.WRITES, "NEXT VALUE FOR")

    def _session(self, words: Sequence[_Word]) -> None:
        """Take note of what the statement does to the session, or to more than that."""
        head, names = words[0].text, [word.text for word in words if word.names()]
        following = names[1] if len(names) > 1 else ""
        if head in ("set", "reset", "begin", "start"):
            if ("read", "write") in pairwise(names):
                self.found(Effect.LOOSENS, "READ WRITE")
            if head in ("set", "reset") and (loosening := _LOOSENING.intersection(names)):
                self.found(Effect.LOOSENS, f"{head.upper()} {min(loosening)}")
        if self._family == "mysql":
            if head == "set" and (wide := _SERVER_WIDE.intersection(names)):
                self.found(Effect.WRITES, f"SET {min(wide).upper()}")
            elif head == "set" and following == "role":
                self.found(Effect.LOOSENS, "SET ROLE")
            elif head == "set" and following == "statement":
                self.found(Effect.WRITES, "SET STATEMENT")
                inner = next((at for at, word in enumerate(words) if word.text == "for"), len(words))
                self._statement(words[inner + 1 :])
            elif head == "start" and following != "transaction":
                self.found(Effect.WRITES, _title(words))
            elif head == "begin" and following == "not":
                self.found(Effect.WRITES, "BEGIN NOT ATOMIC")
                for at, word in enumerate(words):
                    if word.text in _CHANGING and _at(words, at + 1).names():
                        self._change(words, at)

    # -- what has a meaning of its own in one family -------------------------------------------------------------

    def copy(self, words: Sequence[_Word]) -> None:
        """COPY reads only where it sends rows to us."""
        depth = 0
        for word, following in pairwise(words):
            depth += word.depth()
            if depth == 0 and word.is_word("to") and following.is_word("stdout"):
                self._changes_within(words)
                return
        outwards = any(word.is_word("to") for word in words)
        self.found(Effect.WRITES, "COPY to a file or program of the server" if outwards else "COPY FROM")

    def prepare(self, words: Sequence[_Word]) -> None:
        """PREPARE does what its statement would; EXECUTE itself tells nothing."""
        inner = next((at for at, word in enumerate(words) if word.text == "as"), len(words))
        self._statement(words[inner + 1 :])

    def analyze(self, words: Sequence[_Word]) -> None:
        """ANALYZE stores statistics of a table, or runs a statement, as EXPLAIN ANALYZE does."""
        if _at(words, 1).text in ("table", "local", "no_write_to_binlog"):
            self.found(Effect.WRITES, "ANALYZE")
        else:
            self._explained([words[0], words[0], *words[1:]])

    def pragma(self, words: Sequence[_Word]) -> None:
        """PRAGMA sets what is in the file, or what is the session's, by its name."""
        at = 3 if _at(words, 2).text == "." else 1
        name, value = _at(words, at).text, _at(words, at + 1).text
        if name in _PRAGMAS_THAT_ACT or (
            value in ("=", "(") and name not in _PRAGMAS_THAT_READ and name not in _PRAGMAS_OF_THE_SESSION
        ):
            loosens = name in ("query_only", "writable_schema")
            self.found(Effect.LOOSENS if loosens else Effect.WRITES, f"PRAGMA {name}")


def _at(words: Sequence[_Word], place: int) -> _Word:
    return words[place] if place < len(words) else _NOTHING


#: What is read in a way of its own in one family.
_SPECIAL: dict[tuple[str, str], Callable[[_Judge, Sequence[_Word]], None]] = {
    ("postgres", "copy"): _Judge.copy,
    ("postgres", "prepare"): _Judge.prepare,
    ("mysql", "analyze"): _Judge.analyze,
    ("sqlite", "pragma"): _Judge.pragma,
}


def _title(words: Sequence[_Word]) -> str:
    """Return what a statement is called: its first word, or two where one says little."""
    if words[0].kind is not TokenKind.WORD:
        return ""
    second = _at(words, 1)
    titles = [words[0].text, *([second.text] if words[0].text in _TWO_WORDS and second.kind is TokenKind.WORD else [])]
    return " ".join(titles).upper()
