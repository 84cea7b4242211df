"""The contract: one document that says what crosses the command table, held against what really does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from alveary import Kernel
from alveary.errors import AlvearyError, every_error
from alveary.events import Event, SettingChanged
from alveary.wire import DIGITS, json_text

Alveary = Callable[..., Any]
ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "contract.json"
ONLY_IN_A_WINDOW = ("window", "panels", "tabs", "editor", "results", "workspace", "catalog.insert-name")
"""Commands, or all whose ids begin so."""


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))
    return document


def check(value: Any, schema: Any) -> None:
    """Raise ValidationError where a value is not what the contract says."""
    jsonschema.Draft202012Validator({"$defs": contract()["$defs"]} | schema).validate(value)


def schemas_within(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema in a schema, those it refers to included."""
    seen: set[str] = set()
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        elif isinstance(found, dict):
            yield found
            if (name := found.get("$ref")) is not None and name not in seen:
                seen.add(name)
                waiting.append(contract()["$defs"][name.removeprefix("#/$defs/")])
            waiting += [each for key, each in found.items() if key not in ("default", "enum", "const")]


def test_what_is_printed_is_what_is_committed_to_the_byte(alveary: Alveary) -> None:
    for seed in ("1", "2"):
        printed = alveary("--safe-mode", "contract", env={"PYTHONHASHSEED": seed})
        assert (printed.status, printed.err) == (0, "")
        assert printed.out == CONTRACT.read_text("utf-8"), "it is stale; run: tox run -e docs"
    assert json.loads(alveary("--safe-mode", "contract", "--format", "json").out) == contract()


def test_every_schema_is_one(kernel: Kernel) -> None:
    assert "broken" not in contract()
    assert contract()["commands"].keys() == {spec.id for spec in kernel.commands}
    jsonschema.Draft202012Validator.check_schema({"$defs": contract()["$defs"]})
    for command in contract()["commands"].values():
        for part in ("parameters", "result"):
            jsonschema.Draft202012Validator.check_schema(command[part])
            assert list(schemas_within(command[part])), "and what it refers to is there"


def test_it_names_every_error_and_every_event() -> None:
    assert contract()["errors"].keys() == {error.code for error in every_error()}
    assert "query:ended" in contract()["events"]
    assert contract()["errors"]["unknown_query"] == {
        "type": "input",
        "exit_status": 2,
        "summary": "No saved query has that name or id.",
    }


def test_no_integer_that_comes_out_can_be_rounded_by_a_reader_of_doubles() -> None:
    outgoing = [command["result"] for command in contract()["commands"].values()]
    outgoing += [*contract()["events"].values(), contract()["error"]]
    numbers = [each for schema in outgoing for each in schemas_within(schema) if each.get("type") == "integer"]
    assert numbers
    for each in numbers:
        low = each.get("minimum", each.get("exclusiveMinimum", -(2**60)))
        high = each.get("maximum", each.get("exclusiveMaximum", 2**60))
        assert -(2**53) < low <= high < 2**53, each
    assert contract()["$defs"]["QueryReport"]["properties"]["rows"] == {"type": "string", "pattern": DIGITS}
    assert "2^53" in contract()["$comment"]


@pytest.fixture
def lived_in(alveary: Alveary, shop_url: str) -> None:
    """Give the home something of everything that is listed."""
    for arguments in (
        ("query", shop_url, "select * from item; delete from nothing", "--on-error", "continue"),
        ("connections", "add", "shop", shop_url, "--group", "a/b", "--color", "red"),
        ("connections", "add", "server", "postgresql://bee@host:5433/hive"),
        ("queries", "save", "a/b", "select :x, :y", "--default", "x:=null", "--tag", "t", "--connection", "shop"),
        ("settings", "set", "query.timeout", "1min"),
    ):
        ran = alveary(*arguments)
        assert (ran.status, arguments[0]) in ((0, arguments[0]), (1, "query")), ran.err


