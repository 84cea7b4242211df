"""The statement scanner on texts nobody wrote: what holds for all of them, and what SQLite and PostgreSQL say."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pglast
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary.sqltext import (
    ANSI,
    MYSQL,
    POSTGRES,
    SQLITE,
    BlockStyle,
    ClientCommands,
    Dialect,
    LexState,
    PieceKind,
    TokenKind,
    lexer,
    parameters,
    scan_line,
    scanner,
    split,
    statement_at,
    tokens,
)

profile = settings(derandomize=True, max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
oracle = settings(profile, max_examples=600)

FRAGMENTS = [
    "'", "''", "\"", "\"\"", "`", "``", "[", "]", "(", ")", ";", ";;", "--", "--x", "#", "/*", "*/",
    "/*/", "*/*", "/*!", "/*!50003", "/*M!", "/*+", "$", "$$", "$a$", "$a$b$", "a$", "$1", "$1$", "e'",
    "e'a'\n'", "e'a' -- b\r '\\'",
    "E'\\'", "U&'", "N'", "\\", "\\;", "\\g", "\\gx", "\\G", "\\d", "\\.", "\\.\n", "\\'", ":", "::",
    ":=", ":a", ":e'", "?", "@", "@a", ".", ".x", "1", "1.", "1.5", ".5", "1e+", "1e+5", "0x", "1..2",
    "a", "e", "E", "é", "\x00", "\x80", "\ud800", "*", "/", "-", "+", "\n", "\r", "\r\n", "\t", "\v",
    "\f", "create", "CREATE", "or", "replace", "temp", "temporary", "trigger", "explain", "begin",
    "BEGIN", "end", "END", "END;", "case", "when", "then", "if", "loop", "while", "repeat", "for",
    "not", "atomic", "function", "procedure", "event", "rule", "do", "definer", "copy", "from", "stdin",
    "to", "table", "select", "alter", "as", "'a'", "'a;b'", "delimiter", "delimiter // ", "DELIMITER ; ",
    "//", "source", " ", "  ", "copy t from stdin;\n", "begin atomic",
    "delimiter $$\n", "create trigger t ", "; end;",
]  # fmt: skip

DIALECTS = [ANSI, SQLITE, POSTGRES, MYSQL]
dialects = st.sampled_from(DIALECTS)
tricky = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
spaced = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(" ".join)
texts = st.one_of(tricky, spaced, st.text(max_size=60), st.text(st.characters(categories=["Cs", "Cc", "Po", "Ll"])))


@profile
@given(texts, dialects)
def test_pieces_together_are_the_text(text: str, dialect: Dialect) -> None:
    pieces = split(text, dialect)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    for piece in pieces:
        assert piece.start <= piece.sql_start <= piece.sql_end <= piece.end
        assert piece.start < piece.end
        assert piece.line == text.count("\n", 0, piece.sql_start) + 1
        assert text[piece.end - len(piece.terminator) : piece.end] == piece.terminator
        assert (piece.unterminated is None) == (piece.unterminated_at is None)
        assert piece.unterminated is None or piece is pieces[-1]
        assert bool(piece.sql(text)) or piece.kind in (PieceKind.BLANK, PieceKind.COPY_DATA)
        inside = statement_at(pieces, piece.end - 1) if piece.end - 1 > piece.start else piece
        assert inside is piece


@profile
@given(texts, dialects)
def test_tokens_together_are_the_text(text: str, dialect: Dialect) -> None:
    found = list(tokens(text, dialect))
    assert "".join(text[token.start : token.end] for token in found) == text
    assert all(token.start < token.end for token in found)
    assert {text[p.start : p.end] for p in parameters(text, dialect)} <= {text[t.start : t.end] for t in found}


@profile
@given(texts, dialects, st.booleans())
def test_line_after_line_gives_what_the_whole_gives(text: str, dialect: Dialect, keep_ends: bool) -> None:
    whole, end = scan_line(text, LexState(), dialect)
    state = LexState()
    by_line: list[TokenKind] = []
    wanted = [token.kind for token in whole for _ in range(token.start, token.end)]
    for line in text.split("\n"):
        given_line = line + "\n" if keep_ends and len(by_line) + len(line) < len(text) else line
        found, state = scan_line(given_line, state, dialect)
        by_line += [token.kind for token in found for _ in range(token.start, token.end)]
        if len(given_line) == len(line) and len(by_line) < len(text):
            by_line.append(wanted[len(by_line)])
    assert by_line == wanted
    assert state == end


@profile
@given(texts, dialects)
def test_a_piece_by_itself_is_the_same_piece(text: str, dialect: Dialect) -> None:
    pieces = split(text, dialect)
    if any(piece.kind is PieceKind.DELIMITER for piece in pieces):
        return  # what a terminator is depends on what came before
    for piece in pieces:
        if piece.kind is not PieceKind.COPY_DATA:
            # The semicolon takes away that the piece begins a line.
            alone = ("" if piece.start == 0 else ";") + text[piece.start : piece.end]
            again = split(alone, dialect)[-1]
            assert (again.kind, again.sql(alone)) == (piece.kind, piece.sql(text))
            assert len(split(alone, dialect)) == (1 if piece.start == 0 else 2)


few_characters = st.text(alphabet="'\\$ae;/*-\n\"#!", max_size=60)


@settings(profile, max_examples=400)
@given(st.one_of(texts, few_characters), dialects)
def test_strides_and_tokens_see_the_same(text: str, dialect: Dialect) -> None:
    """Without blocks, commands and data a script ends its statements exactly at the semicolons among its tokens."""
    plain = replace(
        dialect,
        blocks=BlockStyle.NONE,
        client_commands=ClientCommands.NONE,
        copy_data=False,
        delimiter_command=False,
        executable_comments=False,
        dashes_need_space=False,
    )
    seen = [token.end for token in tokens(text, plain) if text[token.start : token.end] == ";"]
    pieces = split(text, plain)
    assert [piece.end for piece in pieces if piece.terminator] == seen
    left_open = scan_line(text, LexState(), plain)[1].opener
    if left_open and not (left_open == "/*" and plain.open_comment_is_legal):
        *_, last = tokens(text, plain)
        assert pieces[-1].unterminated_at in range(last.start, last.start + len("U&'"))
    else:
        assert not pieces or pieces[-1].unterminated is None


@profile
@given(texts)
def test_an_executable_comment_holds_its_semicolons(text: str) -> None:
    plain = replace(
        MYSQL,
        blocks=BlockStyle.NONE,
        client_commands=ClientCommands.NONE,
        delimiter_command=False,
        dashes_need_space=False,  # before a statement they need none, so there the splitter is not the tokens' equal
    )
    state = LexState()
    ends = []
    for token in tokens(text, plain):
        state = scan_line(text[: token.start], LexState(), plain)[1]
        if text[token.start : token.end] == ";" and not state.executable:
            ends.append(token.end)
    assert [piece.end for piece in split(text, plain) if piece.terminator] == ends


def first_complete(text: str) -> int | None:
    """Return the end of the first statement as SQLite's own library sees it."""
    ends = (index + 1 for index, character in enumerate(text) if character == ";")
    return next((end for end in ends if sqlite3.complete_statement(text[:end])), None)


