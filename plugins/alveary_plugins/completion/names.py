"""Names as they are written, when one needs quotes, and which; and which of many fit what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from heapq import nsmallest

from alveary.matching import folded
from alveary.matching.words import scattered_pattern
from alveary.sqltext import Dialect

_POSTGRES = """
all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do
else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike
in initially inner inout int integer intersect interval into is isnull join json json_array json_arrayagg json_exists
json_object json_objectagg json_query json_scalar json_serialize json_table json_value lateral leading least left like
limit localtime localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset
on only or order out outer overlaps overlay placing position precision primary real references returning right row
select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to
trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes
xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
"""
_SQLITE = """
add all alter always and as autoincrement between case cast check collate commit constraint create cross current_date
current_time current_timestamp default deferrable delete distinct drop else escape except exists filter foreign from
full group having if in index indexed inner insert intersect into is isnull join left limit materialized natural not
nothing notnull null on or order outer over primary raise references returning right select set table then to
transaction union unique update using values when where window
"""
_MYSQL = """
accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call cascade case
change char character check collate column condition constraint continue convert create cross cube cume_dist
current_date current_role current_time current_timestamp current_user cursor database databases day_hour
day_microsecond day_minute day_second dec decimal declare default delayed delete delete_domain_id dense_rank desc
describe deterministic distinct distinctrow div do_domain_ids double drop dual each else elseif empty enclosed
escaped except exists exit explain false fetch first_value float float4 float8 for force foreign from fulltext
function general generated get grant group grouping groups having high_priority hour_microsecond hour_minute
hour_second if ignore ignore_domain_ids ignore_server_ids in index infile inner inout insensitive insert int int1
int2 int3 int4 int8 integer intersect interval into io_after_gtids io_before_gtids is iterate join json_table key
keys kill lag last_value lateral lead leading leave left like limit linear lines load localtime localtimestamp lock
long longblob longtext loop low_priority manual master_bind master_demote_to_replica master_demote_to_slave
master_heartbeat_period master_ssl_verify_server_cert match maxvalue mediumblob mediumint mediumtext middleint
minute_microsecond minute_second mod modifies natural no_write_to_binlog not nth_value ntile null numeric of offset
on optimize optimizer_costs option optionally or order out outer outfile over page_checksum parallel parse_vcol_expr
partition percent_rank portion position precision primary procedure purge qualify range rank read read_write reads
real recursive ref_system_id references regexp release rename repeat replace require resignal restrict return
returning revoke right rlike row row_number rownum rows schema schemas second_microsecond select sensitive separator
set show signal slow smallint spatial specific sql sql_big_result sql_calc_found_rows sql_small_result sqlexception
sqlstate sqlwarning ssl starting stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system
table tablesample terminated then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock
unsigned update usage use using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying vector
virtual when where while window with write xor year_month zerofill
"""


@cache
def reserved(dialect: str) -> frozenset[str]:
    """Return the words that are no names without quotes; of a family that is not known, those of all that are."""
    known = {"postgres": _POSTGRES, "sqlite": _SQLITE, "mysql": _MYSQL}
    return frozenset((known[dialect] if dialect in known else " ".join(known.values())).split())


def written(name: str, dialect: Dialect, quote: str = "") -> str:
    """Return a name as SQL, in quotes where it needs some, or in these."""
    if not quote and _plain(dialect.name).fullmatch(name) and name.lower() not in reserved(dialect.name):
        return name
    quote = quote or dialect.identifier_quotes[:1] or '"'
    if quote == "[":
        if "]" not in name:
            return f"[{name}]"
        quote = '"'
    return quote + name.replace(quote, quote * 2) + quote


@cache
def _plain(dialect: str) -> re.Pattern[str]:
    """Compile what a name looks like that means itself without quotes."""
    if dialect == "postgres":  # which folds everything else to lower case
        return re.compile(r"[a-z_][a-z0-9_$]*")
    if dialect == "mysql":
        return re.compile(r"[A-Za-z_$\x80-\uffff][A-Za-z0-9_$\x80-\uffff]*")
    return re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def fitting(typed: str, names: Iterable[str], most: int) -> list[str]:
    """Return those of many names that fit best what is typed, ``most`` of each way to fit.

    Those that hold only its letters are looked for where fewer than ``most`` hold it whole, for it is dear.
    """
    typed = folded(typed)
    lowered = [(folded(name), name) for name in names]
    whole = [(low.find(typed), len(low), name) for low, name in lowered if typed in low]
    found = [name for _, _, name in nsmallest(most, whole)]
    if len(found) < most and len(typed) > 1:
        letters = scattered_pattern(typed).search
        apart = [(len(low), name) for low, name in lowered if typed not in low and letters(low)]
        found += [name for _, name in nsmallest(most, apart)]
    return found
