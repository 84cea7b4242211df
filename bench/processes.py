"""Whole processes, timed from outside: seconds on the clock, seconds of processor, peak memory; two of them in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import peers
from servers import Servers


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process, with the children it waited for, took; ``peak`` is the largest of them, in MB."""

    seconds: float
    cpu: float
    peak: float
    output: bytes = b""


@dataclass(frozen=True)
class Settings:
    """Where things are and how much is asked for. ``rounds`` None leaves the number to the figure."""

    data: Path
    alveary: str
    hsql: str | None
    rows: int
    rounds: int | None
    servers: Servers

    @cached_property
    def environment(self) -> dict[str, str]:
        """Ours and the peers' alike: homes of their own, and compiled bytecode, as an installed program has it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "ALVEARY", "HSQL", "PG"))
        }
        home = self.data / "home"
        return kept | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "share"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "ALVEARY_HOME": str(home / "alveary"),
            "PYTHONPYCACHEPREFIX": str(self.data / "bytecode"),
        }

    def peer(self, name: str) -> str:
        """Return the program of a peer: hsql where it was named or is there, else one that is installed for this.

        Raises PeerMissingError.
        """
        return self.hsql if name == "hsql" and self.hsql is not None else peers.command_of(self.data, name)

    @cached_property
    def floor(self) -> float:
        """Peak in MB of a process that does nothing: the system counts the launcher's own size before the exec."""
        return self.run(["true"]).peak

    def run(self, command: Sequence[str]) -> Usage:
        """Run a command to its end; SystemExit with its words if it fails. Its output is kept, up to a pipe's size."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
            ]
            started = time.perf_counter()
            process = os.posix_spawnp(command[0], list(command), self.environment, file_actions=actions)
            _, status, usage = os.wait4(process, 0)
            seconds = time.perf_counter() - started
            if status:
                errors.seek(0)
                _fail(command, os.waitstatus_to_exitcode(status), errors.read())
            output.seek(0)
            peak = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
            return Usage(seconds, usage.ru_utime + usage.ru_stime, peak, output.read(1 << 16))

    def checked(self, command: Sequence[str], expected: str) -> None:
        """Run a command once, not timed, and make sure it does the work: SystemExit unless it prints ``expected``."""
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode or expected.encode() not in done.stdout + done.stderr:
            _fail(
                command,
                done.returncode,
                done.stdout[-2000:] + done.stderr[-2000:] + b"\nexpected: " + expected.encode(),
            )

    def says(self, command: Sequence[str], expected: str) -> bool:
        """Tell whether a command, run once, does its work and prints ``expected``."""
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode == 0 and expected.encode() in done.stdout


@dataclass(frozen=True, slots=True)
class Pair:
    """Rounds of ours and of the peer, taken in turn."""

    ours: list[Usage]
    peer: list[Usage]

    @property
    def ratios(self) -> list[float]:
        """Ours by the peer's, on the clock, round by round."""
        return [mine.seconds / theirs.seconds for mine, theirs in zip(self.ours, self.peer, strict=True)]

    @property
    def cpu_ratio(self) -> float:
        """The median of the same in processor seconds, which other work on the machine moves less."""
        return statistics.median(mine.cpu / theirs.cpu for mine, theirs in zip(self.ours, self.peer, strict=True))


def in_turn(ours: Callable[[], Usage], peer: Callable[[], Usage], rounds: int, *, warm: bool = False) -> Pair:
    """Warm both up, unless they are, then run them A B A B."""
    if not warm:
        ours()
        peer()
    pair = Pair([], [])
    for _ in range(rounds):
        pair.ours.append(ours())
        pair.peer.append(peer())
    return pair


def _fail(command: Sequence[str], status: int, said: bytes) -> NoReturn:
    raise SystemExit(f"bench: status {status} from: {' '.join(command)}\n{said.decode(errors='replace')}")
