"""The statement scanner: what is one statement, what is no statement, and where the caret stands."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest

import alveary.sqltext
from alveary.sqltext import (
    ANSI,
    MYSQL,
    POSTGRES,
    SQLITE,
    BackslashEscapes,
    Dialect,
    LexState,
    Piece,
    PieceKind,
    Token,
    TokenKind,
    data_of,
    only_reads,
    parameters,
    scan_line,
    split,
    statement_at,
    tokens,
)


def statements(text: str, dialect: Dialect) -> list[str]:
    """Return the statements alone; every text here must also be covered by its pieces."""
    pieces = split(text, dialect)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    return [piece.sql(text) for piece in pieces if piece.kind is PieceKind.STATEMENT]


def kinds(text: str, dialect: Dialect) -> list[tuple[str, str]]:
    return [(piece.kind.value, piece.sql(text)) for piece in split(text, dialect)]


ONE_STATEMENT = {
    "a semicolon in a string": (ANSI, "select ';'"),
    "a doubled quote in a string": (ANSI, "select 'it''s; so'"),
    "a semicolon in a quoted identifier": (ANSI, 'select ";" from "a"";b"'),
    "a semicolon in a line comment": (ANSI, "select 1 -- one; two\n + 2"),
    "a semicolon in a block comment": (ANSI, "select 1 /* one; two */ + 2"),
    "a quote in a line comment": (ANSI, "select 1 -- don't\n + 2"),
    "a quote in a block comment": (ANSI, "select 1 /* don't */ + 2"),
    "a comment start in a string": (ANSI, "select '/* ;', '-- ;'"),
    "a backslash at the end of a standard string": (ANSI, "select 'c:\\', ';'"),
    "backquotes in SQLite": (SQLITE, "select `a;b`"),
    "brackets in SQLite": (SQLITE, "select [a;b'] from [t;u]"),
    "double quotes in SQLite": (SQLITE, 'select "a;""b"'),
    "a trigger": (SQLITE, "create trigger t after insert on a begin update b set c = 1; delete from d; end"),
    "a temporary trigger": (SQLITE, "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END"),
    "a trigger, explained": (SQLITE, "explain query plan create temporary trigger t begin select 1; end"),
    "a trigger with CASE": (SQLITE, "create trigger t begin select case when 1 then 2 end; select end; end"),
    "a trigger with comments in its last words": (SQLITE, "create trigger t begin select 1; /* x */ end -- y;\n"),
    "an E string": (POSTGRES, r"select E'it\'s; so', e'\\'"),
    "an E string that goes on below": (POSTGRES, "select E'a' -- b\n\n 'it\\'s; so'\r'it\\'s; too', 1"),
    "a function with an E string that goes on below": (POSTGRES, "create function f(a text default e'a'\n'\\';')"),
    "an E string with doubled quotes": (POSTGRES, r"select E'a'';\'b;'"),
    "unicode, bit, hexadecimal and national strings": (POSTGRES, "select U&'a;' || N';', B'1;', X'2;', U&\";\""),
    "nested comments": (POSTGRES, "select /* a /* b; */ c; */ 1"),
    "a dollar quote": (POSTGRES, "select $$a;b$$"),
    "a tagged dollar quote": (POSTGRES, "do $do$ begin execute $$x;y$$; end $do$"),
    "a dollar quote with a dollar before its end": (POSTGRES, "select $a$ ; $b$a$, 1"),
    "a tag of foreign letters": (POSTGRES, "select $été$ ; $été$"),
    "a dollar in an identifier": (POSTGRES, "select a$b, c$$, d$$ from e"),
    "parameters with dollars": (POSTGRES, "select $1, $2"),
    "a rule with several actions": (POSTGRES, "create or replace rule r as on insert to t do also (a; b; c)"),
    "a routine with an atomic body": (
        POSTGRES,
        "create function f() returns int language sql begin atomic select 1; select case when a then b end; end",
    ),
    "a procedure with an atomic body": (POSTGRES, "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC a; b; END"),
    "a function named begin": (POSTGRES, "create function begin() returns int return 1"),
    "a semicolon that psql only passes on": (POSTGRES, r"select 1\; select 2"),
    "an escaped quote in MySQL": (MYSQL, r"select 'it\'s; so', " + r'"a\";b"'),
    "doubled quotes in MySQL": (MYSQL, "select 'a'';b', \"c\"\";d\", `e``;f`"),
    "a hash comment": (MYSQL, "select 1 # one; don't\n + 2"),
    "a spaced dash comment": (MYSQL, "select 1 -- one; don't\n + 2"),
    "an executable comment": (MYSQL, "/*!50003 create trigger t before insert on a for each row set b = 1; */"),
    "an executable comment of MariaDB": (MYSQL, "select 1 /*M!100100 , 2; */"),
    "a comment in an executable comment": (MYSQL, "/*! select /* ; */ 1; */"),
    "a star before the end of an executable comment": (MYSQL, "/*! select 2 **/ + 1 */* ; */ 2"),
    "a procedure": (MYSQL, "create procedure p() begin select 1; select 2; end"),
    "a procedure with a definer": (
        MYSQL,
        "create or replace definer = `a`@`b` procedure if not exists p() begin declare x int; set x = 1; end",
    ),
    "nested blocks": (
        MYSQL,
        "create procedure p() a: begin declare exit handler for sqlexception begin rollback; end; "
        "if x then begin select 1; end; elseif y then select 2; else select if(a, 1, 2); end if; "
        "while a do b: loop leave b; end loop b; end while; repeat set x = repeat('a', 2); until z end repeat; "
        "case x when 1 then if y then select 1; end if; else begin end; end case; "
        "select case when a then 1 else if(b, 2, 3) end as c, t.end from t; end a",
    ),
    "a function of one statement": (MYSQL, "create function f() returns int return case 1 when 1 then 2 end"),
    "an event": (MYSQL, "create event e on schedule every 1 day do begin delete from t; end"),
    "a changed event": (MYSQL, "alter event e do begin delete from t; end"),
    "a trigger with one statement": (MYSQL, "create trigger t before insert on a for each row set new.b = 1"),
    "a block without a name": (MYSQL, "begin not atomic if x then select 1; end if; end"),
    "a program in executable comments": (
        MYSQL,
        "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON a "
        "FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END */",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text"), ONE_STATEMENT.values(), ids=ONE_STATEMENT)
def test_one_statement_stays_whole(dialect: Dialect, text: str) -> None:
    wanted = text.rstrip() if not text.endswith("\n") else text[: -len("\n")]
    assert statements(text, dialect) == [wanted]
    assert statements(f"\n -- first\n{text};\nselect 'next';", dialect) == [wanted, "select 'next'"]
    assert split(text, dialect)[0].unterminated is None


SEVERAL_STATEMENTS = {
    "ordinary ones": (ANSI, "a; b;c", ["a", "b", "c"]),
    "stray semicolons": (ANSI, ";; a ;;b;", ["a", "b"]),
    "a transaction": (ANSI, "begin; a; end; b", ["begin", "a", "end", "b"]),
    "comments between": (ANSI, "/* 1 */ a; -- 2\n b /* 3 */;", ["a", "b /* 3 */"]),
    "not nested comments": (ANSI, "a /* /* */; b", ["a /* /* */", "b"]),
    "backslashes mean nothing": (ANSI, "select '\\'; b", ["select '\\'", "b"]),
    "a trigger in a name": (SQLITE, "create table trigger_; b", ["create table trigger_", "b"]),
    "a drop of a trigger": (SQLITE, "drop trigger t; b; end;", ["drop trigger t", "b", "end"]),
    "a transaction in PostgreSQL": (POSTGRES, "BEGIN; a; END; b", ["BEGIN", "a", "END", "b"]),
    "a standard string with a backslash": (POSTGRES, r"select 'a\'; b", [r"select 'a\'", "b"]),
    "an identifier that ends with e": (POSTGRES, r"select name'a\'; b", [r"select name'a\'", "b"]),
    "an open parenthesis": (POSTGRES, "select (1; b", ["select (1", "b"]),
    "a routine with a dollar body": (POSTGRES, "create function f() as $$ a; b $$; b",
                                     ["create function f() as $$ a; b $$", "b"]),
    "a routine, then a transaction": (POSTGRES, "create function f() return 1; begin; b; end",
                                      ["create function f() return 1", "begin", "b", "end"]),
    "a copy to": (POSTGRES, "copy t to stdout;\nb;\n", ["copy t to stdout", "b"]),
    "a copy of a query": (POSTGRES, "copy (select 1) to stdout;\nb", ["copy (select 1) to stdout", "b"]),
    "a copy from a file": (POSTGRES, "copy t from 'stdin';\nb", ["copy t from 'stdin'", "b"]),
    "a carriage return ends a comment": (POSTGRES, "a -- x\r; b", ["a -- x", "b"]),
    "dashes without a space": (MYSQL, "select 5--1; b", ["select 5--1", "b"]),
    "transactions in MySQL": (MYSQL, "BEGIN; a; COMMIT; begin work; b", ["BEGIN", "a", "COMMIT", "begin work", "b"]),
    "a table named like a block": (MYSQL, "create table begin (end int); b", ["create table begin (end int)", "b"]),
    "a view with a definer": (MYSQL, "create definer=a@b sql security invoker view v as select 1; b",
                              ["create definer=a@b sql security invoker view v as select 1", "b"]),
    "an altered procedure": (MYSQL, "alter procedure p comment 'x'; b", ["alter procedure p comment 'x'", "b"]),
    "go and ego": (MYSQL, r"select 1\G select 2\g b", ["select 1", "select 2", "b"]),
    "a hash in standard SQL": (ANSI, "select 1 # 2; b", ["select 1 # 2", "b"]),
    "executable comments": (MYSQL, "/*!40101 SET a=1 */;\n/*!40101 SET b=1 */;",
                            ["/*!40101 SET a=1 */", "/*!40101 SET b=1 */"]),
    "a hint before a statement": (MYSQL, "/* x */ /*+ y */ a; b", ["/*+ y */ a", "b"]),
    "a hint for PostgreSQL": (POSTGRES, "-- x\n/*+ SeqScan(t) */ a; b", ["/*+ SeqScan(t) */ a", "b"]),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "wanted"), SEVERAL_STATEMENTS.values(), ids=SEVERAL_STATEMENTS)
def test_several_statements_come_apart(dialect: Dialect, text: str, wanted: list[str]) -> None:
    assert statements(text, dialect) == wanted


OPEN_ENDS = {
    "a string": (ANSI, "a; select 'b; c", "string", "'"),
    "a string with doubled quotes": (ANSI, "select 'b''; c", "string", "'"),
    "an identifier": (ANSI, 'a; select "b; c', "quoted identifier", '"'),
    "a comment": (ANSI, "a /* b; c", "block comment", "/*"),
    "a comment alone": (ANSI, "a; /* b; c", "block comment", "/*"),
    "a comment of SQLite": (SQLITE, "a /* b; c", None, None),
    "a nested comment": (POSTGRES, "a /* b /* c */ ; d", "block comment", "/*"),
    "a dollar quote": (POSTGRES, "a $x$ b; $$ c; $$", "dollar quote", "$x$"),
    "an E string": (POSTGRES, r"a; select E'b\'; c", "string", "'"),
    "a string in a routine": (POSTGRES, "create function f() begin atomic 'b;", "string", "'"),
    "an atomic body": (POSTGRES, "create function f() begin atomic b;", None, None),
    "a double-quoted string": (MYSQL, 'select "b; c', "string", '"'),
    "a backquoted name": (MYSQL, "select `b; c", "quoted identifier", "`"),
    "an executable comment": (MYSQL, "select /*! b; 'c", "block comment", "/*!"),
    "an executable comment, at the start": (MYSQL, "/*! create procedure b; c", "block comment", "/*!"),
    "a trigger": (SQLITE, "create trigger t begin a;", None, None),
    "a bracketed name": (SQLITE, "select [b; c", "quoted identifier", "["),
}


@pytest.mark.parametrize(("dialect", "text", "what", "opener"), OPEN_ENDS.values(), ids=OPEN_ENDS)
def test_what_is_left_open_is_told(dialect: Dialect, text: str, what: str | None, opener: str | None) -> None:
    *before, last = split(text, dialect)
    assert (last.unterminated, last.terminator) == (what, "")
    assert last.unterminated_at == (None if opener is None else text.index(opener))
    assert all(piece.unterminated is None for piece in before)


def test_a_piece_says_where_it_is() -> None:
    text = "a;\n\n-- note\n  b\n+ c ;;\n"
    assert split(text, ANSI) == [
        Piece(0, 2, 0, 1, PieceKind.STATEMENT, line=1, terminator=";"),
        Piece(2, 21, 14, 19, PieceKind.STATEMENT, line=4, terminator=";"),
        Piece(21, 22, 21, 21, PieceKind.BLANK, line=5, terminator=";"),
        Piece(22, 23, 22, 22, PieceKind.BLANK, line=5),
    ]
    assert split("", ANSI) == []


def test_the_caret_finds_its_statement() -> None:
    text = "a;b;\n\nc ; \n"
    pieces = split(text, ANSI)
    found = [statement_at(pieces, offset) for offset in range(len(text) + 1)]
    assert [piece and piece.sql(text) for piece in found] == ["a", "a", "a", "b", "b", *"ccccc", "", ""]
    assert statement_at(pieces, -1) is None
    assert statement_at(pieces, len(text) + 1) is None
    assert statement_at([], 0) is None


def test_copy_data_follow_their_statement() -> None:
    text = "copy t (a, b) from stdin with (format text);\nit's\t;\n\\.x\n\\.\nselect 1;\n"
    assert kinds(text, POSTGRES) == [
        ("statement", "copy t (a, b) from stdin with (format text)"),
        ("copy data", "it's\t;\n\\.x\n"),
        ("statement", "select 1"),
        ("blank", ""),
    ]
    assert [piece.terminator for piece in split(text, POSTGRES)] == [";", "\\.", ";", ""]
    assert [piece.line for piece in split(text, POSTGRES)] == [1, 2, 5, 5]


def test_copy_data_belong_to_the_first_copy_on_their_line() -> None:
    text = "copy a from stdin;\n1\n\\.\nselect 1; copy b from stdin; copy c from stdin;\n2\n\\.\n"
    text += "\\copy d from stdin\n3\n\\.\n"
    pairs = {taker.sql(text): lines.sql(text) for taker, lines in data_of(split(text, POSTGRES)).items()}
    assert pairs == {"copy a from stdin": "1\n", "copy b from stdin": "2\n"}


def test_psqls_restriction_is_no_command_of_anybody() -> None:
    text = "-- dump\n\\restrict aBc9\n\nselect 1;\n\\unrestrict aBc9\n"
    assert [piece.kind for piece in split(text, POSTGRES)] == [
        PieceKind.BLANK, PieceKind.STATEMENT, PieceKind.BLANK, PieceKind.BLANK,
    ]  # fmt: skip
    assert kinds("\\restricted x\n", POSTGRES)[0][0] == "client command"


def test_copy_data_may_be_empty_end_with_carriage_returns_or_stay_open() -> None:
    assert kinds("COPY t FROM STDIN; -- note\n\\.\nb", POSTGRES)[1:] == [("copy data", ""), ("statement", "b")]
    assert kinds("copy t from stdin;\r\n1\r\n\\.\r\nb", POSTGRES)[1:] == [("copy data", "1\r\n"), ("statement", "b")]
    text = "copy t from stdin;\n1\n"
    assert split(text, POSTGRES)[-1] == Piece(18, 21, 19, 21, PieceKind.COPY_DATA, 2, "", "copy data", 19)
    assert kinds("copy t from stdin;\n", POSTGRES)[1:] == [("blank", "")]


def test_statements_on_the_line_of_a_copy_are_not_its_data() -> None:
    text = "copy t from stdin; create table a (); select 2;\n1\n\\.\n"
    assert [kind for kind, _ in kinds(text, POSTGRES)] == [*["statement"] * 3, "copy data", "blank"]


def test_psql_commands_run_to_the_end_of_their_line() -> None:
    text = "\\d don't; x\n \\echo a;b\nselect 1 \\gx\nselect 2;\\! ls\n\\copy t from stdin csv\nit's\n\\.\n\\?"
    assert kinds(text, POSTGRES) == [
        ("client command", "\\d don't; x"),
        ("client command", "\\echo a;b"),
        ("statement", "select 1"),
        ("client command", "\\gx"),
        ("statement", "select 2"),
        ("client command", "\\! ls"),
        ("client command", "\\copy t from stdin csv"),
        ("copy data", "it's\n"),
        ("client command", "\\?"),
    ]


def test_a_psql_command_may_end_a_statement_that_is_watched() -> None:
    text = "create table a () \\g\ncopy t from stdin \\g\n1\n\\.\n"
    assert [kind for kind, _ in kinds(text, POSTGRES)] == [*["statement", "client command"] * 2, "copy data", "blank"]


def test_sqlite3_commands_begin_a_line() -> None:
    text = ".mode don't\nselect 1\n.5;\n-- note\n  .tables\n;.x"
    assert kinds(text, SQLITE) == [
        ("client command", ".mode don't"),
        ("statement", "select 1\n.5"),
        ("client command", ".tables"),
        ("blank", ""),
        ("statement", ".x"),
    ]


def test_mysql_commands_begin_a_statement() -> None:
    text = "source don't.sql;\n\\. a.sql\nuse db;\nhelp 'x';\nselect source\n\\c; source;\nsources;\\! ls"
    assert kinds(text, MYSQL) == [
        ("client command", "source don't.sql;"),
        ("client command", "\\. a.sql"),
        ("statement", "use db"),
        ("statement", "help 'x'"),
        ("statement", "select source\n\\c"),
        ("statement", "source"),
        ("statement", "sources"),
        ("client command", "\\! ls"),
    ]


def test_delimiter_changes_the_terminator() -> None:
    text = "delimiter //\ncreate procedure p()\nbegin\n  select '//';\nend //\nselect 1; select 2//\nDELIMITER ; \nb;"
    assert kinds(text, MYSQL) == [
        ("delimiter", "delimiter //"),
        ("statement", "create procedure p()\nbegin\n  select '//';\nend"),
        ("statement", "select 1; select 2"),
        ("delimiter", "DELIMITER ;"),
        ("statement", "b"),
    ]


@pytest.mark.parametrize("delimiter", ["$$", ";;", "|", "#", "--", "go", "'", "\\", "é", "]", "^"])
def test_any_delimiter_will_do(delimiter: str) -> None:
    text = f"delimiter {delimiter}\na; b{delimiter}c; d{delimiter} delimiter ;\ne;"
    assert statements(text, MYSQL) == ["a; b", "c; d", "e"]


@pytest.mark.parametrize("written", ["'//'", '"//"', "`//`", "// not this", "//"])
def test_a_delimiter_may_be_quoted(written: str) -> None:
    assert statements(f"DELIMITER {written}\r\na;// b", MYSQL) == ["a;", "b"]


def test_a_delimiter_without_an_argument_changes_nothing() -> None:
    assert kinds("delimiter\na; delimiters; \\d $$\nb;$$", MYSQL) == [
        ("delimiter", "delimiter"),
        ("statement", "a"),
        ("statement", "delimiters"),
        ("delimiter", "\\d $$"),
        ("statement", "b;"),
    ]


def test_delimiter_is_a_word_like_any_other_elsewhere() -> None:
    assert statements("delimiter //\na; b", POSTGRES) == ["delimiter //\na", "b"]


def test_a_session_that_differs_makes_its_own_dialect() -> None:
    text = r"select 'a\'; b'"
    assert len(split(text, replace(POSTGRES, backslash_escapes=BackslashEscapes.ALWAYS))) == 1
    assert len(split(text, replace(MYSQL, backslash_escapes=BackslashEscapes.NEVER))) == 2
    ansi_quotes = replace(MYSQL, identifier_quotes='`"', string_quotes="'")
    assert split('select "a', ansi_quotes)[0].unterminated == "quoted identifier"
    assert statements("a // b; c\n; d", replace(ANSI, line_comments=("--", "//"))) == ["a // b; c", "d"]
    assert statements("a -- b; c", replace(ANSI, line_comments=())) == ["a -- b", "c"]
    assert statements("a $$;$$; b", replace(SQLITE, dollar_quotes=True)) == ["a $$;$$", "b"]


def test_a_dialect_is_a_value() -> None:
    assert replace(ANSI) == ANSI
    assert hash(replace(ANSI)) == hash(ANSI)
    with pytest.raises(FrozenInstanceError):
        ANSI.name = "mine"  # type: ignore[misc]  # that it is refused is the test


TOKENS = {
    "words and numbers": (ANSI, "select a1, 1.5e-3, .5, 0xFF", "word word number number number"),
    "a cast and an assignment": (POSTGRES, "a::int := 1", "word operator word operator number"),
    "strings": (POSTGRES, "'a''b' E'a\\'b' U&'c' $x$d$x$", "string string string string"),
    "identifiers": (POSTGRES, '"a""b" U&"c"', "quoted identifier quoted identifier"),
    "double quotes in MySQL": (MYSQL, '"a" `b`', "string quoted identifier"),
    "comments": (MYSQL, "-- a\n# b\n/* c */ /*+ d */", "comment comment comment comment"),
    "executable comments": (MYSQL, "/*!50003 a */", "operator word operator"),
    "parameters of PostgreSQL": (POSTGRES, "$1 :a", "parameter parameter"),
    "parameters of SQLite": (SQLITE, "? ?1 :a @b $c", "parameter parameter parameter parameter parameter"),
    "characters of no use": (ANSI, "\x00 \\ é", "other other word"),
    "a slice": (POSTGRES, "a[b:c]", "word operator word operator word operator"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "wanted"), TOKENS.values(), ids=TOKENS)
def test_tokens_have_kinds(dialect: Dialect, text: str, wanted: str) -> None:
    found = [text[token.start : token.end] for token in tokens(text, dialect)]
    assert "".join(found) == text
    named = [token.kind.value for token in tokens(text, dialect)]
    assert " ".join(kind for kind, part in zip(named, found, strict=True) if part not in " ,\n") == wanted


def test_scanning_goes_on_in_the_middle_of_things() -> None:
    first, state = scan_line("a /* b /* c */", LexState(), POSTGRES)
    assert state == LexState("/*", depth=1)
    assert first[-1] == Token(2, 14, TokenKind.COMMENT)
    assert scan_line("d */ e", state, POSTGRES) == (
        [Token(0, 4, TokenKind.COMMENT), Token(4, 5, TokenKind.WHITESPACE), Token(5, 6, TokenKind.WORD)],
        LexState(),
    )
    assert scan_line("", state, POSTGRES) == ([], state)
    assert scan_line("e'x\\' $$", LexState(), POSTGRES)[1] == LexState("e'")
    assert scan_line("$a$ $$", LexState(), POSTGRES)[1] == LexState("$a$")
    assert scan_line("e'x' -- $$", LexState(), POSTGRES)[1] == LexState(goes_on=True)
    assert scan_line("'\\' $$", LexState(goes_on=True), POSTGRES)[1] == LexState("e'")
    assert scan_line("+ '\\' $$", LexState(goes_on=True), POSTGRES)[1] == LexState("$$")
    assert scan_line("/*! 'x", LexState(), MYSQL)[1] == LexState("'", executable=True)
    assert next(tokens("x' a", ANSI, LexState("'"))) == Token(0, 2, TokenKind.STRING)


PARAMETERS = {
    "plain ones": (ANSI, "select :a, :b_1 where c=:é", ["a", "b_1", "é"]),
    "the same one twice": (ANSI, ":a + :a", ["a", "a"]),
    "not in strings and comments": (ANSI, "':a' \":b\" /* :c */ -- :d", []),
    "not in dollar quotes": (POSTGRES, "$$ :a $$, $x$ :b $x$, :c", ["c"]),
    "not casts": (POSTGRES, "a::int, :b::text, 'c'::date, d :: int", ["b"]),
    "not slices": (POSTGRES, "a[1:2], b[c:d], (e)[f(x):g], :h", ["h"]),
    "not assignments": (POSTGRES, "f(a := :b, c:=1)", ["b"]),
    "not JSON operators": (POSTGRES, "a->'b:c' #>> ':d' @> ':e' ->> :f", ["f"]),
    "not labels": (MYSQL, "a:loop leave a; end loop; select :b", ["b"]),
    "not times": (ANSI, "timestamp '10:a', 10:20", []),
    "only the named, which SQLite writes in three ways": (SQLITE, "? ?1 @a $b :c", ["a", "b", "c"]),
    "not variables of MySQL": (MYSQL, "@a := :b, @@c, @d:=1, ?", ["b"]),
    "not numbers of PostgreSQL": (POSTGRES, "$1 = :a and b ? 'c' and d @? '$.e ? (@.f > 1)' and x ?| :g", ["a", "g"]),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "wanted"), PARAMETERS.values(), ids=PARAMETERS)
def test_named_parameters_are_found(dialect: Dialect, text: str, wanted: list[str]) -> None:
    found = parameters(text, dialect)
    assert [parameter.name for parameter in found] == wanted
    assert [text[parameter.start + 1 : parameter.end] for parameter in found] == wanted
    assert {text[parameter.start] for parameter in found} <= set(":@$" if dialect is SQLITE else ":")


@pytest.mark.parametrize("text", [text for dialect, text in ONE_STATEMENT.values() if dialect is SQLITE])
def test_sqlite_itself_agrees(text: str) -> None:
    assert sqlite3.complete_statement(f"{text};")


def test_the_door_is_sorted_and_leads_somewhere() -> None:
    names = alveary.sqltext.__all__
    assert all(hasattr(alveary.sqltext, name) for name in names)
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))


def test_importing_compiles_nothing() -> None:
    """The expressions are built for the dialects in use, and start-up uses none."""
    program = (
        "from alveary.sqltext import lexer, scanner\n"
        "caches = [lexer.lexer_of, scanner._landmark, scanner._patterns]\n"
        "assert [cache.cache_info().currsize for cache in caches] == [0, 0, 0]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("select * from t", True),
        ("-- update\n/* delete */ select 'insert', replace(a, 'b', 'c') from t", True),
        ("with x as (select 1) select * from x", True),
        ("TABLE t", True),
        ("with x as (delete from t returning *) select * from x", False),
        ("insert into t values (1) returning *", False),
        ("select * into u from t", False),
        ("select * from t for update", False),
        ("select * from t FOR NO KEY UPDATE", False),
        ("select * from t lock in share mode", False),
        ("explain analyze delete from t", False),
        ("call p()", False),
        ("pragma user_version = 3", False),
        ("", False),
    ],
)
def test_what_only_reads_is_told_by_its_words(text: str, reads: bool) -> None:
    for dialect in (POSTGRES, MYSQL, SQLITE):
        assert only_reads(text, dialect) is reads
