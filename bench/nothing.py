"""The process P11 measures: a command that does nothing, run so many times; it prints one line of JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.specs import CommandSpec
from alveary.kernel import Kernel


class NothingParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a small command takes."""

    target: str
    limit: Annotated[int, Meta(ge=0)] | None = None
    on_error: Literal["stop", "continue"] = "stop"


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """What it returns."""

    done: bool


def nothing(context: Context, parameters: NothingParameters) -> Nothing:
    """Do nothing."""
    return Nothing(done=True)


def main(calls: int) -> None:
    """Time every call, and the whole up to the last event delivered."""
    # The log is switched on and written somewhere, as it is for whoever looks behind the errors.
    handler = logging.StreamHandler(open(os.devnull, "w"))  # noqa: SIM115  # lives as long as the process
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("alveary").addHandler(handler)
    logging.getLogger("alveary").setLevel(logging.INFO)
    with Kernel.in_memory() as kernel:
        spec = CommandSpec(id="bench.nothing", summary="Do nothing.", factory="nothing:nothing")
        kernel.plugins.commands.add(spec)
        heard = 0

        def hear(event: object) -> None:
            nonlocal heard
            heard += 1

        kernel.bus.subscribe(hear)
        given = {"target": "sqlite:///x.db", "limit": 10, "on_error": "continue"}
        for _ in range(calls // 10):
            kernel.commands.run("bench.nothing", given)
        assert kernel.bus.flush(60), "the events are delivered"
        heard, times, clock = 0, [], time.perf_counter
        started = before = clock()
        for _ in range(calls):
            kernel.commands.run("bench.nothing", given)
            after = clock()
            times.append(after - before)
            before = after
        assert kernel.bus.flush(60), "the events are delivered"
        whole = clock() - started
        assert heard == calls, f"{heard} events for {calls} commands"
    times.sort()
    print(json.dumps({"rate": calls / whole, "p99": times[calls * 99 // 100] * 1000}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
