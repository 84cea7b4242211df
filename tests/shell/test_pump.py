"""The bridge to Tk's thread: in order, in portions, of what only counts the newest, and nobody stops the others."""

from __future__ import annotations

import os
import threading
import time
import tkinter as tk
from collections.abc import Iterator

import pytest
from fix_window import HANG, Screen

from alveary.bus import Bus
from alveary.events import CommandEnded, QueryProgressed
from alveary_shell.pump import Pump


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.close()


@pytest.fixture
def pump(screen: Screen, bus: Bus) -> Iterator[Pump]:
    pump = Pump(screen.root, bus)
    yield pump
    pump.close()


def test_callbacks_of_other_threads_run_on_this_one_in_order(screen: Screen, pump: Pump) -> None:
    heard: list[tuple[int, threading.Thread]] = []

    def post() -> None:
        for number in range(1000):
            pump.post(lambda number=number: heard.append((number, threading.current_thread())))  # type: ignore[misc]  # mypy can't infer a default

    thread = threading.Thread(target=post)
    thread.start()
    screen.pump(lambda: len(heard) == 1000)
    thread.join()
    assert heard == [(number, threading.current_thread()) for number in range(1000)]


def test_much_to_do_is_done_in_portions(screen: Screen, pump: Pump) -> None:
    done: list[int] = []

    def work() -> None:
        time.sleep(0.002)
        done.append(1)

    for _ in range(50):
        pump.post(work)
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        screen.root.after(1, tick)

    screen.root.after(1, tick)
    screen.pump(lambda: len(done) == 50)
    assert ticks > 5


def test_events_reach_those_who_want_them_until_their_widget_is_gone(screen: Screen, pump: Pump, bus: Bus) -> None:
    frame = tk.Frame(screen.root)
    heard: list[CommandEnded] = []
    all_heard: list[object] = []
    pump.subscribe(frame, CommandEnded, heard.append)
    pump.subscribe(None, object, all_heard.append)
    bus.publish(CommandEnded(command="a.b", outcome="ok", seconds=0))
    screen.pump(lambda: heard)
    frame.destroy()
    bus.publish(CommandEnded(command="c.d", outcome="ok", seconds=0))
    screen.pump(lambda: len(all_heard) == 2)
    assert [event.command for event in heard] == ["a.b"]


def test_of_what_only_counts_the_newest_is_enough(screen: Screen, pump: Pump, bus: Bus) -> None:
    heard: list[QueryProgressed] = []
    pump.subscribe(None, QueryProgressed, heard.append)
    for rows in range(1, 10_001):
        bus.publish(QueryProgressed(session="s", statement="1", rows=rows, bytes=rows))
    bus.flush()
    screen.pump(lambda: heard and heard[-1].rows == 10_000)
    assert len(heard) < 1000


def test_one_listeners_failure_stops_nobody(screen: Screen, pump: Pump, bus: Bus) -> None:
    heard: list[object] = []

    def fail(event: CommandEnded) -> None:
        raise ZeroDivisionError

    pump.subscribe(None, CommandEnded, fail)
    pump.subscribe(None, CommandEnded, heard.append)
    bus.publish(CommandEnded(command="a.b", outcome="ok", seconds=0))
    screen.pump(lambda: heard)
    assert [type(failure) for failure in screen.failures] == [ZeroDivisionError]
    screen.failures.clear()


def test_a_loop_that_is_held_up_is_measured(screen: Screen, pump: Pump) -> None:
    screen.pump(lambda: True)
    screen.root.after(5, lambda: time.sleep(0.3))
    screen.pump(lambda: pump.longest_gap > 0.2)


def test_who_posts_while_the_window_closes_never_writes_to_what_the_pipe_was(
    screen: Screen, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = Pump(screen.root, bus)
    entered, go = threading.Event(), threading.Event()
    failed: list[OSError] = []
    write = os.write

    def slow(descriptor: int, data: bytes) -> int:
        entered.set()
        go.wait()
        try:
            os.fstat(descriptor)
        except OSError as exc:  # closed by now: the number may be another file's
            failed.append(exc)
            return 0
        return write(descriptor, data)

    monkeypatch.setattr("alveary_shell.pump.os.write", slow)
    thread = threading.Thread(target=pump.post, args=(lambda: None,))
    thread.start()
    assert entered.wait(HANG)
    threading.Timer(0.1, go.set).start()
    pump.close()
    thread.join(HANG)
    pump.post(lambda: None)  # which nobody hears any more
    assert failed == []
