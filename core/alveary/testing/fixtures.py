"""Pytest fixtures for whoever tests with a database: ``alveary_kernel``, ``alveary_session``, ``alveary_target``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from alveary.kernel import Kernel
    from alveary.sessions import Session


@pytest.fixture
def alveary_kernel() -> Iterator[Kernel]:
    """A kernel in memory: all plugins loaded, no file left behind."""
    from alveary.kernel import Kernel  # pytest loads this module in every run; only those that ask for it pay

    with Kernel.in_memory() as kernel:
        yield kernel


@pytest.fixture
def alveary_target() -> str:
    """Where ``alveary_session`` connects: an empty SQLite database in memory. Override it to test elsewhere."""
    return "sqlite:///:memory:"


@pytest.fixture
def alveary_session(alveary_kernel: Kernel, alveary_target: str) -> Iterator[Session]:
    """An open session on ``alveary_target``."""
    with alveary_kernel.connect(alveary_target) as session:
        yield session
