"""Completion as the kernel asks for it: every plugin's suggestions, whatever another one does; the statement meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran

from alveary import Kernel
from alveary.completion import statement_around
from alveary.contracts.completion import CompletionRequest, NothingKnown, Suggestion
from alveary.errors import InvalidInputError
from alveary.sqltext import POSTGRES, split

GOOD = """
from alveary import Suggestion, hookimpl
@hookimpl
def alveary_complete(request):
    yield Suggestion(text="bee()", label="bee", kind="function", start=request.caret, end=request.caret, rank=0.0)
"""
BAD = """
import threading
from alveary import Suggestion, hookimpl
class Raises:
    @hookimpl
    def alveary_complete(self, request):
        raise RuntimeError("no idea")
class Exits:
    @hookimpl
    def alveary_complete(self, request):
        raise SystemExit(3)
class Answers:
    @hookimpl
    def alveary_complete(self, request):
        return ["select", Suggestion(text="x", label="x", kind="y", start=-4, end=900),
                Suggestion(text=7, label="seven", kind="y", start=request.caret, end=request.caret)]
class Hangs:
    called = 0
    @hookimpl
    def alveary_complete(self, request):
        Hangs.called += 1
        threading.Event().wait(20)
raises, exits, answers, hangs = Raises(), Exits(), Answers(), Hangs()
"""


def request(text: str) -> CompletionRequest:
    return CompletionRequest(text=text, caret=len(text), dialect=POSTGRES, catalog=NothingKnown(), driver="postgres")


def test_hook_alveary_complete_lets_any_plugin_suggest(home: Path, install: Callable[..., None]) -> None:
    install("bees", GOOD, {"bees": "bees"})
    with Kernel() as kernel:
        found = kernel.completion.suggestions(request("sel"))
        assert [each.text for each in found[:2]] == ["bee()", "select"]


def test_one_that_fails_is_a_fault_once_and_the_others_suggestions_stay(
    home: Path, install: Callable[..., None]
) -> None:
    install("bees", GOOD, {"bees": "bees"})
    install("wasps", BAD, {name: f"wasps:{name}" for name in ("raises", "exits", "answers")})
    with Kernel() as kernel:
        for _ in range(3):
            assert "bee()" in [each.text for each in kernel.completion.suggestions(request("sel"))]
        causes = [(fault.plugin, fault.stage, fault.cause) for fault in kernel.plugins.faults]
        assert ("raises", "alveary_complete", "RuntimeError: no idea") in causes
        assert len([each for each in causes if each[0] == "raises"]) == 1
        assert len([each for each in causes if each[0] == "exits"]) == 1
        said = " ".join(cause for plugin, _, cause in causes if plugin == "answers")
        assert "a str where a Suggestion is due" in said
        assert "does not enclose the caret" in said
        assert "'seven'" in said


def test_one_that_hangs_is_waited_for_once_and_not_asked_again_meanwhile(
    home: Path, install: Callable[..., None]
) -> None:
    install("bees", GOOD, {"bees": "bees"})
    install("wasps", BAD, {"hangs": "wasps:hangs"})
    with Kernel() as kernel:
        for _ in range(3):
            assert "bee()" in [each.text for each in kernel.completion.suggestions(request("sel"))]
        assert [fault.plugin for fault in kernel.plugins.faults] == ["hangs"]
        import wasps  # type: ignore[import-not-found]  # it was written above

        assert wasps.Hangs.called == 1


def test_what_somebody_suggests_twice_is_shown_once_and_no_more_than_is_wanted(kernel: Kernel) -> None:
    asked = CompletionRequest(text="", caret=0, dialect=POSTGRES, catalog=NothingKnown(), driver="postgres", limit=3)
    assert len(kernel.completion.suggestions(asked)) == 3


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("select 1; sel|", " sel"),
        ("select 1;|", ""),
        ("sel|ect 1; select 2", "select 1"),
        ("select 1 ;| select 2", " select 2"),
        ("|", ""),
        ("-- a\n|select 1;", "-- a\nselect 1"),
        ("select $$ ; $$ |; select 2", "select $$ ; $$ "),
        ("\\d cust|", ""),
    ],
)
def test_what_is_completed_is_the_statement_that_the_caret_is_in(text: str, statement: str) -> None:
    before, _, behind = text.partition("|")
    whole = before + behind
    start, end = statement_around(whole, len(before), split(whole, POSTGRES))
    assert whole[start:end] == statement
    assert start <= len(before) <= end


def test_a_second_statement_is_completed_in_its_place(kernel: Kernel, shop_url: str) -> None:
    _, driver = kernel.target(shop_url)
    known = kernel.catalogs.load(shop_url)
    text = "select 1;\nselect pr from item;\nselect 3"
    found = kernel.completion.complete(text, 19, driver.dialect, known, driver=driver.id)
    assert (found[0].text, found[0].start, found[0].end) == ("price", 17, 19)


def test_the_command_line_completes_what_is_given_or_piped(alveary: Callable[..., Ran], shop_url: str) -> None:
    done = alveary("complete", shop_url, "select pri from item", "--at", "10", "--format", "json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    assert answer["at"] == 10
    assert answer["suggestions"][0] == {
        "text": "price", "label": "price", "kind": "column", "start": 7, "end": 10, "rank": 8.7, "detail": "REAL",
    }  # fmt: skip
    piped = alveary("complete", shop_url, stdin="select * from it")
    assert "item" in piped.out.splitlines()[2]


def test_a_place_behind_the_text_is_refused(kernel: Kernel, shop_url: str) -> None:
    with pytest.raises(InvalidInputError, match="lies behind the text"):
        kernel.run("editor.complete", {"target": shop_url, "sql": "select", "at": 7})


def test_a_suggestion_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Suggestion(text="x", label="x", kind="x", start=0, end=0).text = "y"  # type: ignore[misc]  # the refusal is the test