def test_every_command_that_needs_nothing_answers_as_it_says(alveary: Alveary, kernel: Kernel, lived_in: None) -> None:
    ran_at_all = []
    for spec in kernel.commands:
        parameters = kernel.commands.get(spec.id).parameters
        required = any(field.required for field in msgspec.structs.fields(parameters))
        if (
            required
            or spec.foreground
            or {spec.id, spec.id.partition(".")[0]} & {*ONLY_IN_A_WINDOW}
            or spec.placement is not None
        ):
            continue
        ran = alveary("run", spec.id)
        if spec.id == "history.clear":
            assert ran.status == 2, "it wants to be told to go ahead"
            continue
        assert ran.status == 0, (spec.id, ran.err)
        check(json.loads(ran.out), contract()["commands"][spec.id]["result"])
        ran_at_all.append(spec.id)
    expected = {"history.list", "settings.list", "connections.list", "groups.list", "doctor.run", "queries.list"}
    assert expected | {"plugins.list", "commands.list", "contract.show", "demo.run"} <= set(ran_at_all)


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalog", "shop", "item"),
        ("queries", "show", "a/b"),
        ("queries", "save", "c", "select 1", "--describe", "x=y"),
        ("queries", "save", "c", "select :x", "--describe", "x=y"),
        ("settings", "get", "query.timeout"),
        ("settings", "set", "log.level", "info"),
        ("settings", "reset", "query.timeout"),
        ("history", "show", "1"),
        ("connections", "show", "shop"),
        ("commands", "history.list"),
    ],
)
def test_other_commands_answer_as_they_say(alveary: Alveary, lived_in: None, arguments: tuple[str, ...]) -> None:
    ran = alveary(*arguments, "--format", "json", "--error-format", "json")
    if ran.status == 0:
        id = {"catalog": "catalog.list", "commands": "commands.list"}.get(arguments[0], ".".join(arguments[:2]))
        check(json.loads(ran.out), contract()["commands"][id]["result"])
    else:
        check(json.loads(ran.err), contract()["error"])
        assert arguments[-1] == "x=y"


def test_a_query_reports_its_counts_as_strings(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("run", "query.run", f"target={shop_url}", 'sql:=["select * from item"]', "format=none", "limit=2")
    report = json.loads(ran.out)
    check(report, contract()["commands"]["query.run"]["result"])
    assert (report["rows"], report["statements"]) == ("2", 1)
    failed = alveary("run", "query.run", f"target={shop_url}", 'sql:=["selec 1"]', "format=none")
    check(json.loads(failed.out), contract()["commands"]["query.run"]["result"])
    stats = alveary("query", shop_url, "select * from item", "--format", "none", "--stats")
    assert json.loads(stats.err)["rows"] == 3, "which was published as a number before"


def test_parameters_take_large_integers_as_they_come_out(kernel: Kernel, alveary: Alveary, shop_url: str) -> None:
    parameters = {"target": shop_url, "sql": ["select * from item"], "format": "none", "limit": "2"}
    schema = contract()["commands"]["query.run"]["parameters"]
    check(parameters, schema)
    assert kernel.run("query.run", parameters).rows == 2
    with pytest.raises(jsonschema.ValidationError):
        check(parameters | {"limit": "two"}, schema)
    with pytest.raises(AlvearyError, match="limit"):
        kernel.run("query.run", parameters | {"limit": "two"})
    number = kernel.run("history.list")[0].id
    assert kernel.run("history.show", {"id": str(number)}).id == number


def test_events_are_as_they_say(kernel: Kernel, shop_url: str) -> None:
    events: list[Event] = []
    kernel.bus.subscribe(events.append)
    kernel.commands.submit("query.run", {"target": shop_url, "sql": ["select * from item"], "format": "none"}).result()
    kernel.settings.set("query.timeout", 3)
    assert kernel.bus.flush()
    assert [each.name for each in events if isinstance(each, SettingChanged)] == ["settings:changed"]
    assert {"session:opened", "query:ended", "script:statement-ended", "job:ended", "settings:changed"} <= {
        event.name for event in events
    }
    for event in events:
        check(json.loads(json_text(event, type(event))), contract()["events"][event.name])
