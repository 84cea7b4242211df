"""Jobs, the bus and the command table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from alveary import Kernel, Outcome
from alveary.bus import Bus
from alveary.errors import BusyError, InternalError, InvalidInputError, QueryCancelledError, UnknownCommandError
from alveary.events import CommandEnded, Event, JobEnded, JobProgressed, JobStarted
from alveary.jobs import Job, Jobs

HANG = 30


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.close()


@pytest.fixture
def jobs(bus: Bus) -> Iterator[Jobs]:
    jobs = Jobs(bus, running=1, waiting=1)
    yield jobs
    jobs.close()


def heard(bus: Bus) -> list[Event]:
    events: list[Event] = []
    bus.subscribe(events.append)
    return events


def event() -> Event:
    return CommandEnded(command="x", outcome="ok", seconds=0.0)


def test_a_listener_that_raises_hears_the_next_event_and_so_do_the_others(bus: Bus) -> None:
    calls: list[str] = []

    def broken(_: Event) -> None:
        calls.append("broken")
        raise RuntimeError

    bus.subscribe(broken)
    good = heard(bus)
    bus.publish(event())
    bus.publish(event())
    assert bus.flush()
    assert (len(good), calls) == (2, ["broken", "broken"])


def test_who_unsubscribed_hears_nothing_more(bus: Bus) -> None:
    events: list[Event] = []
    unsubscribe = bus.subscribe(events.append)
    bus.publish(event())
    assert bus.flush()
    unsubscribe()
    bus.publish(event())
    assert bus.flush()
    assert len(events) == 1


def test_events_of_many_threads_arrive_all_and_in_each_threads_order(bus: Bus) -> None:
    events = heard(bus)

    def publish(name: str) -> None:
        for n in range(200):
            bus.publish(CommandEnded(command=name, outcome="ok", seconds=float(n)))

    threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bus.flush()
    for name in "abcd":
        assert [e.seconds for e in events if isinstance(e, CommandEnded) and e.command == name] == list(range(200))


def test_an_event_is_named_feature_and_happening_on_the_wire() -> None:
    assert msgspec.json.encode(event()) == b'{"event":"command:ended","command":"x","outcome":"ok","seconds":0.0}'
    assert event().name == "command:ended"


def test_a_job_tells_how_far_it_is_and_what_came_of_it(bus: Bus, jobs: Jobs) -> None:
    events = heard(bus)

    def work(job: Job) -> str:
        job._published = 0.0  # long ago, so that the first word is published
        job.progress(5, "rows", whole=10, item="half")
        return "done"

    job = jobs.submit("work", work)
    assert job.result() == "done"
    assert (job.percent, job.item, job.outcome) == (50.0, "half", Outcome.COMPLETED)
    assert bus.flush()
    assert [type(e) for e in events] == [JobStarted, JobProgressed, JobEnded]


def test_a_cancelled_job_is_an_outcome(jobs: Jobs) -> None:
    called = threading.Event()

    def work(job: Job) -> None:
        job.on_cancel(called.set)
        assert called.wait(HANG)
        assert job.cancelled
        raise QueryCancelledError("stopped")

    job = jobs.submit("work", work)
    job.cancel()
    job.cancel()
    assert job.wait(HANG)
    assert job.outcome is Outcome.CANCELLED


def test_a_job_that_fails_raises_where_it_is_waited_for(jobs: Jobs) -> None:
    def work(_: Job) -> None:
        raise SystemExit(3)

    with pytest.raises(InternalError, match="SystemExit: 3"):
        jobs.submit("work", work).result()


def test_more_jobs_than_the_bound_are_refused_until_one_ends(jobs: Jobs) -> None:
    gate = threading.Event()
    first = jobs.submit("first", lambda _: gate.wait(HANG))
    second = jobs.submit("second", lambda _: None)
    with pytest.raises(BusyError):
        jobs.submit("third", lambda _: None)
    gate.set()
    assert first.wait(HANG)
    assert second.wait(HANG)
    assert jobs.submit("fourth", lambda _: 4).result() == 4


def test_commands_check_what_goes_in(kernel: Kernel, shop_url: str) -> None:
    for wrong in ({}, {"target": 3}, {"target": shop_url, "pth": "x"}, {"target": shop_url, "path": []}):
        with pytest.raises(InvalidInputError, match=r"catalog\.list"):
            kernel.run("catalog.list", wrong)
    with pytest.raises(InvalidInputError, match="limit"):
        kernel.run("query.run", {"target": shop_url, "sql": ["select 1"], "limit": -1})
    with pytest.raises(UnknownCommandError, match="coffee"):
        kernel.run("coffee.brew")


def test_text_becomes_numbers_only_at_the_command_lines_door(kernel: Kernel) -> None:
    words = {"target": "t", "limit": "3", "read_only": "true"}
    parsed: Any = kernel.commands.parse("query.run", words)
    assert (parsed.limit, parsed.read_only) == (3, True)
    with pytest.raises(InvalidInputError):
        kernel.run("query.run", words)


def test_every_run_of_a_command_is_an_event_with_its_outcome(kernel: Kernel) -> None:
    events = heard(kernel.bus)
    kernel.run("plugins.list")
    with pytest.raises(UnknownCommandError):
        kernel.run("coffee.brew")
    assert kernel.bus.flush()
    assert [(e.command, e.outcome) for e in events if isinstance(e, CommandEnded)] == [
        ("plugins.list", "ok"),
        ("coffee.brew", "unknown_command"),
    ]


def test_every_command_has_a_schema(kernel: Kernel) -> None:
    for spec in kernel.commands:
        schema = kernel.commands.get(spec.id).schema()
        assert schema["parameters"]
        assert msgspec.json.encode(schema)


COMMAND = """
import msgspec
from alveary import CommandSpec, hookimpl

class Parameters(msgspec.Struct):
    name: str
    times: int = 1

def greet(context, parameters: Parameters) -> list[str]:
    return [f"hello {parameters.name}"] * parameters.times

def broken(context, parameters: Parameters) -> None:
    raise ZeroDivisionError("by zero")

def untyped(context, parameters):
    pass

@hookimpl
def alveary_commands():
    return [CommandSpec(id="hello.greet", summary="Greet.", factory="hello:greet", verb="hello"),
            CommandSpec(id="hello.broken", summary="Break.", factory="hello:broken"),
            CommandSpec(id="hello.untyped", summary="", factory="hello:untyped"),
            CommandSpec(id="hello.gone", summary="", factory="hello:gone")]
"""


def test_a_plugins_command_is_one_among_all(install: Callable[..., None], alveary: Callable[..., Any]) -> None:
    install("hello", COMMAND, {"hello": "hello"})
    with Kernel() as kernel:
        assert kernel.run("hello.greet", {"name": "bee", "times": 2}) == ["hello bee", "hello bee"]
        for id, why in (("broken", "ZeroDivisionError"), ("untyped", "parameters"), ("gone", "gone")):
            with pytest.raises(InternalError, match=why):
                kernel.run(f"hello.{id}", {"name": "bee"})
    assert alveary("hello", "--name", "bee").out == '["hello bee"]\n'
    assert alveary("run", "hello.greet", "name=bee", "times:=2").out == '["hello bee","hello bee"]\n'
    assert alveary("hello").status == 2