@oracle
@given(st.one_of(tricky, spaced, st.lists(st.sampled_from(FRAGMENTS[-40:]), max_size=30).map(" ".join)))
def test_sqlite_agrees_where_statements_end(text: str) -> None:
    text = text.replace("\x00", "").replace("\ud800", "")  # which the library does not take
    dialect = replace(SQLITE, client_commands=ClientCommands.NONE)
    for piece in split(text, dialect):
        found = first_complete(text[piece.start :])
        assert found == (piece.end - piece.start if piece.terminator else None)


POSTGRES_STATEMENTS = [
    "select 1",
    "select 'it''s; so' as a, E'it\\'s;' as b, U&'d\\0061t;' as c",
    'select ";" from "a;""b"',
    "select $$a;b$$ || $x$ ; $$ ; $x$",
    "select a$b, $1 from c",
    "select 1 /* a; /* b; */ c; */ + 2",
    "select 1 -- one; 'two\n + 3",
    "select 'a'\n  'b;c'",
    "select e'a' -- b\n\t'it\\'s;' || e'c' || 'd\\'",
    "select b'1', x'1f', n'x;'",
    "select a->'b;' ->> 'c', d @> '{}', e - -1, f*-1 from g",
    "select a[1:2], b::int, c::text[] from d",
    "begin",
    "end",
    "commit",
    "insert into a values (1, ';'), (2, $$;$$)",
    "create rule r as on insert to t do also (insert into a values (1); delete from b; select ';')",
    "create or replace rule r as on update to t do instead nothing",
    "create function f() returns int language sql as $f$ select 1; select $$;$$; $f$",
    "create function f() returns int language sql return 1",
    "do $$ begin perform 1; end $$",
    "create table case_ (begin_ int, \"end\" text default ';')",
    "create view v as select case when a then 1 else 2 end from b",
    "copy t (a) to stdout",
    "explain select case 1 when 2 then 3 end",
]
ATOMIC = [
    "create function f() returns int begin atomic select 1; select case when true then 2 end; end",
    "create or replace procedure p(a int default (case when true then 1 end)) begin atomic "
    "insert into b values (';'); select (case 1 when 2 then case 3 when 4 then 5 end end) end_; end",
    "create function f() returns int language sql begin atomic; end",
    "CREATE FUNCTION begin() RETURNS int BEGIN ATOMIC SELECT 1; /* end */ END",
]
SEPARATORS = [";", ";\n", " ; ", "; -- x;\n", ";/* ;' */", ";;", ";\n\n;\r\n"]


