"""``doctor.run``: what a maintainer would ask first about an installation, answered without connecting anywhere."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from alveary.commands import Context
from alveary.commands.plugins import NoParameters
from alveary.commands.store import StoreState, store_rows, store_state
from alveary.contracts.availability import installed
from alveary.plugins import PluginFault
from alveary.pool import PoolState
from alveary.tables import plain_table
from alveary.wire import Small

_LIBRARIES = ("pluggy", "click", "msgspec", "platformdirs")


class DirectoryState(msgspec.Struct, frozen=True, kw_only=True):
    """A directory of ours. ``mode`` is its permission bits in octal; ``free_bytes`` what its disk has left."""

    purpose: str
    path: str
    exists: bool
    writable: bool
    mode: str | None
    free_bytes: int | None


class DriverState(msgspec.Struct, frozen=True, kw_only=True):
    """A driver, and whether the library it needs is installed."""

    id: str
    schemes: list[str]
    ready: bool
    missing: str | None


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at; ``problems`` are sentences a person can act on."""

    alveary: str
    python: str
    platform: str
    libraries: dict[str, str]
    directories: list[DirectoryState]
    drivers: list[DriverState]
    formats: list[str]
    sessions: Small
    pool_size: Small
    """Metadata connections each target may have."""
    pools: list[PoolState]
    jobs: Small
    gauges: dict[str, float]
    """What is measured while Alveary runs, in seconds, such as how long the window kept anybody waiting at most."""
    store: StoreState
    faults: list[PluginFault]
    problems: list[str]


def run(context: Context, parameters: NoParameters) -> Diagnosis:
    """Look at versions, directories, the store, drivers and plugins."""
    kernel = context.kernel
    directories = [_directory("data", kernel.paths.data), _directory("cache", kernel.paths.cache)]
    drivers = []
    for spec in kernel.plugins.drivers:
        ready = installed(spec.package)
        drivers.append(
            DriverState(id=spec.id, schemes=list(spec.schemes), ready=ready, missing=None if ready else spec.package)
        )
    problems = [
        f"the {each.purpose} directory {each.path} can't be written" for each in directories if not each.writable
    ]
    problems += [
        f"the {each.purpose} directory {each.path} can be entered by others (mode {each.mode})"
        for each in directories
        if each.mode is not None and int(each.mode, 8) & 0o077
    ]
    store = store_state(kernel)
    problems += store.problems
    problems += [f"plugin {fault.plugin} failed at {fault.stage}: {fault.cause}" for fault in kernel.plugins.faults]
    return Diagnosis(
        alveary=version("alveary"),
        python=platform.python_version(),
        platform=platform.platform(),
        libraries={name: _version(name) for name in _LIBRARIES},
        directories=directories,
        drivers=drivers,
        formats=kernel.plugins.exporters.ids(),
        sessions=len(kernel.sessions()),
        pool_size=kernel.pools.size,
        pools=kernel.pools.states(),
        jobs=len(kernel.jobs.open()),
        gauges={name: round(read(), 6) for name, read in kernel.gauges.items()},
        store=store,
        faults=kernel.plugins.faults,
        problems=problems,
    )


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _directory(purpose: str, path: Path) -> DirectoryState:
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except OSError:
        mode = None
    return DirectoryState(
        purpose=purpose,
        path=str(path),
        exists=path.exists(),
        writable=nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK),
        mode=mode,
        free_bytes=shutil.disk_usage(nearest).free if nearest.exists() else None,
    )


def render(diagnosis: Diagnosis, write: Callable[[str], object]) -> None:
    """Print the diagnosis for a person."""
    rows = [["alveary", diagnosis.alveary], ["python", diagnosis.python], ["platform", diagnosis.platform]]
    rows += [[name, found] for name, found in diagnosis.libraries.items()]
    for each in diagnosis.directories:
        free = "" if each.free_bytes is None else f", {each.free_bytes / 2**30:.1f} GiB free"
        rows.append([f"{each.purpose} directory", f"{each.path} ({'there' if each.exists else 'not made yet'}{free})"])
    rows += store_rows(diagnosis.store)
    for driver in diagnosis.drivers:
        state = "ready" if driver.ready else f"needs the package {driver.missing}"
        rows.append([f"driver {driver.id}", f"{', '.join(f'{scheme}://' for scheme in driver.schemes)} {state}"])
    rows.append(["formats", ", ".join(diagnosis.formats)])
    rows.append(["metadata pools", f"{len(diagnosis.pools)} open, size {diagnosis.pool_size} per target"])
    for pool in diagnosis.pools:
        state = f"size {pool.size}, open {pool.open}, available {pool.available}, waiting {pool.waiting}"
        rows.append([f"pool {pool.target}", state])
    rows += [[name, f"{seconds * 1000:.1f} ms"] for name, seconds in diagnosis.gauges.items()]
    write(plain_table(["what", "found"], rows))
    write("\n" + ("no problems found\n" if not diagnosis.problems else ""))
    for problem in diagnosis.problems:
        write(f"problem: {problem}\n")
