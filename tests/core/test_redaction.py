"""No secret survives: in statements, in messages, in any quoting; and what holds none stays as it is."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary.redaction import FAMOUS, MARK, MOST_KNOWN, SHORT, Secrets, redacted, redacted_error, redacted_statement
from alveary.sqltext import ANSI, MYSQL, POSTGRES, SQLITE, Dialect
from alveary.wire import json_text

SECRET = "Zq9x"
"""Stands in no template, so that it can be looked for in what comes out."""

STATEMENTS: list[tuple[Dialect | None, str, str]] = [
    (POSTGRES, "ALTER ROLE bob PASSWORD 'Zq9x'", "ALTER ROLE bob PASSWORD '***'"),
    (
        POSTGRES,
        r"CREATE ROLE bob WITH ENCRYPTED PASSWORD E'Zq9x\'y' VALID UNTIL '2030-01-01'",
        "CREATE ROLE bob WITH ENCRYPTED PASSWORD E'***' VALID UNTIL '2030-01-01'",
    ),
    (POSTGRES, 'create user "u" password $a$Zq9x$a$ login', 'create user "u" password $a$***$a$ login'),
    (POSTGRES, "ALTER ROLE x PASSWORD 'a'\n  'Zq9x'", "ALTER ROLE x PASSWORD '***'\n  '***'"),
    (POSTGRES, "ALTER ROLE x PASSWORD 'a' || 'Zq9x'", "ALTER ROLE x PASSWORD '***' || '***'"),
    (POSTGRES, 'ALTER ROLE x PASSWORD "Zq9x"', 'ALTER ROLE x PASSWORD "***"'),
    (POSTGRES, "ALTER ROLE x PASSWORD Zq9x;", "ALTER ROLE x PASSWORD ***;"),
    (POSTGRES, "ALTER ROLE x PASSWORD 12Zq9x", "ALTER ROLE x PASSWORD ***"),
    (POSTGRES, "ALTER ROLE x PASWORD 'Zq9x'", "ALTER ROLE x PASWORD '***'"),
    (POSTGRES, "ALTER ROLE x PASSWORD 'Zq9x", "ALTER ROLE x PASSWORD '***"),
    (
        MYSQL,
        "CREATE USER 'bob'@'%' IDENTIFIED BY 'Zq9x' REQUIRE SUBJECT '/CN=x'",
        "CREATE USER 'bob'@'%' IDENTIFIED BY '***' REQUIRE SUBJECT '/CN=x'",
    ),
    (
        MYSQL,
        'alter user bob identified with caching_sha2_password by "Zq9x" replace "Zq9x1"',
        'alter user bob identified with caching_sha2_password by "***" replace "***"',
    ),
    (
        MYSQL,
        "create user bob identified with 'mysql_native_password' as 'Zq9x'",
        "create user bob identified with 'mysql_native_password' as '***'",
    ),
    (
        MYSQL,
        "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('Zq9x') OR unix_socket",
        "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('***') OR unix_socket",
    ),
    (
        MYSQL,
        "CREATE USER a IDENTIFIED BY 'Zq9x' AND IDENTIFIED WITH authentication_ldap_sasl AS 'Zq9x'",
        "CREATE USER a IDENTIFIED BY '***' AND IDENTIFIED WITH authentication_ldap_sasl AS '***'",
    ),
    (
        MYSQL,
        "GRANT ALL ON *.* TO 'bob'@'%' IDENTIFED BY 'Zq9x'",
        "GRANT ALL ON *.* TO 'bob'@'%' IDENTIFED BY '***'",
    ),
    (MYSQL, "SET PASSWORD FOR 'bob'@'h' = 'Zq9x'", "SET PASSWORD FOR 'bob'@'h' = '***'"),
    (MYSQL, "SET PASSWORD FOR bob@h = PASSWORD('Zq9x')", "SET PASSWORD FOR bob@h = PASSWORD('***')"),
    (MYSQL, "SET PASSWORD = 'Zq9x' REPLACE 'Zq9x1'", "SET PASSWORD = '***' REPLACE '***'"),
    (MYSQL, "set password = concat('a', 'Zq9x')", "set password = concat('***', '***')"),
    (MYSQL, r"set password = 'it\'s Zq9x'", "set password = '***'"),
    (
        MYSQL,
        "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='Zq9x', MASTER_LOG_FILE='f'",
        "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='***', MASTER_LOG_FILE='f'",
    ),
    (MYSQL, "START GROUP_REPLICATION USER='u', PASSWORD='Zq9x'", "START GROUP_REPLICATION USER='u', PASSWORD='***'"),
    (
        MYSQL,
        "CREATE /*!50000 USER */ a IDENTIFIED BY -- x\n'Zq9x'",
        "CREATE /*!50000 USER */ a IDENTIFIED BY -- x\n'***'",
    ),
    (
        POSTGRES,
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password 'Zq9x')",
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password '***')",
    ),
    (
        POSTGRES,
        "ALTER USER MAPPING FOR bob SERVER s OPTIONS (SET password 'Zq9x')",
        "ALTER USER MAPPING FOR bob SERVER s OPTIONS (SET password '***')",
    ),
    (
        POSTGRES,
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=''Zq9x y'' dbname=d' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=''***'' dbname=d' PUBLICATION p",
    ),
    (
        POSTGRES,
        "select * from dblink('host=h password=Zq9x', 'select 1') as t(a int)",
        "select * from dblink('host=h password=***', 'select 1') as t(a int)",
    ),
    (POSTGRES, "select dblink_connect('postgres://u:Zq9x@h/d')", "select dblink_connect('postgres://u:***@h/d')"),
    (POSTGRES, "select set_config('x.password', 'Zq9x', false)", "select set_config('x.password', '***', false)"),
    (
        POSTGRES,
        "DO $a$ begin execute $b$alter role x password 'Zq9x'$b$; end $a$",
        "DO $a$ begin execute $b$alter role x password '***'$b$; end $a$",
    ),
    (
        POSTGRES,
        "DO $$ begin execute 'alter role x password ''Zq9x'''; end $$",
        "DO $$ begin execute 'alter role x password ''***'''; end $$",
    ),
    (POSTGRES, "select 1 -- alter role x password 'Zq9x'", "select 1 -- alter role x password '***'"),
    (POSTGRES, "/* don't: password = Zq9x */ select 1", "/* don't: password = *** */ select 1"),
    (POSTGRES, "update users set password = 'Zq9x' where id = 1", "update users set password = '***' where id = 1"),
    (POSTGRES, 'select \'{"password": "Zq9x"}\'::json', 'select \'{"password": "***"}\'::json'),
    (POSTGRES, "select pgp_sym_encrypt(data, 'Zq9x') from t", "select pgp_sym_encrypt(data, '***') from t"),
    (
        SQLITE,
        "insert into settings values (1, 'smtp_password', 'Zq9x')",
        "insert into settings values (1, 'smtp_password', '***')",
    ),
    (
        SQLITE,
        "insert into f values ('-----BEGIN PRIVATE KEY-----\nZq9x\n-----END PRIVATE KEY-----')",
        "insert into f values ('-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----')",
    ),
    (SQLITE, "PRAGMA key = 'Zq9x'", "PRAGMA key = '***'"),
    (SQLITE, "attach 'f.db' as x key 'Zq9x'", "attach 'f.db' as x key '***'"),
    (
        None,
        "CREATE SECRET s (TYPE s3, KEY_ID 'Zq9x', SECRET 'Zq9x', REGION 'us')",
        "CREATE SECRET s (TYPE s3, KEY_ID '***', SECRET '***', REGION 'us')",
    ),
    (None, "CREATE LOGIN bob WITH PASSWORD = N'Zq9x'", "CREATE LOGIN bob WITH PASSWORD = N'***'"),
    (None, "CREATE USER bob IDENTIFIED BY Zq9x", "CREATE USER bob IDENTIFIED BY ***"),
    (None, "copy into t from s3://a:Zq9x@b/c", "copy into t from s3://a:***@b/c"),
    (None, "ALTER ROLE x PASSWORD 'Zq9x", "ALTER ROLE x PASSWORD '***"),
]

HARMLESS = [
    "select id, password from users",
    "select u.password from u join v on u.password = v.password",
    "select password \"Password\", 'x' as y from t",
    'alter table t rename column password to "passHash"',
    "alter table t add column password text not null default ''",
    "create role bob login valid until '2030-01-01'",
    "alter role bob set search_path = 'a', 'b'",
    "alter role x password :pw",
    "alter role x password $1",
    "alter user bob password null",
    "create user 'a'@'h', 'b'@'h' comment 'x'",
    "create server s foreign data wrapper postgres_fdw options (host 'h', dbname 'd', port '5432')",
    "create table t (id int primary key, user_id int references users (id), created_at timestamptz)",
    "comment on column users.password is 'bcrypt'",
    "select * from token where token = 'abc' and key = 'theme'",
    "select 'http://h:8080/a', 'me@example.org'",
    "select 'password', 'x'",
    "select format('host=%s password=%s', h, p)",
    "grant select on t to bob",
    "",
]


@pytest.mark.parametrize(("dialect", "sql", "expected"), STATEMENTS, ids=[sql for _, sql, _ in STATEMENTS])
def test_a_secret_in_a_statement_is_blotted_and_nothing_else(dialect: Dialect | None, sql: str, expected: str) -> None:
    assert SECRET in sql
    assert redacted_statement(sql, dialect) == expected
    assert redacted_statement(expected, dialect) == expected


@pytest.mark.parametrize("sql", [sql for _, sql, _ in STATEMENTS])
def test_a_secret_is_blotted_in_whatever_dialect_it_is_taken_for(sql: str) -> None:
    for dialect in (None, replace(POSTGRES, dollar_quotes=False), SQLITE, MYSQL, ANSI):
        if dialect is None or "$" not in sql:  # a dollar quote is a syntax error elsewhere, and not read as a quote
            assert SECRET not in redacted_statement(sql, dialect)


@pytest.mark.parametrize("sql", HARMLESS)
def test_a_statement_without_a_secret_is_the_same_object(sql: str) -> None:
    assert redacted_statement(sql, POSTGRES) is sql


secrets = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(lambda text: f"Zq{text}9x")
WITH_A_LITERAL = [
    "ALTER ROLE bob PASSWORD {}",
    "CREATE USER bob IDENTIFIED BY {}",
    "alter user 'bob'@'%' identified with caching_sha2_password by {} replace {}",
    "SET PASSWORD FOR 'bob'@'localhost' = {}",
    "SET PASSWORD = PASSWORD({})",
    "CHANGE MASTER TO MASTER_USER='u', MASTER_PASSWORD={}, MASTER_HOST='h'",
    "create user mapping for bob server s options (user 'bob', password {})",
    "CREATE SECRET (TYPE s3, SECRET {})",
    "update users set /* new */ password = -- it's\n {} where id = 1",
]


def literals(text: str) -> list[tuple[Dialect, str]]:
    doubled, escaped = text.replace("'", "''"), text.replace("\\", "\\\\")
    result = [
        (POSTGRES, f"'{doubled}'"),
        (SQLITE, f"'{doubled}'"),
        (POSTGRES, "E'" + escaped.replace("'", "\\'") + "'"),
        (MYSQL, "'" + escaped.replace("'", "''") + "'"),
        (MYSQL, "'" + escaped.replace("'", "\\'") + "'"),
        (MYSQL, '"' + escaped.replace('"', '""') + '"'),
        (ANSI, f"N'{doubled}'"),
    ]
    if "$q$" not in f"{text}$":
        result.append((POSTGRES, f"$q${text}$q$"))
    return result


def pieces(secret: str) -> list[str]:
    """What must not be left of it: no four characters of the middle."""
    return [secret[at : at + 4] for at in range(1, len(secret) - 4)] or [secret]


def assert_gone(secret: str, template: str, text: str) -> None:
    for piece in pieces(secret):
        if piece not in template and piece != MARK:
            assert piece not in text, (piece, text)


@given(secrets, st.sampled_from(WITH_A_LITERAL))
def test_no_secret_survives_in_any_quoting(secret: str, template: str) -> None:
    for dialect, literal in literals(secret):
        sql = template.replace("{}", literal)
        for known in (dialect, None):
            text = redacted_statement(sql, known)
            assert_gone(secret, template, text)
        text = redacted_statement(sql, dialect)
        assert redacted_statement(text, dialect) == text
        # Cut short anywhere, as a statement is that is being typed.
        for end in range(sql.index(literal) + 4, len(sql)):
            assert_gone(secret, template, redacted_statement(sql[:end], dialect))


@given(secrets, st.sampled_from(WITH_A_LITERAL), st.booleans())
def test_no_secret_survives_in_a_statement_within_a_statement(secret: str, template: str, twice: bool) -> None:
    for dialect, literal in literals(secret):
        inner = template.replace("{}", literal)
        for other, outer in literals(inner):
            if other is dialect:
                sql = f"execute {outer}"
                if twice:
                    sql = "select " + next(text for same, text in literals(sql) if same is dialect)
                assert_gone(secret, template + "execute select", redacted_statement(sql, dialect))


conninfo_secrets = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12).map(
    lambda t: f"Zq{t}9x"
)


@given(conninfo_secrets)
def test_no_secret_survives_in_a_connection_string(secret: str) -> None:
    quoted = "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'"
    strings = [f"host=h password={quoted} dbname=d", f"postgres://u:{quote(secret, safe='')}@h/d"]
    strings += [json.dumps({"user": "u", "password": secret}), f"Server=h;PWD={{{secret.replace('}', ')')}}};UID=u"]
    if not set(secret) & set(" \\'\"{;"):
        strings.append(f"host=h password={secret} dbname=d")
    for string in strings:
        gone = [secret, quote(secret, safe=""), secret.replace("\\", "\\\\").replace("'", "\\'")]
        for text in (
            redacted(string),
            *(redacted_statement(f"select dblink({each})", d) for d, each in literals(string)),
        ):
            assert not any(spelling in text for spelling in gone)


@given(
    st.text(st.sampled_from("ab1 '\"`$[];:=(),-/*\\\n#@%.?passwordkeyIDENTIFIEDby")),
    st.sampled_from([None, POSTGRES, MYSQL]),
)
def test_any_text_can_be_looked_through(text: str, dialect: Dialect | None) -> None:
    once = redacted_statement(text, dialect)
    assert once.replace(MARK, "") == "" or len(once) <= len(text) + 3 * once.count(MARK)
    redacted(text)


# -- secrets that are known ----------------------------------------------------------------------------------------


def spellings(secret: str) -> list[str]:
    sql = secret.replace("\\", "\\\\")
    coded = quote(secret, safe="", errors="surrogatepass")
    basic = f"user:{secret}".encode("utf-8", "surrogatepass")
    result = [
        secret,
        coded,
        re.sub("%..", lambda match: match[0].lower(), coded),
        quote_plus(secret, errors="surrogatepass"),
    ]
    result += [
        quote(secret, errors="surrogatepass"),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        repr(f"'\"{secret}")[4:-1],
    ]
    result += [json.dumps(secret)[1:-1], json_text(secret)[1:-1]]
    result += [secret.replace("'", "''"), secret.replace('"', '""'), sql.replace("'", "''"), sql.replace("'", "\\'")]
    if len(basic) > 16:
        result += [b64encode(basic).decode(), urlsafe_b64encode(basic).decode()]
    return result


known_secrets = st.text(min_size=SHORT, max_size=30).filter(
    lambda text: text.strip(MARK) and text.lower() not in FAMOUS
)


@given(known_secrets, st.text(max_size=5), st.text(max_size=5))
def test_no_spelling_of_a_known_secret_survives(secret: str, before: str, after: str) -> None:
    known = Secrets(secret)
    for spelling in spellings(secret):
        text = known.redacted(f"{before} {spelling} {after}")
        assert secret not in text
        assert spelling not in text or spelling in before + after + MARK


@given(st.lists(known_secrets, min_size=1, max_size=4), st.text(max_size=20))
def test_secrets_that_overlap_are_all_blotted(secrets: list[str], between: str) -> None:
    for text in ("".join(secrets), between.join(secrets), secrets[0] + secrets[0][1:]):
        after = Secrets(*secrets).redacted(text)
        assert not any(secret in after for secret in secrets)


def test_a_percent_encoding_may_be_of_any_part_in_any_case() -> None:
    known = Secrets("p@ss/Wörd 1")
    for spelling in ("p%40ss/W%c3%b6rd%201", "p@ss%2FW%C3%B6rd+1", "%70%40ss%2fWörd 1"):
        assert known.redacted(f"x{spelling}y") == "x***y"


@pytest.mark.parametrize("secret", ["a", "1", "me", "postgres", "root", "Test"])
def test_a_short_or_famous_secret_is_blotted_only_where_it_is_a_value(secret: str) -> None:
    known = Secrets(secret)
    prose = f"the {secret} of postgres.public.test at root, line 1 of a file: {secret}s"
    assert known.redacted(prose) == prose
    for text in ("'{}'", '"{}"', "password={}", "x={} y", "pg://u:{}@h", "[`{}`]"):
        assert known.redacted(text.format(secret)) == text.format(MARK)


def test_nothing_is_done_where_nothing_is_known() -> None:
    text = "an ordinary message"
    for known in (Secrets(), Secrets(None, ""), Secrets("other"), Secrets(MARK)):
        assert known.redacted(text) is text
    assert Secrets(MARK).redacted(f"a {MARK} b") == f"a {MARK} b"


def test_of_very_many_secrets_the_newest_are_known() -> None:
    known = Secrets(*(f"token-{number:06}-end" for number in range(MOST_KNOWN + 1)))
    known.add("token-000001-end")  # in use again
    known.add("another")
    assert known.redacted("token-000000-end token-000001-end token-000002-end another") == (
        f"token-000000-end {MARK} token-000002-end {MARK}"
    )


# -- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pg://me:S3cret@h/d failed", "pg://me:***@h/d failed"),
        ("pg://me:S3/cr@et@h/d failed", "pg://me:***@h/d failed"),
        ("pg://me@h:5432/d and http://h:80/x?mail=a@b.c", "pg://me@h:5432/d and http://h:80/x?mail=a@b.c"),
        ("redis://:S3cret@h", "redis://:***@h"),
        ("near 'IDENTIFIED BY 'S3cret' at line 1", "near 'IDENTIFIED BY '***' at line 1"),
        ("-----BEGIN RSA PRIVATE KEY-----\nS3\ncret\n-----END", "-----BEGIN RSA PRIVATE KEY-----***-----END"),
        ("KeyError: password='S3cret'", "KeyError: password='***'"),
        ("{'password': 'S3cret', 'a': 1}", "{'password': '***', 'a': 1}"),
        (r'"{\"api_key\": \"S3cret\"}"', r'"{\"api_key\": \"***\"}"'),
        ('password authentication failed for user "bob"', 'password authentication failed for user "bob"'),
    ],
)
def test_a_message_is_looked_through(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_what_a_server_repeats_of_a_statement_is_blotted() -> None:
    sql = "ALTER USER bob REQIURE SSL IDENTIFIED BY 'it''s Zq9x'"
    said = "check the manual for the right syntax to use near 'REQIURE SSL IDENTIFIED BY 'it''s Zq' at line 1"
    assert redacted_error(said, sql, MYSQL) == "check the manual for the right syntax to use near '***' at line 1"
    assert redacted_error('role "it\'s Zq9x" does not exist', sql, MYSQL) == 'role "***" does not exist'
    assert redacted_error("near 'a b' at line 1", "select a b", MYSQL) == "near 'a b' at line 1"


def test_json_of_a_lone_surrogate_is_blotted_too() -> None:
    secret = "S3\udcffcret"
    assert secret not in Secrets(secret).redacted(secret)
    assert "cret" not in Secrets(secret).redacted(json_text([secret]))
    assert msgspec.json.decode(Secrets('ab"c').redacted(json_text(['ab"c']))) == [MARK]