@st.composite
def postgres_scripts(draw: Callable[..., Any], statements: list[str]) -> str:
    parts: Iterable[str] = draw(st.lists(st.sampled_from(statements), min_size=1, max_size=8))
    script = "".join(part + draw(st.sampled_from(SEPARATORS)) for part in parts)
    head: str = draw(st.sampled_from(["", "\n", "-- head; '\n", "/* /* ; */ */ "]))
    return head + script


@pytest.mark.parametrize("with_parser", [False, True])
@profile
@given(data=st.data())
def test_postgres_agrees_where_statements_are(with_parser: bool, data: st.DataObject) -> None:
    # Its scanner by itself splits atomic bodies, its parser does not.
    text = data.draw(postgres_scripts(POSTGRES_STATEMENTS + (ATOMIC if with_parser else [])))
    wanted = pglast.split(text, with_parser=with_parser, only_slices=True)
    pieces = [piece for piece in split(text, POSTGRES) if piece.kind is PieceKind.STATEMENT]
    assert len(pieces) == len(wanted)
    for piece, place in zip(pieces, wanted, strict=True):
        assert piece.sql_start >= place.start
        assert text[place].strip().endswith(piece.sql(text))
        assert piece.sql_end == place.start + len(text[place].rstrip())


HARD = ["(", "'", "''", '"', "`", "[", "--", "#", "/*", "/*/*/*", "*/", "/*!", "$", "$$", "$a", "$a$b$c$", "a$$",
        "e'a'\n",
        "e'", "\\", "\\;", "\\G", ";", "x", " ", "1e+", "1.", ":a", "\n", "\n.x", "case ", "begin ", "end;", "'a' ",
        "create trigger ", "create rule (", "copy t from stdin;", "copy t from stdin;\n\\.x",
        "copy t from stdin;\n\\.\n", "\\copy t from stdin\n", "\\copy from ",
        "delimiter x\n", "delimiter x "]  # fmt: skip


class Reading:
    """Regular expressions that count the calls made to them and the characters they read."""

    def __init__(self) -> None:
        self.characters = 0
        self._compile = re.compile

    def compile(self, pattern: str, flags: int = 0) -> Any:
        real = self._compile(pattern, flags)

        def match(text: str, start: int, end: int = sys.maxsize) -> re.Match[str] | None:
            found = real.match(text, start, end)
            self.characters += 1 + (found.end() - start if found else 0)
            return found

        def finditer(text: str, start: int) -> Iterator[re.Match[str]]:
            for found in real.finditer(text, start):
                self.characters += 1 + found.end() - start
                start = found.end()
                yield found

        return SimpleNamespace(match=match, finditer=finditer, groupindex=real.groupindex)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reading]:
    counter = Reading()
    caches = (lexer.lexer_of, lexer._comment_marks, lexer._quote_marks, scanner._landmark, scanner._patterns)
    for cache in caches:
        cache.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(re, "compile", counter.compile)
        yield counter
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("before", ["", "create procedure ", "create trigger t ", "/*!", "'"])
def test_no_text_is_read_more_than_a_few_times(reading: Reading, before: str, dialect: Dialect) -> None:
    """Time is linear: for any text the expressions read it a few times over, however long it is."""
    read = {}
    for hard in HARD:
        text = before + hard * (4000 // len(hard))
        reading.characters = 0
        split(text, dialect)
        list(tokens(text, dialect))
        read[hard] = reading.characters / len(text)
    assert {hard: times for hard, times in read.items() if times > 15} == {}
