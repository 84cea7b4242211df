"""Values of every type at their extremes, as literals of their servers, for whoever compares what comes of them."""

from __future__ import annotations

from alveary.contracts.values import ValueKind

POSTGRES_TYPES = """
create type mood as enum ('so', 'so so', 'very, "so"');
create type pair as (a int, b text);
create domain positive as numeric(10, 2) check (value > 0);
create table nobody (a int);
create extension hstore;
create extension ltree;
create extension citext;
"""

POSTGRES_VALUES = {
    "int2": "int2 '-32768', int2 '32767'",
    "int4": "-2147483648, 2147483647, 0",
    "int8": "int8 '-9223372036854775808', 9223372036854775807",
    "numeric": "numeric(38,10) '1234567890123456789012345678.0123456789', 1e-20::numeric, 0.10, numeric '1.000'",
    "numeric specials": "numeric 'NaN', numeric 'Infinity', numeric '-Infinity', repeat('9', 1000)::numeric",
    "float4": "float4 '0.1', float4 '3.4e38', float4 '1e-45', float4 'NaN'",
    "float8": "float8 '0.1', 1e300::float8, float8 'NaN', float8 '-Infinity', float8 '-0', 1.0::float8, 5e-324::float8",
    "bool": "true, false, null::bool",
    "text": "'', null, 'NULL', E'a\\nb', E'a\\r\\nb', 'a,b', 'a\"b', E'\\t', ' a ', E'\\\\.', '''', E'\\u0001'",
    "characters": "'é 漢 😀', E'\\u00a0', E'\\u2028', U&'\\FEFF'",
    "one column": r"'\.'",
    "empty": "''",
    "null alone": "null",
    "char": "'a'::char(5), 'x'::\"char\", 'a'::varchar(3), 'n'::name, ''::char(3)",
    "bytea": r"bytea '\x00ff0a22', bytea '', '\x27'::bytea",
    "date": "date 'infinity', date '-infinity', date '4713-01-01 BC', date '9999-12-31', date '5874897-12-31'",
    "time": "time '24:00:00', time '00:00:00.000001', timetz '12:00:00+14:30', timetz '24:00:00-15:59:59'",
    "timestamp": "timestamp 'infinity', timestamp '294276-12-31 23:59:59.999999', timestamp '0001-01-01 BC'",
    "timestamptz": "timestamptz '2024-02-29 12:00:00.5+03', timestamptz '-infinity', timestamptz '0044-03-15 BC'",
    "interval": "interval '1 mon', interval '-1 year 2 days 3.5 sec', interval '0', interval '178000000 years'",
    "json": """json '{"b": 1.10, "a": 1e400, "b": 12345678901234567890}', jsonb '{"b": 1.10, "a": 1e40, "b": 2}'""",
    "json odd": """jsonb 'null', json ' [ ] ', jsonb '"a\\"b"', json '"\\u0000"'""",
    "arrays": "'{1,NULL,3}'::int[], '{{1,2},{3,4}}'::int[], '[5:6]={1,2}'::int[], '{}'::text[]",
    "text arrays": """array['a,b', 'c"d', 'e\\f', '', null, 'NULL', '{', E'\\n']""",
    "enum": "mood 'so so', array[mood 'very, \"so\"', null]",
    "composite": "row(1, 'a,\"b')::pair, row(null, '')::pair, array[row(1, null)::pair], row(1, 2, 'x')",
    "domain": "positive '1.5', null::positive",
    "network": "inet '10.0.0.1/8', cidr '10.0.0.0/8', inet '::1', macaddr '08:00:2b:01:02:03'",
    "macaddr8": "macaddr8 '08002b0102030405'",
    "uuid": "uuid '00000000-0000-0000-0000-00000000000A'",
    "money": "money '1234567.89', money '-0.01'",
    "geometry": "point '(1,2.5)', box '(1,1),(0,0)', path '[(0,0),(1,1)]', circle '<(0,0),1>', line '{1,2,3}'",
    "bits": "bit '101', varbit '', bit varying(5) '0110'",
    "ranges": "int4range(1, 5), numrange(null, 2.5), 'empty'::daterange, tstzrange(null, null)",
    "multiranges": "int4multirange(int4range(1, 3), int4range(5, 8)), '{}'::datemultirange",
    "search": "to_tsvector('simple', 'the fat ''cat'), to_tsquery('simple', 'a & (b | !c)')",
    "xml": "'<a b=\"c\">d,\n</a>'::xml",
    "catalog": "'pg_class'::regclass, 'int4'::regtype, 'now'::regproc, 'sum(int4)'::regprocedure, '(0,1)'::tid",
    "oid": "12::oid, 4294967295::oid",

    "row type": "(select n from nobody n), (select c from pg_class c where relname = 'pg_class')::text is null",
    "snapshot": "pg_lsn '16/B374D848', '10:20:10,14,15'::pg_snapshot, '3'::xid, '\\x61'::bytea::text",
    "types of strangers": """'a=>1, "b c"=>NULL, "d\\\\"=>"\\""'::hstore, ''::hstore, array['a=>b'::hstore, null]""",
    "types of other strangers": "'Top.Science'::ltree, '*.a|b.*{1,2}'::lquery, 'aBc, \"d\"'::citext, null::citext",
    "arrays of strangers": "array['a.b'::ltree, null, ''::ltree], array['a,B', null, '', '\"']::citext[], "
    "array[array['x=>\"1,2\"'::hstore], array[null::hstore]]",
    "rows of strangers": "row('a'::citext, 'b'::ltree)",
    "void": "pg_advisory_lock_shared(1), pg_sleep(0)",
    "many columns": ", ".join(f"{n} as c{n}" for n in range(1600)),
    "names": "1 as \"a,b\", 2 as \"q\"\"q\", 3 as \"\n\", 4 as \"é😀\", 5 as \"a,b\"",
}  # fmt: skip

