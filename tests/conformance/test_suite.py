"""The conformance suite itself: it finds what a driver does wrong, and skips only what a driver does not declare."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from alveary import Capability

pytest_plugins = ["pytester"]

MUTANT = """
from types import MethodType
from msgspec.structs import replace
from alveary import Batch, Capability, Columns, DriverSpec, RowCount, TransactionState, hookimpl
from alveary.errors import QueryCancelledError, UnsupportedError
from alveary_plugins.drivers.sqlite import MODE
from alveary_plugins.drivers.sqlite.catalog import SqliteCatalog
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver

CAPABILITIES, LEVELS = frozenset(Capability) - frozenset([Capability.COPY]), ()


class Mutant(SqliteConnection):
    pass


class MutantDriver(SqliteDriver):
    def connect(self, target, *, timeout):
        connection = super().connect(target, timeout=timeout)
        connection.__class__ = Mutant
        return connection


{code}


@hookimpl
def alveary_drivers():
    return [DriverSpec(id="mutant", name="Mutant", schemes=("mutant",), factory=__name__ + ":MutantDriver",
                       capabilities=CAPABILITIES, isolation_levels=LEVELS, options=(MODE,), file_based=True)]
"""

SUITE = """
import pytest

from alveary import Capability
from alveary.testing.conformance import DriverConformance

class TestMutant(DriverConformance):
    @pytest.fixture
    def alveary_target(self, tmp_path):
        return f"mutant:///{tmp_path}/test.db?mode=rwc"
"""

# Of each broken driver: what it does, and a test that must not pass.
MUTANTS = [
    ("def execute(self, sql, parameters, *, batch):\n"
     "    if ' select k + 1' in sql: list(SqliteConnection.execute(self, sql, parameters, batch=batch))\n"
     "    return SqliteConnection.execute(self, sql, parameters, batch=batch)", "run_once"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    messages = list(SqliteConnection.execute(self, sql, parameters, batch=batch))\n"
     "    yield from messages if len(messages) > 1 else ()", "empty_result_has_its_header"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    for message in SqliteConnection.execute(self, sql, parameters, batch=batch):\n"
     "        if isinstance(message, Batch): message = Batch([tuple(c or '' for c in row) for row in message.rows])\n"
     "        yield message", "null_is_not_the_empty_text"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    batch.rows = 512\n"
     "    return SqliteConnection.execute(self, sql, parameters, batch=batch)", "batches_of_the_size_asked_for"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    yield from list(SqliteConnection.execute(self, sql, parameters, batch=batch))",
     "never_stands_in_memory_whole"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    for cell in parameters or (): sql = sql.replace('?', repr(cell), 1)\n"
     "    return SqliteConnection.execute(self, sql, None, batch=batch)", "any_text_stays_a_value"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    for message in SqliteConnection.execute(self, sql, parameters, batch=batch):\n"
     "        if not isinstance(message, RowCount): yield message", "a_change_says_how_many_rows"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    for part in sql.split(';'): yield from SqliteConnection.execute(self, part, parameters, batch=batch)",
     "of_two_statements_in_one_text_none_is_run"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    for message in SqliteConnection.execute(self, sql.split(chr(0))[0], parameters and [\n"
     "            c.split(chr(0))[0] if isinstance(c, str) else c for c in parameters], batch=batch): yield message",
     "text_with_nul_is_kept_whole_or_refused"),
    ("def execute(self, sql, parameters, *, batch):\n"
     "    if self._cancelled.is_set(): self._cancelled.clear(); raise QueryCancelledError('late')\n"
     "    return SqliteConnection.execute(self, sql, parameters, batch=batch)", "with_nothing_running_does_nothing"),
    ("def _error(self, exc, sql): return exc", "a_failure_is_told_in_the_servers_words"),
    ("def commit(self): self.rollback()", "commit_keeps_and_rollback_undoes"),
    ("def rollback(self): self.commit()", "commit_keeps_and_rollback_undoes"),
    ("def begin(self, isolation=None): SqliteConnection.begin(self)", "any_other_isolation_level_is_refused"),
    ("transaction_state = TransactionState.IDLE", "the_state_follows_what_a_person_types"),
    ("def close(self): raise OSError('twice')", "close_is_quick_and_can_be_repeated"),
    ("def catalog(self):\n"
     "    catalog = SqliteConnection.catalog(self)\n"
     "    catalog.quote = lambda name: '\"' + name + '\"'\n"
     "    return catalog", "every_name_comes_back_as_it_went_in"),
    ("def catalog(self):\n"
     "    catalog = SqliteConnection.catalog(self)\n"
     "    catalog.foreign_keys = lambda schema: [\n"
     "        replace(key, target_columns=key.target_columns[::-1])\n"
     "        for key in SqliteCatalog.foreign_keys(catalog, schema)]\n"
     "    return catalog", "foreign_keys_tell_both_sides_in_order"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "test"), MUTANTS, ids=[test for _, test in MUTANTS])
def test_a_driver_that_does_wrong_is_found_out(
    pytester: pytest.Pytester, install: Callable[..., None], code: str, test: str
) -> None:
    name = re.search(r"(?:def )?(\w+)", code)
    assert name is not None
    install("mutant", MUTANT.format(code=f"{code}\n\nMutant.{name[1]} = {name[1]}"), {"mutant": "mutant"})
    pytester.makepyfile(SUITE)
    outcomes = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", "-k", test).parseoutcomes()
    assert outcomes.get("failed", 0) >= 1, outcomes


LIMITED = """
from alveary import Connection

CAPABILITIES = frozenset()

def refuse(self, *arguments):
    raise UnsupportedError("not here")

def execute(self, sql, parameters, *, batch):
    if isinstance(parameters, dict):
        raise UnsupportedError("values have places here, not names")
    return SqliteConnection.execute(self, sql, parameters, batch=batch)

Mutant.cancel = Mutant.begin = Mutant.commit = Mutant.rollback = Mutant.catalog = refuse
Mutant.execute, Mutant.load = execute, Connection.load
"""


def test_only_what_is_not_declared_is_skipped_and_says_so(
    pytester: pytest.Pytester, install: Callable[..., None]
) -> None:
    install("mutant", MUTANT.format(code=LIMITED), {"mutant": "mutant"})
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", "-rs")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {"passed", "skipped"}
    assert outcomes["passed"] > outcomes["skipped"] > len(Capability)
    reasons = re.findall(r"SKIPPED .*?: (.*)", result.stdout.str())
    assert {re.sub(r"'\w+'", "…", reason) for reason in reasons} == {
        "the Mutant driver does not declare the capability …"
    }
    told = {capability for capability in Capability if any(repr(capability.value) in reason for reason in reasons)}
    assert told == {*Capability} - {Capability.BULK}


def test_whoever_forgets_the_target_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE.split("    @pytest")[0] + "    pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", "-k", "says_who_it_is")
    assert result.parseoutcomes()["errors"] == 1
    result.stdout.fnmatch_lines(["*override the fixture alveary_target*"])
