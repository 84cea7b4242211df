"""The formatter: what it never does to a text, on texts nobody wrote, and how it lays out what people write."""

from __future__ import annotations

import re

import pglast
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sql_corpus import DDL, LOOSENS, READS, UNFILTERED, WRITES

from alveary.sqltext import ANSI, MYSQL, POSTGRES, SQLITE, Dialect, PieceKind, TokenKind, split, tokens
from alveary.sqltext.formatting import Places, Style, format_script, left_in_words
from alveary.sqltext.formatting.keywords import KEYWORDS

profile = settings(derandomize=True, max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FRAGMENTS = [
    "select", "SELECT", "from", "where", "and", "or", "not", "between", "in", "is", "distinct", "group by",
    "order by", "partition by", "having", "limit", "offset", "union all", "except", "with", "recursive", "as",
    "values", "insert into", "update", "set", "delete from", "merge into", "using", "when", "matched", "then",
    "on", "conflict", "do update set", "on duplicate key update", "returning", "join", "left join", "left",
    "natural", "lateral", "case", "else", "end", "create table", "create view", "create trigger",
    "create function", "alter table", "add", "drop", "column", "for update", "window", "over", "rows", "null",
    "exists", "explain", "grant", "if", "begin", "atomic", "copy", "stdin", "delimiter //", "a", "b", "t",
    "count", "Name", "é", "x.y", "\"q\"", "`q`", "[q]", "'s'", "'it''s'", "'a\\'", "e'\\''",
    "e'a'\n'b\\'c'", "\r", "!=-", "@v.a", "\"", "'", "$$",
    "$a$ ; $a$", "$1", ":p", ":p:", "?", "?1", "@v", "@@v", ":=", "::", "::int", ":", "=", "<", ">", "<=", "<>",
    "!=", "->", "->>", "#>>", "@>", "||", "|", "+", "-", "--1", "*", "/", "%", "~", "!", "&&", "^", ".", ",",
    ",", ",", "(", ")", "(", ")", "(*)", "(1, 2)", "[1:2]", "[", "]", "1", "1.5", ".5", "1e5", "0xff", ";", ";",
    "-- c\n", "--c\n", "-- c", "/* c */", "/* c\n d */", "/*+ h */", "/*! x */", "/*", "*/", "# c\n", "\n",
    "\n\n", " ", "  ", "\t", "\r\n", "\f", "\\", "\\d\n", ".tables\n", '\x00', "/",
    "copy t from stdin;\n1\n\\.\n", "-", "+",
]  # fmt: skip

dialects = st.sampled_from([ANSI, SQLITE, POSTGRES, MYSQL])
styles = st.builds(
    Style,
    indent=st.integers(0, 8),
    width=st.integers(10, 120),
    keyword_case=st.sampled_from(["keep", "upper", "lower"]),
    commas=st.sampled_from(["trailing", "leading"]),
)
glued = st.lists(st.sampled_from(FRAGMENTS), max_size=50).map("".join)
spaced = st.lists(st.sampled_from(FRAGMENTS), max_size=50).map(" ".join)
texts = st.one_of(spaced, glued, st.text(max_size=60))


def solid(text: str, dialect: Dialect) -> list[tuple[object, str]]:
    """Return what a script holds but white space: the tokens of its pieces, of commands and data the text."""
    found: list[tuple[object, str]] = []
    for piece in split(text, dialect):
        part = text[piece.start : piece.end]
        if piece.kind in (PieceKind.STATEMENT, PieceKind.BLANK):
            every = ((token.kind, part[token.start : token.end]) for token in tokens(part, dialect))
            found += [(kind, word) for kind, word in every if kind is not TokenKind.WHITESPACE]
        else:
            found.append((piece.kind, part.strip(dialect.space)))
    return found


@profile
@given(texts, dialects, styles)
def test_no_token_is_changed_moved_or_lost(text: str, dialect: Dialect, style: Style) -> None:
    before, after = solid(text, dialect), solid(format_script(text, dialect, style).text, dialect)
    if style.keyword_case == "keep":
        assert after == before
    else:
        assert [(kind, word.lower()) for kind, word in after] == [(kind, word.lower()) for kind, word in before]
        changed = {word for (_, word), (_, was) in zip(after, before, strict=True) if word != was}
        assert {word.lower() for word in changed} <= KEYWORDS


@profile
@given(texts, dialects, styles)
def test_what_is_laid_out_is_left_as_it_is_the_second_time(text: str, dialect: Dialect, style: Style) -> None:
    once = format_script(text, dialect, style).text
    assert format_script(once, dialect, style).text == once


@profile
@given(spaced, st.integers(0, 400), dialects)
def test_the_caret_stays_on_its_token(text: str, caret: int, dialect: Dialect) -> None:
    caret = min(caret, len(text))
    after = format_script(text, dialect, Style()).text
    place = Places(text, after, dialect)(caret)
    behind = sum(not sign.isspace() for sign in text[:caret])
    assert sum(not sign.isspace() for sign in after[:place]) == pytest.approx(behind, abs=_blanks(text, dialect))


def _blanks(text: str, dialect: Dialect) -> int:
    """Count what white space is to Python and stands within a token."""
    return sum(sign.isspace() for _, word in solid(text, dialect) for sign in word)


#: A statement for each, and how it is laid out; further dialects where it is said.
LAID_OUT = [
    ("select 1", "select 1"),
    ("select  a ,b from t where x=1", "select a, b from t where x = 1"),
    (
        "select a,b from t join u on u.id=t.id where x=1 and (y=2 or z=3) order by a limit 3",
        """\
        select a, b
        from t
        join u on u.id = t.id
        where x = 1 and (y = 2 or z = 3)
        order by a
        limit 3""",
    ),
    (
        "with recursive tree as (select id, 1 as depth from category where parent_id is null union all select c.id, "
        "t.depth+1 from category c join tree t on t.id=c.parent_id), x(a) as (values (1),(2)) select tree.id, "
        "row_number() over (partition by tree.depth order by tree.id desc nulls last rows between unbounded preceding "
        "and current row) as place, case when depth>10 then 'deep' when depth between 5 and 10 then 'medium' else "
        "'shallow, as most of them are' end as how from tree left join x on x.a=tree.id and x.a is not null where "
        "exists (select 1 from flag f where f.id=tree.id and f.kind='shown' and f.since<current_date) and tree.id in "
        "(1,2,3)",
        """\
        with recursive tree as (
            select id, 1 as depth
            from category
            where parent_id is null
            union all
            select c.id, t.depth + 1
            from category c
            join tree t on t.id = c.parent_id
        ),
        x(a) as (
            values (1), (2)
        )
        select
            tree.id,
            row_number() over (
                partition by tree.depth
                order by tree.id desc nulls last
                rows between unbounded preceding and current row
            ) as place,
            case
                when depth > 10 then 'deep'
                when depth between 5 and 10 then 'medium'
                else 'shallow, as most of them are'
            end as how
        from tree
        left join x on x.a = tree.id and x.a is not null
        where exists (
                select 1
                from flag f
                where f.id = tree.id and f.kind = 'shown' and f.since < current_date
            )
            and tree.id in (1, 2, 3)""",
    ),
    (
        "insert into stock(id,place,amount) select i.id,'main',0 from item i on conflict (id,place) do update set "
        "amount=excluded.amount, at=now() where stock.amount<>excluded.amount returning id",
        """\
        insert into stock(id, place, amount)
        select i.id, 'main', 0
        from item i
        on conflict (id, place) do update set amount = excluded.amount, at = now()
        where stock.amount <> excluded.amount
        returning id""",
    ),
    (
        "merge into account a using (select id, sum(amount) amount from booking group by id) b on a.id=b.id when "
        "matched and b.amount=0 then delete when matched then update set balance=a.balance+b.amount when not matched "
        "then insert (id,balance) values (b.id,b.amount)",
        """\
        merge into account a
        using (select id, sum(amount) amount from booking group by id) b on a.id = b.id
        when matched and b.amount = 0 then delete
        when matched then update set balance = a.balance + b.amount
        when not matched then insert (id, balance) values (b.id, b.amount)""",
    ),
    (
        "create table t (id bigint generated always as identity primary key, name text not null default '' check "
        "(name<>'x'), unique (id,name)) partition by range (id)",
        """\
        create table t (
            id bigint generated always as identity primary key,
            name text not null default '' check (name <> 'x'),
            unique (id, name)
        ) partition by range (id)""",
    ),
    (
        "create or replace function f(a int) returns int language sql immutable as $$ select  a;  select 2 $$",
        """\
        create or replace function f(a int)
            returns int
            language sql
            immutable
        as $$ select  a;  select 2 $$""",
    ),
    (
        "alter table bill add column a int not null default 0, drop column b, alter column c type text using c::text",
        """\
        alter table bill
            add column a int not null default 0,
            drop column b,
            alter column c type text using c::text""",
    ),
    (
        "update t set a=-1,b=b||'x',c=d->>'k',e = d #>> '{a}', f=g[1:2],h= @ x from u where u.id=t.id and t.tags && v",
        """\
        update t
        set a = -1, b = b || 'x', c = d->>'k', e = d #>> '{a}', f = g[1:2], h = @ x
        from u
        where u.id = t.id and t.tags && v""",
    ),
    (
        "select a, -- the first\n b /* second */, -- trailing\n -- of c\n c from t -- from here\n where a=1 -- cond\n "
        "and b=2\n -- before\n and c=3",
        """\
        select
            a, -- the first
            b /* second */, -- trailing
            -- of c
            c
        from t -- from here
        where a = 1 -- cond
            and b = 2
            -- before
            and c = 3""",
    ),
    (
        "create view v with (security_barrier) as select a, b from t where a in (select x from u) and b is not null",
        """\
        create view v with (security_barrier) as
        select a, b
        from t
        where a in (select x from u) and b is not null""",
    ),
    ("grant select,insert on all tables in schema public to somebody_or_other", None),
]


@pytest.mark.parametrize(("text", "expected"), LAID_OUT)
@pytest.mark.parametrize("dialect", [POSTGRES, None], ids=["postgres", "any"])
def test_statements_are_laid_out_by_clauses(text: str, expected: str | None, dialect: Dialect | None) -> None:
    expected = re.sub(r"^ {8}", "", expected, flags=re.M) if expected is not None else text.replace(",", ", ")
    found = format_script(text, dialect, Style(width=84))
    if found.left:
        assert dialect is None
        assert "say whose SQL it is" in found.left[0].reason
        assert found.text == text
    else:
        assert found.text == expected


CORPUS = [
    (dialect, statement)
    for table in (READS, WRITES, LOOSENS, UNFILTERED, DDL)
    for dialect in (SQLITE, POSTGRES, MYSQL)
    for statement in (*table.get("ansi", []), *table.get(dialect.name, []))
]


@pytest.mark.parametrize("style", [Style(), Style(width=20, indent=2, commas="leading", keyword_case="upper")], ids=str)
def test_what_is_written_in_each_dialect_is_laid_out_and_stays_the_same(style: Style) -> None:
    whole = {"it holds statements of its own", "it holds an executable comment", "it holds what is no SQL"}
    for dialect, statement in CORPUS:
        found = format_script(statement, dialect, style)
        assert all(each.reason in whole or "is never closed" in each.reason for each in found.left), statement
        assert format_script(found.text, dialect, style).text == found.text


@pytest.mark.parametrize("width", [20, 60, 100])
def test_postgresql_reads_the_same_tree(width: int) -> None:
    statements = [text for text, _ in LAID_OUT] + [text for dialect, text in CORPUS if dialect is POSTGRES]
    compared = 0
    for text in statements:
        try:
            before = pglast.parser.fingerprint(text)
        except pglast.parser.ParseError:
            continue
        compared += 1
        for case in ("keep", "upper"):
            style = Style(width=width, keyword_case=case)
            assert pglast.parser.fingerprint(format_script(text, POSTGRES, style).text) == before
    assert compared > 60


def test_mysql_is_laid_out_as_mysql() -> None:
    text = (
        "select `a`,count(*),count (*),a--1, b -- c\n,if(a>1,'it\\'s',\"y\") x from t # note\nwhere a<=>null and "
        "@x:=@x+1 group by a with rollup limit 5,10;\ninsert ignore into t (a,b) values (1,'x'),(2,'y') on duplicate "
        "key update a=values(a), b=concat(b, values(b));\n"
    )
    assert format_script(text, MYSQL, Style(width=60)).text == (
        "select\n    `a`,\n    count(*),\n    count (*),\n    a--1,\n    b -- c\n    , if(a > 1, 'it\\'s', \"y\") x\n"
        "from t # note\nwhere a <=> null and @x:=@x + 1\ngroup by a with rollup\nlimit 5, 10;\n"
        "insert ignore into t (a, b)\nvalues (1, 'x'), (2, 'y')\n"
        "on duplicate key update\n    a = values(a),\n    b = concat(b, values(b));\n"
    )


def test_sqlite_is_laid_out_as_sqlite() -> None:
    text = (
        "create table t (a integer primary key, [b c] text default (date('now')), c as (a*2) stored) strict, without "
        "rowid;insert or replace into t(a) select a from u where a=?1 and b=:name and c=@x and d=$y order by a collate "
        "nocase"
    )
    assert format_script(text, SQLITE, Style()).text == (
        "create table t (\n    a integer primary key,\n    [b c] text default (date('now')),\n    c as (a * 2) stored\n"
        ") strict, without rowid;\ninsert or replace into t(a)\nselect a\nfrom u\n"
        "where a = ?1 and b = :name and c = @x and d = $y\norder by a collate nocase"
    )


def test_keywords_change_their_case_and_names_do_not() -> None:
    text = "Select Name, date, key, t.Order, x as Left from t Where first = 1 order by last nulls First limit 3"
    assert format_script(text, POSTGRES, Style(keyword_case="upper", width=400)).text == (
        "SELECT Name, date, key, t.Order, x AS Left FROM t WHERE first = 1 ORDER BY last NULLS FIRST LIMIT 3"
    )


def test_commas_lead_where_that_is_chosen() -> None:
    assert format_script(
        "select aaaaaaaa,bbbbbbbb,cccccccc from t", POSTGRES, Style(width=20, commas="leading")
    ).text == ("select\n    aaaaaaaa\n    , bbbbbbbb\n    , cccccccc\nfrom t")


def test_what_stands_between_statements_is_kept() -> None:
    text = (
        "-- a script\n\\set x 1\nselect 1 ;   select 2; -- two\n\n\ncopy t from stdin;\n1\t a,b\n\\.\n"
        "  select  3\n-- last\n;\nselect 4 \\gx\n"
    )
    assert format_script(text, POSTGRES, Style()).text == (
        "-- a script\n\\set x 1\nselect 1;\nselect 2; -- two\n\n\ncopy t from stdin;\n1\t a,b\n\\.\n"
        "select 3\n-- last\n;\nselect 4 \\gx\n"
    )


@pytest.mark.parametrize(
    ("text", "dialect", "reason"),
    [
        ("select 1;\nselect 'a", POSTGRES, "line 2 is left as it is: the string that opens on line 2 is never closed"),
        ("select (1", POSTGRES, "line 1 is left as it is: its parentheses are not balanced"),
        ("select 1 from (", POSTGRES, "line 1 is left as it is: its parentheses are not balanced"),
        ("select (case", SQLITE, "line 1 is left as it is: a CASE has no END"),
        ("select case when a then b", SQLITE, "line 1 is left as it is: a CASE has no END"),
        ("create trigger x after insert on t begin select  1; end;", SQLITE, "it holds statements of its own"),
        ("/*!40101 set  names utf8 */", MYSQL, "it holds an executable comment"),
        ("select " + "(" * 90 + "1" + ")" * 90, SQLITE, "it is nested too deeply"),
        ("select a[ 1,2 ]", None, "to sqlite; say whose SQL it is"),
        ("select  :a(1+2)", SQLITE, "a parenthesis next to a parameter is a part of its name"),
    ],
)  # fmt: skip
def test_what_can_not_be_laid_out_is_left_and_told(text: str, dialect: Dialect | None, reason: str) -> None:
    found = format_script(text, dialect, Style())
    assert found.text == text
    assert any(reason in sentence for sentence in left_in_words(found.left))


def test_only_the_statements_of_a_stretch_are_laid_out() -> None:
    text = "select  1;\nselect  2;\nselect  3;\n"
    assert format_script(text, POSTGRES, Style(), (12, 12)).text == "select  1;\nselect 2;\nselect  3;\n"
    assert format_script(text, POSTGRES, Style(), (12, 25)).text == "select  1;\nselect 2;\nselect 3;\n"
    assert format_script(text, POSTGRES, Style(), (3, 3)).text == "select 1;\nselect  2;\nselect  3;\n"


def test_a_text_is_believed_only_if_all_who_can_read_it_agree() -> None:
    dollars = "do $x$ begin\n perform  1; it's; end $x$"
    assert format_script(f"{dollars};select  a", None, Style()).text == f"{dollars};\nselect a"
    hashes = "select a # it  is\n, b from t"
    assert format_script(hashes, None, Style()).text == hashes
    assert format_script(hashes, MYSQL, Style()).text == "select\n    a # it  is\n    , b\nfrom t"


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("select  'a' \r 'b'", POSTGRES, "select\n    'a'\n    'b'"),
        ("select  e'a'\n'it\\'s' ,b", POSTGRES, "select\n    e'a'\n    'it\\'s',\n    b"),
        ("select  a!=-1,b<>-1,c !=- 1", POSTGRES, "select a!=-1, b <> -1, c !=- 1"),
        ("select  @v . a,@v.a1.5,b . c", MYSQL, "select @v .a, @v.a1.5, b.c"),
    ],
)
def test_white_space_that_says_something_stays(text: str, dialect: Dialect, expected: str) -> None:
    found = format_script(text, dialect, Style())
    assert (found.text, found.left) == (expected, ())


