"""Benchmarks against other clients: the same work in one run, in turn, as ratios. ``python bench/run.py --help``."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cancels
import catalogs
import cold_query
import complete
import cycles
import dispatch
import exports
import find
import grid
import history
import imports
import peers
import query_mariadb
import query_postgres
import query_sqlite
import streams
import table
import window
import window_streams
from processes import Settings
from servers import Servers

FIGURES: dict[str, Callable[[Settings], list[table.Line]]] = {
    "P1": query_postgres.measure,
    "P2": query_postgres.measure_csv,
    "P3": exports.measure,
    "P4": query_mariadb.measure,
    "P5": query_sqlite.measure,
    "P6": cold_query.measure,
    "P7": window.measure,
    "P8": grid.measure,
    "P9": catalogs.measure,
    "P10": cancels.measure,
    "P11": dispatch.measure,
    "P12": exports.measure_growth,
    "P13": lambda settings: [*streams.measure(settings), *window_streams.measure(settings)],
    "C1": cycles.measure,
    "E1": complete.measure,
    "I1": imports.measure,
    "I2": imports.measure_sqlite,
    "F1": find.measure,
    "H1": history.measure,
    "H2": history.measure_script,
}

LONG = {"P12", "C1"}
"""Figures that take so long that they are only measured when somebody names them."""


def main() -> None:
    """Measure the figures that are asked for and print the report."""
    words = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the servers go, too
    data = Path(__file__).parent.absolute() / "data"
    with Servers(data, words.rows) as servers:
        _report(words, data, servers)


def _report(words: argparse.Namespace, data: Path, servers: Servers) -> None:
    settings = Settings(
        data=data,
        alveary=words.alveary or _beside_python("alveary") or _missing(),
        hsql=words.hsql or _beside_python("hsql"),
        rows=words.rows,
        rounds=words.rounds,
        servers=servers,
    )
    (settings.data / "home").mkdir(parents=True, exist_ok=True)
    names = [name.upper() for name in words.names] or [name for name in FIGURES if name not in LONG]
    lines = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        lines += FIGURES[name](settings)
    print(_machine(settings))
    print()
    print(table.markdown(lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Benchmarks against other clients.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        type=_figure,
        help=f"figures to measure: {', '.join(FIGURES)}; without, all but {', '.join(LONG)}",
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table (%(default)s)")
    parser.add_argument("--rounds", type=int, help="rounds of each figure; each has a number of its own")
    parser.add_argument("--alveary", metavar="PATH", help="the command; without it the one beside this Python")
    parser.add_argument("--hsql", metavar="PATH", default=os.environ.get("BENCH_HSQL"),
                        help="hsql; without it $BENCH_HSQL, beside this Python, PATH, or one it installs")  # fmt: skip
    return parser.parse_args()


def _figure(text: str) -> str:
    if text.upper() not in FIGURES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(FIGURES)}")
    return text


def _beside_python(command: str) -> str | None:
    beside = Path(sys.executable).parent / command
    return str(beside) if beside.exists() else shutil.which(command)


def _missing() -> str:
    raise SystemExit("bench: alveary is not installed beside this Python; pip install . or give --alveary")


def _machine(settings: Settings) -> str:
    """Return the class of machine and the peers: absolute numbers mean nothing without it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    said = [
        f"{os.cpu_count()} cores {platform.machine()}, {memory:.0f} GB, {platform.system()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"load {os.getloadavg()[0]:.1f} at the end",
        f"peak floor {settings.floor:.0f} MB",
    ]
    if shutil.which("sqlite3"):
        done = subprocess.run(["sqlite3", "--version"], capture_output=True, text=True, check=False)
        said.append(f"sqlite3 {done.stdout.split()[0]}")
    if settings.hsql is not None:
        done = subprocess.run(
            [settings.hsql, "--version"], env=settings.environment, capture_output=True, text=True, check=False
        )
        said.append(f"harlequin {done.stdout.split()[-1]}")
    said += peers.versions(settings.data)
    said += [f"{server.product} {server.version}" for server in settings.servers.running]
    return "; ".join(said)


if __name__ == "__main__":
    main()