#: (type, literals, the name the driver gives it, its kind)
MARIADB_VALUES: list[tuple[str, list[str], str, ValueKind]] = [
    ("tinyint", ["-128", "127", "0"], "tinyint", ValueKind.NUMBER),
    ("tinyint unsigned", ["255"], "tinyint unsigned", ValueKind.NUMBER),
    ("boolean", ["true", "false"], "tinyint", ValueKind.NUMBER),
    ("smallint", ["-32768", "32767"], "smallint", ValueKind.NUMBER),
    ("mediumint unsigned", ["16777215"], "mediumint unsigned", ValueKind.NUMBER),
    ("int", ["-2147483648", "2147483647"], "int", ValueKind.NUMBER),
    ("int unsigned", ["4294967295"], "int unsigned", ValueKind.NUMBER),
    ("int(8) zerofill", ["42"], "int unsigned", ValueKind.NUMBER),
    ("bigint", ["-9223372036854775808", "9223372036854775807"], "bigint", ValueKind.NUMBER),
    ("bigint unsigned", ["18446744073709551615"], "bigint unsigned", ValueKind.NUMBER),
    ("decimal(65,0)", ["9" * 65, "-" + "9" * 65], "decimal", ValueKind.NUMBER),
    ("decimal(65,30)", ["9" * 35 + "." + "9" * 30, "0.1", "-0.000000000000000000000000000001"], "decimal",
     ValueKind.NUMBER),
    ("float", ["0.1", "1e38", "123456.789", "-0.0", "-0e0"], "float", ValueKind.NUMBER),
    ("double", ["0.1", "1e300", "5e-324", "1.7976931348623157e308", "1/3", "-0.0", "-0e0", "0 * -1e0", "'-0'"],
     "double",
     ValueKind.NUMBER),
    ("date", ["'0000-00-00'", "'2024-00-10'", "'2024-02-30'", "'9999-12-31'", "'1000-01-01'"], "date",
     ValueKind.TEMPORAL),
    ("time", ["'838:59:59'", "'-838:59:59'", "'00:00:00'", "'25:00:01'"], "time", ValueKind.TEMPORAL),
    ("time(6)", ["'838:59:59.999999'", "'-00:00:00.000001'"], "time", ValueKind.TEMPORAL),
    ("datetime", ["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'"], "datetime", ValueKind.TEMPORAL),
    ("datetime(6)", ["'2024-02-29 12:34:56.000001'", "'0000-00-00'", "'2024-00-00 01:02:03.5'"], "datetime",
     ValueKind.TEMPORAL),
    ("timestamp(3) null", ["'2038-01-19 03:14:07.999'", "0"], "timestamp", ValueKind.TEMPORAL),
    ("year", ["1901", "2155", "0000"], "year", ValueKind.NUMBER),
    ("char(10)", ["'x  '", "''", "'é縗😀'"], "char", ValueKind.TEXT),
    ("varchar(300)", ["'a,\"b\"\\n\\t\\r'", "''", "'NULL'", "'\\0\\Z\\\\'", "repeat('é', 251)"], "varchar",
     ValueKind.TEXT),
    ("varchar(30) character set latin1", ["'é'", "'ÿ'"], "varchar", ValueKind.TEXT),
    ("varchar(30) character set utf16", ["'é😀'"], "varchar", ValueKind.TEXT),
    ("varchar(30) character set sjis", ["'縗'"], "varchar", ValueKind.TEXT),
    ("tinytext", ["'x'"], "tinytext", ValueKind.TEXT),
    ("text", ["repeat('x', 65535)", "'é'"], "text", ValueKind.TEXT),
    ("mediumtext", ["repeat('😀', 100000)"], "mediumtext", ValueKind.TEXT),
    ("longtext", ["'x'"], "longtext", ValueKind.TEXT),
    ("json", ["'{\"b\": 1.10, \"a\": 1e400, \"a\": [ ]}'", "'null'", "'12345678901234567890'"], "longtext",
     ValueKind.TEXT),
    ("enum('', 'x', 'é')", ["'x'", "''", "'é'"], "enum", ValueKind.TEXT),
    ("set('a', 'b', 'c')", ["'a,c'", "''"], "set", ValueKind.TEXT),
    ("uuid", ["'123e4567-e89b-12d3-a456-426655440000'"], "char", ValueKind.TEXT),
    ("inet6", ["'::1'", "'2001:db8::ff00:42:8329'"], "char", ValueKind.TEXT),
    ("binary(4)", ["x'00ff'", "''"], "binary", ValueKind.BINARY),
    ("varbinary(300)", ["x'00ff'", "''", "repeat(x'fb', 251)"], "varbinary", ValueKind.BINARY),
    ("tinyblob", ["x'fb'"], "tinyblob", ValueKind.BINARY),
    ("blob", ["x''", "repeat(x'80', 65535)"], "blob", ValueKind.BINARY),
    ("mediumblob", ["x'fe'"], "mediumblob", ValueKind.BINARY),
    ("longblob", ["x'ff'"], "longblob", ValueKind.BINARY),
    ("geometry", ["st_geomfromtext('point(1 2)', 4326)"], "geometry", ValueKind.BINARY),
    ("polygon", ["st_geomfromtext('polygon((0 0,0 3,3 3,0 0))')"], "geometry", ValueKind.BINARY),
    ("bit(1)", ["b'0'", "b'1'"], "bit", ValueKind.NUMBER),
    ("bit(64)", ["b'" + "1" * 64 + "'", "1"], "bit", ValueKind.NUMBER),
]  # fmt: skip


def mariadb_text(shown: str, kind: ValueKind, type_name: str) -> str:
    """Return the expression for the text of column ``v``, or for its bytes, as the server itself converts it."""
    if type_name.startswith("bit"):
        return "cast(v + 0 as char)"
    if kind is ValueKind.BINARY:
        return "v"
    if shown == "time" and "(" in type_name:
        return f"cast(v as char({len('-838:59:59.999999')}))"
    return "convert(cast(v as char) using utf8mb4)"