@example("select 'a'\n'b'")
@example("select 'a' -- c\n 'b'")
@profile
@given(st.sampled_from(["select 'a'\n\n 'b' ", "select 'a''b'", "select e'a'\n'b'"]))
def test_literals_that_go_on_keep_their_line_ends(text: str) -> None:
    found = format_script(text, POSTGRES, Style())
    assert not found.left
    assert ("\n" in found.text) is ("\n" in text)


@pytest.mark.parametrize(
    ("start", "part"),
    [
        *(("select", part) for part in ["+", "left ", "a.", "case ", "and ", "/* x */ ", "-- x\n", ",", "between "]),
        *(("select", part) for part in ["as ", "'a'\n", "e'a'\n", "on conflict "]),
        ("delete from t", "using a "),
    ],
)
def test_what_repeats_itself_a_thousand_times_takes_no_time_for_each_pair(start: str, part: str) -> None:
    # With ten times as many the same takes ten times as long: what looked at each pair would run into the limit.
    text = f"{start} {part * 15_000}1"
    found = format_script(text, POSTGRES, Style())
    assert found.left or solid(found.text, POSTGRES) == solid(text, POSTGRES)


def test_pieces_stay_what_they_are() -> None:
    text = "delimiter //\ncreate procedure p() begin select  1; end//\ndelimiter ;\nselect  1\\G select  2;"
    kinds = [piece.kind for piece in split(text, MYSQL)]
    after = format_script(text, MYSQL, Style()).text
    assert [piece.kind for piece in split(after, MYSQL)] == kinds
    assert PieceKind.DELIMITER in kinds
    assert "begin select  1; end//" in after
