"""Bringing a session back to how it was found, although a cancel of what came before may hit that, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from alveary.errors import QueryCancelledError, QueryError

_MOST_TRIES = 20
"""A cancel is sent again and again until its request has ended, but with growing pauses."""


@contextmanager
def restoring(restore: Callable[[], object]) -> Iterator[None]:
    """Call ``restore`` at the end, whatever happens, and again where a cancel hits it.

    An error of what is done meanwhile goes before one of ``restore``: a transaction that it failed takes no statement,
    and its rollback restores what was set in it.
    """
    try:
        yield
    except BaseException:
        with suppress(QueryError):
            _persist(restore)
        raise
    _persist(restore)


def _persist(restore: Callable[[], object]) -> None:
    for tried in range(_MOST_TRIES):
        try:
            restore()
        except QueryCancelledError:
            if tried == _MOST_TRIES - 1:
                raise
        else:
            return
